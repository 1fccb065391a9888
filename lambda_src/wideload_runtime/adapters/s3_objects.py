"""Objects in S3: reading one as a stream, and telling that there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError, IncompleteReadError

from wideload_runtime.adapters.clients import BROKEN_STREAM

CHUNK = 1024 * 1024
STREAM_ATTEMPTS = 5
"""Broken connections in a row, without a byte in between, after which a stream fails."""
NOT_CACHED = "private, no-store"
"""`Cache-Control` of every download, in place of the uploader's."""
NOT_THERE = {"404", "NoSuchKey", "NotFound"}


def is_missing(client: Any, bucket: str, key: str, error: ClientError) -> bool:
    """Return whether an error means that there is no object.

    S3 answers 403 for a missing key unless the caller may list the bucket. Our role may list
    prefixes, which seems to be enough (https://github.com/ceph/ceph/pull/68577) but is not
    documented; so after a 403 the key is looked up in a listing.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    code = error.response["Error"]["Code"]
    if code not in ("403", "AccessDenied"):
        return code in NOT_THERE
    listed = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
    return bool(listed["KeyCount"] == 0)


class S3Object:
    """One version of an object, read once, as a stream that survives broken connections.

    Args:
        first: Its first byte that is read.
        last: Its last byte that is read. Default: the object's.
    """

    def __init__(
        self, client: Any, bucket: str, key: str, *, first: int = 0, last: int | None = None
    ) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}
        self._first, self._last = first, last
        self.read_seconds = 0.0
        started = time.monotonic()
        answer = client.get_object(**self._where, **({} if last is None else self._range(0)))
        self.read_seconds += time.monotonic() - started
        self.size: int = answer["ContentLength"]
        self.stored_at: float = answer["LastModified"].timestamp()
        self.etag: str = answer["ETag"]
        self._body = answer["Body"]

    def chunks(self) -> Iterator[bytes]:
        position = 0
        attempts = STREAM_ATTEMPTS
        while position < self.size:
            started = time.monotonic()
            try:
                chunk: bytes = self._body.read(CHUNK)
                if not chunk:
                    raise IncompleteReadError(actual_bytes=position, expected_bytes=self.size)
            except BROKEN_STREAM:
                attempts -= 1
                if not attempts:
                    raise
                self._reopen(position)
                continue
            finally:
                self.read_seconds += time.monotonic() - started
            position += len(chunk)
            attempts = STREAM_ATTEMPTS
            yield chunk

    def _reopen(self, position: int) -> None:
        # The ETag ensures the same version: the object may have been replaced.
        self._body.close()
        self._body = self._client.get_object(
            **self._where, **self._range(position), IfMatch=self.etag
        )["Body"]

    def _range(self, position: int) -> dict[str, str]:
        last = "" if self._last is None else self._last
        return {"Range": f"bytes={self._first + position}-{last}"}

    def close(self) -> None:
        self._body.close()
