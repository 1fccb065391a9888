"""Lists of a person's files: of a folder or of all, sorted, by prefix, and searched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wideload_runtime.core.files.folders import Folders
from wideload_runtime.core.files.lists import FileQuery
from wideload_runtime.core.files.names import begins, matches
from wideload_runtime.core.files.ports import Records
from wideload_runtime.core.files.records import File
from wideload_runtime.core.files.showing import Showing
from wideload_runtime.core.times import iso

SCANNED = 250
"""Files that one page of a search compares: half of what one query returns if all names are
long."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    records: Records
    folders: Folders
    showing: Showing
    now: Callable[[], float]

    def page(self, query: FileQuery) -> dict[str, Any]:
        """Return files, and a cursor to those that follow.

        The page holds fewer than `limit` if files have expired or are in a deleted folder, or if a
        search has compared `SCANNED` names.
        """
        folder_id = None if query.folder is None else self.folders.resolve(query.folder)
        if folder_id is None and query.folder is not None:
            return {"items": [], "cursor": None}
        found, more = self.records.listed(
            query.order,
            folder_id=folder_id,
            prefix=query.prefix,
            after=query.after,
            limit=SCANNED if query.contains else query.limit,
            descending=query.descending,
        )
        files: list[File] = []
        last = None
        for index, listed in enumerate(found):
            last = listed.position
            if listed.file and self._fits(listed.file, folder_id, query):
                files.append(listed.file)
            if len(files) == query.limit:
                more = more or index + 1 < len(found)
                break
        items = [shown for shown in self.showing.files(files) if shown]
        return {"items": items, "cursor": query.cursor(last) if more and last else None}

    def _fits(self, file: File, folder_id: str | None, query: FileQuery) -> bool:
        return (
            not file.is_over(iso(self.now()))
            and folder_id in (None, file.folder_id)  # not moved since the index was read
            and begins(file.name, query.prefix)
            and matches(file.name, query.contains)
        )
