"""The environment that the constructs give the functions, for benchmarks of their code."""

from __future__ import annotations


def variables(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token" * 100,
        "POWERTOOLS_SERVICE_NAME": "bench",
        "POWERTOOLS_METRICS_NAMESPACE": "Wideload",
        "WIDELOAD_ENVIRONMENT": "bench",
        "WIDELOAD_BUCKET": "bucket",
        "WIDELOAD_S3_ADDRESSING_STYLE": "path",
        "WIDELOAD_PAYLOADS_TABLE": "payloads",
        "WIDELOAD_QUEUE_URL": f"{endpoint}/queue",
        "WIDELOAD_UPLOAD_URL_TTL": "900",
        "WIDELOAD_IN_REQUEST_LIMIT": "25000000",
        "WIDELOAD_RECORDS_FIELD": "transcript_with_metrics",
        "WIDELOAD_FILES_TABLE": "files",
        "WIDELOAD_FILE_URL_TTL": "3600",
        "WIDELOAD_UPLOAD_SESSION_TTL": "604800",
        "WIDELOAD_MAX_FILE_SIZE": "5497558138880",
        "WIDELOAD_MAX_OPEN_UPLOADS": "100",
        "WIDELOAD_SIGN_IN": "{}",
        "WIDELOAD_KEYS_TABLE": "keys",
        "WIDELOAD_EVENT_BUS": "default",
        "WIDELOAD_MAX_RECEIVES": "5",
        "WIDELOAD_API_URL": "https://api.test",
        "WIDELOAD_API_KEY_HEADER": "x-api-key",
        "WIDELOAD_CANARY_KEY_ID": "canary0a1b2c",
    }
