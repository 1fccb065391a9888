"""Bring over an owner's items that earlier versions wrote: files that hold their object.

An item FILE# of earlier versions has the attributes of its object, and a CONTENT# or FIRST# names
the file by `file_id`. Each becomes a file of the top folder over an object of its own, in one
transaction. `model` of USAGE says that all are brought over; `model_after` is the last that was, if
one request could not bring over all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from wideload_runtime.adapters.files_index import index_items
from wideload_runtime.adapters.files_items import (
    FILE,
    USAGE,
    content_item,
    file_item,
    file_of,
    first_part_item,
    object_item,
    object_of,
    trash_item,
)
from wideload_runtime.adapters.files_names import OwnNames
from wideload_runtime.adapters.files_owner_items import Write, expression_of
from wideload_runtime.adapters.files_scans import scan_restored
from wideload_runtime.core.errors import Refused, conflict
from wideload_runtime.core.files.completing import ROUNDS
from wideload_runtime.core.files.names import numbered_names, too_many_alike
from wideload_runtime.core.files.parts import SINGLE_PUT
from wideload_runtime.core.files.records import TOP, File, StoredObject, Trash
from wideload_runtime.core.files.removing import LEFTOVER_SECONDS
from wideload_runtime.core.times import iso

MODEL = 2
"""Version of an owner's items."""
BROUGHT_OVER = 100
"""Files that one request brings over, in a second or two."""
RETRY_SECONDS = 1


class OwnMigration(OwnNames):
    def bring_over(self) -> None:
        """Bring over the owner's items, unless that is done.

        Raises:
            Refused: `unavailable`: more are left, for further requests.
        """
        usage = self._item(USAGE)
        if usage is None or usage.get("model") == MODEL:
            return  # an owner without usage has no files
        after, left = usage.get("model_after"), BROUGHT_OVER
        for item in self._files_after(after):
            if "object_id" in item:
                continue
            if not left:
                self._update(USAGE, "SET #model_after = :after", _EXISTS, {":after": after})
                raise Refused(
                    "unavailable",
                    "Your files are being converted for this version: try again.",
                    retry_after=RETRY_SECONDS,
                )
            self._bring(item)
            after, left = item["item"], left - 1
        self._update(USAGE, "SET #model = :model REMOVE #model_after", _EXISTS, {":model": MODEL})

    def _files_after(self, after: str | None) -> Iterator[dict[str, Any]]:
        start = {"ExclusiveStartKey": self._key(after)} if after else {}
        while True:
            page = self._table.query(
                **expression_of(
                    KeyConditionExpression="#owner = :owner AND begins_with(#item, :prefix)",
                    values={":owner": self.owner, ":prefix": FILE},
                ),
                ConsistentRead=True,
                Limit=BROUGHT_OVER + 1,
                **start,
            )
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _bring(self, item: dict[str, Any]) -> None:
        for _ in range(ROUNDS):
            if "object_id" in item:
                return
            if self._transact(*self._brought(item)):
                return
            again = self._item(item["item"])
            if again is None:
                return
            item = again
        raise conflict()

    def _brought(self, item: dict[str, Any]) -> list[Write]:
        own = _object_of(item, item["item"].removeprefix(FILE))
        named = {} if own.corrupt else self._item(content_item(own.content)) or {}
        known_id = named.get("object_id")
        known = self.stored([known_id]).get(known_id) if known_id else None
        stored = known or own
        file = file_of({**item, "object_id": stored.object_id, "key": stored.key})
        file = replace(file, folder_id=self._folder_of(file))
        holder = self.named(file.folder_id, [file.name]).get(file.name)
        holding = self._item(FILE + holder) if holder else None
        if known and holding and holding.get("object_id") == known.object_id:
            return self._dropped(item, own, known)
        if holder:
            file = replace(file, name=self._free_name(file))
        return [
            self._put(file_item(file), *_unchanged(item)),
            *[self._put(each, "attribute_not_exists(#item)") for each in index_items(file)],
            *self._folder_there(file.folder_id),
            *(
                [self._named(known.object_id, 1, file), *self._left(own, known)]
                if known
                else self._stored_anew(own)
            ),
        ]

    def _free_name(self, file: File) -> str:
        for names in numbered_names(file.name):
            taken = self.named(file.folder_id, names)
            for name in names:
                if name not in taken:
                    return name
        raise too_many_alike()

    def _folder_of(self, file: File) -> str:
        """Return the folder of a file: that of a restored one may be deleted."""
        folder = self.folders([file.folder_id]).get(file.folder_id)
        return TOP if folder is None or folder.deleted_at else file.folder_id

    def _dropped(self, item: dict[str, Any], own: StoredObject, known: StoredObject) -> list[Write]:
        """Return the writes that remove a restored file which its folder has by now."""
        return [
            self._remove(item["item"], *_unchanged(item)),
            *self._left(own, known),
            *self._count({"files": -1}),
        ]

    def _stored_anew(self, stored: StoredObject) -> list[Write]:
        part = stored.first_part
        content = self._change(
            content_item(stored.content),
            "SET #object_id = :id REMOVE #file_id, #upload_id",
            "attribute_not_exists(#object_id)",
            {":id": stored.object_id},
        )
        named = [content, *([self._put(first_part_item(part, stored.object_id))] if part else [])]
        new = self._put(object_item(stored), "attribute_not_exists(#item)")
        scan = scan_restored(self.owner, stored, iso(self._now()))
        return [new, *([] if stored.corrupt else named), *scan]

    def _left(self, own: StoredObject, known: StoredObject) -> list[Write]:
        """Return the write that leaves the object of a file whose content another object has."""
        if own.key == known.key:
            return []
        later = iso(self._now() + LEFTOVER_SECONDS)
        trash = Trash(own.object_id, own.key, max(own.urls_end or later, later))
        return [self._put(trash_item(trash))]


_EXISTS = "attribute_exists(#item)"


def _object_of(item: dict[str, Any], file_id: str) -> StoredObject:
    by = "s3" if item["size"] <= SINGLE_PUT else "verifier"
    verified = {"verified_by": by} if item["verified"] else {}
    return object_of({**item, **verified, "item": f"OBJECT#{file_id}", "file_id": file_id})


def _unchanged(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the condition that a file is as an earlier version wrote it, and its values."""
    return (
        "attribute_not_exists(#object_id) AND #name = :name AND #verified = :verified",
        {":name": item["name"], ":verified": item["verified"]},
    )
