"""An S3 bucket in memory that refuses what S3 refuses, as a boto3 client and by presigned request.

A body may be its size and hash alone, so that tests of large files need no memory.
`tests/integration/test_files_adapters.py` runs the same tests on it and on S3. `s3_http.py` is its
HTTP side.
"""

# ruff: noqa: N803 - arguments as boto3 names them

from __future__ import annotations

import base64
import functools
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from tests.fake_aws.wire import Wire, aws_error
from wideload_runtime.adapters import clients

MIN_PART = 5 * 1024**2
PAGE = 1000


@dataclass(frozen=True)
class Body:
    size: int
    sha256: str
    """Hex."""
    data: bytes | None = None

    @classmethod
    def of(cls, data: bytes) -> Body:
        return cls(len(data), hashlib.sha256(data).hexdigest(), data)

    @classmethod
    def made_up(cls, size: int, name: str) -> Body:
        return cls(size, hashlib.sha256(name.encode()).hexdigest())

    @property
    def checksum(self) -> str:
        return base64.b64encode(bytes.fromhex(self.sha256)).decode()

    @property
    def etag(self) -> str:
        return f'"{self.sha256[:32]}"'


@dataclass(frozen=True)
class Object:
    """
    Attributes:
        checksum: SHA-256 in base64; of a multipart object, the composite one.
        data: Bytes, or an object that can be sliced like them; None if they are not kept.
        stored_at: Epoch seconds.
    """

    size: int
    checksum: str
    data: Any
    stored_at: float = 0

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.checksum.encode()).hexdigest()[:32]}"'


@dataclass
class Multipart:
    """
    Attributes:
        checksums: Whether SHA-256 was declared, so that every part must have one.
    """

    key: str
    parts: dict[int, Body] = field(default_factory=dict)
    checksums: bool = True


class S3Refused(Exception):  # noqa: N818
    def __init__(self, status: int, code: str) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


