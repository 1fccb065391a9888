"""Completion of uploads; it is safe to repeat, also concurrently.

Nothing here trusts the client: the parts are S3's own list, their sizes follow from the record,
and the joined object is checked before the file is recorded. Only the SHA-256 of the whole of a
multipart upload is the client's word. Every write is conditional on the record that was read; a
request that loses a race reads it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from wideload_runtime.core.errors import Refused, conflict
from wideload_runtime.core.files.parts import base64_of, composite, composite_of, hex_of
from wideload_runtime.core.files.placing import Placing
from wideload_runtime.core.files.ports import (
    Ask,
    Bucket,
    Records,
    Stored,
    StoredPart,
    Verifications,
)
from wideload_runtime.core.files.records import (
    Content,
    File,
    NewName,
    Placement,
    ScanState,
    StoredObject,
    Trash,
    Upload,
)
from wideload_runtime.core.files.removing import LEFTOVER_SECONDS, clear
from wideload_runtime.core.files.requests import Claim
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import epoch, iso
from wideload_runtime.core.ulids import is_ulid

ROUNDS = 4
"""Attempts at a change that another request got in the way of."""
COMPLETING_SECONDS = 15 * 60
"""S3 may take "several minutes" to complete an upload: until then a missing object means nothing.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html"""
WAIT_SECONDS = 2
"""Seconds that a request waits for S3, well below the latency alarm's threshold; then the client
asks again."""
ASK_SECONDS = 5 * 60
"""Seconds that S3 may work on one request to complete an upload before it is asked again: a
second request at the same time could only conflict, and get 409 (docs/adr/0040-completing.md)."""
CONFLICT_SECONDS = 60
"""Seconds of waiting for the object after S3 has answered 409, "re-initiate the multipart upload":
the conflicting request may have been an earlier attempt of our own.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html"""
KEEP_SECONDS = 7 * 24 * 3600
"""Seconds for which a finished upload can be read by its id."""
UNDER_WAY_SECONDS = 15 * 60
"""Seconds that a request may still take after its URL has expired."""
MAX_MISSING = 100
"""Missing parts that a refusal lists."""


@dataclass(frozen=True, kw_only=True)
class Completion:
    """
    Args:
        seconds_left: Seconds to wait for S3, which continues by itself afterwards.
        url_seconds: Life of an upload URL.
        scan_seconds: Seconds within which a scanner should judge an object; None: there is none.
    """

    records: Records
    placing: Placing
    bucket: Bucket
    verifications: Verifications
    metrics: Metrics
    url_seconds: int
    scan_seconds: int | None
    new_id: Callable[[], str]
    now: Callable[[], float]
    seconds_left: Callable[[], float]

    def complete(self, upload_id: str, claim: Claim | None = None) -> list[File]:
        """
        Args:
            claim: Needed to join the parts of an upload that was begun without `sha256`.

        Returns:
            The files of the upload's names, in their order, without those deleted since.

        Raises:
            Refused: `unknown_upload`, `upload_gone`, `invalid_request`, `not_uploaded`,
                `parts_missing`, `parts_differ`, `completing` or `conflict`.
        """
        upload: Upload | None = known_upload(self.records, upload_id)
        for _ in range(ROUNDS):
            if upload is None:  # it went with its file, which this or another request made
                raise file_deleted()
            if upload.state in ("aborted", "expired"):
                raise upload_gone(upload)
            if claim:
                _check(upload, claim)
            completed = upload.state == "completed"
            files = self._files_of(upload) if completed else self._try(upload, claim)
            if files and claim and files[0].sha256 != claim.sha256:
                raise _other_content()
            if files:
                return files
            upload = self.records.upload(upload_id)
        raise conflict()

    def parts_of(self, upload: Upload) -> list[StoredPart] | None:
        """Return the valid parts of an upload; None if S3 knows no such upload."""
        if not upload.s3_upload_id:
            return []
        parts = self.bucket.parts(upload.key, upload.s3_upload_id)
        if parts is None:
            return None
        return [part for part in parts if upload.takes(part.number, part.size)]

    def _try(self, upload: Upload, claim: Claim | None) -> list[File]:
        """Return the files of the upload; none if it has changed meanwhile."""
        return self._join(upload, claim) if upload.is_multipart else self._take(upload)

    def _files_of(self, upload: Upload) -> list[File]:
        """Return the files of a completed upload; none if it was removed meanwhile."""
        if upload.due_at:
            upload = self.conclude(upload)
        ids = [each.file_id for each in upload.names if each.file_id]
        found, now = self.records.files_by_id(ids), iso(self.now())
        files = [found[each] for each in ids if each in found and not found[each].is_over(now)]
        if not files and self.records.upload(upload.upload_id):
            raise upload_gone(upload)
        return files

    def _take(self, upload: Upload) -> list[File]:
        """Complete an upload by a single PUT."""
        stored, sha256 = self.bucket.stored(upload.key), upload.sha256 or ""
        if stored and stored != Stored(upload.size, base64_of(sha256)):
            self.bucket.remove(upload.key)  # not by a URL of ours, which stores nothing else
            stored = None
        if stored is None:
            raise Refused("not_uploaded", "S3 doesn't hold the file yet: PUT it, then complete.")
        return self._finish(upload, Content(sha256, upload.size), verified=True)

    def _join(self, upload: Upload, claim: Claim | None) -> list[File]:
        """Have S3 join the parts, unless it has done so or is working on it."""
        parts = None if self._was_asked(upload) else self.parts_of(upload)
        if parts is None:
            return self._finish_joined(upload)
        content = _content(upload, claim)
        sized = upload.of_size(content.size)
        fitting = [part for part in parts if sized.takes(part.number, part.size)]
        if len(fitting) < sized.part_count:
            if upload.state == "completing" and not self.records.reopen(upload):
                return []
            raise parts_missing(sized, fitting)
        checksum = composite([hex_of(part.checksum) for part in fitting])
        if upload.state == "completing" and upload.composite != checksum:
            self.records.reopen(upload)
            return []
        # The number of all parts: those after the claimed end of an unsized file differ, too.
        claimed = composite_of(claim.parts_sha256, len(parts)) if claim else checksum
        if upload.state == "open" and claimed != checksum:
            raise _parts_differ()
        ask = Ask(
            id=self.new_id(),
            ends=iso(self.now() + ASK_SECONDS),
            composite=checksum,
            content=content,
            first_sha256=hex_of(fitting[0].checksum),
        )
        asked = self._ask(upload, fitting, ask)
        return self._finish_joined(asked) if asked else []

    def _ask(self, upload: Upload, parts: list[StoredPart], ask: Ask) -> Upload | None:
        """Ask S3 to join the parts; None if the upload must be read again."""
        since = upload.completing_since or iso(self.now())
        due_at = iso(epoch(since) + COMPLETING_SECONDS)
        asked = self.records.begin_ask(upload, ask, since=since, due_at=due_at)
        if asked is None:
            return None
        outcome = self.bucket.complete(
            upload.key, upload.s3_upload_id or "", parts, seconds=self.seconds_left()
        )
        if outcome == "refused":
            self.records.reopen(asked)
            return None
        if outcome in ("failed", "conflict"):
            now = iso(self.now())
            return self.records.end_ask(
                asked, ends=now, conflict_since=now if outcome == "conflict" else None
            )
        return asked

    def _was_asked(self, upload: Upload) -> bool:
        """Return whether to wait for the object instead of asking S3 again."""
        if upload.state != "completing":
            return False
        return upload.conflict_since is not None or _ask_ends(upload) > iso(self.now())

    def _finish_joined(self, upload: Upload) -> list[File]:
        """Record the object that S3 made of the parts."""
        stored = self.bucket.stored(upload.key)
        made = _joined(upload)
        if stored and made and (stored.size, stored.checksum) == (made.size, upload.composite):
            return self._finish(upload, made, verified=False)
        if stored is None and upload.state == "completing" and self._may_still_come(upload):
            raise still_completing()
        # It was aborted in S3, or parts were sent again while S3 was joining the earlier ones.
        self._begin_anew(upload)
        return []

    def _begin_anew(self, upload: Upload) -> None:
        """Have all parts sent again, to another object, which requests for this one can neither
        mistake for it nor remove."""
        now = self.now()
        prefix, _, _ = upload.key.rpartition("/")
        trash = Trash(self.new_id(), upload.key, iso(now + LEFTOVER_SECONDS))
        if self.records.begin_anew(upload, key=f"{prefix}/{trash.id}", trash=trash):
            self.bucket.try_remove(upload.key, upload.s3_upload_id)
            raise begun_anew(upload.of_size(upload.joined_size or upload.size))

    def _may_still_come(self, upload: Upload) -> bool:
        if upload.conflict_since is not None:
            return self.now() - epoch(upload.conflict_since) < CONFLICT_SECONDS
        since = epoch(upload.completing_since or upload.created_at)
        return self.now() - since < COMPLETING_SECONDS

    def _finish(self, upload: Upload, content: Content, *, verified: bool) -> list[File]:
        """Record the object and its files; or the files over an object that was there with its
        content."""
        now, names = self.now(), upload.names
        # URLs of parts end with the multipart upload that S3 has joined.
        ends = None if upload.is_multipart else urls_end(upload, now, self.url_seconds)
        verdict = self.records.verdict_on(upload.key) if self.scan_seconds else None
        unjudged: ScanState | None = "scanning" if self.scan_seconds else None
        stored = StoredObject(
            object_id=upload.upload_id,
            key=upload.key,
            size=content.size,
            sha256=content.sha256,
            names=len(names),
            file_id=upload.upload_id,
            verified=verified,
            verified_by="s3" if verified else None,
            urls_end=None if ends is None else iso(ends),
            first_sha256=upload.joined_first_sha256,
            scan_state=verdict.result if verdict else unjudged,
            scan_detail=verdict.detail if verdict else None,
        )
        placement = self.placing.place(
            names[0],
            stored,
            file_id=upload.upload_id,
            created_at=upload.created_at,
            is_sent=True,
        )
        is_left = len(names) > 1 or self._wants_verification(stored)
        due_at = iso(now + COMPLETING_SECONDS) if is_left else None
        expires_at = int(now) + KEEP_SECONDS
        if not self.records.finish(
            upload,
            stored,
            placement,
            due_at=due_at,
            expires_at=expires_at,
            scan_due_at=iso(now + self.scan_seconds) if self.scan_seconds else None,
        ):
            return self._give_way(upload, stored)
        self.metrics.add("FileUploadCount", 1)
        self.metrics.add("FileUploadSize", stored.size)
        return self._finished(upload, stored, placement, due_at)

    def _give_way(self, upload: Upload, own: StoredObject) -> list[File]:
        """Make the files of an upload over an object that was there, and remove the upload's own.

        Returns:
            Nothing if there is no such object: the upload must be read again.
        """
        known, now, names = self.records.stored_with(own.content), self.now(), upload.names
        if known is None or known.object_id == own.object_id:
            return []
        placement = self._place_further(names[0], known)
        trash = Trash(
            upload.upload_id,
            upload.key,
            own.urls_end or iso(now + LEFTOVER_SECONDS),
            held=upload.size if own.urls_end else None,
        )
        due_at = iso(now + COMPLETING_SECONDS) if len(names) > 1 else None
        expires_at = int(now) + KEEP_SECONDS
        if not self.records.give_way(
            upload, known, placement, trash, due_at=due_at, expires_at=expires_at
        ):
            return []
        self.bucket.try_remove(upload.key)
        self.metrics.add("DuplicateFileCount", 1)
        return self._finished(upload, known, placement, due_at)

    def _finished(
        self, upload: Upload, stored: StoredObject, placement: Placement, due_at: str | None
    ) -> list[File]:
        clear(placement.replaced, self.bucket)
        if due_at is None:
            return [placement.file]
        completed = replace(
            upload,
            state="completed",
            file_id=placement.file.file_id,
            object_id=stored.object_id,
            due_at=due_at,
        )
        return self._files_of(completed)

    def _place_further(self, name: NewName, stored: StoredObject) -> Placement:
        """Return where a file goes that has an id of its own, not its upload's."""
        created_at = iso(self.now())
        return self.placing.place(
            name, stored, file_id=self.new_id(), created_at=created_at, is_sent=True
        )

    def conclude(self, upload: Upload) -> Upload:
        """Make the files of the further names of a completed upload, and tell the verifier.

        The sweep does this for an upload whose client was not answered.
        """
        object_id = upload.object_id or upload.upload_id
        stored = self.records.stored([object_id]).get(object_id)
        if stored:
            for index, name in enumerate(upload.also):
                if name.file_id is None:
                    upload = self._make_further(upload, index, stored)
            if self._wants_verification(stored) and not self.verifications.ask(
                self.records.owner, object_id
            ):
                return upload
        self.records.settle(upload, expires_at=int(self.now()) + KEEP_SECONDS)
        return replace(upload, due_at=None)

    def _make_further(self, upload: Upload, index: int, stored: StoredObject) -> Upload:
        for _ in range(ROUNDS):
            placement = self._place_further(upload.also[index], stored)
            if made := self.records.make_further(upload, index, placement):
                clear(placement.replaced, self.bucket)
                return made
            upload = known_upload(self.records, upload.upload_id)
            if upload.also[index].file_id:
                return upload
        raise conflict()

    def _wants_verification(self, stored: StoredObject) -> bool:
        is_open = not stored.verified and not stored.corrupt
        return is_open and self.verifications.wants(stored.size)


