"""Requests of ingest's clients, in every supported form, parsed and checked."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.gunzip import MAGIC
from wideload_runtime.core.numbers import whole_number

MAX_BODY = 6 * 1024 * 1024
"""Bytes of a function's request, base64 included.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
MAX_PUT = 5 * 1024**3
"""Bytes of one PUT. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
MAX_UPLOAD_MS = 7 * 24 * 3600 * 1000
"""Transit objects are deleted after seven days, so no upload took longer."""
MAX_CALL_ID = 256
MAX_IDEMPOTENCY_KEY = 255

JSON_TYPES = {"application/json"}
GZIP_TYPES = {"application/gzip", "application/x-gzip"}
DOCUMENT_TYPES = JSON_TYPES | GZIP_TYPES | {"application/octet-stream"}

GZIP_TAKEN_FOR_TEXT = b"\x1f\xef\xbf\xbd"
"""First bytes of gzip that was decoded as UTF-8, its second byte replaced by U+FFFD."""

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_CLAIM_MEMBERS = {"s3_key", "upload_duration_ms", "s3_reference", "s3_bucket", "call_id"}


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A request for an upload URL. Without size and hash the URL accepts any body."""

    content_length: int | None = None
    sha256: str | None = None
    """Hex SHA-256 of the bytes to PUT."""
    content_type: str = "application/json"
    call_id: str | None = None

    @classmethod
    def parse(cls, query: Mapping[str, str], body: bytes) -> UploadRequest:
        """Read it from the query, or from a JSON body, which wins."""
        given: dict[str, Any] = {**query, **(_json_object(body) if body.strip() else {})}
        length = given.get("content_length")
        sha256 = given.get("sha256")
        content_type = given.get("content_type") or "application/json"
        return cls(
            content_length=None if length is None else _content_length(length),
            sha256=None if sha256 is None else _sha256(sha256),
            content_type=_media_type(content_type, DOCUMENT_TYPES, "content_type"),
            call_id=parse_call_id(given.get("call_id")),
        )


@dataclass(frozen=True, slots=True)
class Inline:
    """A document in the request itself: JSON or its gzip."""

    body: bytes
    call_id: str | None = None
    """Used if the document has no `call_id`."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A document that was PUT to an upload URL."""

    s3_key: str
    upload_duration_ms: int | None = None


def parse_send(
    headers: Mapping[str, str], body: bytes, query: Mapping[str, str] | None = None
) -> Inline | Claim:
    """Parse a body of `POST /send-call-log` in any of its forms.

    Args:
        headers: With names in lower case.
        body: As it came from the network.
        query: May hold the `call_id` of an inline document; a claim's was given for its upload URL.

    Raises:
        Refused: `unsupported_media_type`, `body_too_large`, `empty_body`, `invalid_base64`,
            `invalid_gzip`, `invalid_request`.
    """
    if len(body) > MAX_BODY:
        raise Refused(
            "body_too_large",
            f"The body has {len(body)} bytes, {MAX_BODY} are allowed. Gzip it, or ask "
            "/get-upload-url for a URL and PUT it there.",
        )
    media_type = _media_type(
        headers.get("content-type", "application/json"), DOCUMENT_TYPES, "Content-Type"
    )
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"gzip", "identity"}:
        raise Refused(
            "unsupported_media_type",
            f"Content-Encoding is {encoding[:40]!r}; allowed are gzip and identity.",
        )
    if not body:
        raise Refused("empty_body", "The body is empty: send one JSON object.")
    if body.startswith(GZIP_TAKEN_FOR_TEXT):
        raise damaged_text(body)
    # A gateway may decode the body but leave Content-Encoding: then the body is plain JSON.
    if media_type in GZIP_TYPES and encoding != "gzip" and not body.startswith(MAGIC):
        raise Refused("invalid_gzip", "The body is announced as gzip, but doesn't start as such.")
    call_id = parse_call_id((query or {}).get("call_id"))
    form = None if body.startswith(MAGIC) else _special_form(body)
    if isinstance(form, Claim):
        return form
    return Inline(form.body if form else body, call_id)


