"""S3 as presigned URLs reach it, in memory, refusing what the real one refuses."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.client.fake_server import Fault, Refused, Seen, s3_error


@dataclass
class Signed:
    """What a presigned URL allows."""

    method: str
    path: str
    headers: dict[str, str]
    expires_at: float


class FakeS3:
    """Objects and multipart uploads. `root` is the server's URL."""

    def __init__(self) -> None:
        self.root = ""
        self.url_ttl = 3600
        self.hours = 0.0  # by which this clock is ahead
        # S3 may refuse without reading the body, and what it says then may get lost.
        self.refuses = "late"  # or "early" or "hangs up"
        self.knows_conditions = True  # If-Match
        self.keeps = True  # else the bytes of what is stored are gone
        self.objects: dict[str, Any] = {}  # bytes, or what can be sliced like them
        self.etags: dict[str, str] = {}
        self.multiparts: dict[str, dict[int, bytes]] = {}
        self.most_at_once = 0
        self.bytes_put = 0
        self.signed = 0
        self.during_put: Callable[[Seen, int], object] = lambda seen, count: None
        self.during_get: Callable[[Seen, int], object] = lambda seen, count: None
        self.refused: Callable[[int], object] = lambda status: None
        self._at_once = 0
        self._signed: dict[str, Signed] = {}
        self._lock = threading.RLock()

    def action(
        self, method: str, key: str, headers: dict[str, str], query: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Presign a request."""
        path = f"/s3/{key}"
        with self._lock:
            signature = f"5ecret{len(self._signed):05}"
            self.signed += 1
            self._signed[signature] = Signed(method, path, headers, self._time() + self.url_ttl)
        more = urlencode({**(query or {}), "X-Amz-Signature": signature})
        href = f"{self.root}{path}?{more}"
        return {"method": method, "href": href, "headers": headers, "expires_in": self.url_ttl}

    def admit(self, seen: Seen) -> None:
        """Judge a request by its head, as S3 does before it reads the body."""
        signed = self._signed.get(seen.query.get("X-Amz-Signature", ""))
        if signed is None or (signed.method, signed.path) != (seen.method, seen.path):
            raise Refused(s3_error(403, "SignatureDoesNotMatch"))
        if "authorization" in seen.headers:
            raise Refused(s3_error(400, "InvalidArgument"))
        if signed.expires_at <= self._time():
            raise Refused(s3_error(403, "AccessDenied"))
        if "transfer-encoding" in seen.headers:
            raise Refused(s3_error(501, "NotImplemented"))
        names = {name.lower() for name in signed.headers}
        if any(name.startswith("x-amz-") and name not in names for name in seen.headers):
            raise Refused(s3_error(403, "AccessDenied"))
        if any(seen.headers.get(name.lower()) != text for name, text in signed.headers.items()):
            raise Refused(s3_error(403, "SignatureDoesNotMatch"))
        if seen.query.get("uploadId", "") not in {"", *self.multiparts}:
            raise Refused(s3_error(404, "NoSuchUpload"))
        if self.refuses != "late" and seen.headers.get("if-none-match") == "*":
            self._refuse_existing(seen.path.removeprefix("/s3/"))

    def store(self, seen: Seen, content: bytes, sha256: str) -> Fault:
        """PUT an object or a part, whose bytes have this hash."""
        if base64_of(sha256) != seen.headers["x-amz-checksum-sha256"]:
            raise Refused(s3_error(400, "BadDigest"))
        key = seen.path.removeprefix("/s3/")
        with self._lock:
            upload_id = seen.query.get("uploadId")
            if upload_id:
                if upload_id not in self.multiparts:
                    raise Refused(s3_error(404, "NoSuchUpload"))
                self.multiparts[upload_id][int(seen.query["partNumber"])] = content
            else:
                if seen.headers.get("if-none-match") == "*":
                    self._refuse_existing(key)
                self.objects[key] = content
        return Fault(200, b"", {"ETag": _etag(content)})

    def fetch(self, seen: Seen) -> Fault:
        """GET an object, or a range of it."""
        key = seen.path.removeprefix("/s3/")
        if key not in self.objects:
            raise Refused(s3_error(404, "NoSuchKey"))
        content = self.objects[key]
        etag = self.etags.get(key) or _etag(content)
        if self.knows_conditions and seen.headers.get("if-match", etag) != etag:
            raise Refused(s3_error(412, "PreconditionFailed"))
        wanted = seen.headers.get("range")
        if wanted is None:
            return Fault(200, content, {"ETag": etag})
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) if last else len(content), len(content) - 1)
        if start >= len(content):
            raise Refused(s3_error(416, "InvalidRange"))
        headers = {"ETag": etag, "Content-Range": f"bytes {start}-{end}/{len(content)}"}
        return Fault(206, content[start : end + 1], headers)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count requests that are under way."""
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def _refuse_existing(self, key: str) -> None:
        if key in self.objects:
            raise Refused(s3_error(412, "PreconditionFailed"))

    def _time(self) -> float:
        return time.time() + self.hours * 3600


def base64_of(sha256: str) -> str:
    """A hex SHA-256 as S3's headers have it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'
