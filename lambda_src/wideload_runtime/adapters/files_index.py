"""Items by which a folder's names are unique, and by which lists of files are sorted.

A tab divides a name from what follows it in a key: no name has one, and it sorts before all
characters of names, so that "a" comes before "a b".
"""

from __future__ import annotations

import hashlib
from typing import Any

from wideload_runtime.core.files.names import sort_key
from wideload_runtime.core.files.records import File

NAME, SIZE, DATE, TITLE, FOLDER = "NAME#", "SIZE#", "DATE#", "TITLE#", "FOLDER#"
MAX_FOLDED = 600
"""Bytes of a folded name in a key, which has up to 1,024 bytes."""


def folded(name: str) -> str:
    """Return a name without case and Unicode form, cut to `MAX_FOLDED` bytes."""
    return sort_key(name).encode()[:MAX_FOLDED].decode(errors="ignore")


def name_item(folder_id: str, name: str) -> str:
    """Return the key of the item that only one file of this name in the folder can have."""
    return NAME + _unique(folder_id, name)


def folder_item(parent_id: str, name: str) -> str:
    """Return the key of the item that only one subfolder of this name can have."""
    return FOLDER + _unique(parent_id, name)


def index_items(file: File) -> list[dict[str, Any]]:
    """Return the items of a file: first the unique one of its name."""
    items = [
        name_item(file.folder_id, file.name),
        f"{SIZE}{file.folder_id}#{file.size:015}#{file.file_id}",
        f"{DATE}{file.folder_id}#{file.file_id}",
        f"{TITLE}{folded(file.name)}\t{file.file_id}",
    ]
    return [{"item": item, "file_id": file.file_id} for item in items]


def _unique(folder_id: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{folder_id}#{folded(name)}\t{digest}"
