"""Sizes and times, formatted for people."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def human_size(size: int) -> str:
    """A size in a few characters, in powers of 1024, written as on the web page."""
    # The rules of @transloadit/prettier-bytes, which the page uses.
    power = min(max(size.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    shown = Decimal(size) / 1024**power
    whole = shown == int(shown)
    digits = 0 if whole else 2 if power >= 3 else 1 if shown < 10 else 0
    return f"{shown.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)} {_UNITS[power]}"


def human_time(seconds: float) -> str:
    """A duration in its two largest units."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    if not minutes:
        return f"{left} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def local_time(iso: str) -> str:
    """A time in this machine's time zone, as options take it too."""
    try:
        return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return iso
