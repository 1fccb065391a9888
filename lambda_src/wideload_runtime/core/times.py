"""Times as text that sorts by time."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(epoch: float) -> str:
    """Return ISO 8601 in UTC, of a fixed width, so that texts sort by time."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def epoch(text: str) -> float:
    """Return the epoch seconds of a text by `iso`."""
    return datetime.fromisoformat(text).timestamp()
