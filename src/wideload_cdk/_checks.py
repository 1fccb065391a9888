"""Checks of arguments. Each skips what CDK resolves only at deployment (tokens)."""

from __future__ import annotations

import re

from aws_cdk import Duration, Token


def check_duration(name: str, value: Duration, *, least: Duration, most: Duration) -> None:
    """Raise ValueError unless `least <= value <= most`."""
    if value.is_unresolved():
        return
    if not least.to_seconds() <= value.to_seconds() <= most.to_seconds():
        raise ValueError(
            f"{name} is {value.to_human_string()}; "
            f"give {least.to_human_string()} to {most.to_human_string()}."
        )


def check_days(name: str, value: Duration, *, most: int) -> None:
    """Raise ValueError unless `value` is a whole number of days from 1 to `most`."""
    if value.is_unresolved():
        return
    days, rest = divmod(value.to_seconds(), 24 * 60 * 60)
    if rest or not 1 <= days <= most:
        raise ValueError(
            f"{name} is {value.to_human_string()}; give whole days, from 1 to {most:,}."
        )


def check_range(name: str, value: int, *, least: int, most: int, unit: str) -> None:
    """Raise ValueError unless `least <= value <= most`."""
    if Token.is_unresolved(value):
        return
    if not least <= value <= most:
        raise ValueError(f"{name} is {value:,}; give {least:,} to {most:,} {unit}.")


def check_text(name: str, value: str, pattern: str, allowed: str) -> None:
    """Raise ValueError unless the whole of `value` matches `pattern`."""
    if Token.is_unresolved(value):
        return
    if not re.fullmatch(pattern, value):
        raise ValueError(f"{name} is {value!r}; give {allowed}.")
