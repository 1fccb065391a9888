"""Presigned downloads, and uploads as streams over connections that break."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import (
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from urllib3.exceptions import SSLError

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.ingest_bucket import IngestBucket
from wideload_runtime.adapters.s3_objects import CHUNK, STREAM_ATTEMPTS, S3Object

BODY = bytes(range(256)) * (CHUNK // 32)  # 8 chunks
CUT_OFF = IncompleteReadError(actual_bytes=0, expected_bytes=len(BODY))
ERRORS = [
    CUT_OFF,
    ReadTimeoutError(endpoint_url="https://s3.test"),
    ResponseStreamingError(error="the connection was reset"),
    SSLError("EOF occurred in violation of protocol"),
]
"""How botocore tells of a connection that broke while a body was read."""


class Breaking(io.BytesIO):
    """Breaks once so many bytes were read."""

    def __init__(self, data: bytes, whole: int, error: Exception) -> None:
        super().__init__(data)
        self._whole = whole
        self._error = error

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= self._whole:
            raise self._error
        return super().read(size)


class Client:
    """Connections of which each brings so many bytes."""

    def __init__(self, *, whole: int, error: Exception = CUT_OFF) -> None:
        self.etag = '"one"'
        self.ranges: list[str] = []
        self._whole = whole
        self._error = error

    def get_object(self, *, Range: str = "bytes=0-", IfMatch: str = "", **_: Any) -> dict[str, Any]:  # noqa: N803
        if IfMatch and IfMatch != self.etag:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "GetObject")
        self.ranges.append(Range)
        first, _, last = Range.removeprefix("bytes=").partition("-")
        data = BODY[int(first) : int(last) + 1 if last else None]
        return {
            "ContentLength": len(data),
            "LastModified": datetime.now(UTC),
            "ETag": self.etag,
            "Body": Breaking(data, self._whole, self._error),
        }


def test_a_stream_goes_on_where_its_connection_broke() -> None:
    """However often that is: a large object's minutes see more breaks than a small one's."""
    client = Client(whole=CHUNK // 2)  # each brings a chunk, and then breaks

    upload = S3Object(client, "bucket", "key")

    assert b"".join(upload.chunks()) == BODY
    assert client.ranges == [f"bytes={start}-" for start in range(0, len(BODY), CHUNK)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_range_goes_on_where_its_connection_broke(error: Exception) -> None:
    client = Client(whole=CHUNK // 2, error=error)
    first, size = 1000, 2 * CHUNK + 500

    data = IngestBucket(client, "bucket", url_seconds=60).read_range("key", offset=first, size=size)

    assert data == BODY[first : first + size]
    last = first + size - 1
    assert client.ranges == [f"bytes={first + done}-{last}" for done in (0, CHUNK, 2 * CHUNK)]


def test_a_stream_that_brings_nothing_is_given_up() -> None:
    client = Client(whole=0)

    with pytest.raises(IncompleteReadError):
        list(S3Object(client, "bucket", "key").chunks())

    assert len(client.ranges) == STREAM_ATTEMPTS


def test_a_stream_never_goes_on_with_another_object() -> None:
    client = Client(whole=CHUNK)
    upload = S3Object(client, "bucket", "key")
    chunks = upload.chunks()
    next(chunks)
    client.etag = '"two"'

    with pytest.raises(ClientError, match="PreconditionFailed"):
        next(chunks)


def test_a_download_is_an_attachment_that_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    bucket = IngestBucket(clients.s3("virtual"), "bucket", url_seconds=60)

    query = parse_qs(urlsplit(bucket.presign_get("key", filename="a.json.gz")).query)

    assert query["response-cache-control"] == ["private, no-store"]
    assert query["response-content-disposition"] == ['attachment; filename="a.json.gz"']
    assert query["X-Amz-SignedHeaders"] == ["host"]
