"""Numbers in requests, bounded before they are parsed."""

from __future__ import annotations

from typing import Any

MAX_SAFE = 2**53 - 1
"""The largest integer that every JSON parser keeps (RFC 8259, 6)."""


def whole_number(given: Any, most: int) -> int | None:
    """A whole number from 0 on; None if it is none, and something above `most` if it is more.

    Args:
        given: A text of decimal digits, or a value out of JSON.
    """
    if isinstance(given, str) and given.isascii() and given.isdigit():
        significant = given.lstrip("0")
        return int(significant[: len(str(most)) + 1] or "0")
    is_integer = isinstance(given, int) and not isinstance(given, bool)
    return given if is_integer and given >= 0 else None


def parse_integer(text: str) -> int:
    """For `json.loads`: as many digits as tell that it is beyond every limit of ours."""
    return int(text[:30])
