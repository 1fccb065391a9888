"""Files as the API shows them: with what their object and their folder say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wideload_runtime.core.files.ports import Folders, Records
from wideload_runtime.core.files.records import File, StoredObject


@dataclass(frozen=True, kw_only=True)
class Showing:
    records: Records
    folders: Folders

    def file(self, file: File, *known: StoredObject) -> dict[str, Any] | None:
        """Return a file as it is shown; None if it, or its folder, was deleted meanwhile.

        Args:
            known: Objects that were read before.
        """
        (shown,) = self.files([file], *known)
        return shown

    def files(self, files: Sequence[File], *known: StoredObject) -> list[dict[str, Any] | None]:
        """As `file`, for each of several."""
        stored = {one.object_id: one for one in known}
        missing = {file.object_id for file in files} - stored.keys()
        stored.update(self.records.stored(missing) if missing else {})
        paths = self.folders.paths_of({file.folder_id for file in files})
        return [
            file.shown(stored[file.object_id], path)
            if file.object_id in stored and (path := paths[file.folder_id]) is not None
            else None
            for file in files
        ]
