"""The cost of a run of `make acceptance`, by what its tests send."""

from __future__ import annotations

from collections.abc import Iterator

from tools.costs import prices as price_list
from tools.costs.report import price
from tools.costs.usage import (
    FILES_METRICS,
    GB,
    INGEST_METRICS,
    MB,
    MONTH_HOURS,
    REQUEST_SECONDS,
    WORK_MEMORY_GB,
    Files,
    Function,
    Line,
    Payloads,
)

INLINE = Payloads(count=10, size=4 * MB, ratio=1.1, keep_months=0, reads=1)
THROUGH_S3 = Payloads(count=3, size=15.5 * MB, ratio=3.4, keep_months=0, reads=1)
QUEUED = Payloads(count=1, size=36 * MB, ratio=1.33, keep_months=0, reads=1)
SMALL_FILES = Files(count=6, size=MB, keep_months=0)
REFUSED_FILES = Files(count=4, size=64 * MB, downloads=0, keep_months=0)
FILES_IN_PARTS = Files(count=2, size=68 * MB, keep_months=0)
THOUSAND_PARTS = Files(count=1, size=8_389 * MB, downloads=0, keep_months=0, people=1)

READS = 60
"""Requests that are made to measure them."""
PEOPLE = 2
"""Who sign in: one, and one whose session is revoked."""


def lines(*, thousand_parts: bool = False) -> Iterator[Line]:
    """Usage by one run, in an environment that has no other traffic."""
    for part in (INLINE, THROUGH_S3, QUEUED, SMALL_FILES, REFUSED_FILES, FILES_IN_PARTS):
        yield from part.lines()
    yield Line("api.request", "reads", READS)
    yield from Function("reads", READS, REQUEST_SECONDS, WORK_MEMORY_GB).lines(tracing=True)
    yield Line("cognito.person", "people", PEOPLE)
    # CloudWatch bills a metric by the hour in which it has values.
    metrics = (INGEST_METRICS + FILES_METRICS) / MONTH_HOURS
    yield Line("cloudwatch.metric", "an hour of metrics", metrics)
    if thousand_parts:
        yield from THOUSAND_PARTS.lines()
        yield Line("s3.storage", "gigabytes for a day", THOUSAND_PARTS.size / GB / 30)


def run_cost(*, thousand_parts: bool = False) -> float:
    """Dollars of one run, by list prices."""
    costs = price(lines(thousand_parts=thousand_parts), price_list.load())
    return sum(cost.dollars for cost in costs)
