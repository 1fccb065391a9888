"""A person's files: list, rename, move, delete, download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wideload_runtime.core.cursors import encode_cursor
from wideload_runtime.core.errors import Refused, conflict
from wideload_runtime.core.files.completing import ROUNDS
from wideload_runtime.core.files.names import content_disposition, matches
from wideload_runtime.core.files.placing import NameTakenError, Placing
from wideload_runtime.core.files.ports import Action, Bucket, Folders, Records
from wideload_runtime.core.files.records import File
from wideload_runtime.core.files.removing import clear, remove
from wideload_runtime.core.files.requests import Change, Page
from wideload_runtime.core.files.showing import Showing
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import iso
from wideload_runtime.core.ulids import is_ulid

MAX_URL = 6 * 1024
"""Bytes of a download's URL: S3 accepts 8 KB for the head of a request, which has further lines of
browsers and proxies (`RequestHeaderSectionTooLarge`).
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
SCANNED = 250
"""Files that one page of a search compares: half of what one query returns if all names are
long."""


@dataclass(frozen=True, kw_only=True)
class Files:
    records: Records
    folders: Folders
    placing: Placing
    showing: Showing
    bucket: Bucket
    metrics: Metrics
    url_seconds: int
    now: Callable[[], float]

    def get(self, file_id: str) -> File:
        """
        Raises:
            Refused: `unknown_file`, also for another person's file.
        """
        file = self._known(file_id)
        is_cut_off = self.folders.paths_of([file.folder_id])[file.folder_id] is None
        if file.is_over(iso(self.now())) or is_cut_off:
            raise _unknown_file()
        return file

    def shown(self, file: File) -> dict[str, Any]:
        """
        Raises:
            Refused: `unknown_file`: it was deleted meanwhile.
        """
        shown = self.showing.file(file)
        if shown is None:
            raise _unknown_file()
        return shown

    def _known(self, file_id: str) -> File:
        file = self.records.file(file_id) if is_ulid(file_id) else None
        if file is None:
            raise _unknown_file()
        return file

    def listed(self, page: Page) -> dict[str, Any]:
        """Files, newest first, and a cursor to those that follow."""
        limit = SCANNED if page.contains else page.limit
        looked_at = self.records.files(before=page.before, limit=limit + 1)
        found, more = looked_at[:limit], len(looked_at) > limit
        now = iso(self.now())
        matching: list[File] = []
        last = found[-1] if found else None
        for position, file in enumerate(found):
            if not file.is_over(now) and matches(file.name, page.contains):
                matching.append(file)
            if len(matching) == page.limit:
                last, more = file, more or position + 1 < len(found)
                break
        items = [shown for shown in self.showing.files(matching) if shown]
        return {"items": items, "cursor": encode_cursor(last.file_id) if more and last else None}

    def change(self, file_id: str, change: Change) -> File:
        """Rename or move a file.

        Raises:
            Refused: `unknown_file`, `name_exists` or `conflict`.
        """
        for _ in range(ROUNDS):
            file = self.get(file_id)
            try:
                placement = self.placing.move(file, change.folder, change.name, change.if_exists)
            except NameTakenError as taken:
                shown = self.showing.file(taken.file)
                raise Refused(
                    "name_exists", taken.refused.detail, members={"file": shown} if shown else {}
                ) from taken
            if placement.is_there or self.records.move(file, placement):
                clear(placement.replaced, self.bucket)
                return placement.file
        raise conflict()

    def delete(self, file_id: str) -> None:
        """
        Raises:
            Refused: `unknown_file` or `conflict`.
        """
        for _ in range(ROUNDS):
            if remove(self.get(file_id), self.records, self.bucket, self.now()):
                return
        raise conflict()

    def download(self, file_id: str) -> tuple[File, Action]:
        """A file, and the request that downloads it.

        Raises:
            Refused: `unknown_file` or `corrupt`.
        """
        file = self.get(file_id)
        stored = self.records.stored([file.object_id]).get(file.object_id)
        if stored is None:
            raise _unknown_file()
        if stored.corrupt:
            raise Refused(
                "corrupt", "The content has not the SHA-256 that was announced: upload it again."
            )
        action = self._signed(file)
        if (excess := len(action["href"]) - MAX_URL) > 0:
            action = self._signed(file, shorter_by=excess)
        self.metrics.add("FileDownloadCount", 1)
        return file, action

    def _signed(self, file: File, *, shorter_by: int = 0) -> Action:
        return self.bucket.sign_get(
            file.key,
            content_type=file.content_type,
            disposition=content_disposition(file.name, shorter_by=shorter_by),
            seconds=self.url_seconds,
        )


def _unknown_file() -> Refused:
    return Refused("unknown_file", "No file of yours has this id.")
