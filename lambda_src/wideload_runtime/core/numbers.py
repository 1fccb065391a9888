"""Numbers in requests, bounded before they are parsed."""

from __future__ import annotations

from typing import Any

MAX_SAFE = 2**53 - 1
"""Largest integer that every JSON parser keeps exact (RFC 8259, 6)."""


def whole_number(given: Any, most: int) -> int | None:
    """Return a whole number of at least 0; None if it is none, some number above `most` if greater.

    Args:
        given: A text of decimal digits, or a value out of JSON.
    """
    if isinstance(given, str) and given.isascii() and given.isdigit():
        significant = given.lstrip("0")
        return int(significant[: len(str(most)) + 1] or "0")
    is_integer = isinstance(given, int) and not isinstance(given, bool)
    return given if is_integer and given >= 0 else None


def parse_integer(text: str) -> int:
    """Parse an integer for `json.loads`, of so many digits as show that it is beyond any limit."""
    return int(text[:30])
