"""The payloads table against DynamoDB, and the fake of the unit tests against the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ulid import ULID

from local.cloud import Cloud
from local.outputs import Outputs
from tests.runtime.fakes import FakeClock, FakeTable
from wideload_runtime.adapters.ingest_table import IngestTable
from wideload_runtime.adapters.tables import Table
from wideload_runtime.core.errors import LeaseLostError
from wideload_runtime.core.ingest.payloads import (
    EVERY_ID,
    ISSUED_PARTITIONS,
    MAX_KNOWN,
    OPEN_PARTITIONS,
    IdRange,
    Listed,
    Payload,
    PayloadTable,
    Reservation,
    open_shard,
)
from wideload_runtime.core.ingest.summary import Scalars

pytestmark = pytest.mark.parametrize("kind", ["fake", "dynamodb"])


EXPIRES_AT = 4_000_000_000
"""In the far future, since DynamoDB deletes what has expired by its own clock."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def table(kind: str, clock: FakeClock, request: pytest.FixtureRequest) -> PayloadTable:
    if kind == "fake":
        return FakeTable(clock.now)
    cloud: Cloud = request.getfixturevalue("cloud")
    outputs: Outputs = request.getfixturevalue("outputs")
    dynamodb = Table(cloud.client("dynamodb"), outputs["ingest"]["table"])
    return IngestTable(dynamodb, now=clock.now)


@pytest.fixture
def issued(table: PayloadTable) -> Payload:
    payload = Payload(
        payload_id=str(ULID()),
        tenant="acme",
        state="issued",
        source="s3",
        created_at="2026-11-22T09:00:00.000Z",
        expires_at=EXPIRES_AT,
        s3_key="transit/acme/x",
        declared_size=5,
    )
    payload = replace(payload, open_shard=open_shard(payload.payload_id))
    table.create(payload)
    return payload


def stored(payload: Payload) -> Payload:
    return replace(
        payload,
        state="stored",
        expires_at=None,
        open_shard=None,
        stored_at="2026-11-22T09:00:01.000Z",
        size=123,
        summary=Scalars('{"text":"é","int":1e38,"float":2.50,"tiny":1e-300}'.encode()),
        array_lengths={"turns": 3},
        document=b"\x1f\x8b",
        member_index=b"\x00" * 24,
    )


def test_a_record_is_read_as_it_was_written(table: PayloadTable, issued: Payload) -> None:
    assert table.get(issued.payload_id) == issued
    assert table.get("unknown") is None


def test_creating_twice_keeps_the_first(table: PayloadTable, issued: Payload) -> None:
    table.create(replace(issued, tenant="globex"))

    assert table.get(issued.payload_id) == issued


def test_what_has_expired_is_absent_and_gives_way(
    table: PayloadTable, issued: Payload, clock: FakeClock
) -> None:
    clock.time = EXPIRES_AT - 1
    assert table.get(issued.payload_id) == issued

    clock.time = EXPIRES_AT
    assert table.get(issued.payload_id) is None
    anew = replace(issued, tenant="globex", expires_at=EXPIRES_AT + 1)
    table.create(anew)

    assert table.get(issued.payload_id) == anew


def test_one_lease_at_a_time(table: PayloadTable, issued: Payload) -> None:
    first = table.lease(issued.payload_id, owner="a", now=1000, until=2000)
    second = table.lease(issued.payload_id, owner="b", now=1999, until=3000)
    third = table.lease(issued.payload_id, owner="c", now=2001, until=3000)

    assert first == replace(issued, state="processing", lease_owner="a", lease_until=2000)
    assert second is None
    assert third is not None
    assert third.lease_owner == "c"


def test_a_lease_can_be_asked_for_twice_by_its_holder(table: PayloadTable, issued: Payload) -> None:
    first, second = (
        table.lease(issued.payload_id, owner="a", now=1000, until=2000) for _ in range(2)
    )

    assert first == second is not None


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


def test_the_summary_survives(table: PayloadTable, issued: Payload) -> None:
    table.lease(issued.payload_id, owner="a", now=1000, until=2000)
    table.finish(stored(issued), owner="a")

    done = table.get(issued.payload_id)
    assert done is not None
    assert done.summary == stored(issued).summary
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
    table.mark_uploaded(issued.payload_id, size=7, etag="e", upload_duration_ms=8)
    uploaded = table.get(issued.payload_id)
    table.lease(issued.payload_id, owner="a", now=1000, until=2000)
    table.mark_uploaded(issued.payload_id, size=9, etag="f", upload_duration_ms=9)
    leased = table.get(issued.payload_id)

    assert uploaded == replace(
        issued, state="uploaded", uploaded_size=7, claimed_etag="e", upload_duration_ms=8
    )
    assert leased is not None
    assert (leased.state, leased.uploaded_size) == ("processing", 7)


def test_an_idempotency_key_is_the_firsts_until_it_lets_go_or_expires(
    table: PayloadTable, clock: FakeClock
) -> None:
    key = f"idempotency#{ULID()}"

    def reserve(number: int) -> Reservation:
        names = {"payload_id": f"p{number}", "fingerprint": f"f{number}"}
        return table.reserve(key, **names, until=number, expires_at=EXPIRES_AT + number)

    first = reserve(1)
    second = reserve(2)
    table.unreserve(key, payload_id="p2")
    third = reserve(3)
    table.unreserve(key, payload_id="p1")
    fourth = reserve(4)
    clock.time = EXPIRES_AT + 3
    assert reserve(5) == fourth
    clock.time = EXPIRES_AT + 4
    assert reserve(6).payload_id == "p6"

    assert first == second == third
    assert (first.payload_id, first.fingerprint, first.lease_until) == ("p1", "f1", 1)
    assert fourth.payload_id == "p4"
    assert table.get(key) is None


