"""Limits and formats: what their checks refuse, and how the refusal describes what is allowed."""

from __future__ import annotations

import re

import pytest
from aws_cdk import Duration, Token

from wideload_cdk.shared.checks import check_format, check_limit
from wideload_cdk.shared.formats import HEADER_NAME
from wideload_cdk.shared.limits import RATE_LIMIT, RETENTION_DAYS, URL_MINUTES, Limit


@pytest.mark.parametrize(
    ("value", "limit", "message"),
    [
        (0, RATE_LIMIT, "x is 0; give 1 to 100,000 requests per second."),
        (100_001, RATE_LIMIT, "x is 100,001; give 1 to 100,000 requests per second."),
        (Duration.hours(13), URL_MINUTES, "x is 13 hours; give 1 minute to 12 hours."),
        (Duration.seconds(59), URL_MINUTES, "x is 59 seconds; give 1 minute to 12 hours."),
        (
            Duration.hours(36),
            RETENTION_DAYS,
            "x is 1 day 12 hours; give whole days, from 1 to 36,499.",
        ),
        (
            Duration.days(29),
            Limit(30, 40, "days"),
            "x is 29 days; give whole days, from 30 to 40.",
        ),
    ],
)
def test_value_out_of_range_is_refused_with_the_range(
    value: int | Duration, limit: Limit, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_limit("x", value, limit)


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        (1, RATE_LIMIT),
        (100_000, RATE_LIMIT),
        (Duration.minutes(1), URL_MINUTES),
        (Duration.seconds(90), URL_MINUTES),
        (Duration.hours(12), URL_MINUTES),
        (Duration.days(36_499), RETENTION_DAYS),
        (Token.as_number({"Ref": "Rate"}), RATE_LIMIT),
        (Duration.days(Token.as_number({"Ref": "Days"})), RETENTION_DAYS),
    ],
)
def test_both_ends_and_tokens_are_accepted(value: int | Duration, limit: Limit) -> None:
    check_limit("x", value, limit)


def test_format_describes_what_is_allowed() -> None:
    check_format("x", Token.as_string({"Ref": "Header"}), HEADER_NAME)
    with pytest.raises(ValueError, match=r"^x is 'a b'; give the name of an HTTP header: letters"):
        check_format("x", "a b", HEADER_NAME)


def test_limit_is_a_phrase() -> None:
    assert str(RETENTION_DAYS) == "1 to 36,499 days"
