"""Every form a client may send, and every one it may not."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import orjson
import pytest

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.requests import (
    MAX_BODY,
    MAX_PUT,
    Claim,
    Inline,
    UploadRequest,
    parse_idempotency_key,
    parse_send,
)

JSON = {"content-type": "application/json"}
DOCUMENT = b'{"call_id": "c-1"}'
ZIPPED = gzip.compress(DOCUMENT)


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        (JSON, DOCUMENT, Inline(DOCUMENT)),
        ({}, DOCUMENT, Inline(DOCUMENT)),
        ({"content-type": "application/json; charset=utf-8"}, DOCUMENT, Inline(DOCUMENT)),
        ({"content-type": "application/gzip"}, ZIPPED, Inline(ZIPPED)),
        ({"content-type": "application/x-gzip"}, ZIPPED, Inline(ZIPPED)),
        ({**JSON, "content-encoding": "gzip"}, ZIPPED, Inline(ZIPPED)),
        ({**JSON, "content-encoding": "identity"}, DOCUMENT, Inline(DOCUMENT)),
        # A gateway that undid the encoding and left the header
        ({**JSON, "content-encoding": "gzip"}, DOCUMENT, Inline(DOCUMENT)),
        (
            {"content-type": "application/gzip", "content-encoding": "gzip"},
            DOCUMENT,
            Inline(DOCUMENT),
        ),
        (JSON, ZIPPED, Inline(ZIPPED)),
        (
            JSON,
            orjson.dumps(
                {"compressed": True, "data": base64.b64encode(ZIPPED).decode(), "original_size": 9}
            ),
            Inline(ZIPPED),
        ),
        (JSON, b'{"s3_key": "k"}', Claim("k")),
        (JSON, b'{"s3_key": "k", "upload_duration_ms": 12.9}', Claim("k", 12)),
        (JSON, b'{"s3_key": "k", "upload_duration_ms": 604800000}', Claim("k", 604_800_000)),
        (
            JSON,
            b'{"s3_reference": true, "s3_bucket": "b", "s3_key": "k", "call_id": "c"}',
            Claim("k"),
        ),
        (JSON, b'{"s3_reference": true, "s3_key": "k", "agent": 1}', Claim("k")),
        # Call logs that happen to have such members
        (JSON, b'{"s3_key": "k", "turns": []}', Inline(b'{"s3_key": "k", "turns": []}')),
        (
            JSON,
            b'{"compressed": false, "data": "x"}',
            Inline(b'{"compressed": false, "data": "x"}'),
        ),
        (JSON, b'{"compressed": true, "data": 1}', Inline(b'{"compressed": true, "data": 1}')),
        (JSON, b'["s3_key", "s3_key"]', Inline(b'["s3_key", "s3_key"]')),
        (JSON, b'{"s3_key": ', Inline(b'{"s3_key": ')),
    ],
)
def test_forms_of_send(headers: dict[str, str], body: bytes, expected: Inline | Claim) -> None:
    assert parse_send(headers, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (DOCUMENT, Inline(DOCUMENT, "c-2")),
        (ZIPPED, Inline(ZIPPED, "c-2")),
        (b'{"s3_key": "k"}', Claim("k")),  # its call_id came with the upload URL
    ],
)
def test_a_call_id_in_the_query_goes_with_a_document(body: bytes, expected: Inline | Claim) -> None:
    assert parse_send({}, body, {"call_id": "c-2"}) == expected


@pytest.mark.parametrize("call_id", ["", "x" * 257])
def test_a_call_id_has_the_same_limits_both_ways(call_id: str) -> None:
    for refuse in (
        lambda: parse_send(JSON, DOCUMENT, {"call_id": call_id}),
        lambda: UploadRequest.parse({"call_id": call_id}, b""),
    ):
        with pytest.raises(Refused, match="1 to 256 characters"):
            refuse()


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        (JSON, b"", "empty_body"),
        ({"content-type": "text/csv"}, DOCUMENT, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, DOCUMENT, "unsupported_media_type"),
        ({**JSON, "content-encoding": "br"}, DOCUMENT, "unsupported_media_type"),
        ({"content-type": "application/gzip"}, DOCUMENT, "invalid_gzip"),
        (JSON, ZIPPED.decode("utf-8", "replace").encode(), "invalid_gzip"),
        (JSON, b"{" + b" " * MAX_BODY, "body_too_large"),
        (JSON, b'{"compressed": true, "data": "@@@"}', "invalid_base64"),
        (JSON, b'{"compressed": true, "data": "aGVsbG8"}', "invalid_base64"),
        (JSON, b'{"compressed": true, "data": "aGVsbG8="}', "invalid_gzip"),
        (JSON, '{"compressed": true, "data": "aGé="}'.encode(), "invalid_base64"),
        (JSON, b'{"s3_key": 7}', "invalid_request"),
        (JSON, b'{"s3_key": "k", "upload_duration_ms": -1}', "invalid_request"),
        (JSON, b'{"s3_key": "k", "upload_duration_ms": 1e15}', "invalid_request"),
        (JSON, b'{"s3_key": "k", "upload_duration_ms": 1e40}', "invalid_request"),
        (JSON, b'{"s3_key": "k", "upload_duration_ms": 604800001}', "invalid_request"),
        (JSON, b'{"s3_key": "k", "upload_duration_ms": true}', "invalid_request"),
        (JSON, b'{"s3_key": "k", "upload_duration_ms": "12"}', "invalid_request"),
    ],
)
def test_refused_forms_of_send(headers: dict[str, str], body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_send(headers, body)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("query", "body", "expected"),
    [
        ({}, b"", UploadRequest()),
        ({}, b"{}", UploadRequest()),
        (
            {},
            b'{"call_id": "x", "content_type": "application/json"}',
            UploadRequest(call_id="x"),
        ),
        ({"content_length": "12"}, b"", UploadRequest(content_length=12)),
        ({"content_length": "0" * 30 + "12"}, b"", UploadRequest(content_length=12)),
        ({"content_length": "12"}, b'{"content_length": 13}', UploadRequest(content_length=13)),
        ({"sha256": "AB" * 32}, b"", UploadRequest(sha256="ab" * 32)),
        (
            {"content_type": "application/gzip"},
            b"",
            UploadRequest(content_type="application/gzip"),
        ),
        ({"unknown": "x"}, b"", UploadRequest()),
    ],
)
def test_forms_of_upload_requests(
    query: dict[str, str], body: bytes, expected: UploadRequest
) -> None:
    assert UploadRequest.parse(query, body) == expected


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"content_length": 0}, "invalid_request"),
        ({"content_length": -5}, "invalid_request"),
        ({"content_length": 1.5}, "invalid_request"),
        ({"content_length": True}, "invalid_request"),
        ({"content_length": "12x"}, "invalid_request"),
        ({"content_length": "0" * 5000}, "invalid_request"),
        ({"content_length": "9" * 5000}, "document_too_large"),
        ({"content_length": MAX_PUT + 1}, "document_too_large"),
        ({"sha256": "xyz"}, "invalid_request"),
        ({"sha256": 7}, "invalid_request"),
        ({"content_type": "text/html"}, "unsupported_media_type"),
        ({"call_id": ""}, "invalid_request"),
        ({"call_id": 7}, "invalid_request"),
        ({"call_id": "x" * 257}, "invalid_request"),
    ],
)
def test_refused_upload_requests(given: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        UploadRequest.parse({}, orjson.dumps(given))

    assert refused.value.code == code


@pytest.mark.parametrize(("body", "code"), [(b"no", "invalid_json"), (b"[]", "not_an_object")])
def test_upload_requests_are_json_objects(body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        UploadRequest.parse({}, body)

    assert refused.value.code == code


def test_the_largest_put_is_allowed() -> None:
    assert UploadRequest.parse({"content_length": str(MAX_PUT)}, b"").content_length == MAX_PUT


@pytest.mark.parametrize("key", ["a", "k" * 255, "3f0c-…".encode().decode("ascii", "ignore")])
def test_idempotency_keys(key: str) -> None:
    assert parse_idempotency_key(key) == key


@pytest.mark.parametrize("key", ["", "k" * 256, "é", "a\nb"])
def test_refused_idempotency_keys(key: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_idempotency_key(key)

    assert refused.value.code == "invalid_request"
