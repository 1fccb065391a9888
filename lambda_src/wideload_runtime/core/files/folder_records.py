"""Interface to the records of folders. Each method is one conditional request or transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from wideload_runtime.core.files.records import Folder


class FolderRecords(Protocol):
    """Records of one person's folders."""

    def folder_named(self, parent_id: str, name: str) -> str | None:
        """Id of the subfolder of this name; None if there is none."""

    def folders(self, folder_ids: Collection[str]) -> dict[str, Folder]:
        """Folders by id, deleted ones among them."""

    def add_folders(self, chain: Sequence[Folder]) -> bool:
        """Record new folders, each within the one before it.

        Returns:
            False if the first has no parent, or a subfolder of its name is there.
        """
