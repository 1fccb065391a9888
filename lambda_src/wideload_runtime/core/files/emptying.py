"""Removal of everything in deleted folders, in batches; it can stop and continue at any request.

A deleted folder takes no further file or subfolder, so once it is found empty it stays so. Its
subfolders are deleted as it was: each is due for the sweep from then on, if this run ends. Every
write is conditional on what was read, so that several runs at once are safe.
"""

from __future__ import annotations

import itertools
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

    def run(self, folder_id: str, *, most: int | None = None) -> list[str]:
        """Remove what is in a deleted folder, and its record.

        Args:
            most: Batches of files, and subfolders, that are begun at most; None: no such bound.

        Returns:
            Ids of the deleted folders that are left, since time has run out or `most` was reached.

        Raises:
            Refused: `conflict`.
        """
        begun = itertools.count(1)

        def goes_on() -> bool:
            return self.has_time() and (most is None or next(begun) <= most)

        waiting = [folder_id]
        while waiting:
            current = waiting.pop()
            is_empty = self._delete_below(current, waiting, goes_on)
            if not (is_empty and self._remove_files(current, goes_on)):
                return [*waiting, current]
            self.records.forget_folder(current)
        return []

    def try_run(self, folder_id: str) -> bool:
        """Return whether the folder is empty; False also for what the sweep is to try again."""
        try:
            return not self.run(folder_id)
        except Refused:
            return False

    def _delete_below(
        self, folder_id: str, deleted: list[str], goes_on: Callable[[], bool]
    ) -> bool:
        """Delete the subfolders, and add their ids to `deleted`; False if it must stop."""
        while found := self.records.subfolders(folder_id, after=None, limit=MOST_READ)[0]:
            for folder in found:
                if not goes_on():
                    return False
                if self.records.delete_folder(folder, deleted_at=iso(self.now())):
                    deleted.append(folder.folder_id)
        return True

    def _remove_files(self, folder_id: str, goes_on: Callable[[], bool]) -> bool:
        """Remove the files of a folder; False if it must stop."""
        rounds = ROUNDS
        while found := self.records.listed("created_at", folder_id=folder_id, limit=MOST_READ)[0]:
            if not goes_on():
                return False
            # One that was moved since the list was read stays.
            files = [one.file for one in found if one.file and one.file.folder_id == folder_id]
            removed = remove_all(files, self.records, self.bucket, self.now())
            rounds = ROUNDS if removed else rounds - 1
            if rounds == 0:
                raise conflict()
        return True
