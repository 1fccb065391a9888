"""Times as texts that sort as times do."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(epoch: float) -> str:
    """ISO 8601 in UTC, of a fixed width, so that texts sort as times do."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def epoch(text: str) -> float:
    """Epoch seconds of what `iso` wrote."""
    return datetime.fromisoformat(text).timestamp()