def test_a_failure_of_ours_can_be_taken_up_again(table: PayloadTable, issued: Payload) -> None:
    leased = [issued.payload_id]
    for code in ("internal", "invalid_json"):
        table.lease(issued.payload_id, owner="a", now=1000, until=2000)
        failed = replace(issued, state="failed", error_code=code, error_detail="x")
        table.finish(failed, owner="a")
        again = table.lease(issued.payload_id, owner="b", now=1000, until=2000)
        leased.append("again" if again else "final")
        if again:
            table.release(issued.payload_id, owner="b")

    assert leased[1:] == ["again", "final"]


def test_deleting_twice_is_fine(table: PayloadTable, issued: Payload) -> None:
    assert table.delete(issued)
    assert table.delete(issued)

    assert table.get(issued.payload_id) is None


def test_what_has_changed_since_it_was_read_is_not_deleted(
    table: PayloadTable, issued: Payload
) -> None:
    table.lease(issued.payload_id, owner="a", now=1, until=2)

    assert not table.delete(issued)
    assert table.get(issued.payload_id) is not None


def test_which_payloads_are_known(table: PayloadTable, issued: Payload) -> None:
    unknown = {str(ULID()) for _ in range(MAX_KNOWN - 1)}

    assert table.known({issued.payload_id, *unknown}) == {issued.payload_id}
    assert table.known(unknown) == table.known(set()) == set()


def test_what_is_unfinished_is_found_by_partition_and_age(
    table: PayloadTable, issued: Payload
) -> None:
    then = "2026-11-22T09:00:00.000Z"

    def found_in(partition: str, since: str, before: str) -> bool:
        found = table.unfinished(partition, since=since, before=before)
        return issued.payload_id in [item.payload_id for item in found]

    own = issued.open_shard or ""
    other = next(name for name in (*OPEN_PARTITIONS, *ISSUED_PARTITIONS) if name != own)

    assert issued.created_at == then
    assert found_in(own, then, then)
    assert found_in(own, "0", then)
    assert not found_in(own, "0", "2026-11-22T08:59:59.999Z")
    assert not found_in(own, "2026-11-22T09:00:00.001Z", "2027")
    assert not found_in(other, "0", "2027")


def test_how_far_the_sweep_has_come_is_kept(table: PayloadTable) -> None:
    for time in ("2026-11-22T09:00:00.000Z", "2026-11-22T10:00:00.000Z"):
        table.keep_swept_until(time)

        assert table.swept_until() == time


def test_lists_are_newest_first_within_their_bounds_and_without_what_has_expired(
    table: PayloadTable, clock: FakeClock
) -> None:
    tenant = f"t{str(ULID()).lower()}"
    ids = [str(ULID.from_timestamp(1_790_000_000 + second)) for second in range(6)]
    for number, payload_id in enumerate(ids):
        table.create(
            Payload(
                payload_id=payload_id,
                tenant=tenant,
                state="stored",
                source="inline",
                created_at="2026-11-22T09:00:00.000Z",
                call_id=f"c-{number % 2}",
                tenant_call=f"{tenant}#c-{number % 2}",
                tenant_shard=f"{tenant}#{number % 8}",
                expires_at=EXPIRES_AT if number in (3, 5) else None,
            )
        )

    def listed(ids: IdRange, limit: int = 9) -> list[str]:
        return [item.payload_id for item in table.list_tenant(tenant, ids, limit).payloads]

    assert listed(EVERY_ID) == ids[::-1]
    assert listed(EVERY_ID, limit=2) == ids[:3:-1]
    assert listed(IdRange(ids[1], ids[4])) == [ids[3], ids[2]]
    assert listed(IdRange(ids[1][:10], ids[4][:10])) == [ids[3], ids[2], ids[1]]
    by_call = table.list_call(tenant, "c-1", IdRange("", ids[5]), 9)
    assert ([item.payload_id for item in by_call.payloads], by_call.last) == (
        [ids[3], ids[1]],
        None,
    )
    assert table.list_call("another", "c-1", EVERY_ID, 9) == Listed([], None)

    clock.time = EXPIRES_AT

    assert listed(EVERY_ID) == [ids[4], ids[2], ids[1], ids[0]]
    page = table.list_tenant(tenant, EVERY_ID, 1)
    assert (page.payloads, page.last) == ([], ids[5])
    page = table.list_call(tenant, "c-1", EVERY_ID, 2)
    assert (page.payloads, page.last) == ([], ids[3])


def test_a_tenant_has_so_many_slots_and_no_more(table: PayloadTable) -> None:
    tenant = str(ULID()).lower()

    def take(owner: str, now: int) -> int | None:
        return table.take_slot(tenant, owner=owner, now=now, until=now + 100, slots=2)

    assert [take("a", 1000), take("b", 1000), take("a", 1010), take("c", 1010)] == [0, 1, 0, None]
    table.free_slot(tenant, 1, owner="c")  # which isn't the one that has it
    assert take("c", 1020) is None
    table.free_slot(tenant, 1, owner="b")
    assert take("c", 1030) == 1
    assert take("d", 1111) == 0  # a's time is over
    assert table.get(f"workers#{tenant}") is None
