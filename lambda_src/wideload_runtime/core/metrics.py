"""Interface of core's metrics."""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    def add(self, name: str, value: float) -> None:
        """Add a value to a metric of `adapters.telemetry.UNITS`."""
