"""Expired payloads are absent at once, though DynamoDB deletes them days later; a document is
deleted with its record, whatever `retention` is by then."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws.dynamo_values import image_of
from tests.fake_aws.gateway import Context
from tests.runtime.fakes import World
from tests.runtime.ingest.test_ingest import LARGE, SMALL, upload
from tests.runtime.ingest.test_reading import pages, refusal, store
from wideload_runtime.adapters.ingest_bucket import IngestBucket
from wideload_runtime.adapters.ingest_table import item_of
from wideload_runtime.core.ingest.paging import Page
from wideload_runtime.core.ingest.payloads import Payload
from wideload_runtime.core.ingest.requests import Claim, Inline
from wideload_runtime.handlers import ingest_events

DAY = 24 * 3600


@pytest.fixture
def world() -> World:
    return World(retention_seconds=30 * DAY)


def retain(world: World, days: int | None) -> None:
    """Deploy another retention."""
    seconds = None if days is None else days * DAY
    world.processor = replace(world.processor, retention_seconds=seconds)
    world.ingest = replace(world.ingest, processor=world.processor)


def listed(world: World, **query: str) -> list[str]:
    return [payload_id for page in pages(world, "acme", **query) for payload_id in page]


# Reads


@pytest.mark.parametrize("body", [SMALL, LARGE])
def test_an_expired_payload_is_unknown(world: World, body: bytes) -> None:
    payload_id = store(world, body)
    world.clock.time += 30 * DAY - 1
    assert world.reader.payload("acme", payload_id)["state"] == "stored"

    world.clock.time += 1

    assert refusal(world.reader.payload, "acme", payload_id)[0] == "unknown_payload"
    assert refusal(world.reader.records, "acme", payload_id, Page())[0] == "unknown_payload"
    assert refusal(world.reader.delete, "acme", payload_id)[0] == "unknown_payload"
    assert payload_id in world.table.items


def test_expired_payloads_are_not_listed(world: World) -> None:
    body = b'{"call_id": "c"}'
    store(world, body)
    world.clock.time += 20 * DAY
    young = store(world, body)
    world.clock.time += 10 * DAY

    assert listed(world) == [young]
    assert listed(world, call_id="c") == [young]


def test_a_page_of_expired_payloads_leads_on_to_the_next(world: World) -> None:
    kept = [store(world, SMALL) for _ in range(2)]
    for payload_id in kept:
        world.table.items[payload_id] = replace(world.table.items[payload_id], expires_at=None)
    for _ in range(5):
        store(world, SMALL)
    world.clock.time += 30 * DAY

    assert pages(world, "acme", limit="2") == [[], [], [kept[1]], [kept[0]]]


def test_an_expired_upload_is_neither_claimed_nor_worked_on(world: World) -> None:
    claim = upload(world, LARGE)
    world.clock.time += 8 * DAY

    assert refusal(world.ingest.accept, world.acme, claim)[0] == "unknown_key"
    assert world.worker.work(claim.s3_key, owner="w", has_time=lambda: True) is None
    assert not world.worker.is_open(claim.s3_key)


def test_an_idempotency_key_is_free_again_when_it_has_expired(world: World) -> None:
    first = world.ingest.accept(world.acme, Inline(SMALL), "key").body["payload_id"]
    world.clock.time += DAY - 1
    assert world.ingest.accept(world.acme, Inline(SMALL), "key").body["payload_id"] == first
    assert refusal(world.ingest.accept, world.acme, Inline(LARGE), "key")[0] == (
        "idempotency_key_reused"
    )

    world.clock.time += 1

    assert world.ingest.accept(world.acme, Inline(LARGE), "key").body["payload_id"] != first


# Documents


@pytest.mark.parametrize("read", ["payload", "records"])
def test_a_missing_document_is_told(world: World, read: str) -> None:
    payload_id = store(world, LARGE)
    world.bucket.objects.clear()

    asked: dict[str, Callable[[], Any]] = {
        "payload": lambda: world.reader.payload("acme", payload_id),
        "records": lambda: world.reader.records("acme", payload_id, Page()),
    }
    code, detail = refusal(asked[read])

    assert (code, detail[:38]) == ("document_gone", "The payload was stored, but its docume")


def stream_record(
    payload: Payload, *, event: str = "REMOVE", by: str | None = "dynamodb.amazonaws.com"
) -> dict[str, Any]:
    image = json.loads(
        json.dumps(image_of(item_of(payload)), default=lambda data: b64encode(data).decode())
    )
    images = {"OldImage": image} | ({"NewImage": image} if event == "MODIFY" else {})
    who = {"userIdentity": {"type": "Service", "principalId": by}} if by else {}
    return {"eventName": event, "dynamodb": images, **who}


class Deletions:
    """Stands for an S3 client."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        assert Bucket == "bucket"
        self.keys.append(Key)


