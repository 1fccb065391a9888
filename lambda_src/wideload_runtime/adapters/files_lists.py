"""Lists of one person's files, by the items of `files_index.py`."""

from __future__ import annotations

from typing import Any

from wideload_runtime.adapters.files_index import DATE, NAME, SIZE, TITLE, folded
from wideload_runtime.adapters.files_items import FILE
from wideload_runtime.core.files.lists import Order

_IN_FOLDER = {"created_at": DATE, "name": NAME, "size": SIZE}


def list_start(order: Order, folder_id: str | None, prefix: str) -> str:
    """Return the start of the keys of a list, which are in its order."""
    if folder_id is not None:
        start = f"{_IN_FOLDER[order]}{folder_id}#"
    else:
        start = TITLE if order == "name" else FILE
    return start + folded(prefix)


def listed_id(item: dict[str, Any]) -> str:
    """Return the id of the file of an item of a list."""
    file_id: str = item.get("file_id") or item["item"].removeprefix(FILE)
    return file_id
