"""Items by which a folder's names are unique, and by which lists of files are sorted."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any

from wideload_runtime.core.files.records import File

NAME, SIZE, DATE, TITLE = "NAME#", "SIZE#", "DATE#", "TITLE#"
MAX_FOLDED = 600
"""Bytes of a folded name in a key, which has up to 1,024 bytes."""


def folded(name: str) -> str:
    """Return a name without case and Unicode form, cut to `MAX_FOLDED` bytes."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return text.encode()[:MAX_FOLDED].decode(errors="ignore")


def name_item(folder_id: str, name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{NAME}{folder_id}#{folded(name)}#{digest}"


def index_items(file: File) -> list[dict[str, Any]]:
    """Return the items of a file: first the unique one of its name."""
    return [
        {"item": name_item(file.folder_id, file.name), "file_id": file.file_id},
        {"item": f"{SIZE}{file.folder_id}#{file.size:015}#{file.file_id}"},
        {"item": f"{DATE}{file.folder_id}#{file.file_id}"},
        {"item": f"{TITLE}{folded(file.name)}#{file.file_id}"},
    ]
