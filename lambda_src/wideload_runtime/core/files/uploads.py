"""Begin and resume uploads, show and abort them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from wideload_runtime.core.cursors import encode_cursor
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.completing import (
    ROUNDS,
    Completion,
    conflict,
    known_upload,
    unknown_upload,
    urls_end,
)
from wideload_runtime.core.files.limits import STILL_COUNTED, Limits
from wideload_runtime.core.files.parts import hex_of, part_count, part_size
from wideload_runtime.core.files.ports import Bucket, Records, StoredPart
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    End,
    File,
    FirstPart,
    Unsized,
    Upload,
)
from wideload_runtime.core.files.removing import LEFTOVER_SECONDS, remove
from wideload_runtime.core.files.requests import Page, UploadRequest
from wideload_runtime.core.files.signing import Signing, upload_completed
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import iso

MAX_LISTED_PARTS = 20_000
"""Listed parts up to which an answer takes those of another upload: an answer of Lambda has at most
6 MB, and each thousand is a request to S3."""
FULL_RETRY_SECONDS = 30
_HASH_FIRST = {"hash_first": True}
SCANNED = 250
"""Uploads that one page of unfinished uploads reads, most of which may be finished: half of what
one query returns if all names are long."""


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """One person's uploads.

    Args:
        prefix: Prefix of the person's keys in S3.
    """

    records: Records
    bucket: Bucket
    signing: Signing
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
        size = announced.size
        self.limits.check_size(size)
        upload_id = self.new_id()
        session_ends = iso(now + self.limits.session_seconds)
        sizes = {"single_put": self.limits.single_put, "smallest": self.limits.smallest_part}
        if isinstance(announced, Unsized):
            length = part_size(max(1, announced.expected_size), **{**sizes, "single_put": 0})
            count = 0
        else:
            length, count = part_size(size, **sizes), part_count(size, **sizes)
        upload = Upload(
            upload_id=upload_id,
            state="open",
            name=request.name,
            size=size,
            content_type=request.content_type,
            sha256=announced.sha256 if isinstance(announced, Content) else None,
            first_sha256=None if isinstance(announced, Content) else announced.sha256,
            unsized=isinstance(announced, Unsized),
            part_size=length,
            part_count=count,
            key=f"{self.prefix}{upload_id}",
            created_at=iso(now),
            session_ends=session_ends,
            due_at=session_ends,
        )
        return self._sending(upload, []) if self.records.open(upload, self.limits.quota) else None

    def _refuse_if_full(self, announced: Announced) -> None:
        usage, quota = self.records.usage(), self.limits.quota
        self.limits.check_room(usage, announced.size)
        if quota.lacks_files(usage):
            raise Refused(
                "quota_exceeded",
                f"{usage.files} files are there, open uploads among them, and {quota.files} are "
                f"allowed: delete files, or abort uploads. {STILL_COUNTED}",
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
            answer["action"] = self.signing.put(upload)
        return {**answer, "expires_at": upload.session_ends}

    # Look and abort

    def show(self, upload_id: str) -> dict[str, Any]:
        """
        Raises:
            Refused: `unknown_upload`.
        """
        upload, held = known_upload(self.records, upload_id), None
        if self._is_unfinished(upload):
            held = self._held(upload)
            if held is None and upload.state == "open":
                with suppress(Refused):
                    self._complete(upload)
                upload = known_upload(self.records, upload_id)
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
            upload = known_upload(self.records, upload_id)
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
