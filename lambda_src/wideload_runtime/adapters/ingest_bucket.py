"""The bucket of ingest: presigned URLs, uploads as streams, and archives."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError, IncompleteReadError

from wideload_runtime.adapters.clients import BROKEN_STREAM

CHUNK = 1024 * 1024
PART = 8 * 1024 * 1024
"""Bytes of an archive's part: at least 5 MiB, at most 10,000 parts, so up to 78 GiB of gzip.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
PARTS_AHEAD = 2
"""Parts of an archive sent at once: with the one that is being filled, 24 MiB."""
NOT_CACHED = "private, no-store"
"""`Cache-Control` of every download, in place of the uploader's."""
STREAM_ATTEMPTS = 5
"""Broken connections in a row, without a byte in between, after which a stream fails."""


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


class IngestBucket:
    """
    Args:
        client: An S3 client that signs with version 4.
        name: The bucket.
        url_seconds: Seconds for which its URLs are valid.
    """

    def __init__(self, client: Any, name: str, *, url_seconds: int) -> None:
        self._client = client
        self._name = name
        self._url_seconds = url_seconds

    def presign_put(
        self, key: str, *, length: int | None, sha256: str | None, content_type: str
    ) -> tuple[str, dict[str, str]]:
        """Sign a PUT. With length or hash, the URL stores those bytes only, and only once.

        The content type is never signed: an object is judged by its bytes, and a type that differs
        from the signed one is the most common reason for a 403.
        """
        params: dict[str, Any] = {"Bucket": self._name, "Key": key}
        headers = {"Content-Type": content_type}
        if length is not None:
            params["ContentLength"] = length
            headers["Content-Length"] = str(length)
        if sha256 is not None:
            checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
            params["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = checksum
        if length is not None or sha256 is not None:
            params["IfNoneMatch"] = headers["If-None-Match"] = "*"
        return self._presign("put_object", params), headers

    def presign_get(self, key: str, *, filename: str) -> str:
        """Sign a GET that browsers save as a file instead of showing it, and that is not cached."""
        return self._presign(
            "get_object",
            {
                "Bucket": self._name,
                "Key": key,
                "ResponseCacheControl": NOT_CACHED,
                "ResponseContentDisposition": f'attachment; filename="{filename}"',
            },
        )

    def _presign(self, operation: str, params: dict[str, Any]) -> str:
        url: str = self._client.generate_presigned_url(
            operation, Params=params, ExpiresIn=self._url_seconds
        )
        return url

    def open_upload(self, key: str, *, first: int = 0, last: int | None = None) -> S3Upload | None:
        """Open an object, or some of its bytes, for reading; None if there is no object."""
        try:
            return S3Upload(self._client, self._name, key, first=first, last=last)
        except ClientError as error:
            if is_missing(self._client, self._name, key, error):
                return None
            raise

    def open_archive(self, key: str) -> S3Archive:
        return S3Archive(self._client, self._name, key)

    def exists(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self._name, Key=key)
        except ClientError as error:
            if is_missing(self._client, self._name, key, error):
                return False
            raise
        return True

    def read_range(self, key: str, *, offset: int, size: int) -> bytes | None:
        """Return some bytes of an object; None if there is no object."""
        part = self.open_upload(key, first=offset, last=offset + size - 1)
        if part is None:
            return None
        try:
            return b"".join(part.chunks())
        finally:
            part.close()

    def delete(self, *keys: str) -> None:
        for key in keys:
            self._client.delete_object(Bucket=self._name, Key=key)

    def tenants(self, prefix: str) -> Iterator[str]:
        """Yield tenants with objects under a prefix."""
        for page in self._list(Prefix=prefix, Delimiter="/"):
            for found in page.get("CommonPrefixes", []):
                yield found["Prefix"].split("/")[1]

    def keys(self, prefix: str, tenant: str, *, after: str, before: str) -> Iterator[str]:
        """Yield keys of a tenant's objects whose payload ids lie between two, both excluded."""
        theirs = f"{prefix}{tenant}/"
        for page in self._list(Prefix=theirs, StartAfter=theirs + after):
            for item in page.get("Contents", []):
                if item["Key"] >= theirs + before:
                    return
                yield item["Key"]

    def _list(self, **wanted: str) -> Any:
        return self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, **wanted)


class S3Upload:
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


class S3Archive:
    """A new object. Small ones are one PUT, larger ones a multipart upload of 8 MiB parts, which
    are sent in threads of their own."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._where = {"Bucket": bucket, "Key": key}
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._pool = ThreadPoolExecutor(PARTS_AHEAD)
        self._parts: list[Future[dict[str, Any]]] = []

    def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= PART:
            self._put_part()

    def commit(self) -> None:
        if self._upload_id is None:
            self._client.put_object(
                **self._where, Body=bytes(self._buffer), ContentType="application/gzip"
            )
            return
        if self._buffer:
            self._put_part()
        parts = [part.result() for part in self._parts]
        self._pool.shutdown()
        self._client.complete_multipart_upload(
            **self._where, UploadId=self._upload_id, MultipartUpload={"Parts": parts}
        )

    def abort(self) -> None:
        # Wait for the parts first: one that ends after the abort could stay.
        self._pool.shutdown(cancel_futures=True)
        if self._upload_id is not None:
            self._client.abort_multipart_upload(**self._where, UploadId=self._upload_id)

    def _put_part(self) -> None:
        if self._upload_id is None:
            # gzip is the type, not the encoding: some clients gunzip an encoding on read.
            started = self._client.create_multipart_upload(
                **self._where, ContentType="application/gzip"
            )
            self._upload_id = started["UploadId"]
        if len(self._parts) >= PARTS_AHEAD:
            self._parts[-PARTS_AHEAD].result()  # waits, and raises what went wrong
        number = len(self._parts) + 1
        self._parts.append(self._pool.submit(self._send, number, bytes(self._buffer)))
        self._buffer.clear()

    def _send(self, number: int, data: bytes) -> dict[str, Any]:
        sent = self._client.upload_part(
            **self._where, UploadId=self._upload_id, PartNumber=number, Body=data
        )
        return {"PartNumber": number, "ETag": sent["ETag"]}
