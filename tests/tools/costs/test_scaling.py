"""The steps of `docs/scaling.md` follow from the code's constants and what a payload takes."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from stacks.settings import ENVIRONMENTS
from tools.costs import usage
from wideload_cdk import PayloadIngest
from wideload_runtime.adapters import files_table
from wideload_runtime.core.ingest.payloads import OPEN_SHARDS, TENANT_SHARDS

TEXT = (Path(__file__).parents[3] / "docs" / "scaling.md").read_text()

# AWS's, for us-east-1; the pages are in the document.
PARTITION_WRITES = 1_000
FIRST_PEAK = 4_000
TABLE_WRITES = 40_000
CONCURRENCY = 1_000
REQUESTS = 10_000

LARGE = usage.Payloads(count=1, size=15 * usage.MB, ratio=3.4)
TABLE_UNITS = 6
OPEN_UNITS = 3


def default(argument: str) -> int:
    value = inspect.signature(PayloadIngest.__init__).parameters[argument].default
    assert isinstance(value, int)
    return value


def steps() -> list[int]:
    """The first column of the table of what is met."""
    part = TEXT.partition("## Limits, in order")[2].partition("\n## ")[0]
    return [
        int(number.replace(",", ""))
        for number in re.findall(r"^\| ([\d,]+) \|", part, re.MULTILINE)
    ]


def test_steps_are_in_order() -> None:
    assert steps() == sorted(steps())
    assert steps()[-1] == 10_000


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("rate limit", default("rate_limit") / LARGE.requests),
        ("worker", default("worker_max_concurrency") / usage.LOOK_SECONDS),
        ("rate limit of prod", ENVIRONMENTS["prod"].rate_limit / LARGE.requests),
        ("first peak", FIRST_PEAK / TABLE_UNITS),
        ("by_open", OPEN_SHARDS * PARTITION_WRITES / OPEN_UNITS),
        ("worker of prod", ENVIRONMENTS["prod"].worker_max_concurrency / usage.LOOK_SECONDS),
        ("concurrency", CONCURRENCY / 0.5),
        ("API Gateway", REQUESTS / LARGE.requests),
        ("table", TABLE_WRITES / TABLE_UNITS),
        ("by_tenant", TENANT_SHARDS * PARTITION_WRITES),
    ],
)
def test_each_step_is_where_it_is_said_to_be(what: str, limit: float) -> None:
    assert int(limit) in steps(), f"{what}: {limit:,.0f}"


def test_a_payload_takes_what_is_said() -> None:
    lines = list(LARGE.lines())
    writes = sum(line.quantity for line in lines if line.price == "dynamodb.write")
    seconds = sum(function.seconds for function in LARGE._functions())

    # And one in each of two more indexes.
    assert writes == TABLE_UNITS + OPEN_UNITS + 2
    assert seconds == pytest.approx(0.5, abs=0.01)


def test_shards_are_those_of_the_code() -> None:
    assert f"`open#<0…{OPEN_SHARDS - 1}>`" in TEXT
    assert f"`<tenant>#<0…{TENANT_SHARDS - 1}>`" in TEXT
    assert f"`by_due`, over {files_table.DUE_SHARDS} partitions" in TEXT