def _check(upload: Upload, claim: Claim) -> None:
    """
    Raises:
        Refused: `invalid_request`: the claim is not of the content that was announced.
    """
    if upload.unsized:
        if not claim.size:
            raise Refused(
                "invalid_request",
                "size is missing or 0: the upload was begun without it. Complete it with the size "
                "of the whole file; a file of 0 bytes is one PUT.",
            )
        return
    announced: dict[str, int | str | None] = {"size": upload.size}
    if upload.first_sha256 is None:
        announced["sha256"] = upload.sha256
    for name, value in announced.items():
        claimed = getattr(claim, name)
        if claimed not in (None, value):
            raise Refused(
                "invalid_request", f"{name} is {claimed}, but the upload was begun with {value}."
            )


def _joined(upload: Upload) -> Content | None:
    """Return the content of the object that S3 was last asked to make.

    A request of an earlier version recorded none; it knew only uploads that were begun with it.
    """
    sha256 = upload.joined_sha256 or upload.sha256
    return Content(sha256, upload.joined_size or upload.size) if sha256 else None


def _content(upload: Upload, claim: Claim | None) -> Content:
    """Return the content that the parts of an upload are said to be.

    Raises:
        Refused: `invalid_request`: it was begun without its hash, and there is no claim.
    """
    made = _joined(upload) if upload.state == "completing" else None
    if made:
        return made
    sha256 = upload.sha256 or (claim.sha256 if claim else None)
    if sha256 is None:
        raise Refused(
            "invalid_request",
            "The upload was begun without sha256: complete it with sha256, that of the whole file, "
            "and parts_sha256" + (", and size." if upload.unsized else "."),
        )
    return Content(sha256, (claim.size if claim else None) or upload.size)


