"""Error codes of the two APIs and of S3: the exception for each, and whether a retry can help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wideload.errors import (
    ApiError,
    AuthenticationError,
    ConflictError,
    FileRefusedError,
    NotFoundError,
    PayloadRefusedError,
    QuotaError,
    RateLimitError,
    RecordTooLargeError,
    ServerError,
)

RETRYABLE_STATUSES = frozenset({429, 500, 502, 503, 504})
"""Statuses of answers, of the APIs or of S3, after which a retry can help."""


@dataclass(frozen=True)
class Code:
    """One error code of an API.

    Attributes:
        error: The exception to raise.
        retryable: Whether a retry can help. True: also after a 409; False: whatever the status;
            None: as after other answers of the status.
    """

    error: type[ApiError]
    retryable: bool | None = None


@dataclass(frozen=True)
class ErrorCodes:
    """The exceptions for the error answers of one API.

    Attributes:
        statuses: The exception for a status. Others: `ServerError` from 500, else `ApiError`.
        codes: The codes to which the rule of their status doesn't apply.
    """

    statuses: Mapping[int, type[ApiError]]
    codes: Mapping[str, Code]

    def error(self, status: int, code: str | None) -> type[ApiError]:
        """The exception for an answer."""
        if row := self.codes.get(code or ""):
            return row.error
        return self.statuses.get(status, ServerError if status >= 500 else ApiError)

    def is_retryable(self, status: int, code: str | None) -> bool:
        """Whether a retry can help."""
        row = self.codes.get(code or "")
        if row is None or row.retryable is None:
            return status in RETRYABLE_STATUSES
        return row.retryable and status in RETRYABLE_STATUSES | {409}

    def is_final(self, code: str | None) -> bool:
        """Whether no retry can help, even if the server names a time to wait."""
        row = self.codes.get(code or "")
        return row is not None and row.retryable is False


_STATUSES: Mapping[int, type[ApiError]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
}

PAYLOAD_CODES = ErrorCodes(
    statuses={**_STATUSES, **dict.fromkeys((400, 413, 415, 422), PayloadRefusedError)},
    codes={
        # 409
        "in_progress": Code(ConflictError, retryable=True),
        "not_uploaded": Code(ConflictError, retryable=True),
        "duplicate": Code(PayloadRefusedError),
        "object_changed": Code(PayloadRefusedError),
        "upload_lost": Code(PayloadRefusedError),
        # 413 to a GET
        "record_too_large": Code(RecordTooLargeError),
    },
)

FILE_CODES = ErrorCodes(
    statuses={**_STATUSES, 410: NotFoundError, **dict.fromkeys((400, 413), FileRefusedError)},
    codes={
        # 403: the deployment's own authorization function
        "not_allowed": Code(FileRefusedError),
        # 409
        "conflict": Code(ConflictError, retryable=True),
        # 409, or 503 from deployments of earlier versions: S3 is still joining the parts
        "completing": Code(ServerError),
        # 413
        "quota_exceeded": Code(QuotaError),
        # 429
        "too_many_uploads": Code(QuotaError, retryable=False),
    },
)

# The API's refusals of a name: another name of the same content may be accepted.
OF_THE_NAME = frozenset({"invalid_name", "name_exists", "not_allowed"})
# The API's answers to a request for a part's URL when another process has ended the upload.
UPLOAD_ENDED = frozenset({"completing", "upload_completed", "upload_gone", "unknown_upload"})
# The API's answers to `complete` when S3 doesn't hold the whole file.
UPLOAD_INCOMPLETE = frozenset({"not_uploaded", "parts_differ", "parts_missing"})

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
S3_RETRYABLE = frozenset(
    {
        "ConditionalRequestConflict",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
    }
)
# The body ended early, or its bytes were changed on the way.
S3_INCOMPLETE = frozenset({"IncompleteBody"})
S3_DAMAGED = frozenset({"BadDigest", "XAmzContentChecksumMismatch"})
