"""JSON text that is passed on unchanged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JsonText:
    """A JSON value as its text, which answers contain unchanged.

    Parsed and written again, `1.000000000000000005`, `1.0` and `1e15` would be other texts, and
    longer ones.
    """

    text: bytes
