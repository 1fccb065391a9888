"""The bucket of ingest: presigned URLs, uploads as streams, and archives."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from wideload_runtime.adapters.s3_objects import NOT_CACHED, S3Object, is_missing

PART = 8 * 1024 * 1024
"""Bytes of an archive's part: at least 5 MiB, at most 10,000 parts, so up to 78 GiB of gzip.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
PARTS_AHEAD = 2
"""Parts of an archive sent at once: with the one that is being filled, 24 MiB."""


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

    def open_upload(self, key: str, *, first: int = 0, last: int | None = None) -> S3Object | None:
        """Open an object, or some of its bytes, for reading; None if there is no object."""
        try:
            return S3Object(self._client, self._name, key, first=first, last=last)
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
