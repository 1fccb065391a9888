"""File transfer over AWS in memory: the functions' own code behind a loopback port."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ulid import ULID

import tests.fake_aws.environment  # noqa: F401 - before the handlers
from tests.fake_aws.dynamo import FakeDynamoTable
from tests.fake_aws.gateway import RUNTIME, UNAUTHORIZED, Gateway, running_with
from tests.fake_aws.http import STAGE, Service, serving_at
from tests.fake_aws.messages import Fault, Refused, Seen
from tests.fake_aws.s3 import Body, FakeS3, Multipart, Object
from tests.fake_aws.s3_http import S3Http
from tests.fake_aws.wire import Wire
from wideload_runtime.adapters.files_bucket import FilesBucket
from wideload_runtime.adapters.files_items import first_part_item
from wideload_runtime.adapters.files_queue import VerificationQueue
from wideload_runtime.adapters.files_table import FilesTable
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.parts import (
    MAX_SIZE,
    MIB,
    MIN_PART,
    SINGLE_PUT,
    part_count,
    part_size,
)
from wideload_runtime.core.files.records import Content, File, FirstPart, NewName, Quota, Upload
from wideload_runtime.core.files.requests import Claim, UploadRequest
from wideload_runtime.core.files.transfer import FileTransfer
from wideload_runtime.core.files.uploads import Uploads
from wideload_runtime.handlers import files_api

__all__ = ["CLAIMS", "ISSUER", "MIB", "OWNER", "TOKEN", "FilesService", "serving_files"]

ISSUER = "https://issuer.example"
SIGN_IN = {"issuer": ISSUER, "client_id": "client-1", "scopes": []}
TOKEN = "eyJhbGciOi.access-token.of-a-person"
OWNER = "auth0|5"
CLAIMS = {"sub": OWNER, "token_use": "access"}
START = datetime(2026, 11, 22, 9, 0, 0, 123_000, tzinfo=UTC).timestamp()
_LISTS = ("/files", "/files/uploads")


class _Metrics:
    def add(self, name: str, value: float) -> None:
        pass


class FilesService(Service):
    """The API with one person, who has an access token, and its S3.

    Attributes:
        time: Epoch seconds of the clock of the API and of S3, which stands still.
        token: The access token that API Gateway's authorizer takes.
        one_put: Bytes up to which a file is one PUT.
        smallest_part: Bytes of a part of larger ones.
        quota: Bytes of files and open uploads.
        largest: Bytes of a file.
        slow_completions: Requests to complete that are answered before S3 has joined the parts.
    """

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.time = START
        self.token = TOKEN
        self.one_put = SINGLE_PUT
        self.smallest_part = MIN_PART
        self.most_open = 100
        self.quota: int | None = None
        self.largest = MAX_SIZE
        self.url_seconds = 3600
        self.slow_completions = 0
        self._joining: Callable[[], None] | None = None
        wire = Wire()
        self.items = FakeDynamoTable(wire)
        self.bucket = FakeS3(wire, self.now, endpoint=root, bucket="s3", min_part=1)
        self.s3 = S3Http(self.bucket, self.now)
        self._records = FilesTable(self.items, sleep=lambda seconds: None, now=self.now)
        self._contents = FilesBucket(self.bucket, "s3", run=self._join)
        self._gateway = Gateway("files")
        self._count = 0

    def now(self) -> float:
        return self.time

    # For tests

    @property
    def uploads(self) -> dict[str, Upload]:
        """Uploads of all states, by id."""
        found = (self._records.of(OWNER).upload(one) for one in self._ids("UPLOAD#"))
        return {upload.upload_id: upload for upload in found if upload}

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        """Files as the API shows them, by id."""
        files = self._transfer().files(OWNER)
        found = self._records.of(OWNER).files_by_id(self._ids("FILE#")).values()
        return {file.file_id: files.shown(file) for file in found}

    def content(self, file_id: str) -> bytes:
        """The bytes that S3 holds of a file."""
        content: bytes = self.bucket.objects[self.key_of(file_id)].data
        return content

    def key_of(self, file_id: str) -> str:
        """Key of the object of a file or an upload."""
        records = self._records.of(OWNER)
        found = records.file(file_id) or records.upload(file_id)
        assert found
        return found.key

    def replace_content(self, file_id: str, content: Any) -> None:
        """Have S3 hold other bytes of a file."""
        held = self.bucket.objects[self.key_of(file_id)]
        digest = Body.of(content).checksum
        changed = replace(held, size=len(content), checksum=digest, data=content)
        self.bucket.objects[self.key_of(file_id)] = changed

    def parts(self, upload_id: str) -> dict[int, Body]:
        """The parts that S3 holds of an upload, by number."""
        return self._multipart(upload_id).parts

    def _multipart(self, upload_id: str) -> Multipart:
        return self.bucket.multiparts[self.uploads[upload_id].s3_upload_id or ""]

    def abort(self, upload_id: str) -> None:
        """Abort an upload, as another client does."""
        with RUNTIME:
            self._uploads().abort(upload_id)

    def complete(self, upload_id: str, claim: Claim | None = None) -> None:
        """Complete an upload, as another client does."""
        with RUNTIME:
            self._uploads().completion.complete(upload_id, claim)

    def add(
        self,
        content: Any,
        name: str = "a.bin",
        *,
        folder: str = "",
        sha256: str | None = None,
        verified: bool = True,
        corrupt: bool = False,
    ) -> dict[str, Any]:
        """Have a file, as the API shows it.

        Args:
            content: Bytes, or an object that can be sliced like them, of which `sha256` is given.
        """
        body = Body(len(content), sha256 or hashlib.sha256(content).hexdigest(), content)
        wanted = NewName(folder=folder, name=name, content_type="application/octet-stream")
        request = UploadRequest(wanted, Content(body.sha256, body.size))
        uploads = self._uploads(single_put=MAX_SIZE)
        ((answer),) = uploads.create([request])
        assert "upload_id" in answer, "another file has this content"
        upload_id = answer["upload_id"]
        key = self.key_of(upload_id)
        self.bucket.objects[key] = Object(body.size, body.checksum, content, self.time)
        (file,) = uploads.completion.complete(upload_id)
        self._index_first_part(file, content)
        if corrupt or not verified:
            stored = self.items.items[OWNER, f"OBJECT#{upload_id}"]
            stored["verified"] = False
            del stored["verified_by"]
        if corrupt:
            self._records.of(OWNER).mark_corrupt(
                self._records.of(OWNER).stored([upload_id])[upload_id]
            )
        return self.files[upload_id]

    def _index_first_part(self, file: File, content: Any) -> None:
        """Record the first part, as if the file had been uploaded in parts."""
        sizes = {"single_put": self.one_put, "smallest": self.smallest_part}
        if part_count(file.size, **sizes) == 1:
            return
        first = bytes(content[: part_size(file.size, **sizes)])
        part = FirstPart(hashlib.sha256(first).hexdigest(), file.size)
        self.items.items[OWNER, f"OBJECT#{file.object_id}"]["first_sha256"] = part.sha256
        item = {"owner": OWNER, **first_part_item(part, file.object_id)}
        self.items.items[OWNER, item["item"]] = item

    def _ids(self, kind: str) -> list[str]:
        return [item.removeprefix(kind) for _, item in list(self.items.items) if kind in item]

    # The API

    def answer(self, seen: Seen) -> Fault:
        path = seen.path.removeprefix(STAGE)
        template = self._gateway.route(seen.method, path)
        authorizer = None
        if template != "/sign-in":
            if seen.headers.get("authorization") != f"Bearer {self.token}":
                raise Refused(UNAUTHORIZED)
            authorizer = {"jwt": {"claims": CLAIMS, "scopes": None}}
        settings = replace(files_api.settings, sign_in=SIGN_IN)
        with running_with(files_api, transfer=self._transfer(), settings=settings):
            self._gateway.check(template, seen)
            if template in _LISTS and seen.method == "GET":
                shorter = min(int(seen.query.get("limit", "50")), self.longest_page)
                seen = replace(seen, query={**seen.query, "limit": str(shorter)})
            if template.endswith("/complete"):
                self._go_on_joining()
            answer = self._gateway.invoke(files_api.handler, seen, path, authorizer)
        return self.tampered(f"{seen.method} {template}", answer)

    def _uploads(self, **sizes: int) -> Uploads:
        return self._transfer(**sizes).uploads(OWNER, seconds_left=lambda: 2)

    def _transfer(self, **sizes: int) -> FileTransfer:
        return FileTransfer(
            table=self._records,
            bucket=self._contents,
            verifications=VerificationQueue(None, ""),
            metrics=_Metrics(),
            limits=Limits(
                url_seconds=self.url_seconds,
                session_seconds=7 * 24 * 3600,
                max_file_size=self.largest,
                quota=Quota(self.quota, self.most_open, None),
                **{"single_put": self.one_put, "smallest_part": self.smallest_part, **sizes},
            ),
            life_seconds=None,
            scan_seconds=None,
            new_id=self._new_id,
            now=self.now,
        )

    def _join(self, work: Callable[[], None], seconds: float) -> None:
        """Have S3 join parts: later, if it is slow."""
        if self.slow_completions:
            self._joining = work
        else:
            work()

    def _go_on_joining(self) -> None:
        if self._joining is None:
            return
        self.slow_completions -= 1
        if not self.slow_completions:
            self._joining()
            self._joining = None

    def _new_id(self) -> str:
        """A ULID that sorts after those before it, though the clock stands still."""
        self._count += 1
        return f"{str(ULID.from_timestamp(self.time))[:10]}{self._count:016}"


def serving_files(tls: ssl.SSLContext | None = None) -> AbstractContextManager[FilesService]:
    """File transfer on a free port, gone at the end."""
    return serving_at(FilesService, tls)
