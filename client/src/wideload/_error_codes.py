"""Error codes of the two APIs: the exception that each stands for, and whether a retry can help."""

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


@dataclass(frozen=True)
class ErrorCodes:
    """What an API's statuses and codes mean to the caller.

    Attributes:
        statuses: The error to raise for a status. Others: `ServerError` from 500, else `ApiError`.
        errors: The error to raise for a code that says something else than its status by itself.
        passing_conflicts: Codes of those 409s that waiting a moment mends.
        lasting: Codes that waiting doesn't mend, whatever their status.
    """

    statuses: Mapping[int, type[ApiError]]
    errors: Mapping[str, type[ApiError]]
    passing_conflicts: frozenset[str]
    lasting: frozenset[str] = frozenset()


PAYLOAD_CODES = ErrorCodes(
    statuses={
        400: PayloadRefusedError,
        401: AuthenticationError,
        403: AuthenticationError,
        404: NotFoundError,
        409: ConflictError,
        413: PayloadRefusedError,
        415: PayloadRefusedError,
        422: PayloadRefusedError,
        429: RateLimitError,
    },
    errors={
        # 409s that waiting doesn't mend: the payload has failed.
        "duplicate": PayloadRefusedError,
        "object_changed": PayloadRefusedError,
        "upload_lost": PayloadRefusedError,
        "record_too_large": RecordTooLargeError,  # a 413 to a GET, which sent nothing large
    },
    passing_conflicts=frozenset({"in_progress", "not_uploaded"}),
)

FILE_CODES = ErrorCodes(
    statuses={
        400: FileRefusedError,
        401: AuthenticationError,
        403: AuthenticationError,
        404: NotFoundError,
        409: ConflictError,
        410: NotFoundError,
        413: FileRefusedError,
        429: RateLimitError,
    },
    errors={
        "quota_exceeded": QuotaError,
        "too_many_uploads": QuotaError,
        "completing": ServerError,  # a 409, which the service's work mends, not the caller's
    },
    passing_conflicts=frozenset({"conflict"}),
    lasting=frozenset({"too_many_uploads"}),
)
