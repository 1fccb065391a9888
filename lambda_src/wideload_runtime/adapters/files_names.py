"""One person's files in DynamoDB: each change is one conditional write or transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from wideload_runtime.adapters.files_folders import OwnFolders
from wideload_runtime.adapters.files_index import index_items, name_item
from wideload_runtime.adapters.files_items import (
    FILE,
    OBJECT,
    UPLOAD,
    content_item,
    file_item,
    first_part_prefix,
    object_of,
    trash_item,
)
from wideload_runtime.adapters.files_owner_items import Write, given_back
from wideload_runtime.adapters.files_scans import scan_forgotten, scan_key, verdict_of
from wideload_runtime.core.files.records import (
    File,
    Placement,
    Quota,
    Removal,
    StoredObject,
    Verdict,
)

_SAME_PLACE = "#folder_id = :folder_id AND #name = :name"


class OwnNames(OwnFolders):
    """Changes of one person's files: no method takes an owner."""

    # Read

    def stored(self, object_ids: Collection[str]) -> dict[str, StoredObject]:
        items = self._items({OBJECT + each for each in object_ids})
        return {stored.object_id: stored for stored in map(object_of, items)}

    def named(self, folder_id: str, names: Collection[str]) -> dict[str, str]:
        wanted = {name_item(folder_id, name): name for name in names}
        return {wanted[item["item"]]: item["file_id"] for item in self._items(wanted)}

    def verdict_on(self, key: str) -> Verdict | None:
        answer = self._table.get_item(Key=scan_key(key), ConsistentRead=True)
        return verdict_of(key, answer.get("Item", {}))

    # Change

    def make(self, placement: Placement, quota: Quota) -> bool:
        file, most = placement.file, None if quota.files is None else quota.files - 1
        if most is not None and most < 0:
            return False
        room = () if most is None else _at_most("files", most)
        return self._transact(
            *self._placed(placement),
            self._named(file.object_id, 1, file),
            *self._count(counts_of(placement, {"files": 1}), *room),
        )

    def move(self, file: File, placement: Placement) -> bool:
        kept = {item["item"] for item in index_items(placement.file)}
        return self._transact(
            *self._placed(placement, was=file),
            *[self._remove(item["item"]) for item in index_items(file) if item["item"] not in kept],
            *self._count(counts_of(placement)),
        )

    def delete(self, *removals: Removal) -> bool:
        counts: Counter[str] = Counter()
        for removal in removals:
            counts.update(_counts(removal))
        return self._transact(
            *[write for each in removals for write in self._file_removed(each.file)],
            *[write for each in removals for write in self._name_released(each)],
            *self._count(counts),
        )

    def _placed(self, placement: Placement, was: File | None = None) -> list[Write]:
        """Return the writes of a file in its place, and of the removal of the one that it replaces.

        Args:
            was: The file as it is recorded; None: it is new.
        """
        file, replaced = placement.file, placement.replaced
        if placement.is_there:
            return [self._check(FILE + file.file_id, _SAME_PLACE, _place(file))]
        name, *index = index_items(file)
        if was:
            put = self._put(file_item(file), _SAME_PLACE, _place(was))
            index = [item for item in index if item not in index_items(was)]
        else:
            put = self._put(file_item(file), "attribute_not_exists(#item)")
        free = (
            ("#file_id = :id", {":id": replaced.file.file_id})
            if replaced
            else ("attribute_not_exists(#item)",)
        )
        return [
            put,
            self._put(name, *free),
            *map(self._put, index),
            *self._folder_there(file.folder_id),
            *(self._file_removed(replaced.file, keep_name=True) if replaced else []),
            *(self._name_released(replaced) if replaced else []),
        ]

    def _file_removed(self, file: File, *, keep_name: bool = False) -> list[Write]:
        name, *index = index_items(file)
        return [
            self._remove(FILE + file.file_id, _SAME_PLACE, _place(file)),
            *([] if keep_name else [self._remove(name["item"])]),
            *[self._remove(item["item"]) for item in index],
        ]

    def _name_released(self, removal: Removal) -> list[Write]:
        """Return the writes that remove a name of an object, or its last name with the object."""
        stored = removal.stored
        if not removal.is_last:
            return [self._uncounted(stored.object_id)]
        content = self._remove(
            content_item(stored.content), "#object_id = :id", {":id": stored.object_id}
        )
        return [
            self._remove(OBJECT + stored.object_id, "#names = :one", {":one": 1}),
            # A corrupt object has lost its content item; if it became corrupt meanwhile, nothing
            # is deleted.
            *([] if stored.corrupt else [content]),
            *self._first_part_forgotten(stored),
            self._remove(UPLOAD + stored.object_id),
            self._put(trash_item(removal.trash)),
            *scan_forgotten(stored),
        ]

    def _named(self, object_id: str, more: int, file: File) -> Write:
        """Return the write that counts more names of an object that is there."""
        return self._change(
            OBJECT + object_id,
            "ADD #names :more SET #file_id = :id",
            "attribute_exists(#item) AND attribute_not_exists(#corrupt)",
            {":more": more, ":id": file.file_id},
        )

    def _uncounted(self, object_id: str) -> Write:
        return self._change(
            OBJECT + object_id, "ADD #names :less", "#names > :one", {":less": -1, ":one": 1}
        )

    def _first_part_forgotten(self, stored: StoredObject) -> list[Write]:
        part = stored.first_part
        return [self._remove(first_part_prefix(part) + stored.object_id)] if part else []


def _place(file: File) -> dict[str, Any]:
    return {":folder_id": file.folder_id, ":name": file.name}


def _at_most(name: str, most: int) -> tuple[str, dict[str, Any]]:
    return f"attribute_not_exists(#{name}) OR #{name} <= :most", {":most": most}


def _counts(removal: Removal) -> dict[str, int]:
    """Return what the removal of a file changes of the usage."""
    if not removal.is_last:
        return {"files": -1}
    return {} if removal.trash.held is not None else given_back(removal.stored.size)


def counts_of(placement: Placement, counts: dict[str, int] | None = None) -> dict[str, int]:
    """Return what a placement changes of the usage, beside other changes."""
    total = Counter(counts or {})
    total.update(_counts(placement.replaced) if placement.replaced else {})
    return dict(total)
