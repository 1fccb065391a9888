"""The upload URL of a payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from wideload._api import Api, parse_answer, unexpected
from wideload._presigned import PresignedRequest
from wideload._retry import Attempts
from wideload._steps import run

_PATH = "/get-upload-url"


@dataclass(frozen=True)
class UploadUrl:
    """An answer of `/get-upload-url`: where a payload is to be stored, and by which request."""

    payload_id: str
    s3_key: str
    request: PresignedRequest


def request_upload_url(
    api: Api, attempts: Attempts, *, size: int, sha256: str, content_type: str
) -> UploadUrl:
    """Ask for an upload URL as `request_upload_url_async` does, with requests that block."""
    return run(
        request_upload_url_async(api, attempts, size=size, sha256=sha256, content_type=content_type)
    )


async def request_upload_url_async(
    api: Api,
    attempts: Attempts,
    *,
    size: int,
    sha256: str,
    content_type: str,
    call_id: str | None = None,
    idempotency_key: str | None = None,
) -> UploadUrl:
    """Ask for the upload URL of a payload.

    Args:
        size: Bytes to upload.
        sha256: Hex SHA-256 of those bytes.
        content_type: Their content type.
        call_id: The call that the payload is recorded under, if its document names none.
        idempotency_key: The same key and hash get the same object again, by another URL.

    Raises:
        ApiError, TransportError: The API gave none.
    """
    wanted: dict[str, Any] = {
        "content_length": size,
        "sha256": sha256,
        "content_type": content_type,
    }
    if call_id is not None:
        wanted["call_id"] = call_id
    headers = {"Content-Type": "application/json"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    answer = await api.request_async(
        "POST", _PATH, attempts, headers=headers, body=orjson.dumps(wanted)
    )
    try:
        members = parse_answer("POST", _PATH, answer)
        payload_id, s3_key = members["payload_id"], members["s3_key"]
        if not isinstance(payload_id, str) or not isinstance(s3_key, str):
            raise TypeError("payload_id and s3_key must be text")
        request = api.presigned_request(members, url="upload_url")
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise unexpected("POST", _PATH, answer) from None
    return UploadUrl(payload_id, s3_key, request)
