"""Checks of arguments. Each skips what CDK resolves only at deployment (tokens)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from aws_cdk import Duration, Token

from wideload_cdk.shared.formats import Format
from wideload_cdk.shared.limits import RESERVED_CONCURRENCY, Limit

LOG_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")

_DURATIONS = {
    "seconds": Duration.seconds,
    "minutes": Duration.minutes,
    "hours": Duration.hours,
    "days": Duration.days,
}
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 60 * 60, "days": 24 * 60 * 60}


def check_limit(name: str, value: int | Duration, limit: Limit) -> None:
    """Raise ValueError unless `value` is within `limit`; a limit in days wants whole days."""
    if Token.is_unresolved(value):
        return
    if isinstance(value, int):
        limit.check(name, value)
        return
    if value.is_unresolved():
        return
    unit, given = _SECONDS[limit.unit], value.to_seconds()
    days = limit.unit == "days"
    if (days and given % unit) or not limit.least * unit <= given <= limit.most * unit:
        in_unit = _DURATIONS[limit.unit]
        least, most = (in_unit(each).to_human_string() for each in (limit.least, limit.most))
        allowed = (
            f"whole days, from {limit.least:,} to {limit.most:,}" if days else f"{least} to {most}"
        )
        raise ValueError(f"{name} is {value.to_human_string()}; give {allowed}.")


def check_format(name: str, value: str, format: Format) -> None:
    """Raise ValueError unless the whole of `value` has the format."""
    if not Token.is_unresolved(value):
        format.check(name, value)


def check_reserved(name: str, value: int | None, *, least: int = 1) -> None:
    """Raise ValueError unless a function can reserve `value` of the account's concurrency."""
    if value is not None:
        check_limit(name, value, dataclasses.replace(RESERVED_CONCURRENCY, least=least))


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; give one of {', '.join(choices)}.")


def check_log_level(value: str) -> None:
    """Raise ValueError unless Lambda and Powertools both know the level."""
    check_choice("log_level", value, LOG_LEVELS)


def check_domain(domain_name: str | None, certificate: object | None) -> None:
    """Raise ValueError unless domain name and certificate are given together."""
    if (domain_name is None) != (certificate is None):
        raise ValueError(
            f"domain_name is {domain_name!r} and certificate is "
            f"{'given' if certificate else 'None'}; give both or neither."
        )


def refuse_for_given_bucket(**given: object) -> None:
    """Raise ValueError if an argument is given that only a bucket made here can use."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"bucket and {name} are both given, but {name} is for a bucket made here; set it "
                "up for yours where you make it, and leave one out."
            )
