"""The worker's handler over fakes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fake_aws.gateway import Context
from tests.runtime.fakes import WORKER_SLOTS, World
from tests.runtime.ingest.test_ingest import LARGE, only_payload, upload
from wideload_runtime.core.ingest.payloads import Payload

Deliver = Callable[..., list[str]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def deliver(world: World, monkeypatch: pytest.MonkeyPatch) -> Deliver:
    from wideload_runtime.handlers import ingest_worker

    monkeypatch.setattr(ingest_worker, "worker", world.worker)
    monkeypatch.setattr(ingest_worker, "queue", world.queue)

    def deliver(body: str, receives: int = 1) -> list[str]:
        """Deliver one message; returns the ids of those that are to come again."""
        record = {
            "messageId": "message-1",
            "body": body,
            "attributes": {"ApproximateReceiveCount": str(receives)},
            "eventSource": "aws:sqs",
        }
        answer: dict[str, Any] = ingest_worker.handler({"Records": [record]}, Context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    return deliver


def message(key: str, reason: str = "unclaimed") -> str:
    return json.dumps({"s3_key": key, "reason": reason})


def test_an_unclaimed_upload_is_stored_and_counted(world: World, deliver: Deliver) -> None:
    claim = upload(world, LARGE)

    again = [deliver(message(claim.s3_key)) for _ in range(2)]

    assert again == [[], []]
    assert only_payload(world).state == "stored"
    assert world.metrics.values["UnclaimedPayloadCount"] == [1]


def test_a_claimed_upload_is_not_counted_as_unclaimed(world: World, deliver: Deliver) -> None:
    claim = upload(world, LARGE)
    world.ingest.accept(world.acme, claim)

    assert deliver(message(claim.s3_key)) == []
    assert "UnclaimedPayloadCount" not in world.metrics.values


def test_an_object_without_a_record_is_not_counted_as_unclaimed(
    world: World, deliver: Deliver
) -> None:
    claim = upload(world, LARGE)
    world.table.items.clear()

    assert deliver(message(claim.s3_key)) == []
    assert "UnclaimedPayloadCount" not in world.metrics.values


def test_a_refused_document_is_done(world: World, deliver: Deliver) -> None:
    claim = upload(world, b"nonsense")

    assert deliver(message(claim.s3_key)) == []
    assert only_payload(world).error_code == "invalid_json"


def test_a_payload_leased_by_another_worker_is_delivered_again(
    world: World, deliver: Deliver
) -> None:
    claim = upload(world, LARGE)
    now = int(world.clock.time * 1000)
    payload_id = only_payload(world).payload_id
    world.table.lease(payload_id, owner="the other", now=now, until=now + 1000)

    assert deliver(message(claim.s3_key), receives=5) == ["message-1"]
    assert only_payload(world).lease_owner == "the other"


def test_a_failure_of_ours_comes_again_and_at_last_says_so(
    world: World, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = upload(world, LARGE)
    monkeypatch.setattr(world.bucket, "open_archive", lambda key: 1 / 0)

    states = []
    for receives in (1, 4, 5):
        assert deliver(message(claim.s3_key), receives) == ["message-1"]
        states.append(only_payload(world).state)

    assert states == ["uploaded", "uploaded", "failed"]
    assert only_payload(world).error_code == "internal"


@pytest.mark.parametrize("body", ["nonsense", "{}", "[]", '{"s3_key": 7}'])
def test_a_message_that_says_nothing_goes_to_the_dead_letter_queue(
    world: World, deliver: Deliver, body: str
) -> None:
    assert deliver(body, receives=5) == ["message-1"]
    assert world.table.items == {}


@pytest.mark.parametrize("body", ["nonsense", "{}", "[]"])
def test_a_message_that_says_nothing_is_logged(
    deliver: Deliver, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    assert deliver(body) == ["message-1"]

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "processing failed")
    ]


def test_a_table_that_is_away_is_logged_before_anything_is_processed(
    world: World,
    deliver: Deliver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    claim = upload(world, LARGE)
    monkeypatch.setattr(world.table, "get", lambda payload_id: 1 / 0)

    assert deliver(message(claim.s3_key, reason="unclaimed")) == ["message-1"]

    assert [record.message for record in caplog.records] == ["processing failed"]


def test_a_payload_that_failed_is_logged_with_its_tenant_and_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from wideload_runtime.handlers._ingest import log_failed

    log_failed(
        Payload(
            payload_id="01ARZ3NDEKTSV4RRFFQ69G5FAV",
            tenant="acme",
            state="failed",
            source="s3",
            created_at="2026-11-27T09:00:00.000Z",
            call_id="personal",
            summary={"customer": "personal"},
            error_code="invalid_json",
            error_detail="The document ends at byte 7.",
        )
    )

    (record,) = caplog.records
    assert (record.levelname, record.message) == ("WARNING", "payload failed")
    assert record.__dict__.items() >= {
        ("payload_id", "01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("tenant", "acme"),
        ("via", "s3"),
        ("code", "invalid_json"),
        ("detail", "The document ends at byte 7."),
    }
    assert "personal" not in str(record.__dict__)


def take_slots(world: World, tenant: str, hold_ms: int) -> None:
    now = int(world.clock.time * 1000)
    for number in range(WORKER_SLOTS):
        world.table.take_slot(
            tenant, owner=f"worker-{number}", now=now, until=now + hold_ms, slots=WORKER_SLOTS
        )


def test_a_tenant_with_its_share_of_workers_waits_while_others_go_on(
    world: World, deliver: Deliver
) -> None:
    theirs, others = upload(world, LARGE), upload(world, LARGE, tenant="globex")
    take_slots(world, "acme", 60_000)

    assert deliver(message(theirs.s3_key), receives=5) == []
    assert deliver(message(others.s3_key)) == []

    # By a message of its own: this one's last delivery would have led to the dead letters.
    assert (world.queue.sent, world.queue.delays) == ([(theirs.s3_key, "waited")], [5])
    states = {payload.tenant: payload.state for payload in world.table.items.values()}
    assert states == {"acme": "issued", "globex": "stored"}


def test_who_waits_is_looked_at_less_and_less_often(world: World, deliver: Deliver) -> None:
    claim = upload(world, LARGE)
    take_slots(world, "acme", 60_000)

    for waits in (0, 1, 2, 3, 4, 1000):
        body = {"s3_key": claim.s3_key, "reason": "waited", "waits": waits}
        assert deliver(json.dumps(body)) == []

    assert world.queue.delays == [5, 10, 20, 40, 60, 60]


def test_a_finished_payload_takes_no_slot(world: World, deliver: Deliver) -> None:
    claim = upload(world, LARGE)
    world.ingest.accept(world.acme, claim)
    take_slots(world, "acme", 60_000)

    assert deliver(message(claim.s3_key)) == []
    assert world.queue.sent == []


def test_slots_are_given_back_and_those_of_workers_that_died_end(
    world: World, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = upload(world, LARGE)
    take_slots(world, "acme", 60_000)
    world.clock.time += 61

    with monkeypatch.context() as failing:
        failing.setattr(world.bucket, "open_archive", lambda key: 1 / 0)
        assert deliver(message(claim.s3_key)) == ["message-1"]
    assert deliver(message(claim.s3_key)) == []

    assert only_payload(world).state == "stored"
    assert list(world.table.slots.values()) == ["worker-1"]
