"""Errors of requests, with the status that each is answered with.

`Refused` is the only error that core raises for a caller's mistake; any other is a fault of this
code or of AWS. `code` is a contract (`contract/openapi-*.yaml`): clients branch on it, so it never
changes, whereas `detail` is a sentence for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STATUS = {
    # Either API
    "invalid_request": 400,
    "not_found": 404,
    "not_uploaded": 409,
    "body_too_large": 413,
    "internal": 500,
    "unavailable": 503,
    # Payload ingest
    "empty_body": 400,
    "invalid_base64": 400,
    "invalid_gzip": 400,
    "invalid_json": 400,
    "not_an_object": 400,
    "checksum_mismatch": 400,
    "duplicate": 409,
    "object_changed": 409,
    "not_stored": 409,
    "upload_lost": 409,
    "unknown_key": 404,
    "unknown_payload": 404,
    "document_gone": 404,
    "in_progress": 409,
    "document_too_large": 413,
    "document_too_slow": 413,
    "record_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    # File transfer
    "invalid_name": 400,
    "not_an_access_token": 401,
    "unknown_upload": 404,
    "unknown_file": 404,
    "unknown_folder": 404,
    "not_allowed": 403,
    "name_exists": 409,
    "quarantined": 409,
    "parts_missing": 409,
    "parts_differ": 409,
    "upload_completed": 409,
    "corrupt": 409,
    "conflict": 409,
    "upload_gone": 410,
    "file_too_large": 413,
    "quota_exceeded": 413,
    "too_many_uploads": 429,
    "completing": 409,
}

TITLES = {
    "invalid_request": "The request is not valid",
    "not_found": "No such route",
    "not_uploaded": "Nothing was uploaded yet",
    "body_too_large": "The body is too large",
    "internal": "Something failed on our side",
    "unavailable": "The service is not available for the moment",
    "empty_body": "The body is empty",
    "invalid_base64": "The data is not base64",
    "invalid_gzip": "The data is not one whole gzip stream",
    "invalid_json": "The document is not JSON",
    "not_an_object": "The document is not a JSON object",
    "checksum_mismatch": "The object is not what was announced",
    "duplicate": "The upload repeats another",
    "object_changed": "The object is not the one that was claimed",
    "not_stored": "The payload is not stored",
    "upload_lost": "The uploaded object is gone",
    "unknown_key": "No such upload",
    "unknown_payload": "No such payload",
    "document_gone": "The document is gone",
    "in_progress": "The same request is being processed",
    "document_too_large": "The document is too large",
    "document_too_slow": "The document takes too long to check",
    "record_too_large": "The record is too large",
    "unsupported_media_type": "The media type is not supported",
    "idempotency_key_reused": "The idempotency key was used for another request",
    "invalid_name": "The name is not valid",
    "not_an_access_token": "The token is not an access token",
    "unknown_upload": "No such upload",
    "unknown_file": "No such file",
    "unknown_folder": "No such folder",
    "not_allowed": "The deployment refuses the file",
    "name_exists": "The name is taken",
    "quarantined": "The file is quarantined",
    "parts_missing": "Parts are missing",
    "parts_differ": "S3 holds other parts",
    "upload_completed": "The upload is completed",
    "corrupt": "The content is not what was announced",
    "conflict": "Two changes met",
    "upload_gone": "The upload is gone",
    "file_too_large": "The file is too large",
    "quota_exceeded": "There is no room for the file",
    "too_many_uploads": "Too many uploads are open",
    "completing": "The upload is being completed",
}


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """The request can't be served as it is.

    Args:
        code: A key of `STATUS`.
        detail: A sentence on the value given, the values allowed, and what to do; without payload
            content or secrets.
        retry_after: Seconds after which the same request may succeed.
        members: Further members of the problem details, for programs.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = STATUS[code]
        self.title = TITLES[code]
        self.retry_after = retry_after
        self.members = members or {}


def conflict() -> Refused:
    return Refused("conflict", "Two changes were made at once: try again.", retry_after=1)


class OutOfTimeError(Exception):
    """Processing was stopped because its time ran out."""


class LeaseHeldError(Exception):
    """Another function processes the payload."""


class TenantBusyError(Exception):
    """The tenant's share of workers is in use."""


class LeaseLostError(Exception):
    """Another function has the payload's lease: its result is used."""


def error_of(refused: Refused) -> dict[str, Any]:
    """Return the answer for one of several files."""
    known: dict[str, Any] = {
        "code": refused.code,
        "title": refused.title,
        "status": refused.status,
        "detail": refused.detail,
    }
    if refused.retry_after:
        known["retry_after"] = refused.retry_after
    if "file" in refused.members:
        known["file"] = refused.members["file"]
    return {"error": known}
