"""The table of files and uploads in DynamoDB.

Partition key `owner`, sort key `item`:

    FILE#<file id>              a name: `folder_id`, `name`, `object_id`, …, and copies of what
                                never changes of the object
    OBJECT#<object id>          a stored object; `names`: the number of its FILE items, and of the
                                names of its completed upload that have none yet
    CONTENT#<sha256>#<size>     `object_id`, or `upload_id` while an upload of it is open: it is
                                written on the condition that it isn't there, so two uploads of the
                                same content are one
    FIRST#<sha256>#<size>#<object id>
                                `object_id` of an object with this first part and size
    FIRST#<sha256>#<size>#open  `upload_id` of the open upload that was begun with this first part,
                                on the same condition
    NAME#<folder id>#<name, folded>#<hash of the name>
                                `file_id` of the file that has the name in the folder, on the
                                condition that it isn't there (`files_index.py`)
    SIZE#…, DATE#…, TITLE#…     keys by which lists are sorted (`files_index.py`)
    DIR#…, FOLDER#…             folders (`files_folders.py`)
    UPLOAD#<upload id>          an upload; `also` holds its further names, which are added while it
                                is open, and become files one by one after it is completed
    TRASH#<id>                  an object without an owner
    USAGE                       `bytes`, `files`, `open_uploads`: changed in the same transaction
                                as what they count; they include `held` of an UPLOAD or a TRASH, and
                                what is signed of an upload of unknown size. `model`: the version of
                                the owner's items (`files_migration.py`)

The index `by_due` holds the items that the sweep must handle, by `due_shard` and `due_at`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import fields
from typing import Any

from wideload_runtime.adapters.batches import items_of
from wideload_runtime.adapters.files_items import (
    DUE_SHARDS,
    FILE,
    KINDS,
    OBJECT,
    TRASH,
    UPLOAD,
    USAGE,
    content_item,
    file_of,
    first_part_prefix,
    object_of,
    record_of,
    trash_of,
    upload_of,
)
from wideload_runtime.adapters.files_lists import list_start, listed_id
from wideload_runtime.adapters.files_migration import OwnMigration
from wideload_runtime.adapters.files_owner_items import expression_of
from wideload_runtime.adapters.files_uploads import OwnUploads
from wideload_runtime.core.files.lists import Order
from wideload_runtime.core.files.ports import Due, Listed
from wideload_runtime.core.files.records import (
    Announced,
    Content,
    File,
    FirstPart,
    StoredObject,
    Trash,
    Upload,
    Usage,
)
from wideload_runtime.core.turns import in_turns

KNOWN_SECONDS = 60
"""Seconds for which a function does not look again whether an owner's items are of this version."""
MOST_KNOWN = 10_000
"""Owners that a function remembers."""


class FilesTable:
    """
    Args:
        table: A `tables.Table`.
        now: Epoch seconds.
    """

    def __init__(
        self,
        table: Any,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._sleep = sleep
        self._now = now
        self._brought_over: dict[str, float] = {}
        """Times until which owners' items are known to be of this version."""

    def of(self, owner: str) -> OwnRecords:
        """Return an owner's records, once all are of this version.

        Raises:
            Refused: `unavailable`: more are to be brought over by further requests.
        """
        records = OwnRecords(self._table, owner, sleep=self._sleep, now=self._now)
        if self._brought_over.get(owner, 0) <= self._now():
            records.bring_over()
            if len(self._brought_over) >= MOST_KNOWN:
                self._brought_over.clear()
            self._brought_over[owner] = self._now() + KNOWN_SECONDS
        return records

    def stored(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], StoredObject]:
        """Return objects of several owners, by owner and id."""
        keys = [{"owner": owner, "item": OBJECT + object_id} for owner, object_id in wanted]
        items = items_of(self._table, keys, ConsistentRead=True, sleep=self._sleep)
        found = [(item["owner"], object_of(item)) for item in items]
        return {(owner, stored.object_id): stored for owner, stored in found}

    def due(self, now: str) -> Iterator[Due]:
        return in_turns(self._due_in(shard, now) for shard in range(DUE_SHARDS))

    def _due_in(self, shard: int, now: str) -> Iterator[Due]:
        wanted: dict[str, Any] = {
            "IndexName": "by_due",
            **expression_of(
                KeyConditionExpression="#due_shard = :shard AND #due_at <= :now",
                values={":shard": f"due#{shard}", ":now": now},
            ),
        }
        while True:
            page = self._table.query(**wanted)
            for item in page["Items"]:
                prefix, _, name = item["item"].partition("#")
                yield Due(item["owner"], KINDS[prefix + "#"], name, item["due_at"])
            if "LastEvaluatedKey" not in page:
                return
            wanted["ExclusiveStartKey"] = page["LastEvaluatedKey"]


