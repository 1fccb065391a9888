"""Thresholds that an ingest and a file transfer have in common, and checks of their values."""

from __future__ import annotations

import dataclasses

from aws_cdk import Duration, Token

from wideload_cdk.shared.checks import check_limit
from wideload_cdk.shared.limits import OLDEST_MESSAGE_MINUTES, TABLE_SYSTEM_ERRORS

# API Gateway's integration timeout is 30 s:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
MAX_LATENCY_MS = 29_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Thresholds of a service, as `TransferMonitoring` documents them.

    Raises:
        ValueError: A value is out of range.
    """

    server_error_percent: float
    latency: Duration
    function_error_percent: float
    function_duration_percent: float
    oldest_message: Duration
    table_system_errors: int
    bucket_error_percent: float

    def __post_init__(self) -> None:
        for name in (
            "server_error_percent",
            "function_error_percent",
            "function_duration_percent",
            "bucket_error_percent",
        ):
            check_percent(name, getattr(self, name))
        # In milliseconds, which `check_limit` doesn't know.
        if (
            not self.latency.is_unresolved()
            and not 0 < self.latency.to_milliseconds() <= MAX_LATENCY_MS
        ):
            raise ValueError(
                f"latency is {self.latency.to_human_string()}; give more than 0, at most 29 "
                "seconds."
            )
        check_limit("oldest_message", self.oldest_message, OLDEST_MESSAGE_MINUTES)
        check_limit("table_system_errors", self.table_system_errors, TABLE_SYSTEM_ERRORS)


def check_percent(name: str, value: float) -> None:
    """Raise if `value` is not a percentage above 0."""
    if not Token.is_unresolved(value) and not 0 < value <= 100:
        raise ValueError(f"{name} is {value:g}; give more than 0, at most 100 percent.")
