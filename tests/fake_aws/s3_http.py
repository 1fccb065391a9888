"""S3's HTTP side: presigned requests, whose signature, headers, length and content it proves."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

from tests.fake_aws.environment import SECRET_ACCESS_KEY
from tests.fake_aws.messages import Fault, Refused, Seen, s3_error
from tests.fake_aws.s3 import Body, FakeS3, S3Refused

_OVERRIDES = "response-"


class S3Http:
    """
    Args:
        bucket: The objects.
        now: Epoch seconds of S3's clock.

    Attributes:
        refuses: "late", after the body; "early": S3 answers without reading the body, and closes;
            "hangs up": it closes without an answer.
        knows_conditions: Whether `If-Match` is judged.
        keeps: Whether the bytes of what is stored are kept.
        during_put: Called with each block of a body: the request, and the bytes that came.
        during_get: Called before each block of an answer: the request, and the bytes that went.
        refused: Called with the status of each refusal.
        most_at_once: Most requests that were under way at once.
    """

    def __init__(self, bucket: FakeS3, now: Callable[[], float]) -> None:
        self.bucket = bucket
        self.refuses = "late"
        self.knows_conditions = True
        self.keeps = True
        self.most_at_once = 0
        self.bytes_put = 0
        self.during_put: Callable[[Seen, int], object] = lambda seen, count: None
        self.during_get: Callable[[Seen, int], object] = lambda seen, at: None
        self.refused: Callable[[int], object] = lambda status: None
        self._requests: dict[int, Seen] = {}
        self._now = now
        self._lock = threading.Lock()

    def admit(self, seen: Seen) -> None:
        """Judge a request by its head, as S3 does before it reads the body.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

        Raises:
            Refused: With S3's status and code.
        """
        if "X-Amz-Signature" not in seen.query:
            raise Refused(s3_error(403, "AccessDenied"))
        if seen.query.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
            raise Refused(s3_error(400, "InvalidRequest"))
        if "authorization" in seen.headers:
            raise Refused(s3_error(400, "InvalidArgument"))
        signed = seen.query["X-Amz-SignedHeaders"].split(";")
        if not hmac.compare_digest(_signature(seen, signed), seen.query["X-Amz-Signature"]):
            raise Refused(s3_error(403, "SignatureDoesNotMatch"))
        ends_at = self.bucket.ends_at(seen.query["X-Amz-Signature"])
        if ends_at is None or ends_at <= self._now():
            raise Refused(s3_error(403, "AccessDenied"))
        if any(name.startswith("x-amz-") and name not in signed for name in seen.headers):
            raise Refused(s3_error(403, "AccessDenied"))
        if "transfer-encoding" in seen.headers:
            raise Refused(s3_error(501, "NotImplemented"))
        if seen.query.get("uploadId", "") not in {"", *self.bucket.multiparts}:
            raise Refused(s3_error(404, "NoSuchUpload"))
        once = seen.headers.get("if-none-match") == "*"
        if self.refuses != "late" and once and _key(seen) in self.bucket.objects:
            raise Refused(s3_error(412, "PreconditionFailed"))

    def store(self, seen: Seen, size: int, sha256: str, data: bytes | None) -> Fault:
        """PUT an object or a part, of this size and SHA-256."""
        body = Body(size, sha256, data)
        declared = seen.headers.get("x-amz-checksum-sha256")
        if declared not in (None, body.checksum):
            raise Refused(s3_error(400, "BadDigest"))
        upload_id = seen.query.get("uploadId")
        try:
            with self.bucket.lock:
                if upload_id is None:
                    once = seen.headers.get("if-none-match") == "*"
                    etag = self.bucket.store(_key(seen), body, once=once).etag
                else:
                    if declared is None and self.bucket.multiparts[upload_id].checksums:
                        raise S3Refused(400, "InvalidRequest")
                    number = int(seen.query["partNumber"])
                    self.bucket.store_part(_key(seen), upload_id, number, body)
                    etag = body.etag
        except S3Refused as refused:
            raise Refused(s3_error(refused.status, refused.code)) from refused
        checksum = {} if declared is None else {"x-amz-checksum-sha256": declared}
        return Fault(200, b"", {"ETag": etag, **checksum})

    def fetch(self, seen: Seen) -> Fault:
        """GET an object, or a range of it."""
        self.admit(seen)
        found = self.bucket.objects.get(_key(seen))
        if found is None:
            raise Refused(s3_error(404, "NoSuchKey"))
        if self.knows_conditions and seen.headers.get("if-match", found.etag) != found.etag:
            raise Refused(s3_error(412, "PreconditionFailed"))
        headers = {
            name.removeprefix(_OVERRIDES).title(): value
            for name, value in seen.query.items()
            if name.startswith(_OVERRIDES)
        }
        headers["ETag"] = found.etag
        wanted, content, size = seen.headers.get("range"), found.data, len(found.data)
        if wanted is None:
            return Fault(200, content, headers)
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) if last else size, size - 1)
        if start >= size:
            raise Refused(s3_error(416, "InvalidRange"))
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
        return Fault(206, content[start : end + 1], headers)

    @property
    def objects(self) -> dict[str, Any]:
        """Contents by key."""
        return {key: held.data for key, held in self.bucket.objects.items()}

    @contextmanager
    def under_way(self, seen: Seen) -> Iterator[None]:
        """Count a request as under way until its end."""
        with self._lock:
            self._requests[id(seen)] = seen
            self.most_at_once = max(self.most_at_once, len(self._requests))
        try:
            yield
        finally:
            self.end(seen)

    def end(self, seen: Seen) -> None:
        """End the count of a request, before the client has its whole answer and goes on."""
        with self._lock:
            self._requests.pop(id(seen), None)


def _key(seen: Seen) -> str:
    return unquote(seen.path.removeprefix("/s3/"))


def _signature(seen: Seen, signed: list[str]) -> str:
    """The signature that the request's head should carry.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in seen.query.items()
        if name != "X-Amz-Signature"
    )
    request = "\n".join(
        [
            seen.method,
            seen.path,
            "&".join(f"{name}={value}" for name, value in query),
            *(f"{name}:{' '.join(seen.headers.get(name, '').split())}" for name in signed),
            "",
            ";".join(signed),
            "UNSIGNED-PAYLOAD",
        ]
    )
    _, *scope = seen.query["X-Amz-Credential"].split("/")
    key = f"AWS4{SECRET_ACCESS_KEY}".encode()
    for part in scope:
        key = _hmac(key, part)
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", seen.query["X-Amz-Date"], "/".join(scope), digest])
    return _hmac(key, text).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
