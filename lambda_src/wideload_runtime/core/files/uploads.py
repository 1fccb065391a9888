"""Begin and resume uploads, sign their requests, and abort them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from wideload_runtime.core.cursors import encode_cursor
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.completing import (
    Completion,
    conflict,
    still_completing,
    unknown_upload,
    upload_gone,
    urls_end,
)
from wideload_runtime.core.files.parts import MIN_PART, SINGLE_PUT, hex_of, part_count, part_size
from wideload_runtime.core.files.ports import Action, Bucket, Records, StoredPart
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    End,
    File,
    FirstPart,
    Quota,
    Unsized,
    Upload,
    Usage,
)
from wideload_runtime.core.files.removing import LEFTOVER_SECONDS, remove
from wideload_runtime.core.files.requests import Page, UploadRequest, WantedPart
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import epoch, iso
from wideload_runtime.core.ulids import is_ulid

ROUNDS = 4
MAX_LISTED_PARTS = 20_000
"""Listed parts up to which an answer takes those of another upload: an answer of Lambda has at most
6 MB, and each thousand is a request to S3."""
FULL_RETRY_SECONDS = 30
_HASH_FIRST = {"hash_first": True}
_STILL_COUNTED = "What was just aborted or deleted counts until its upload URL has expired."
SCANNED = 250
"""Uploads that one page of unfinished uploads reads, most of which may be finished: half of what
one query returns if all names are long."""


@dataclass(frozen=True, slots=True)
class Limits:
    url_seconds: int
    session_seconds: int
    max_file_size: int
    """Bytes."""
    quota: Quota
    single_put: int = SINGLE_PUT
    """Bytes up to which a file is one PUT."""
    smallest_part: int = MIN_PART
    """Bytes."""


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """One person's uploads.

    Args:
        prefix: Prefix of the person's keys in S3.
    """

    records: Records
    bucket: Bucket
    completion: Completion
    metrics: Metrics
    limits: Limits
    prefix: str
    new_id: Callable[[], str]
    now: Callable[[], float]

    # Begin

    def check(self, contents: Sequence[Content]) -> list[dict[str, Any]]:
        """Return for each content whether the person has a file of it."""
        known, now = self.records.find(contents), iso(self.now())
        return [
            {"duplicate": True, "file": file.shown}
            if isinstance(file := known.get(content), File) and not file.is_over(now)
            else {"duplicate": False}
            for content in contents
        ]

    def create(self, requests: Sequence[UploadRequest | Refused]) -> list[dict[str, Any]]:
        """Begin or resume an upload for each file; return what the client must send.

        Raises:
            Refused: The first refusal, if all are refused; with all of them as `files`.
        """
        known = self.records.find(
            [
                each.announced
                for each in requests
                if isinstance(each, UploadRequest) and not self._is_hashed_first(each)
            ]
        )
        begun: dict[Announced, dict[str, Any]] = {}
        answers: list[dict[str, Any]] = []
        refusals: list[Refused] = []
        for request in requests:
            try:
                if isinstance(request, Refused):
                    raise request
                answer = begun.get(request.announced)
                if self._is_hashed_first(request) or (
                    answer and isinstance(request.announced, FirstPart)
                ):
                    answer = _HASH_FIRST
                elif answer is None:
                    listed = sum(len(other.get("parts", [])) for other in answers)
                    answer = self._create(request, known.get(request.announced), listed)
                    if "upload_id" in answer and not isinstance(request.announced, Unsized):
                        begun[request.announced] = answer
            except Refused as refused:
                refusals.append(refused)
                answer = _error(refused)
            answers.append(answer)
        if len(refusals) == len(requests):
            first = refusals[0]
            raise Refused(
                first.code, first.detail, retry_after=first.retry_after, members={"files": answers}
            )
        return answers

    def _is_hashed_first(self, request: UploadRequest) -> bool:
        """Return whether the hash of the whole is needed, as it is signed into a single PUT."""
        announced = request.announced
        return isinstance(announced, FirstPart) and announced.size <= self.limits.single_put

    def _create(
        self, request: UploadRequest, known: File | Upload | None, listed: int
    ) -> dict[str, Any]:
        for _ in range(ROUNDS):
            if isinstance(known, File) and isinstance(request.announced, FirstPart):
                return _HASH_FIRST
            if isinstance(known, File) and known.is_over(iso(self.now())):
                remove(known, self.records, self.bucket, self.now())
            elif isinstance(known, File):
                self.metrics.add("DuplicateFileCount", 1)
                self.metrics.add("BytesSaved", known.size)
                return {"duplicate": True, "file": known.shown}
            elif known is None:
                if begun := self._begin(request):
                    return begun
            elif known.is_over(iso(self.now())):
                if known.state == "open":  # the sweep hasn't seen it yet
                    self.close(known, "expired")
            else:
                held = self._held(known, listed)
                if held is not None:
                    return self._sending(known, held)
                if (done := self._complete(known)) and isinstance(request.announced, Content):
                    return {"duplicate": True, "file": done.shown}
            known = self.records.find([request.announced]).get(request.announced)
            if known is None:
                self._refuse_if_full(request.announced)
        raise conflict()

    def _begin(self, request: UploadRequest) -> dict[str, Any] | None:
        """Begin an upload; None if what it announces is known or the quota is exceeded."""
        announced, now = request.announced, self.now()
        is_unsized = isinstance(announced, Unsized)
        size = 0 if isinstance(announced, Unsized) else announced.size
        self._refuse_if_too_large(size)
        upload_id = self.new_id()
        session_ends = iso(now + self.limits.session_seconds)
        sizes = {
            "single_put": 0 if is_unsized else self.limits.single_put,
            "smallest": self.limits.smallest_part,
        }
        planned = max(1, announced.expected_size) if isinstance(announced, Unsized) else size
        upload = Upload(
            upload_id=upload_id,
            state="open",
            name=request.name,
            size=size,
            content_type=request.content_type,
            sha256=announced.sha256 if isinstance(announced, Content) else None,
            first_sha256=_first_sha256(announced),
            unsized=is_unsized,
            part_size=part_size(planned, **sizes),
            part_count=0 if is_unsized else part_count(size, **sizes),
            key=f"{self.prefix}{upload_id}",
            created_at=iso(now),
            session_ends=session_ends,
            due_at=session_ends,
        )
        return self._sending(upload, []) if self.records.open(upload, self.limits.quota) else None

    def _refuse_if_too_large(self, size: int) -> None:
        if size > self.limits.max_file_size:
            raise Refused(
                "file_too_large",
                f"The file has {size} bytes, {self.limits.max_file_size} are allowed.",
            )

    def _refuse_if_no_room(self, usage: Usage, size: int, kind: str = "bytes") -> None:
        quota = self.limits.quota
        if quota.lacks_room(usage, size):
            raise Refused(
                "quota_exceeded",
                f"The file has {size} {kind}; {usage.bytes} of {quota.bytes} bytes are taken by "
                f"files and open uploads: delete files, or abort uploads. {_STILL_COUNTED}",
            )

    def _refuse_if_full(self, announced: Announced) -> None:
        usage, quota = self.records.usage(), self.limits.quota
        self._refuse_if_no_room(usage, 0 if isinstance(announced, Unsized) else announced.size)
        if quota.lacks_files(usage):
            raise Refused(
                "quota_exceeded",
                f"{usage.files} files are there, open uploads among them, and {quota.files} are "
                f"allowed: delete files, or abort uploads. {_STILL_COUNTED}",
            )
        if quota.is_full(usage):
            raise Refused(
                "too_many_uploads",
                f"{usage.open_uploads} uploads are open, {quota.open_uploads} are allowed: "
                "complete or abort some.",
                retry_after=FULL_RETRY_SECONDS,
            )

    def _complete(self, upload: Upload) -> File | None:
        """Complete the upload; None if it must be read again."""
        try:
            return self.completion.complete(upload.upload_id)
        except Refused as refused:
            if refused.code == "completing":
                raise
            return None

    def _sending(self, upload: Upload, held: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return what the client has yet to send, given the parts that S3 holds."""
        answer: dict[str, Any] = {"upload_id": upload.upload_id}
        if upload.is_multipart:
            answer["part_size"] = upload.part_size
            if not upload.unsized:
                answer["part_count"] = upload.part_count
            answer["parts"] = held
        elif not held:
            answer["action"] = self._put(upload)
        return {**answer, "expires_at": upload.session_ends}

    # Send

    def sign(self, upload_id: str, parts: Sequence[WantedPart]) -> list[dict[str, Any]]:
        """Return an action for each part.

        Raises:
            Refused: `unknown_upload`, `upload_gone`, `upload_completed`, `completing`, `conflict`
                or `invalid_request`.
        """
        upload = self._sendable(upload_id)
        lengths = [_length(upload, part) for part in parts]
        if not upload.is_multipart:
            if any(part.sha256 != upload.sha256 for part in parts):
                raise Refused(
                    "invalid_request", "The upload is one PUT, but sha256 is not the file's."
                )
            action = self._put(upload)
            return [{"number": part.number, "action": action} for part in parts]
        if upload.unsized:
            ends = [
                (part.number - 1) * upload.part_size + length
                for part, length in zip(parts, lengths, strict=True)
            ]
            upload = self._grown(upload, max(ends))
        upload = self._begun_in_s3(upload)
        seconds = self._url_seconds(upload)
        return [
            {"number": part.number, "action": self._put_part(upload, part, length, seconds)}
            for part, length in zip(parts, lengths, strict=True)
        ]

    def _grown(self, upload: Upload, size: int) -> Upload:
        """Return an unsized upload whose bytes are counted up to `size`."""
        for _ in range(ROUNDS):
            if size <= upload.size:
                return upload
            self._refuse_if_too_large(size)
            if self.records.grow(upload, size, self.limits.quota):
                return replace(upload, size=size)
            counted, upload = upload.size, self._sendable(upload.upload_id)
            if upload.size == counted:
                self._refuse_if_no_room(self.records.usage(), size - counted, "more bytes")
        raise conflict()

    def _sendable(self, upload_id: str) -> Upload:
        upload = self._known(upload_id)
        if upload.is_over(iso(self.now())):
            raise upload_gone(upload)
        if upload.state == "completed":
            raise upload_completed()
        if upload.state == "completing":
            raise still_completing()
        return upload

    def _begun_in_s3(self, upload: Upload) -> Upload:
        """Return the upload with one multipart upload in S3, also if several requests begin it."""
        for _ in range(ROUNDS):
            if upload.s3_upload_id:
                return upload
            begun = self.bucket.begin_multipart(upload.key)
            self.records.begin_multipart(upload, begun)
            # Read it again: the answer may be of an attempt after a lost one.
            kept = self.records.upload(upload.upload_id)
            if kept is None or kept.s3_upload_id != begun:
                self.bucket.try_abort(upload.key, begun)
            upload = self._sendable(upload.upload_id)
        raise conflict()

    def _put(self, upload: Upload) -> Action:
        seconds = self._url_seconds(upload)
        return self.bucket.sign_put(
            upload.key, size=upload.size, sha256=upload.sha256 or "", seconds=seconds
        )

    def _put_part(self, upload: Upload, part: WantedPart, size: int, seconds: int) -> Action:
        return self.bucket.sign_part(
            upload.key,
            upload.s3_upload_id or "",
            part.number,
            size=size,
            sha256=part.sha256,
            seconds=seconds,
        )

    def _url_seconds(self, upload: Upload) -> int:
        """Seconds for which a URL is valid, at most until its session ends."""
        left = int(epoch(upload.session_ends) - self.now())
        return max(1, min(self.limits.url_seconds, left))

    # Look and abort

    def show(self, upload_id: str) -> dict[str, Any]:
        """
        Raises:
            Refused: `unknown_upload`.
        """
        upload, held = self._known(upload_id), None
        if self._is_unfinished(upload):
            held = self._held(upload)
            if held is None and upload.state == "open":
                with suppress(Refused):
                    self._complete(upload)
                upload = self._known(upload_id)
        known = {**upload.shown(iso(self.now())), "parts": held or []}
        if upload.state == "completed":
            file = self.records.file(upload.file_id or upload_id)
            if file is None or file.is_over(iso(self.now())):  # deleted between the two looks
                raise unknown_upload()
            known["file"] = file.shown
        return known

    def listed(self, page: Page) -> dict[str, Any]:
        """Unfinished uploads, newest first."""
        found = self.records.uploads(before=page.before, limit=SCANNED)
        now, items, last = iso(self.now()), [], None
        for upload in found:
            last = upload.upload_id
            if self._is_unfinished(upload):
                items.append(upload.shown(now))
            if len(items) == page.limit:
                break
        exhausted = len(found) < SCANNED and (not found or last == found[-1].upload_id)
        return {"items": items, "cursor": None if exhausted or not last else encode_cursor(last)}

    def abort(self, upload_id: str) -> None:
        """
        Raises:
            Refused: `unknown_upload`, `upload_completed` or `conflict`.
        """
        for _ in range(ROUNDS):
            upload = self._known(upload_id)
            if upload.state == "completed":
                raise upload_completed()
            if upload.state in ("aborted", "expired") or self.close(upload, "aborted"):
                return
        raise conflict()

    def close(self, upload: Upload, state: End) -> bool:
        """End an upload, and remove what S3 holds of it; False if it has changed meanwhile.

        Its bytes are counted until no URL of it can store an object: URLs of parts end with the
        multipart upload, that of a single PUT stays valid until it expires.
        """
        now = self.now()
        ends = urls_end(upload, now, self.limits.url_seconds)
        later = iso(now + LEFTOVER_SECONDS)
        due_at = later if ends is None else iso(ends)
        if not self.records.close(upload, state, due_at=due_at, hold=ends is not None):
            return False
        # Looked up again: its multipart upload may have begun after it was read.
        closed = self.records.upload(upload.upload_id) or upload
        removed = self.bucket.try_remove(closed.key, closed.s3_upload_id)
        joining = closed.completing_since is not None
        if closed.held is not None and closed.is_multipart and removed and not joining:
            self.records.give_back(closed, due_at=later)
        return True

    def _held(self, upload: Upload, listed: int = 0) -> list[dict[str, Any]] | None:
        """Return the parts that S3 holds of an unfinished upload; None if S3 has no such upload.

        Then completing it shows whether S3 has joined the parts, or they must be sent again.
        """
        if not upload.is_multipart:
            stored = self.bucket.stored(upload.key)
            return [{"number": 1, "sha256": upload.sha256}] if stored else []
        if listed > MAX_LISTED_PARTS:
            raise Refused(
                "unavailable",
                "This answer lists enough parts: ask for this file in another request.",
                retry_after=1,
            )
        parts = self.completion.parts_of(upload)
        return None if parts is None else [_shown(part) for part in parts]

    def _is_unfinished(self, upload: Upload) -> bool:
        return upload.state == "completing" or (
            upload.state == "open" and not upload.is_over(iso(self.now()))
        )

    def _known(self, upload_id: str) -> Upload:
        upload = self.records.upload(upload_id) if is_ulid(upload_id) else None
        if upload is None:
            raise unknown_upload()
        return upload


