"""The figures of `tools/costs/usage.py`, counted on templates and with the runtime's code."""

from __future__ import annotations

import collections
import dataclasses
import gzip
import hashlib
import json
import math
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import orjson
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from local.call_log import make_call_log
from tests.fake_aws.s3 import Body
from tests.runtime.fakes import World
from tests.runtime.files.files_world import FilesWorld, Film, Person, new_name
from tests.tools.costs.counting import CountingTable, item_size
from tools.costs import usage
from wideload_cdk import FileTransfer, PayloadIngest, TransferMonitoring
from wideload_cdk.files.functions import VERIFIED_BYTES
from wideload_runtime.adapters import ingest_bucket
from wideload_runtime.adapters.ingest_table import item_of
from wideload_runtime.core.files import parts
from wideload_runtime.core.files.records import Verdict
from wideload_runtime.core.files.requests import UploadRequest as UploadWish
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
    monitoring.monitor_files(FileTransfer(stack, "Files", code=code))
    scanned = TransferMonitoring(stack, "WatchScanned", name_prefix="y")
    scanned.monitor_files(FileTransfer(stack, "Scanned", code=code, scan="events"))
    counts: collections.Counter[str] = collections.Counter()
    found = Template.from_stack(stack).find_resources("AWS::CloudWatch::Alarm").values()
    for properties in (each["Properties"] for each in found):
        watched = [each for each in properties.get("Metrics", []) if "MetricStat" in each]
        prefix, service, *_ = properties["AlarmName"].split("-")
        counts[service if prefix == "x" else f"scanned {service}"] += len(watched) or 1
    return counts


def test_metrics_of_alarms(alarm_metrics: dict[str, int]) -> None:
    assert alarm_metrics == {
        "ingest": usage.INGEST_ALARM_METRICS,
        "files": usage.FILES_ALARM_METRICS,
        "account": 1,
        "scanned files": usage.FILES_ALARM_METRICS + usage.SCAN_ALARM_METRICS,
        "scanned account": 1,
    }


def test_own_metrics() -> None:
    for construct, count in (
        (PayloadIngest, usage.INGEST_METRICS),
        (FileTransfer, usage.FILES_METRICS + usage.SCAN_METRICS),
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
    assert usage.VERIFIED == VERIFIED_BYTES


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


# Files

NAME = "Holiday in the mountains, day three, drone footage.mov"


class FilesUnits:
    """Files of a person with an id of Cognito's, over a table whose writes are counted."""

    def __init__(self, **options: Any) -> None:
        self.world = FilesWorld(**options)
        self.person = Person(self.world, str(uuid.UUID(int=2**127)))
        self.world.table.of(self.person.owner)
        self.table = self.world.dynamo
        self.writes = 0
        client = self.table.meta.client
        client.transact_write_items = self._counted(client.transact_write_items, 2)
        self.table.update_item = self._counted(self.table.update_item, 1)  # type: ignore[method-assign]

    def upload(self, size: int) -> str:
        """Store a file as clients do: a large one in one pass."""
        if size <= parts.SINGLE_PUT:
            return self.person.put(NAME, Body.made_up(size, "x"))
        film = Film(size=size)
        request = UploadWish(new_name(NAME), film.announced)
        (answer,) = self.person.uploads.create([request])
        self.person.send_film(answer["upload_id"], film)
        return str(self.person.complete(answer["upload_id"], film.claim)["file_id"])

    @property
    def kept(self) -> int:
        """Bytes of the items that stay, as DynamoDB bills them."""
        kept = [
            item
            for item in self.table.items.values()
            if not item["item"].startswith(("UPLOAD#", "USAGE"))
        ]
        return sum(item_size(item) + 100 for item in kept)

    def _counted(self, write: Callable[..., Any], weight: int) -> Callable[..., Any]:
        """Return `write`, counting the items that it changes, and their entries in the index."""

        def count(**arguments: Any) -> Any:
            before = {key: dict(item) for key, item in self.table.items.items()}
            answer = write(**arguments)
            after = self.table.items
            for key in {*before, *after}:
                held, holds = before.get(key, {}), after.get(key, {})
                if held == holds:
                    continue
                self.writes += weight * math.ceil(max(item_size(held), item_size(holds)) / 1024)
                entries = [
                    (item["due_shard"], item["due_at"]) if "due_shard" in item else None
                    for item in (held, holds)
                ]
                if entries[0] != entries[1]:
                    self.writes += sum(entry is not None for entry in entries)
            return answer

        return count


def writes_of(files: usage.Files) -> float:
    return sum(line.quantity for line in files.lines() if line.price == "dynamodb.write")


def kept_by(files: usage.Files) -> float:
    lines = [line for line in files.lines() if line.price == "dynamodb.storage"]
    return sum(line.quantity for line in lines) * usage.GB


@pytest.mark.parametrize("size", [1_000_000, 100_000_000])
def test_items_of_a_file(size: int) -> None:
    units = FilesUnits()
    counted = usage.Files(count=1, size=size)

    units.upload(size)

    assert units.kept == pytest.approx(kept_by(counted), rel=0.02)
    assert units.writes == writes_of(counted)


def test_items_of_a_scanned_file() -> None:
    units = FilesUnits(scan_seconds=3600)
    counted = usage.Files(count=1, size=1_000_000, scan=True)

    file_id = units.upload(1_000_000)
    key = units.person.stored(file_id).key
    units.world.scanning.record(Verdict(key, "clean", "", "2026-11-22T09:00:00.000Z"))

    assert units.kept == pytest.approx(kept_by(counted), rel=0.02)
    assert units.writes == writes_of(counted)


def test_writes_of_a_verified_file() -> None:
    units = FilesUnits(verify=True)
    counted = usage.Files(count=1, size=100_000_000, verify=True)

    file_id = units.upload(100_000_000)
    stored = units.person.stored(file_id)
    units.world.table.of(units.person.owner).mark_verified(stored)

    assert units.writes == writes_of(counted)
