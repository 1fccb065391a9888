"""Send JSON documents of any size to a Wideload deployment.

    with wideload.Client("https://….amazonaws.com", api_key="wl_…") as client:
        receipt = client.send({"call_id": "c-1", "transcript_with_metrics": [...]})

Small documents go inline through the API, large ones to S3 by presigned URL; `Client.send` sees
to that, to compression and to retries. Errors are in `wideload.errors`; `wideload.compat` has
drop-in replacements for functions of other SDKs. The package prints nothing and leaves logging
alone.
"""

from wideload._client import Client
from wideload._http import Transport
from wideload._models import CallLog, Receipt
from wideload._version import __version__
from wideload.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    DocumentError,
    IntegrityError,
    NotFoundError,
    PayloadRefusedError,
    RateLimitError,
    RecordTooLargeError,
    ServerError,
    TransportError,
    UploadError,
    WaitTimeoutError,
    WideloadError,
)

__all__ = [
    "ApiError",
    "AuthenticationError",
    "CallLog",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "DocumentError",
    "IntegrityError",
    "NotFoundError",
    "PayloadRefusedError",
    "RateLimitError",
    "Receipt",
    "RecordTooLargeError",
    "ServerError",
    "Transport",
    "TransportError",
    "UploadError",
    "WaitTimeoutError",
    "WideloadError",
    "__version__",
]
