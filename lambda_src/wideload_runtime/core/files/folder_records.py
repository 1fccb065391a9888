"""Interface to the records of folders. Each method is one conditional request or transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from wideload_runtime.core.files.records import Folder


class FolderRecords(Protocol):
    """Records of one person's folders."""

    def folder_named(self, parent_id: str, name: str) -> Folder | None:
        """The subfolder of this name; None if there is none."""

    def folders(self, folder_ids: Collection[str]) -> dict[str, Folder]:
        """Folders by id, deleted ones among them."""

    def subfolders(
        self, parent_id: str, *, after: str | None, limit: int
    ) -> tuple[list[Folder], bool]:
        """At most `limit` subfolders by name, after a name, and whether there are more."""

    def all_folders(self) -> Iterator[Folder]:
        """Every folder, in several requests; those below a deleted folder are among them."""

    def add_folders(self, chain: Sequence[Folder]) -> bool:
        """Record new folders, each within the one before it.

        Returns:
            False if the first has no parent, or a subfolder of its name is there.
        """

    def move_folder(self, folder: Folder, moved: Folder, *, above: Sequence[Folder]) -> bool:
        """Record a folder's new parent and name.

        Args:
            above: The new parent and every folder above it, each of which must still have its
                parent: so moves at once can't put folders into each other.

        Returns:
            False if the folder or one of `above` has changed, or a subfolder of the name is there.
        """

    def delete_folder(self, folder: Folder, *, deleted_at: str) -> bool:
        """Cut off a folder, which is then due for the sweep; False if it has changed."""

    def forget_folder(self, folder_id: str) -> None:
        """Remove the record of a deleted folder in which nothing is left."""
