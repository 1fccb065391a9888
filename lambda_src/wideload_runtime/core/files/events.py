"""Events of stored and deleted files (`contract/events/stored-file-v1.schema.json`)."""

from __future__ import annotations

from typing import Any

from wideload_runtime.core.files.records import File, StoredObject

STORED, DELETED = "FileStored", "FileDeleted"
VERSION = "1"
"""Version of the detail's form. Within a version, members are added, never changed or removed."""

_TOLD = (
    "file_id", "folder_id", "name", "size", "content_type", "sha256", "key", "created_at",
    "modified_at", "metadata",
)  # fmt: skip


def detail_of(
    owner: str, file: File, environment: str, stored: StoredObject | None = None
) -> dict[str, Any]:
    """Return the detail of an event.

    Args:
        stored: The file's object; None if it is not known.
    """
    told = {name: value for name in _TOLD if (value := getattr(file, name)) is not None}
    verified = {} if stored is None else {"verified": stored.verified}
    return {"version": VERSION, "environment": environment, "owner": owner, **told, **verified}
