"""Begin and resume uploads, show and abort them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from wideload_runtime.core.cursors import encode_cursor
from wideload_runtime.core.errors import Refused, conflict, error_of
from wideload_runtime.core.files.completing import (
    ROUNDS,
    Completion,
    file_deleted,
    known_upload,
    unknown_upload,
    urls_end,
)
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.parts import hex_of, part_count, part_size
from wideload_runtime.core.files.placing import NameTakenError, Placing
from wideload_runtime.core.files.ports import Bucket, Records, StoredPart
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    End,
    FirstPart,
    NewName,
    StoredObject,
    Unsized,
    Upload,
)
from wideload_runtime.core.files.removing import LEFTOVER_SECONDS, clear
from wideload_runtime.core.files.requests import Claim, Page, UploadRequest
from wideload_runtime.core.files.showing import Showing
from wideload_runtime.core.files.signing import Signing, upload_completed
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import iso

MAX_LISTED_PARTS = 20_000
"""Listed parts up to which an answer takes those of another upload: an answer of Lambda has at most
6 MB, and each thousand is a request to S3."""
FULL_RETRY_SECONDS = 30
MOST_NAMES = 40
"""Names of one open upload: its item has up to 400 KB, a name with its folder some 7 KB."""
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
    placing: Placing
    showing: Showing
    metrics: Metrics
    limits: Limits
    prefix: str
    new_id: Callable[[], str]
    now: Callable[[], float]

    # Begin

    def check(self, contents: Sequence[Content]) -> list[dict[str, Any]]:
        """Return for each content whether the person has a file of it."""
        known, now = self.records.find(contents), iso(self.now())
        stored = [one for one in known.values() if isinstance(one, StoredObject)]
        files = self.records.files_by_id({one.file_id for one in stored}).values()
        kept = [file for file in files if not file.is_over(now)]
        shown = {file["file_id"]: file for file in self.showing.files(kept, *stored) if file}
        answers: list[dict[str, Any]] = []
        for content in contents:
            if isinstance(one := known.get(content), StoredObject):
                newest = shown.get(one.file_id)
                answers.append({"duplicate": True, **({"file": newest} if newest else {})})
            else:
                answers.append({"duplicate": False})
        return answers

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
                announced, repeated = request.announced, begun.get(request.announced)
                if self._is_hashed_first(request) or (
                    repeated and isinstance(announced, FirstPart)
                ):
                    answer = _HASH_FIRST
                elif repeated and self._join(request, repeated["upload_id"]):
                    answer = repeated
                else:
                    if repeated:
                        known.update(self.records.find([announced]))
                    listed = sum(len(other.get("parts", [])) for other in answers)
                    answer = self._create(request, known.get(announced), listed)
                    if "upload_id" in answer and not isinstance(announced, Unsized):
                        begun[announced] = answer
            except NameTakenError as taken:
                answer = self._taken(taken)
                if "error" in answer:
                    refusals.append(taken.refused)
            except Refused as refused:
                refusals.append(refused)
                answer = error_of(refused)
            answers.append(answer)
        if len(refusals) == len(requests):
            first = refusals[0]
            raise Refused(
                first.code, first.detail, retry_after=first.retry_after, members={"files": answers}
            )
        return answers

    def _taken(self, taken: NameTakenError) -> dict[str, Any]:
        file = self.showing.file(taken.file)
        if file is None:  # deleted meanwhile
            raise conflict()
        if taken.if_exists == "skip":
            return {"skipped": True, "file": file}
        return {"error": {**error_of(taken.refused)["error"], "file": file}}

    def _is_hashed_first(self, request: UploadRequest) -> bool:
        """Return whether the hash of the whole is needed, as it is signed into a single PUT."""
        announced = request.announced
        return isinstance(announced, FirstPart) and announced.size <= self.limits.single_put

    def _create(
        self, request: UploadRequest, known: StoredObject | Upload | None, listed: int
    ) -> dict[str, Any]:
        announced = request.announced
        for _ in range(ROUNDS):
            if isinstance(known, StoredObject):
                if isinstance(announced, FirstPart):
                    return _HASH_FIRST
                if made := self._make(request.name, known):
                    return made
            elif known is None:
                self.placing.check(request.name, announced)
                if begun := self._begin(request):
                    return begun
            elif resumed := self._resume(request, known, listed):
                return resumed
            known = self.records.find([announced]).get(announced)
            if known is None:
                self._refuse_if_full(announced)
        raise conflict()

    def _resume(self, request: UploadRequest, upload: Upload, listed: int) -> dict[str, Any] | None:
        """Resume an open upload; None if the content must be looked up again."""
        if upload.is_over(iso(self.now())):
            if upload.state == "open":  # the sweep hasn't seen it yet
                self.close(upload, "expired")
            return None
        is_named = any(name.is_of(request.name) for name in upload.names)
        if not is_named and isinstance(request.announced, FirstPart):
            return _HASH_FIRST  # other files may begin with the same part
        if not is_named and not self._add(request, upload):
            return None
        held = self._held(upload, listed)
        if held is None:
            self._complete(upload)
            return None
        return self._sending(upload, held)

    def _make(self, name: NewName, stored: StoredObject) -> dict[str, Any] | None:
        """Make a file over known content; None if the content must be looked up again."""
        placement = self.placing.place(
            name, stored, file_id=self.new_id(), created_at=iso(self.now())
        )
        if not placement.is_there:
            if not self.records.make(placement, self.limits.quota):
                self.limits.check_files(self.records.usage())
                return None
            clear(placement.replaced, self.bucket)
        shown = self.showing.file(placement.file, stored)
        if shown is None:
            return None
        self.metrics.add("DuplicateFileCount", 1)
        self.metrics.add("BytesSaved", stored.size)
        return {"duplicate": True, "file": shown}

    def _join(self, request: UploadRequest, upload_id: str) -> bool:
        """Add a name to an upload that was begun for an earlier file of the same request."""
        upload = self.records.upload(upload_id)
        if upload is None or upload.state not in ("open", "completing"):
            return False
        is_named = any(name.is_of(request.name) for name in upload.names)
        return is_named or self._add(request, upload)

    def _add(self, request: UploadRequest, upload: Upload) -> bool:
        """Add a name to an open upload; False if it has changed meanwhile."""
        self.placing.check(request.name, request.announced)
        if len(upload.names) >= MOST_NAMES:
            raise Refused(
                "unavailable",
                f"{MOST_NAMES} files wait for an upload of this content: announce this file again "
                "when it is completed.",
                retry_after=FULL_RETRY_SECONDS,
            )
        if self.records.add_name(upload, request.name, self.limits.quota):
            return True
        self.limits.check_files(self.records.usage())
        return False

    def _begin(self, request: UploadRequest) -> dict[str, Any] | None:
        """Begin an upload; None if what it announces is known or the quota is exceeded."""
        announced, name, now = request.announced, request.name, self.now()
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
            folder=name.folder,
            name=name.name,
            modified_at=name.modified_at,
            if_exists=name.if_exists,
            metadata=name.metadata,
            content_type=name.content_type,
            size=size,
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
        self.limits.check_files(usage)
        if quota.is_full(usage):
            raise Refused(
                "too_many_uploads",
                f"{usage.open_uploads} uploads are open, {quota.open_uploads} are allowed: "
                "complete or abort some.",
                retry_after=FULL_RETRY_SECONDS,
            )

    def _complete(self, upload: Upload) -> None:
        """Complete the upload, unless it must be read again."""
        try:
            self.completion.complete(upload.upload_id)
        except Refused as refused:
            if refused.code == "completing":
                raise

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

    def complete(self, upload_id: str, claim: Claim | None = None) -> dict[str, Any]:
        """Complete an upload; return the file of its first name, and all if there are several.

        Raises:
            Refused: As of `Completion.complete`.
        """
        files = self.completion.complete(upload_id, claim)
        shown = [file for file in self.showing.files(files) if file]
        if not shown:
            raise file_deleted()
        return {"file": shown[0], **({"files": shown} if len(shown) > 1 else {})}

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
            now = iso(self.now())
            ids = [name.file_id for name in upload.names if name.file_id]
            found = self.records.files_by_id(ids)
            files = [found[each] for each in ids if each in found and not found[each].is_over(now)]
            shown = [file for file in self.showing.files(files) if file]
            if not shown:  # deleted between the two looks
                raise unknown_upload()
            known["file"] = shown[0]
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
