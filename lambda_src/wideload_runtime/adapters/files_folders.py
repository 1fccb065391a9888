"""One person's folders in DynamoDB.

    DIR#<folder id>             a folder: `parent_id`, `name`, `created_at`; `deleted_at` once it is
                                deleted, and then the sweep's `due_at`
    FOLDER#<parent id>#<name, folded>\\t<hash of the name>
                                the subfolder of this name: `folder_id`, `parent_id`, `name`,
                                `created_at`; written on the condition that it isn't there, and
                                removed in the transaction that deletes or moves the folder

Files and subfolders are put only into a folder whose DIR item has no `deleted_at`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from wideload_runtime.adapters.files_index import FOLDER, folder_item
from wideload_runtime.adapters.files_items import DIR, due_shard
from wideload_runtime.adapters.files_owner_items import OwnerItems, Write
from wideload_runtime.core.files.records import TOP, Folder

MOST_READ = 1_000
"""Folders of one query."""
_IS_THERE = "attribute_exists(#item) AND attribute_not_exists(#deleted_at)"


class OwnFolders(OwnerItems):
    """Reads and changes of one person's folders: no method takes an owner."""

    # Read

    def folder_named(self, parent_id: str, name: str) -> Folder | None:
        item = self._item(folder_item(parent_id, name))
        return _named(item) if item else None

    def folders(self, folder_ids: Collection[str]) -> dict[str, Folder]:
        found = map(_folder_of, self._items({DIR + each for each in folder_ids}))
        return {folder.folder_id: folder for folder in found}

    def subfolders(
        self, parent_id: str, *, after: str | None, limit: int
    ) -> tuple[list[Folder], bool]:
        prefix = f"{FOLDER}{parent_id}#"
        start = folder_item(parent_id, after).removeprefix(prefix) if after else None
        items, more = self._page(prefix, start, limit)
        return list(map(_named, items)), more

    def all_folders(self) -> Iterator[Folder]:
        last, more = None, True
        while more:
            items, more = self._page(FOLDER, last, MOST_READ)
            last = items[-1]["item"].removeprefix(FOLDER) if items else None
            yield from map(_named, items)

    # Change

    def add_folders(self, chain: Sequence[Folder]) -> bool:
        return self._transact(
            *self._folder_there(chain[0].parent_id),
            *[
                write
                for folder in chain
                for write in (
                    self._folder_named(folder),
                    self._put(_dir_item(folder), "attribute_not_exists(#item)"),
                )
            ],
        )

    def move_folder(self, folder: Folder, moved: Folder, *, above: Sequence[Folder]) -> bool:
        return self._transact(
            self._folder_unnamed(folder),
            self._folder_named(moved),
            self._change(
                DIR + folder.folder_id,
                "SET #parent_id = :parent_id, #name = :name",
                _IS_THERE,
                {":parent_id": moved.parent_id, ":name": moved.name},
            ),
            *[
                self._check(
                    DIR + each.folder_id,
                    f"#parent_id = :parent_id AND {_IS_THERE}",
                    {":parent_id": each.parent_id},
                )
                for each in above
            ],
        )

    def delete_folder(self, folder: Folder, *, deleted_at: str) -> bool:
        return self._transact(
            self._folder_unnamed(folder),
            self._change(
                DIR + folder.folder_id,
                "SET #deleted_at = :now, #due_at = :now, #due_shard = :shard",
                _IS_THERE,
                {":now": deleted_at, ":shard": due_shard(folder.folder_id)},
            ),
        )

    def forget_folder(self, folder_id: str) -> None:
        self._table.delete_item(Key=self._key(DIR + folder_id))

    def _folder_named(self, folder: Folder) -> Write:
        item = folder_item(folder.parent_id, folder.name)
        named = {"item": item, "folder_id": folder.folder_id, **_attributes(folder)}
        return self._put(named, "attribute_not_exists(#item)")

    def _folder_unnamed(self, folder: Folder) -> Write:
        return self._remove(
            folder_item(folder.parent_id, folder.name),
            "#folder_id = :id",
            {":id": folder.folder_id},
        )

    def _folder_there(self, folder_id: str) -> list[Write]:
        """Return the check of a transaction that a folder is there."""
        return [] if folder_id == TOP else [self._check(DIR + folder_id, _IS_THERE)]


def _dir_item(folder: Folder) -> dict[str, Any]:
    return {"item": DIR + folder.folder_id, **_attributes(folder)}


def _attributes(folder: Folder) -> dict[str, Any]:
    return {
        "parent_id": folder.parent_id,
        "name": folder.name,
        "created_at": folder.created_at,
    }


def _folder_of(item: dict[str, Any]) -> Folder:
    return replace(
        _named({**item, "folder_id": item["item"].removeprefix(DIR)}),
        deleted_at=item.get("deleted_at"),
        due_at=item.get("due_at"),
    )


def _named(item: dict[str, Any]) -> Folder:
    """Return the folder of a FOLDER item, which is there."""
    return Folder(
        folder_id=item["folder_id"],
        parent_id=item["parent_id"],
        name=item["name"],
        created_at=item["created_at"],
    )