class FakeS3:
    """Stands for a boto3 client of S3.

    Args:
        endpoint: URL under which `s3_http.S3Http` serves the bucket: presigned URLs are then
            boto3's, signed by the runtime's own configuration. None: they are only names for
            `send` and `begin`, and cost nothing.
        bucket: The bucket's name.
        min_part: Bytes of the smallest part that is not the last.

    Attributes:
        may_list: Whether the role may list the bucket: if not, HEAD of a missing object is 403.
        signed_count: Number of requests that were presigned.
    """

    def __init__(
        self,
        wire: Wire,
        now: Callable[[], float],
        *,
        endpoint: str | None = None,
        bucket: str = "bucket",
        min_part: int = MIN_PART,
    ) -> None:
        self.bucket = bucket
        self.min_part = min_part
        self.signed_count = 0
        self.endpoint = endpoint
        self.objects: dict[str, Object] = {}
        self.multiparts: dict[str, Multipart] = {}
        self.may_list = True
        self.on_complete: Callable[[], None] = lambda: None
        """Called when S3 has joined parts, before it answers."""
        self._signed: dict[str, tuple[str, dict[str, Any], float]] = {}
        self._ends: dict[str, float] = {}
        self._begun: Counter[str] = Counter()
        self.lock = wire.lock
        self._wire = wire
        self._now = now

    def state(self) -> object:
        """What is stored, and can be stored by presigned requests; see `wire.AtOnce`."""
        multiparts = {name: (one.key, one.parts) for name, one in self.multiparts.items()}
        return self.objects, multiparts, self._begun, self._signed

    # Presigned requests, and the clients who make them

    def generate_presigned_url(
        self,
        operation: str,
        *,
        Params: dict[str, Any],
        ExpiresIn: int,
    ) -> str:
        assert ExpiresIn > 0
        assert Params["Bucket"] == self.bucket
        self.signed_count += 1
        if self.endpoint is None:
            href = f"https://bucket.s3.test/{Params['Key']}?{Params}&at={self._now()}"
        else:
            href = _client(self.endpoint).generate_presigned_url(
                operation, Params=Params, ExpiresIn=ExpiresIn
            )
            self._ends[href.rpartition("=")[2]] = self._now() + ExpiresIn
        self._signed[href] = (operation, Params, self._now() + ExpiresIn)
        return href

    def ends_at(self, signature: str) -> float | None:
        """When the URL of this signature ends, by this bucket's clock; None if there is none."""
        return self._ends.get(signature)

    def signed(self, action: dict[str, Any]) -> tuple[str, dict[str, Any], float]:
        """Operation, parameters and end of a presigned request."""
        return self._signed[action["href"]]

    @property
    def writable(self) -> set[str]:
        """Keys at which a presigned request could store something now."""
        return {
            params["Key"]
            for operation, params, ends in self._signed.values()
            if ends > self._now()
            and (
                operation == "put_object"
                or (operation == "upload_part" and params["UploadId"] in self.multiparts)
            )
        }

    def send(self, action: dict[str, Any], body: Body) -> None:
        """Make the request of an action, as a client does.

        Raises:
            S3Refused: With S3's status and code.
        """
        self.begin(action)(body)

    def begin(self, action: dict[str, Any]) -> Callable[[Body], None]:
        """The same in two steps: S3 looks at the signature when a request begins."""
        operation, params, deadline = self.signed(action)
        if self._now() > deadline:
            raise S3Refused(403, "AccessDenied")
        headers = {
            "Content-Length": str(params["ContentLength"]),
            "x-amz-checksum-sha256": params["ChecksumSHA256"],
            **({"If-None-Match": params["IfNoneMatch"]} if "IfNoneMatch" in params else {}),
        }
        if action["method"] != "PUT" or action["headers"] != headers:
            raise S3Refused(403, "SignatureDoesNotMatch")

        def finish(body: Body) -> None:
            if body.size != params["ContentLength"]:
                raise S3Refused(400, "IncompleteBody")
            if body.checksum != params["ChecksumSHA256"]:
                raise S3Refused(400, "BadDigest")
            if operation == "put_object":
                self.store(params["Key"], body, once=params.get("IfNoneMatch") == "*")
            else:
                self.store_part(params["Key"], params["UploadId"], params["PartNumber"], body)

        return finish

    def store(self, key: str, body: Body, *, once: bool = False) -> Object:
        """PUT an object.

        Args:
            once: `If-None-Match: *`.
        """
        if once and key in self.objects:
            raise S3Refused(412, "PreconditionFailed")
        self.objects[key] = Object(body.size, body.checksum, body.data, self._now())
        return self.objects[key]

    def store_part(self, key: str, upload_id: str, number: int, body: Body) -> None:
        """PUT a part."""
        multipart = self.multiparts.get(upload_id)
        if multipart is None or multipart.key != key:
            raise S3Refused(404, "NoSuchUpload")
        if not 1 <= number <= 10_000:
            raise S3Refused(400, "InvalidArgument")
        multipart.parts[number] = body

    # Objects

    def head_object(
        self, *, Bucket: str, Key: str, ChecksumMode: str | None = None
    ) -> dict[str, Any]:
        assert Bucket == self.bucket

        def work() -> dict[str, Any]:
            if Key not in self.objects:
                raise aws_error("404" if self.may_list else "403", "HeadObject")
            found = self.objects[Key]
            # S3 shows checksums only to those who ask for them.
            shown = {"ChecksumSHA256": found.checksum} if ChecksumMode == "ENABLED" else {}
            return {"ContentLength": found.size, **shown}

        return self._wire.call("HeadObject", work)

    def get_object(
        self, *, Bucket: str, Key: str, Range: str | None = None, IfMatch: str | None = None
    ) -> dict[str, Any]:
        assert Bucket == self.bucket

        def work() -> dict[str, Any]:
            if Key not in self.objects:
                raise aws_error("NoSuchKey", "GetObject")
            found = self.objects[Key]
            if IfMatch not in (None, found.etag):
                raise aws_error("PreconditionFailed", "GetObject")
            data = found.data or b""
            if Range is not None:
                first, _, last = Range.removeprefix("bytes=").partition("-")
                if int(first) >= len(data):
                    raise aws_error("InvalidRange", "GetObject")
                data = data[int(first) : int(last) + 1 if last else None]
            return {
                "ContentLength": len(data),
                "LastModified": datetime.fromtimestamp(found.stored_at, UTC),
                "ETag": found.etag,
                "Body": io.BytesIO(data),
            }

        return self._wire.call("GetObject", work)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> dict[str, Any]:
        assert (Bucket, ContentType) == (self.bucket, "application/gzip")
        return self._wire.call("PutObject", lambda: {"ETag": self.store(Key, _body_of(Body)).etag})

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:
        found = [key for key in self.objects if key.startswith(Prefix)][:MaxKeys]
        return self._wire.call("ListObjectsV2", lambda: {"KeyCount": len(found)})

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return self._wire.call("DeleteObject", lambda: self.objects.pop(Key, None) and {})

    # As an operator's programs do

    def get_paginator(self, operation: str) -> SimpleNamespace:
        pages = {
            "list_objects_v2": self._list_objects,
            "list_object_versions": self._list_versions,
            "list_multipart_uploads": self._list_multiparts,
        }
        return SimpleNamespace(paginate=pages[operation])

    def _list_objects(
        self, *, Bucket: str, Prefix: str, StartAfter: str = "", Delimiter: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Two keys a page."""
        assert Bucket == self.bucket
        found = [key for key in sorted(self.objects) if key.startswith(Prefix) and key > StartAfter]
        if Delimiter is not None:
            rests = {key.removeprefix(Prefix).partition(Delimiter)[0] for key in found}
            prefixes = [{"Prefix": f"{Prefix}{rest}{Delimiter}"} for rest in sorted(rests)]
            yield self._wire.call("ListObjectsV2", lambda: {"CommonPrefixes": prefixes})
            return
        for at in range(0, max(1, len(found)), 2):
            page = [{"Key": key} for key in found[at : at + 2]]
            answer = {"Contents": page} if page else {}
            yield self._wire.call("ListObjectsV2", lambda answer=answer: answer)

    def list_object_versions(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:
        return self._list_versions(Bucket=Bucket, Prefix=Prefix)[0]

    def _list_versions(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        """Two a page, so that there are several. S3 leaves an empty list out."""
        found = [
            {"Key": key, "VersionId": "null", "Size": held.size}
            for key, held in sorted(self.objects.items())
            if key.startswith(Prefix)
        ]
        pages = [{"Versions": found[at : at + 2]} for at in range(0, len(found), 2)]
        return self._wire.call("ListObjectVersions", lambda: pages or [{}])

    def _list_multiparts(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        found = [
            {"Key": one.key, "UploadId": upload_id}
            for upload_id, one in self.multiparts.items()
            if one.key.startswith(Prefix)
        ]
        return self._wire.call(
            "ListMultipartUploads", lambda: [{"Uploads": found} if found else {}]
        )

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            for item in Delete["Objects"]:
                assert item.get("VersionId", "null") == "null"
                self.objects.pop(item["Key"], None)
            return {}

        return self._wire.call("DeleteObjects", work)

    # Multipart uploads

    def create_multipart_upload(
        self,
        *,
        Bucket: str,
        Key: str,
        ChecksumAlgorithm: str | None = None,
        ContentType: str = "",
    ) -> dict[str, Any]:
        assert ChecksumAlgorithm in (None, "SHA256")
        assert ContentType in ("", "application/gzip")

        def work() -> dict[str, Any]:
            self._begun[Key] += 1
            upload_id = _upload_id(Key, self._begun[Key])
            self.multiparts[upload_id] = Multipart(Key, checksums=ChecksumAlgorithm is not None)
            return {"UploadId": upload_id}

        return self._wire.call("CreateMultipartUpload", work)

    def upload_part(
        self, *, Bucket: str, Key: str, UploadId: str, PartNumber: int, Body: bytes
    ) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            if self._multipart(Key, UploadId, "UploadPart").checksums:
                raise aws_error("InvalidRequest", "UploadPart")
            part = _body_of(Body)
            self.store_part(Key, UploadId, PartNumber, part)
            return {"ETag": part.etag}

        return self._wire.call("UploadPart", work)

    def list_parts(
        self,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        PartNumberMarker: int = 0,
    ) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            parts = self._multipart(Key, UploadId, "ListParts").parts
            numbers = sorted(number for number in parts if number > PartNumberMarker)
            page = [
                {
                    "PartNumber": number,
                    "Size": parts[number].size,
                    "ETag": parts[number].etag,
                    "ChecksumSHA256": parts[number].checksum,
                }
                for number in numbers[:PAGE]
            ]
            answer: dict[str, Any] = {"IsTruncated": len(numbers) > PAGE}
            if page:  # S3 leaves an empty list out
                answer |= {"Parts": page, "NextPartNumberMarker": page[-1]["PartNumber"]}
            return answer

        return self._wire.call("ListParts", work)

    def complete_multipart_upload(
        self,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        MultipartUpload: dict[str, Any],
        IfNoneMatch: str | None = None,
    ) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            self._complete(Key, UploadId, MultipartUpload["Parts"], once=IfNoneMatch == "*")
            self.on_complete()
            return {}

        return self._wire.call("CompleteMultipartUpload", work)

    def _complete(
        self, key: str, upload_id: str, wanted: list[dict[str, Any]], *, once: bool
    ) -> None:
        operation = "CompleteMultipartUpload"
        multipart = self._multipart(key, upload_id, operation)
        if once and key in self.objects:
            raise aws_error("PreconditionFailed", operation)
        numbers = [part["PartNumber"] for part in wanted]
        if numbers != sorted(set(numbers)) or not numbers:
            raise aws_error("InvalidPartOrder", operation)
        bodies = []
        for part in wanted:
            held = multipart.parts.get(part["PartNumber"])
            if held is None or held.etag != part["ETag"]:
                raise aws_error("InvalidPart", operation)
            if multipart.checksums and "ChecksumSHA256" not in part:
                raise aws_error("InvalidRequest", operation)
            if held.checksum != part.get("ChecksumSHA256", held.checksum):
                raise aws_error("InvalidPart", operation)
            bodies.append(held)
        if any(body.size < self.min_part for body in bodies[:-1]):
            raise aws_error("EntityTooSmall", operation)
        digests = b"".join(bytes.fromhex(body.sha256) for body in bodies)
        whole = base64.b64encode(hashlib.sha256(digests).digest()).decode()
        data = [body.data for body in bodies if body.data is not None]
        self.objects[key] = Object(
            sum(body.size for body in bodies),
            f"{whole}-{len(bodies)}",
            b"".join(data),
            self._now(),
        )
        del self.multiparts[upload_id]

    def abort_multipart_upload(self, *, Bucket: str, Key: str, UploadId: str) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            self._multipart(Key, UploadId, "AbortMultipartUpload")
            del self.multiparts[UploadId]
            return {}

        return self._wire.call("AbortMultipartUpload", work)

    def _multipart(self, key: str, upload_id: str, operation: str) -> Multipart:
        multipart = self.multiparts.get(upload_id)
        if multipart is None or multipart.key != key:
            raise aws_error("NoSuchUpload", operation)
        return multipart


_body_of = Body.of


@functools.cache
def _client(endpoint: str) -> Any:
    """A client as the runtime makes it, which signs for this endpoint and sends nothing."""
    return clients.s3("path", endpoint_url=endpoint)


def _upload_id(key: str, number: int) -> str:
    """128 characters, as S3's have. They don't depend on what else is begun at once."""
    return hashlib.sha512(f"{key} {number}".encode()).hexdigest()