def _parts_differ() -> Refused:
    return Refused(
        "parts_differ",
        "S3 holds parts with other SHA-256 than those of parts_sha256: get the upload, send the "
        "parts that differ, then complete.",
    )


def _other_content() -> Refused:
    return Refused(
        "upload_gone",
        "The upload was completed with another SHA-256: create it again, with sha256.",
    )


def _ask_ends(upload: Upload) -> str:
    """Time until which S3 may be joining the parts; earlier versions stored only the first try."""
    asked = epoch(upload.completing_since or upload.created_at)
    return upload.ask_ends or iso(asked + ASK_SECONDS)


def urls_end(upload: Upload, now: float, url_seconds: int) -> float | None:
    """Time until which a URL of an upload that ends now may store an object; None: no URL is valid.

    No URL is signed after an upload has ended, or for longer than its session.
    """
    ends = min(now + url_seconds, epoch(upload.session_ends))
    return ends + UNDER_WAY_SECONDS if ends > now else None


def known_upload(records: Records, upload_id: str) -> Upload:
    """
    Raises:
        Refused: `unknown_upload`.
    """
    upload = records.upload(upload_id) if is_ulid(upload_id) else None
    if upload is None:
        raise unknown_upload()
    return upload


def unknown_upload() -> Refused:
    return Refused("unknown_upload", "No upload of yours has this id.")


