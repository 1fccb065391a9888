"""A person's files: list, rename, move, delete, download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wideload_runtime.core.errors import Refused, conflict, error_of
from wideload_runtime.core.files.completing import ROUNDS
from wideload_runtime.core.files.names import content_disposition
from wideload_runtime.core.files.placing import NameTakenError, Placing
from wideload_runtime.core.files.ports import Action, Bucket, Folders, Records
from wideload_runtime.core.files.records import File
from wideload_runtime.core.files.removing import clear, remove, remove_all
from wideload_runtime.core.files.requests import Change
from wideload_runtime.core.files.showing import Showing
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import iso
from wideload_runtime.core.ulids import is_ulid

MAX_URL = 6 * 1024
"""Bytes of a download's URL: S3 accepts 8 KB for the head of a request, which has further lines of
browsers and proxies (`RequestHeaderSectionTooLarge`).
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""


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

    def change_all(self, file_ids: Sequence[str], change: Change) -> list[dict[str, Any]]:
        """Move files; return for each the file, or why it stays."""
        answers: list[dict[str, Any]] = []
        for file_id in file_ids:
            try:
                answers.append({"file": self.shown(self.change(file_id, change))})
            except Refused as refused:
                is_skipped = change.if_exists == "skip" and "file" in refused.members
                answers.append(
                    {"skipped": True, **refused.members} if is_skipped else error_of(refused)
                )
        return answers

    def delete_all(self, file_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Delete files; return for each that it is deleted, or why not."""
        known = self.records.files_by_id({each for each in file_ids if is_ulid(each)})
        paths = self.folders.paths_of({file.folder_id for file in known.values()})
        there = [file for file in known.values() if paths[file.folder_id] is not None]
        removed = remove_all(there, self.records, self.bucket, self.now())
        answers: dict[str, dict[str, Any]] = {each: {"deleted": True} for each in removed}
        for file_id in file_ids:
            if file_id not in answers:
                answers[file_id] = self._deleted(file_id)
        return [answers[file_id] for file_id in file_ids]

    def _deleted(self, file_id: str) -> dict[str, Any]:
        try:
            self.delete(file_id)
        except Refused as refused:
            return error_of(refused)
        return {"deleted": True}

    def download(self, file_id: str) -> tuple[File, Action]:
        """A file, and the request that downloads it.

        Raises:
            Refused: `unknown_file`, `corrupt` or `quarantined`.
        """
        file = self.get(file_id)
        stored = self.records.stored([file.object_id]).get(file.object_id)
        if stored is None:
            raise _unknown_file()
        if stored.corrupt:
            raise Refused(
                "corrupt", "The content has not the SHA-256 that was announced: upload it again."
            )
        if stored.quarantined:
            raise Refused("quarantined", stored.quarantined["detail"])
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