def follow(monkeypatch: pytest.MonkeyPatch, *records: dict[str, Any]) -> list[str]:
    """Keys that the function behind the table's stream deletes."""
    client = Deletions()
    monkeypatch.setattr(ingest_events, "bucket", IngestBucket(client, "bucket", url_seconds=0))
    ingest_events.handler({"Records": list(records)}, Context())
    return client.keys


def test_a_document_goes_when_its_record_expires(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large, other = (world.table.items[store(world, body)] for body in (SMALL, LARGE, LARGE))

    deleted = follow(
        monkeypatch,
        stream_record(small),
        stream_record(large),
        # A client's deletion has removed the document; an operator's keeps it.
        stream_record(other, by=None),
        stream_record(other, by="AROAEXAMPLE:operator"),
        stream_record(other, event="MODIFY", by=None),
    )

    assert deleted == [large.archive_key]


def test_a_document_that_can_not_be_deleted_is_deleted_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Deletions, **_: str) -> None:
        raise ConnectionError

    monkeypatch.setattr(Deletions, "delete_object", fail)
    large = world.table.items[store(world, LARGE)]

    with pytest.raises(ConnectionError):  # so that the stream delivers the batch again
        follow(monkeypatch, stream_record(large))


@pytest.mark.parametrize(("code", "passes"), [("AccessDenied", False), ("SlowDown", True)])
def test_a_document_that_may_not_be_deleted_holds_up_nothing(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    code: str,
    passes: bool,
) -> None:
    held, other = (world.table.items[store(world, LARGE)] for _ in range(2))
    delete = Deletions.delete_object

    def refuse(self: Deletions, **what: str) -> None:
        if what["Key"] == held.archive_key:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DeleteObject")
        delete(self, **what)

    monkeypatch.setattr(Deletions, "delete_object", refuse)
    if passes:
        with pytest.raises(ClientError):
            follow(monkeypatch, stream_record(held), stream_record(other))
    else:
        assert follow(monkeypatch, stream_record(held), stream_record(other)) == [other.archive_key]
        [line] = caplog.records
        assert (line.levelname, vars(line)["archive_key"]) == ("ERROR", held.archive_key)


# A change of retention


@pytest.mark.parametrize("before", [90, None])
def test_a_shorter_retention_takes_nothing_that_is_there(
    world: World, before: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    retain(world, before)
    old = store(world, LARGE)
    world.clock.time += DAY
    retain(world, 30)
    new = store(world, LARGE)

    world.clock.time += 31 * DAY
    expired(world, monkeypatch)

    assert listed(world) == [old]
    assert refusal(world.reader.payload, "acme", new)[0] == "unknown_payload"
    known = world.reader.payload("acme", old)
    assert (known["state"], known["size"]) == ("stored", len(LARGE))
    assert "document_url" in known
    assert world.reader.records("acme", old, Page())["cursor"] is not None
    assert list(world.bucket.objects) == [f"archive/acme/{old}.json.gz"]

    world.clock.time += 58 * DAY
    expired(world, monkeypatch)

    left = [] if before else [old]
    assert listed(world) == left
    assert list(world.bucket.objects) == [f"archive/acme/{each}.json.gz" for each in left]


@pytest.mark.parametrize("after", [90, None])
def test_a_longer_retention_leaves_no_document_without_a_record(
    world: World, after: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = store(world, LARGE)
    retain(world, after)
    new = store(world, LARGE)

    world.clock.time += 30 * DAY
    expired(world, monkeypatch)

    assert old not in world.table.items
    assert list(world.bucket.objects) == [f"archive/acme/{new}.json.gz"]


def expired(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have DynamoDB delete what has expired, and the stream tell of it."""
    over = [item for item in world.table.items.values() if world.table.get(item.payload_id) is None]
    for item in over:
        del world.table.items[item.payload_id]
    world.bucket.delete(*follow(monkeypatch, *map(stream_record, over)))


def test_a_claim_of_an_expired_payload_is_unknown(world: World) -> None:
    claim = upload(world, SMALL)
    never = Claim("transit/acme/01ARZ3NDEKTSV4RRFFQ69G5FAV")
    world.clock.time += 8 * DAY

    assert refusal(world.ingest.accept, world.acme, claim) == refusal(
        world.ingest.accept, world.acme, never
    )
