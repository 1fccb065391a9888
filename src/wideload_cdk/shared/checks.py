"""Checks of arguments. Each skips what CDK resolves only at deployment (tokens)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from aws_cdk import Duration, Token

from wideload_cdk.shared.formats import Format
from wideload_cdk.shared.limits import Limit

LOG_LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")

_DURATIONS = {"seconds": Duration.seconds, "minutes": Duration.minutes}


def check_limit(name: str, value: int | Duration, limit: Limit) -> None:
    """Raise ValueError unless `value` is within `limit`; a limit in days wants whole days."""
    if Token.is_unresolved(value):
        return
    if isinstance(value, int):
        limit.check(name, value)
    elif limit.unit == "days":
        check_days(name, value, least=limit.least, most=limit.most)
    else:
        in_unit = _DURATIONS[limit.unit]
        check_duration(name, value, least=in_unit(limit.least), most=in_unit(limit.most))


def check_format(name: str, value: str, format: Format) -> None:
    """Raise ValueError unless the whole of `value` has the format."""
    if not Token.is_unresolved(value):
        format.check(name, value)


def check_duration(name: str, value: Duration, *, least: Duration, most: Duration) -> None:
    """Raise ValueError unless `least <= value <= most`."""
    if value.is_unresolved():
        return
    if not least.to_seconds() <= value.to_seconds() <= most.to_seconds():
        raise ValueError(
            f"{name} is {value.to_human_string()}; "
            f"give {least.to_human_string()} to {most.to_human_string()}."
        )


def check_days(name: str, value: Duration, *, least: int = 1, most: int) -> None:
    """Raise ValueError unless `value` is a whole number of days from `least` to `most`."""
    if value.is_unresolved():
        return
    days, rest = divmod(value.to_seconds(), 24 * 60 * 60)
    if rest or not least <= days <= most:
        raise ValueError(
            f"{name} is {value.to_human_string()}; give whole days, from {least:,} to {most:,}."
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


def check_throttle(rate_limit: int, burst_limit: int) -> None:
    """Raise ValueError unless an API can be throttled so."""
    check_range("rate_limit", rate_limit, least=1, most=100_000, unit="requests per second")
    check_range("burst_limit", burst_limit, least=1, most=50_000, unit="requests")


def check_reserved(name: str, value: int | None, *, least: int = 1) -> None:
    """Raise ValueError unless a function can have `value` of the account's concurrency."""
    if value is not None:
        check_range(name, value, least=least, most=10_000, unit="invocations")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; give one of {', '.join(choices)}.")


def check_log_level(value: str) -> None:
    """Raise ValueError unless Lambda and Powertools both know the level."""
    check_choice("log_level", value, LOG_LEVELS)


def check_environment_name(value: str | None) -> None:
    """Raise ValueError unless CloudWatch takes the name as a metric's dimension."""
    if value is not None:
        check_text(
            "environment_name",
            value,
            r"[!-~]([ -~]{0,253}[!-~])?",
            "1 to 255 printable ASCII characters, with no space at either end",
        )


def check_domain(domain_name: str | None, certificate: object | None) -> None:
    """Raise ValueError unless a host name comes with its certificate."""
    if (domain_name is None) != (certificate is None):
        raise ValueError(
            f"domain_name is {domain_name!r} and certificate is "
            f"{'given' if certificate else 'None'}; give both or neither."
        )


def refuse_for_given_bucket(**given: object) -> None:
    """Raise ValueError if anything is given that only a bucket made here could follow."""
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"bucket and {name} are both given, but {name} is for a bucket made here; set it "
                "up for yours where you make it, and leave one out."
            )