def upload_completed() -> Refused:
    return Refused("upload_completed", "The upload is completed: delete its file, if you like.")


def _first_sha256(announced: Announced) -> str | None:
    if isinstance(announced, Unsized):
        return announced.first_sha256
    return announced.sha256 if isinstance(announced, FirstPart) else None


def _length(upload: Upload, part: WantedPart) -> int:
    """Return the bytes of a part.

    Raises:
        Refused: `invalid_request`: the upload takes no such part.
    """
    if upload.unsized:
        if part.size is None or not upload.takes(part.number, part.size):
            raise Refused(
                "invalid_request",
                f"Part {part.number}: size is missing or not from 1 to {upload.part_size}. The "
                "upload was begun without its size, so each part needs one.",
            )
        return part.size
    if part.number > upload.part_count:
        raise Refused(
            "invalid_request",
            f"Part {part.number} is wanted, but the upload has {upload.part_count}.",
        )
    length = upload.length_of(part.number)
    if part.size not in (None, length):
        raise Refused(
            "invalid_request",
            f"Part {part.number} has {length} bytes, but its size is given as {part.size}.",
        )
    return length


def _shown(part: StoredPart) -> dict[str, Any]:
    return {"number": part.number, "sha256": hex_of(part.checksum)}


def _error(refused: Refused) -> dict[str, Any]:
    known: dict[str, Any] = {
        "code": refused.code,
        "title": refused.title,
        "status": refused.status,
        "detail": refused.detail,
    }
    if refused.retry_after:
        known["retry_after"] = refused.retry_after
    return {"error": known}
