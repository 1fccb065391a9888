"""Records of file transfer as items of the table, and back."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

from wideload_runtime.core.files.records import (
    Announced,
    Content,
    File,
    FirstPart,
    NewName,
    StoredObject,
    Trash,
    Unsized,
    Upload,
)

FILE, CONTENT, UPLOAD, TRASH, USAGE = "FILE#", "CONTENT#", "UPLOAD#", "TRASH#", "USAGE"
FIRST, OPEN, OBJECT, DIR, SCAN = "FIRST#", "open", "OBJECT#", "DIR#", "SCAN#"
KINDS: dict[str, Any] = {
    FILE: "file",
    UPLOAD: "upload",
    TRASH: "trash",
    DIR: "folder",
    SCAN: "unscanned",
}
DUE_SHARDS = 4
"""Partitions of the index, each of which takes 1,000 writes a second."""

_UPLOAD_FIELDS = tuple(field.name for field in fields(Upload) if field.name != "upload_id")
_FILE_FIELDS = tuple(field.name for field in fields(File) if field.name != "file_id")
_OBJECT_FIELDS = tuple(field.name for field in fields(StoredObject) if field.name != "object_id")


def content_item(content: Content) -> str:
    return f"{CONTENT}{content.sha256}#{content.size}"


def first_part_prefix(part: FirstPart) -> str:
    return f"{FIRST}{part.sha256}#{part.size}#"


def first_part_item(part: FirstPart, object_id: str) -> dict[str, Any]:
    return {"item": first_part_prefix(part) + object_id, "object_id": object_id}


def announced_item(announced: Announced) -> str | None:
    """Return the item that names the open upload of it, if there is one."""
    if isinstance(announced, Unsized):
        return None
    if isinstance(announced, Content):
        return content_item(announced)
    return first_part_prefix(announced) + OPEN


def due_shard(identifier: str) -> str:
    return f"due#{zlib.crc32(identifier.encode()) % DUE_SHARDS}"


def upload_item(upload: Upload) -> dict[str, Any]:
    known = _present(upload, _UPLOAD_FIELDS)
    if not upload.unsized:
        del known["unsized"]
    del known["also"]
    if upload.also:
        known["also"] = [new_name_value(each) for each in upload.also]
    return {
        "item": UPLOAD + upload.upload_id,
        "due_shard": due_shard(upload.upload_id),
        **known,
    }


def new_name_value(name: NewName) -> dict[str, Any]:
    """Return a further name of an upload as its item holds it."""
    return {key: value for key, value in asdict(name).items() if value is not None}


def file_item(file: File) -> dict[str, Any]:
    known = _present(file, _FILE_FIELDS)
    if file.due_at:
        known["due_shard"] = due_shard(file.file_id)
    return {"item": FILE + file.file_id, **known}


def object_item(stored: StoredObject) -> dict[str, Any]:
    known = _present(stored, _OBJECT_FIELDS)
    if not stored.corrupt:
        del known["corrupt"]
    return {"item": OBJECT + stored.object_id, **known}


def trash_item(trash: Trash) -> dict[str, Any]:
    return {
        "item": TRASH + trash.id,
        "key": trash.key,
        "due_at": trash.due_at,
        "due_shard": due_shard(trash.id),
        **({} if trash.held is None else {"held": trash.held}),
    }


def trash_of(item: dict[str, Any]) -> Trash:
    held = item.get("held")
    return Trash(_id_of(item), item["key"], item["due_at"], None if held is None else int(held))


def record_of(item: dict[str, Any]) -> StoredObject | Upload:
    return object_of(item) if item["item"].startswith(OBJECT) else upload_of(item)


def upload_of(item: dict[str, Any]) -> Upload:
    known = _known(item, _UPLOAD_FIELDS)
    also = tuple(NewName(**value) for value in known.pop("also", ()))
    return Upload(upload_id=_id_of(item), also=also, **known)


def file_of(item: dict[str, Any]) -> File:
    return File(file_id=_id_of(item), **_known(item, _FILE_FIELDS))


def object_of(item: dict[str, Any]) -> StoredObject:
    return StoredObject(object_id=_id_of(item), **_known(item, _OBJECT_FIELDS))


def _id_of(item: dict[str, Any]) -> str:
    name: str = item["item"]
    return name.partition("#")[2]


def _known(item: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(value := item[name], Decimal) else value
        for name in names
        if name in item
    }


def _present(record: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(record, name)) is not None}
