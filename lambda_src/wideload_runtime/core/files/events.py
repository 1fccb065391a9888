"""Events of files: stored and deleted (`contract/events/stored-file-v1.schema.json`), and scanned
(`contract/events/scanned-file-v1.schema.json`)."""

from __future__ import annotations

from typing import Any

from wideload_runtime.core.files.records import File, StoredObject

STORED, DELETED, SCANNED = "FileStored", "FileDeleted", "FileScanned"
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
    known: dict[str, Any] = {}
    if stored:
        known = {"verified": stored.verified}
        if stored.quarantined:
            known["quarantined"] = stored.quarantined["reason"]
    return {"version": VERSION, "environment": environment, "owner": owner, **told, **known}


def scanned(
    before: StoredObject | None, after: StoredObject, owner: str, environment: str
) -> dict[str, Any] | None:
    """Return the detail of an event, if this change of an object is a scanner's verdict."""
    same = before is not None and before.scan_state == after.scan_state
    if same or after.scan_state in (None, "scanning"):
        return None
    return {
        "version": VERSION,
        "environment": environment,
        "owner": owner,
        "file_id": after.file_id,
        "key": after.key,
        "size": after.size,
        "sha256": after.sha256,
        "result": after.scan_state,
        **({"detail": after.scan_detail} if after.scan_detail else {}),
    }