def damaged_text(text: bytes) -> Refused:
    """Return the refusal of a body in which the gateway may have replaced bytes by U+FFFD."""
    if text.startswith(GZIP_TAKEN_FOR_TEXT):
        return Refused(
            "invalid_gzip",
            "The gateway took the gzip for text and damaged it: send it with "
            "Content-Type: application/gzip.",
        )
    return Refused(
        "invalid_json",
        "The body has the character U+FFFD, which the gateway also puts where bytes are no UTF-8, "
        "so it may not be what was sent: gzip it (Content-Type: application/gzip), write the "
        "character as \\ufffd, or prove the body by Content-Digest: sha-256=:…: (RFC 9530).",
    )


def _special_form(body: bytes) -> Inline | Claim | None:
    # Search for the names first: most bodies are call logs, which are parsed only later.
    if b'"s3_key"' not in body and b'"compressed"' not in body:
        return None
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None  # the scanner finds the position of the error
    if not isinstance(given, dict):
        return None
    if given.get("compressed") is True and isinstance(given.get("data"), str):
        return Inline(_base64(given["data"]))
    if "s3_key" in given and (given.get("s3_reference") is True or given.keys() <= _CLAIM_MEMBERS):
        return _claim(given)
    return None  # a call log that happens to have such a member


def _claim(given: dict[str, Any]) -> Claim:
    s3_key = given["s3_key"]
    duration = given.get("upload_duration_ms")
    if not isinstance(s3_key, str):
        raise Refused("invalid_request", "s3_key is not a string: give it as /get-upload-url did.")
    if duration is not None and (
        not isinstance(duration, int | float)
        or isinstance(duration, bool)
        or not 0 <= duration <= MAX_UPLOAD_MS
    ):
        raise Refused(
            "invalid_request",
            "upload_duration_ms is not a number of milliseconds from 0 to "
            f"{MAX_UPLOAD_MS} (7 days): leave it out if it isn't known.",
        )
    return Claim(s3_key, None if duration is None else int(duration))


def parse_idempotency_key(value: str | None) -> str | None:
    if value is None:
        return None
    if not 1 <= len(value) <= MAX_IDEMPOTENCY_KEY or not value.isascii() or not value.isprintable():
        raise Refused(
            "invalid_request",
            f"Idempotency-Key has {len(value)} characters; allowed are 1 to "
            f"{MAX_IDEMPOTENCY_KEY} printable ASCII characters.",
        )
    return value


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused("invalid_json", f"The body is not JSON: {error}.") from error
    if not isinstance(given, dict):
        raise Refused("not_an_object", "The body is not a JSON object.")
    return given


def _base64(data: str) -> bytes:
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("invalid_base64", f"data is not base64 (RFC 4648, 4): {error}.") from error
    if not decoded.startswith(MAGIC):
        raise Refused("invalid_gzip", "data is base64, but not of a gzip stream.")
    return decoded


def _media_type(value: Any, allowed: set[str], name: str) -> str:
    if not isinstance(value, str):
        raise Refused("invalid_request", f"{name} is not a string.")
    media_type = value.split(";", maxsplit=1)[0].strip().lower()
    if media_type not in allowed:
        raise Refused(
            "unsupported_media_type",
            f"{name} is {media_type[:80]!r}; allowed are {', '.join(sorted(allowed))}.",
        )
    return media_type


def _content_length(value: Any) -> int:
    length = whole_number(value, MAX_PUT)
    if not length:
        raise Refused("invalid_request", "content_length is not a positive number of bytes.")
    if length > MAX_PUT:
        raise Refused(
            "document_too_large",
            f"content_length is over {MAX_PUT} bytes, which one PUT takes: gzip the document.",
        )
    return length


def _sha256(value: Any) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise Refused(
            "invalid_request",
            "sha256 is not 64 hexadecimal digits: give the SHA-256 of the bytes to PUT.",
        )
    return value.lower()


def parse_call_id(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_CALL_ID:
        raise Refused(
            "invalid_request", f"call_id is not a string of 1 to {MAX_CALL_ID} characters."
        )
    return value
