"""The payloads table against DynamoDB, and the fake of the unit tests against the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ulid import ULID

from local.cloud import Cloud
from local.outputs import Outputs
from tests.runtime.fakes import FakeTable
from wideload_runtime.adapters.payload_table import DynamoPayloadTable
from wideload_runtime.core.errors import LeaseLostError
from wideload_runtime.core.payloads import Payload, PayloadTable

pytestmark = pytest.mark.parametrize("kind", ["fake", "dynamodb"])


@pytest.fixture
def table(kind: str, request: pytest.FixtureRequest) -> PayloadTable:
    if kind == "fake":
        return FakeTable()
    cloud: Cloud = request.getfixturevalue("cloud")
    outputs: Outputs = request.getfixturevalue("outputs")
    return DynamoPayloadTable(cloud.table(outputs["ingest"]["table"]))


@pytest.fixture
def issued(table: PayloadTable) -> Payload:
    payload = Payload(
        payload_id=str(ULID()),
        tenant="acme",
        state="issued",
        source="s3",
        created_at="2026-11-22T09:00:00.000Z",
        expires_at=1_790_000_000,
        s3_key="transit/acme/x",
        declared_size=5,
    )
    table.create(payload)
    return payload


def stored(payload: Payload) -> Payload:
    return replace(
        payload,
        state="stored",
        expires_at=None,
        stored_at="2026-11-22T09:00:01.000Z",
        size=123,
        summary={
            "text": "é", "empty": "", "int": 2**63, "long": 10**37, "float": 2.5, "tiny": 1e-300,
            "huge": 1e300, "zero": 0.0, "yes": True, "none": None,
        },
        array_lengths={"turns": 3},
        document=b"\x1f\x8b",
        member_index=b"\x00" * 24,
    )  # fmt: skip


def test_a_record_is_read_as_it_was_written(table: PayloadTable, issued: Payload) -> None:
    assert table.get(issued.payload_id) == issued
    assert table.get("unknown") is None


def test_creating_twice_keeps_the_first(table: PayloadTable, issued: Payload) -> None:
    table.create(replace(issued, tenant="globex"))

    assert table.get(issued.payload_id) == issued


def test_one_lease_at_a_time(table: PayloadTable, issued: Payload) -> None:
    first = table.lease(issued.payload_id, owner="a", now=1000, until=2000)
    second = table.lease(issued.payload_id, owner="b", now=1999, until=3000)
    third = table.lease(issued.payload_id, owner="c", now=2001, until=3000)

    assert first == replace(issued, state="processing", lease_owner="a", lease_until=2000)
    assert second is None
    assert third is not None
    assert third.lease_owner == "c"


def test_what_is_not_there_is_not_leased(table: PayloadTable) -> None:
    assert table.lease("unknown", owner="a", now=1, until=2) is None


def test_finishing_takes_the_lease(table: PayloadTable, issued: Payload) -> None:
    table.lease(issued.payload_id, owner="a", now=1000, until=2000)

    with pytest.raises(LeaseLostError):
        table.finish(stored(issued), owner="b")
    table.finish(stored(issued), owner="a")
    with pytest.raises(LeaseLostError):
        table.finish(stored(issued), owner="a")

    done = table.get(issued.payload_id)
    assert done is not None
    assert (done.state, done.lease_owner, done.expires_at) == ("stored", None, None)
    assert (done.document, done.member_index) == (b"\x1f\x8b", b"\x00" * 24)
    assert done.declared_size == 5
    assert table.lease(issued.payload_id, owner="c", now=9000, until=9999) is None


def test_the_summary_survives(kind: str, table: PayloadTable, issued: Payload) -> None:
    table.lease(issued.payload_id, owner="a", now=1000, until=2000)
    table.finish(stored(issued), owner="a")

    done = table.get(issued.payload_id)
    assert done is not None
    assert done.summary is not None
    beyond = {} if kind == "fake" else {"tiny": "1e-300", "huge": "1e+300"}
    assert done.summary == {**(stored(issued).summary or {}), **beyond}
    assert done.summary["yes"] is True
    assert done.array_lengths == {"turns": 3}


def test_releasing_gives_back_only_ones_own(table: PayloadTable, issued: Payload) -> None:
    table.lease(issued.payload_id, owner="a", now=1000, until=2000)

    table.release(issued.payload_id, owner="b")
    held = table.get(issued.payload_id)
    table.release(issued.payload_id, owner="a")
    given_back = table.get(issued.payload_id)

    assert held is not None
    assert held.lease_owner == "a"
    assert given_back == replace(issued, state="uploaded")


def test_marking_as_uploaded_disturbs_nobody(table: PayloadTable, issued: Payload) -> None:
    table.mark_uploaded(issued.payload_id, size=7, upload_duration_ms=8)
    uploaded = table.get(issued.payload_id)
    table.lease(issued.payload_id, owner="a", now=1000, until=2000)
    table.mark_uploaded(issued.payload_id, size=9, upload_duration_ms=9)
    leased = table.get(issued.payload_id)

    assert uploaded == replace(issued, state="uploaded", uploaded_size=7, upload_duration_ms=8)
    assert leased is not None
    assert (leased.state, leased.uploaded_size) == ("processing", 7)


def test_an_idempotency_key_is_the_firsts_until_it_lets_go(table: PayloadTable) -> None:
    key = f"idempotency#{ULID()}"

    first = table.reserve(key, payload_id="p1", fingerprint="f1", until=1, expires_at=9)
    second = table.reserve(key, payload_id="p2", fingerprint="f2", until=2, expires_at=9)
    table.unreserve(key, payload_id="p2")
    third = table.reserve(key, payload_id="p3", fingerprint="f3", until=3, expires_at=9)
    table.unreserve(key, payload_id="p1")
    fourth = table.reserve(key, payload_id="p4", fingerprint="f4", until=4, expires_at=9)

    assert first == second == third
    assert (first.payload_id, first.fingerprint, first.lease_until) == ("p1", "f1", 1)
    assert fourth.payload_id == "p4"
    assert table.get(key) is None
