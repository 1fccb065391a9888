"""The figures of `tools/costs/usage.py`, counted on templates and with the runtime's code."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
from pathlib import Path

import aws_cdk as cdk
import orjson
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from local.call_log import make_call_log
from tests.runtime.fakes import World
from tests.tools.costs.counting import CountingTable, item_size
from tools.costs import usage
from wideload_cdk import FileTransfer, PayloadIngest, TransferMonitoring
from wideload_runtime.adapters import ingest_bucket
from wideload_runtime.adapters.ingest_table import item_of
from wideload_runtime.core.files import parts
from wideload_runtime.core.ingest import document
from wideload_runtime.core.ingest.requests import Claim, UploadRequest, parse_send


@pytest.fixture(scope="module")
def alarm_metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many metrics the alarms watch, by service."""
    folder: Path = tmp_path_factory.mktemp("code")
    (folder / "wideload_runtime").mkdir()
    stack = cdk.Stack(cdk.App(), "All")
    code = lambda_.Code.from_asset(str(folder))
    monitoring = TransferMonitoring(stack, "Watch", name_prefix="x")
    monitoring.monitor_ingest(PayloadIngest(stack, "Ingest", code=code))
    monitoring.monitor_files(FileTransfer(stack, "Files", code=code, verify_multipart=True))
    counts = {"ingest": 0, "files": 0, "account": 0}
    found = Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm").values()
    for properties in (each["Properties"] for each in found):
        watched = [each for each in properties.get("Metrics", []) if "MetricStat" in each]
        counts[properties["AlarmName"].split("-")[1]] += len(watched) or 1
    return counts


def test_metrics_of_alarms(alarm_metrics: dict[str, int]) -> None:
    assert alarm_metrics == {
        "ingest": usage.INGEST_ALARM_METRICS,
        "files": usage.FILES_ALARM_METRICS,
        "account": 1,
    }


def test_own_metrics() -> None:
    for construct, count in (
        (PayloadIngest, usage.INGEST_METRICS),
        (FileTransfer, usage.FILES_METRICS),
    ):
        own = [name for name in dir(construct) if name.startswith("metric_")]
        assert len(own) == count, construct


def test_limits_are_those_of_the_code() -> None:
    assert usage.ARCHIVE_PART == ingest_bucket.PART
    assert usage.IN_ITEM_LIMIT == document.IN_ITEM_GZIP
    assert (usage.SINGLE_PUT_LIMIT, usage.LEAST_PART, usage.MOST_PARTS) == (
        parts.SINGLE_PUT,
        parts.MIN_PART,
        parts.MAX_PARTS,
    )


@pytest.mark.parametrize("size", [1, 64 * usage.MIB, 64 * usage.MIB + 1, 10**9, 10**12, 5 * 2**40])
def test_parts_are_those_of_the_code(size: int) -> None:
    counted = usage.Files(count=1, size=size).parts

    assert (counted or 1) == parts.part_count(size)


@pytest.fixture
def world() -> World:
    """Ingest over fakes, with a table that counts."""
    world = World()
    world.table = CountingTable(world.clock.now)
    world.processor = dataclasses.replace(world.processor, table=world.table)
    world.ingest = dataclasses.replace(world.ingest, table=world.table, processor=world.processor)
    return world


def dynamodb(payloads: usage.Payloads) -> tuple[float, float]:
    """Write and read units, as `costs` has them, but for the sweep's reads."""
    lines = [line for line in payloads.lines() if line.what != "the sweep"]
    return (
        sum(line.quantity for line in lines if line.price == "dynamodb.write"),
        sum(line.quantity for line in lines if line.price == "dynamodb.read"),
    )


def test_units_of_a_payload_through_s3(world: World) -> None:
    body = json.dumps(make_call_log(15_000_000)).encode()
    sent = gzip.compress(body, 1)
    wish = UploadRequest.parse(
        {}, orjson.dumps({"sha256": hashlib.sha256(sent).hexdigest(), "call_id": "call-1234567"})
    )

    s3_key = world.ingest.issue_upload_url("acme", wish, "key").body["s3_key"]
    world.bucket.put(s3_key, sent)
    stored = world.ingest.accept(world.acme, Claim(s3_key, 1_000), "key")
    # What the upload's event brings about, a minute later.
    assert not world.processor.is_open(s3_key)
    world.processor.work(s3_key, owner="worker", has_time=lambda: True)

    assert stored.body["state"] == "stored"
    assert isinstance(world.table, CountingTable)
    counted = usage.Payloads(count=1, size=len(body), ratio=len(body) / len(sent))
    assert (world.table.writes, world.table.reads) == dynamodb(counted)
    [record] = world.table.items.values()
    assert item_size(item_of(record)) == pytest.approx(counted.item, rel=0.1)


@pytest.mark.parametrize("size", [8_000, 1_000_000])
def test_units_of_a_payload_in_a_body(world: World, size: int) -> None:
    body = json.dumps(make_call_log(size)).encode()
    sent = gzip.compress(body, 1)
    request = parse_send({"content-type": "application/gzip"}, sent)

    world.ingest.accept(world.acme, request, "key")

    assert isinstance(world.table, CountingTable)
    [record] = world.table.items.values()
    counted = usage.Payloads(
        count=1, size=len(body), ratio=len(body) / (record.gzip_size or len(sent))
    )
    assert (world.table.writes, world.table.reads) == dynamodb(counted)
    assert item_size(item_of(record)) == pytest.approx(counted.item, rel=0.1)
