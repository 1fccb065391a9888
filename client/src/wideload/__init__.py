"""Send JSON documents and files of any size to a Wideload deployment, and get them back.

    with wideload.Client("https://….amazonaws.com", api_key="wl_…") as client:
        receipt = client.send({"call_id": "c-1", "transcript_with_metrics": [...]})

Small documents go inline through the API, large ones to S3 by presigned URL; `Client.send` sees
to that, to compression and to retries.

    with wideload.Client("https://….amazonaws.com", token=access_token) as client:
        uploaded = client.files.upload("film.mkv")
        client.files.download(uploaded.file.file_id, to="copies/")

Errors are in `wideload.errors`; `wideload.compat` has drop-in replacements for functions of other
SDKs. The package prints nothing and leaves logging alone.
"""

from wideload._async.client import AsyncClient
from wideload._client import Client
from wideload._files.cancel import Cancel
from wideload._files.files import Files
from wideload._files.models import FileInfo, FolderInfo, Quarantine, UploadInfo
from wideload._files.results import (
    ChangeOutcome,
    DownloadOutcome,
    DownloadResult,
    UploadOutcome,
    UploadResult,
)
from wideload._http import Transport
from wideload._ingest.models import CallLog, Receipt
from wideload._retry import Retry
from wideload._version import __version__
from wideload.errors import (
    ApiError,
    AuthenticationError,
    CancelledError,
    ConfigurationError,
    ConflictError,
    DeadlineError,
    DocumentError,
    FileChangedError,
    FileRefusedError,
    IntegrityError,
    NotFoundError,
    PayloadRefusedError,
    QuotaError,
    RateLimitError,
    RecordTooLargeError,
    ServerError,
    SignInError,
    TlsError,
    TransportError,
    UploadError,
    WaitTimeoutError,
    WideloadError,
)

__all__ = [
    "ApiError",
    "AsyncClient",
    "AuthenticationError",
    "CallLog",
    "Cancel",
    "CancelledError",
    "ChangeOutcome",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "DeadlineError",
    "DocumentError",
    "DownloadOutcome",
    "DownloadResult",
    "FileChangedError",
    "FileInfo",
    "FileRefusedError",
    "Files",
    "FolderInfo",
    "IntegrityError",
    "NotFoundError",
    "PayloadRefusedError",
    "Quarantine",
    "QuotaError",
    "RateLimitError",
    "Receipt",
    "RecordTooLargeError",
    "Retry",
    "ServerError",
    "SignInError",
    "TlsError",
    "Transport",
    "TransportError",
    "UploadError",
    "UploadInfo",
    "UploadOutcome",
    "UploadResult",
    "WaitTimeoutError",
    "WideloadError",
    "__version__",
]
