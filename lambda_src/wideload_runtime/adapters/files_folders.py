"""One person's folders in DynamoDB.

    DIR#<folder id>             a folder: `parent_id`, `name`, `created_at`; `deleted_at` once it is
                                deleted, and then the sweep's `due_at`
    FOLDER#<parent id>#<name, folded>\\t<hash of the name>
                                `folder_id` of the subfolder that has the name, on the condition
                                that it isn't there (`files_index.py`); removed in the transaction
                                that deletes or moves the folder

Files and subfolders are put only into a folder whose DIR item has no `deleted_at`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from wideload_runtime.adapters.files_index import folder_item
from wideload_runtime.adapters.files_items import DIR
from wideload_runtime.adapters.files_owner_items import OwnerItems, Write
from wideload_runtime.core.files.records import TOP, Folder

_IS_THERE = "attribute_exists(#item) AND attribute_not_exists(#deleted_at)"


class OwnFolders(OwnerItems):
    """Reads and changes of one person's folders: no method takes an owner."""

    def folder_named(self, parent_id: str, name: str) -> str | None:
        item = self._item(folder_item(parent_id, name))
        return str(item["folder_id"]) if item else None

    def folders(self, folder_ids: Collection[str]) -> dict[str, Folder]:
        found = map(folder_of, self._items(DIR + each for each in set(folder_ids)))
        return {folder.folder_id: folder for folder in found}

    def add_folders(self, chain: Sequence[Folder]) -> bool:
        return self._transact(
            *self._folder_there(chain[0].parent_id),
            *[write for folder in chain for write in self._folder_written(folder)],
        )

    def _folder_written(self, folder: Folder) -> list[Write]:
        return [
            self._folder_claimed(folder),
            self._put(_dir_item(folder), "attribute_not_exists(#item)"),
        ]

    def _folder_claimed(self, folder: Folder) -> Write:
        named = {
            "item": folder_item(folder.parent_id, folder.name),
            "folder_id": folder.folder_id,
        }
        return self._put(named, "attribute_not_exists(#item)")

    def _folder_released(self, folder: Folder) -> Write:
        return self._remove(
            folder_item(folder.parent_id, folder.name),
            "#folder_id = :id",
            {":id": folder.folder_id},
        )

    def _folder_there(self, folder_id: str) -> list[Write]:
        """Return the check of a transaction that a folder is there."""
        return [] if folder_id == TOP else [self._check(DIR + folder_id, _IS_THERE)]


def _dir_item(folder: Folder) -> dict[str, Any]:
    return {
        "item": DIR + folder.folder_id,
        "parent_id": folder.parent_id,
        "name": folder.name,
        "created_at": folder.created_at,
    }


def folder_of(item: dict[str, Any]) -> Folder:
    return Folder(
        folder_id=item["item"].removeprefix(DIR),
        parent_id=item["parent_id"],
        name=item["name"],
        created_at=item["created_at"],
        deleted_at=item.get("deleted_at"),
        due_at=item.get("due_at"),
    )