def upload_gone(upload: Upload) -> Refused:
    if upload.state == "completed":
        return file_deleted()
    what = "was aborted" if upload.state == "aborted" else "expired"
    return Refused("upload_gone", f"The upload {what}: create it again.")


def file_deleted() -> Refused:
    """Return the refusal to complete an upload whose file was deleted or replaced since."""
    return Refused(
        "upload_gone",
        "The upload was completed, and its file deleted or replaced since: create it again.",
    )


def still_completing() -> Refused:
    return Refused(
        "completing", "S3 is joining the parts: ask again to complete it.", retry_after=5
    )


def begun_anew(upload: Upload) -> Refused:
    """`parts_missing`, which every client handles, with the reason."""
    why = "refused to join the parts (409)" if upload.conflict_since else "did not join the parts"
    return Refused(
        "parts_missing",
        f"S3 {why}, so the upload begins anew: send all {upload.part_count} parts, then complete.",
        members={"missing": _numbers(upload, []), "begun_anew": True},
    )


def parts_missing(upload: Upload, parts: list[StoredPart]) -> Refused:
    lacking = upload.part_count - len(parts)
    return Refused(
        "parts_missing",
        f"S3 lacks {lacking} of {upload.part_count} parts: send them, then complete.",
        members={"missing": _numbers(upload, parts)},
    )


def _numbers(upload: Upload, parts: list[StoredPart]) -> list[int]:
    """Return the numbers of the first missing parts."""
    held = {part.number for part in parts}
    missing = (number for number in range(1, upload.part_count + 1) if number not in held)
    return list(islice(missing, MAX_MISSING))