class OwnRecords(OwnMigration, OwnUploads):
    """One person's records: no method takes an owner."""

    # Read

    def find(self, announced: Sequence[Announced]) -> dict[Announced, StoredObject | Upload]:
        wanted: dict[str, Announced] = {
            content_item(one): one for one in announced if isinstance(one, Content)
        }
        items = {wanted[item["item"]]: item for item in self._items(wanted)}
        for part in {one for one in announced if isinstance(one, FirstPart)}:
            # The open upload sorts after the objects, any of which comes before it.
            if newest := self._newest(first_part_prefix(part), None, 2):
                items[part] = newest[-1]
        if earlier := [item["file_id"] for item in items.values() if "file_id" in item]:
            self.files_by_id(earlier)
            return self.find(announced)
        named = {one: _record_named(item) for one, item in items.items()}
        records = {item["item"]: record_of(item) for item in self._items(set(named.values()))}
        return {one: records[name] for one, name in named.items() if name in records}

    def stored_with(self, content: Content) -> StoredObject | None:
        object_id = (self._item(content_item(content)) or {}).get("object_id")
        return self.stored([object_id]).get(object_id) if object_id else None

    def file(self, file_id: str) -> File | None:
        item = self._item(FILE + file_id)
        if item and "object_id" not in item:
            self._bring(item)
            return self.file(file_id)
        return file_of(item) if item else None

    def files_by_id(self, file_ids: Collection[str]) -> dict[str, File]:
        return self._files(lambda: list(self._items({FILE + each for each in file_ids})))

    def _files(self, read: Callable[[], list[dict[str, Any]]]) -> dict[str, File]:
        """Return files by id, once all are of this version."""
        items = read()
        if earlier := [item for item in items if "object_id" not in item]:
            for item in earlier:
                self._bring(item)
            items = read()
        return {file.file_id: file for file in map(file_of, items)}

    def upload(self, upload_id: str) -> Upload | None:
        item = self._item(UPLOAD + upload_id)
        return upload_of(item) if item else None

    def trash(self, identifier: str) -> Trash | None:
        item = self._item(TRASH + identifier)
        return trash_of(item) if item else None

    def usage(self) -> Usage:
        item = self._item(USAGE) or {}
        return Usage(*(int(item.get(field.name, 0)) for field in fields(Usage)))

    def listed(
        self,
        order: Order,
        *,
        folder_id: str | None = None,
        prefix: str = "",
        after: str | None = None,
        limit: int,
        descending: bool = False,
    ) -> tuple[list[Listed], bool]:
        start = list_start(order, folder_id, prefix)
        items, more = self._page(start, after, limit, descending=descending)
        known = {listed_id(item): file_of(item) for item in items if "object_id" in item}
        files = known | self.files_by_id({listed_id(item) for item in items} - known.keys())
        return [
            Listed(item["item"].removeprefix(start), files.get(listed_id(item))) for item in items
        ], more

    def uploads(self, *, before: str | None, limit: int) -> list[Upload]:
        return [upload_of(item) for item in self._newest(UPLOAD, before, limit)]

    # Files

    def forget(self, trash: Trash) -> None:
        self._table.delete_item(Key=self._key(TRASH + trash.id))

    def mark_verified(self, stored: StoredObject) -> None:
        self._update(
            OBJECT + stored.object_id,
            "SET #verified = :true, #verified_by = :verifier",
            "attribute_exists(#item) AND attribute_not_exists(#corrupt)",
            {":true": True, ":verifier": "verifier"},
        )

    def mark_corrupt(self, stored: StoredObject) -> bool:
        return self._transact(
            self._change(
                OBJECT + stored.object_id,
                "SET #corrupt = :true",
                "#verified = :false AND attribute_not_exists(#corrupt)",
                {":true": True, ":false": False},
            ),
            self._remove(
                content_item(stored.content), "#object_id = :id", {":id": stored.object_id}
            ),
            *self._first_part_forgotten(stored),
        )


def _record_named(item: dict[str, Any]) -> str:
    """Return the item of the object or upload that a CONTENT or FIRST item names."""
    named, identifier = (
        (UPLOAD, item["upload_id"]) if "upload_id" in item else (OBJECT, item["object_id"])
    )
    return f"{named}{identifier}"
