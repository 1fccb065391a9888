"""Sets the environment that the constructs give the functions: import it before a handler."""

from __future__ import annotations

import json
import os

SECRET_ACCESS_KEY = "test"

os.environ.update(
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ENDPOINT_URL="http://127.0.0.1:9",  # no service: a test without a fake fails
    AWS_ACCESS_KEY_ID="test",
    AWS_SECRET_ACCESS_KEY=SECRET_ACCESS_KEY,
    WIDELOAD_ENVIRONMENT="test",
    WIDELOAD_BUCKET="bucket",
    WIDELOAD_PAYLOADS_TABLE="payloads",
    WIDELOAD_KEYS_TABLE="keys",
    WIDELOAD_QUEUE_URL="https://sqs.test/queue",
    WIDELOAD_UPLOAD_URL_TTL="900",
    WIDELOAD_IN_REQUEST_LIMIT="25000000",
    WIDELOAD_RECORDS_FIELD="transcript_with_metrics",
    WIDELOAD_EVENT_BUS="default",
    WIDELOAD_MAX_RECEIVES="5",
    WIDELOAD_API_URL="https://api.test",
    WIDELOAD_API_KEY_HEADER="x-api-key",
    WIDELOAD_CANARY_KEY_ID="canary0a1b2c",
    WIDELOAD_FILES_TABLE="files",
    WIDELOAD_FILE_URL_TTL="3600",
    WIDELOAD_UPLOAD_SESSION_TTL="604800",
    WIDELOAD_MAX_FILE_SIZE="5497558138880",
    WIDELOAD_QUOTA_BYTES="",
    WIDELOAD_MAX_OPEN_UPLOADS="100",
    WIDELOAD_VERIFY_QUEUE_URL="https://sqs.test/verify",
    WIDELOAD_SIGN_IN=json.dumps(
        {
            "issuer": "https://issuer.test",
            "client_id": "client",
            "scopes": ["openid", "email"],
            "authorization_endpoint": "https://issuer.test/authorize",
            "token_endpoint": "https://issuer.test/token",
            "end_session_endpoint": "https://issuer.test/logout",
            "cognito_endpoint": "https://cognito.test",
        }
    ),
)
