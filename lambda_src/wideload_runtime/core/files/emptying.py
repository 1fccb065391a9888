"""Removal of everything in deleted folders, in batches; it can stop and continue at any request.

A deleted folder takes no further file or subfolder, so once it is found empty it stays so. Its
subfolders are deleted as it was: each is due for the sweep from then on, if this run ends. Every
write is conditional on what was read, so that several runs at once are safe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wideload_runtime.core.errors import Refused, conflict
from wideload_runtime.core.files.completing import ROUNDS
from wideload_runtime.core.files.ports import Bucket, Records
from wideload_runtime.core.files.removing import remove_all
from wideload_runtime.core.times import iso

MOST_READ = 90
"""Files or subfolders that are read at a time: ten transactions."""


@dataclass(frozen=True, kw_only=True)
class Emptying:
    """
    Args:
        has_time: Whether to begin another batch.
    """

    records: Records
    bucket: Bucket
    now: Callable[[], float]
    has_time: Callable[[], bool]

    def run(self, folder_id: str) -> bool:
        """Remove what is in a deleted folder, and its record; False if time has run out.

        Raises:
            Refused: `conflict`.
        """
        waiting = [folder_id]
        while waiting:
            current = waiting.pop()
            below = self._delete_below(current)
            if below is None or not self._remove_files(current):
                return False
            self.records.forget_folder(current)
            waiting += below
        return True

    def try_run(self, folder_id: str) -> bool:
        """As `run`; also False for what the sweep is to try again."""
        try:
            return self.run(folder_id)
        except Refused:
            return False

    def _delete_below(self, folder_id: str) -> list[str] | None:
        """Delete the subfolders; return their ids, or None if time has run out."""
        deleted: list[str] = []
        while found := self.records.subfolders(folder_id, after=None, limit=MOST_READ)[0]:
            for folder in found:
                if not self.has_time():
                    return None
                if self.records.delete_folder(folder, deleted_at=iso(self.now())):
                    deleted.append(folder.folder_id)
        return deleted

    def _remove_files(self, folder_id: str) -> bool:
        """Remove the files of a folder; False if time has run out."""
        rounds = ROUNDS
        while found := self.records.listed("created_at", folder_id=folder_id, limit=MOST_READ)[0]:
            if not self.has_time():
                return False
            # One that was moved since the list was read stays.
            files = [one.file for one in found if one.file and one.file.folder_id == folder_id]
            removed = remove_all(files, self.records, self.bucket, self.now())
            rounds = ROUNDS if removed else rounds - 1
            if rounds == 0:
                raise conflict()
        return True
