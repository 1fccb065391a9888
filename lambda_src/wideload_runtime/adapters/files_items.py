"""Records of file transfer as items of the table, and back."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any

from wideload_runtime.core.files.records import (
    Announced,
    Content,
    File,
    FirstPart,
    Trash,
    Unsized,
    Upload,
)

FILE, CONTENT, UPLOAD, TRASH, USAGE = "FILE#", "CONTENT#", "UPLOAD#", "TRASH#", "USAGE"
FIRST, OPEN = "FIRST#", "open"
KINDS: dict[str, Any] = {FILE: "file", UPLOAD: "upload", TRASH: "trash"}
DUE_SHARDS = 4
"""Partitions of the index, each of which takes 1,000 writes a second."""

_UPLOAD_FIELDS = tuple(field.name for field in fields(Upload) if field.name != "upload_id")
_FILE_FIELDS = tuple(field.name for field in fields(File) if field.name != "file_id")


def content_item(content: Content) -> str:
    return f"{CONTENT}{content.sha256}#{content.size}"


def first_part_prefix(part: FirstPart) -> str:
    return f"{FIRST}{part.sha256}#{part.size}#"


def first_part_item(part: FirstPart, file_id: str) -> dict[str, Any]:
    return {"item": first_part_prefix(part) + file_id, "file_id": file_id}


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
    known = {name: value for name in _UPLOAD_FIELDS if (value := getattr(upload, name)) is not None}
    if not upload.unsized:
        del known["unsized"]
    return {
        "item": UPLOAD + upload.upload_id,
        "due_shard": due_shard(upload.upload_id),
        **known,
    }


def file_item(file: File) -> dict[str, Any]:
    known = {name: value for name in _FILE_FIELDS if (value := getattr(file, name)) is not None}
    if not file.corrupt:
        del known["corrupt"]
    if file.due_at:
        known["due_shard"] = due_shard(file.file_id)
    return {"item": FILE + file.file_id, **known}


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


def record_of(item: dict[str, Any]) -> File | Upload:
    return file_of(item) if item["item"].startswith(FILE) else upload_of(item)


def upload_of(item: dict[str, Any]) -> Upload:
    return Upload(upload_id=_id_of(item), **_known(item, _UPLOAD_FIELDS))


def file_of(item: dict[str, Any]) -> File:
    return File(file_id=_id_of(item), **_known(item, _FILE_FIELDS))


def _id_of(item: dict[str, Any]) -> str:
    name: str = item["item"]
    return name.partition("#")[2]


def _known(item: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(value := item[name], Decimal) else value
        for name in names
        if name in item
    }
