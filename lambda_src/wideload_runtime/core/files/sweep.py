"""End overdue uploads, delete expired files, and remove leftover objects."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.completing import KEEP_SECONDS
from wideload_runtime.core.files.emptying import Emptying
from wideload_runtime.core.files.ports import Bucket, Due, Table
from wideload_runtime.core.files.records import Upload
from wideload_runtime.core.files.removing import LEFTOVER_SECONDS, remove
from wideload_runtime.core.files.uploads import Uploads
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import epoch, iso
from wideload_runtime.core.turns import in_turns

FOLDER_BATCHES = 10
"""Batches of a deleted folder in one turn: some 900 files, a few seconds."""


@dataclass(slots=True)
class Report:
    expired: int = 0
    """Uploads that were not completed in time."""
    completed: int = 0
    """Uploads whose last step had not been recorded."""
    deleted: int = 0
    """Expired files."""
    emptied: int = 0
    """Deleted folders."""
    leftovers: int = 0
    """Objects removed again: a slow PUT may store its object after the removal."""
    unscanned: int = 0
    """Files that no scanner has judged in time; each run counts them again."""
    failed: int = 0
    """Items that failed; the next run tries again."""
    backlog_seconds: int = 0
    """Seconds that the oldest item left by the run has been due."""


@dataclass(kw_only=True)
class Sweep:
    """
    Args:
        uploads: Makes the uploads of a person.
        emptying: Makes the removal of a person's deleted folders.
        scans_files: Whether the deployment has a scanner.
        has_time: Whether to begin another item.
        tell: Called within the handling of each item's failure.
    """

    table: Table
    bucket: Bucket
    metrics: Metrics
    uploads: Callable[[str], Uploads]
    emptying: Callable[[str], Emptying]
    scans_files: bool
    now: Callable[[], float]
    has_time: Callable[[], bool]
    tell: Callable[[Due], None]
    report: Report = field(default_factory=Report)

    def run(self) -> Report:
        """Handle due items in turns, one of each person at a time, so that one person's many items
        don't delay another's."""
        now = iso(self.now())
        by_owner: dict[str, list[Due]] = {}
        for due in self.table.due(now):
            by_owner.setdefault(due.owner, []).append(due)
        waiting = deque(in_turns(by_owner.values()))
        left: list[Due] = []
        while waiting:
            due = waiting.popleft()
            if not self.has_time():
                left.append(due)
                continue
            try:
                waiting += self._look(due)
            except Exception:  # noqa: BLE001 - one that always fails must not hold up the others
                self.tell(due)
                self.report.failed += 1
        oldest = min((due.since for due in left), default=now)
        self.report.backlog_seconds = round(epoch(now) - epoch(oldest))
        self.metrics.add("ExpiredUploadCount", self.report.expired)
        self.metrics.add("LeftoverObjectCount", self.report.leftovers)
        if self.scans_files:
            self.metrics.add("UnscannedFileCount", self.report.unscanned)
        self.metrics.add("SweepBacklogAge", self.report.backlog_seconds)
        return self.report

    def _look(self, due: Due) -> list[Due]:
        """Handle a due item; return what is left of it for another turn of this run."""
        if due.kind == "unscanned":
            self.report.unscanned += 1
            return []
        records = self.table.of(due.owner)
        if due.kind == "trash":
            trash = records.trash(due.id)
            if trash and trash.due_at <= iso(self.now()):
                self._remove(trash.key)
                if trash.held is None:
                    records.forget(trash)
                else:
                    records.give_back(trash, due_at=self._later())
        elif due.kind == "file":
            file = records.file(due.id)
            if file and file.due_at and file.due_at <= iso(self.now()):
                self.report.deleted += remove(file, records, self.bucket, self.now())
        elif due.kind == "folder":
            folder = records.folders([due.id]).get(due.id)
            if folder and folder.deleted_at:
                rest = self.emptying(due.owner).run(due.id, most=FOLDER_BATCHES)
                self.report.emptied += due.id not in rest
                return [replace(due, id=folder_id) for folder_id in rest]
        else:
            upload = records.upload(due.id)
            if upload and upload.due_at and upload.due_at <= iso(self.now()):
                self._end(due.owner, upload)
        return []

    def _end(self, owner: str, upload: Upload) -> None:
        if upload.state == "open":
            self.report.expired += self.uploads(owner).close(upload, "expired")
        elif upload.state == "completing":
            self._complete(owner, upload)
        elif upload.state == "completed":
            # Its further names may not be files yet, or the verifier may not have been told.
            if self.uploads(owner).completion.conclude(upload).due_at:
                raise RuntimeError("the verifier's queue does not answer")
        else:
            self._remove(upload.key, upload.s3_upload_id)
            if upload.held is None:
                self._settle(owner, upload)
            else:
                self.table.of(owner).give_back(upload, due_at=self._later())

    def _complete(self, owner: str, upload: Upload) -> None:
        try:
            self.uploads(owner).completion.complete(upload.upload_id)
            self.report.completed += 1
        except Refused as refused:
            # Parts are missing, so it is open again; or S3 is still working, until the next run.
            if refused.code not in ("parts_missing", "completing", "upload_gone"):
                raise

    def _settle(self, owner: str, upload: Upload) -> None:
        expires_at = int(self.now()) + KEEP_SECONDS
        self.table.of(owner).settle(upload, expires_at=expires_at)

    def _later(self) -> str:
        return iso(self.now() + LEFTOVER_SECONDS)

    def _remove(self, key: str, s3_upload_id: str | None = None) -> None:
        self.report.leftovers += self.bucket.stored(key) is not None
        self.bucket.remove(key, s3_upload_id)
