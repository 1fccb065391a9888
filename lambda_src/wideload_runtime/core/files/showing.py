"""Files as the API shows them: with what their object and their folder say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wideload_runtime.core.files.ports import Folders, Records
from wideload_runtime.core.files.records import File


@dataclass(frozen=True, kw_only=True)
class Showing:
    records: Records
    folders: Folders

    def file(self, file: File) -> dict[str, Any] | None:
        """Return a file as it is shown; None if it, or its folder, was deleted meanwhile."""
        (shown,) = self.files([file])
        return shown

    def files(self, files: Sequence[File]) -> list[dict[str, Any] | None]:
        """As `file`, for each of several."""
        if not files:
            return []
        stored = self.records.stored({file.object_id for file in files})
        paths = self.folders.paths_of({file.folder_id for file in files})
        return [
            file.shown(stored[file.object_id], path)
            if file.object_id in stored and (path := paths[file.folder_id]) is not None
            else None
            for file in files
        ]
