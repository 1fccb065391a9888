"""Events of finished payloads (`contract/events/`)."""

from __future__ import annotations

from typing import Any

from wideload_runtime.core.ingest.payloads import Payload

VERSION = "1"
"""Version of the detail's form. Within a version, members are added, never changed or removed."""

_TOLD = (
    "payload_id", "tenant", "call_id", "source", "created_at", "stored_at", "size", "sha256",
    "records", "archive_key",
)  # fmt: skip


def finished(before: Payload | None, after: Payload, environment: str) -> dict[str, Any] | None:
    """Return the detail of an event, if this change of a record finished the payload.

    It contains nothing of the document: neither summary nor content.
    """
    same = before is not None and before.state == after.state
    if after.state not in ("stored", "failed") or same or after.repeats:
        return None
    detail: dict[str, Any] = {"version": VERSION, "environment": environment}
    detail |= {name: value for name in _TOLD if (value := getattr(after, name)) is not None}
    if after.state == "failed":
        detail["error"] = {"code": after.error_code, "detail": after.error_detail}
    return detail


def detail_type(payload: Payload) -> str:
    return "PayloadStored" if payload.state == "stored" else "PayloadFailed"
