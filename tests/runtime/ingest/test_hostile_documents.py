"""Every hostile document and key, through the handlers, in each way that a payload can come."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from tests.fake_aws.gateway import Context
from tests.hostile_documents import HOSTILE, KEYS, LEGITIMATE, MIB
from tests.runtime import fakes
from tests.runtime.fakes import World
from tests.runtime.ingest.test_ingest import upload
from tests.runtime.ingest.test_ingest_api import gateway_event
from wideload_runtime.adapters import s3_objects
from wideload_runtime.core.ingest.payloads import Payload
from wideload_runtime.core.ingest.requests import Claim

OCTETS = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    from wideload_runtime.handlers import ingest_api, ingest_worker

    world = World()
    monkeypatch.setattr(fakes, "CHUNK", s3_objects.CHUNK)
    # A bomb of 300 MiB takes a second until its limit; tests/integration sends it to a deployment.
    monkeypatch.setattr("wideload_runtime.core.ingest.gunzip.FREE_OUTPUT", 16 * MIB)
    monkeypatch.setattr(ingest_api, "ingest", world.ingest)
    monkeypatch.setattr(ingest_api, "reader", world.reader)
    monkeypatch.setattr(ingest_worker, "worker", world.worker)
    monkeypatch.setattr(ingest_worker, "queue", world.queue)
    return world


def call(method: str, path: str, body: bytes = b"", tenant: str = "acme") -> tuple[int, Any]:
    """Answer of the API's function: status and decoded JSON."""
    from wideload_runtime.handlers import ingest_api

    event = gateway_event(method, path, body, OCTETS, tenant=tenant)
    answer = ingest_api.handler(event, Context())  # type: ignore[arg-type]
    text = answer["body"]
    return answer["statusCode"], json.loads(
        base64.b64decode(text) if answer["isBase64Encoded"] else text
    )


def claim(key: str) -> tuple[int, Any]:
    return call("POST", "/send-call-log", json.dumps({"s3_key": key}).encode())


def record_of(world: World, claim: Claim) -> Payload:
    return world.table.items[claim.s3_key.rpartition("/")[2]]


@pytest.mark.parametrize("name", HOSTILE)
def test_inline_it_is_refused_and_leaves_nothing(world: World, name: str) -> None:
    body, status, code = HOSTILE[name]

    answered, problem = call("POST", "/send-call-log", body)

    assert (answered, problem["code"]) == (status, code), problem
    assert len(problem["detail"]) < 300
    assert world.table.items == {}
    assert world.bucket.objects == {}
    assert world.bucket.open_archives == []


@pytest.mark.parametrize("name", HOSTILE)
def test_claimed_it_is_refused_each_time(world: World, name: str) -> None:
    body, status, code = HOSTILE[name]
    uploaded = upload(world, body)

    first, again = (claim(uploaded.s3_key) for _ in range(2))
    _, known = call("GET", f"/call-logs/{record_of(world, uploaded).payload_id}")

    for answered, problem in (first, again):
        assert (answered, problem["code"]) == (status, code), problem
    assert (known["state"], known["error"]["code"]) == ("failed", code)
    assert known["error"]["detail"] == first[1]["detail"]
    assert set(world.bucket.objects) == {uploaded.s3_key}
    assert world.bucket.open_archives == []


@pytest.mark.parametrize("name", HOSTILE)
def test_unclaimed_it_fails_and_the_message_is_done(world: World, name: str) -> None:
    from wideload_runtime.handlers import ingest_worker

    body, _, code = HOSTILE[name]
    uploaded = upload(world, body)
    record = {
        "messageId": "message-1",
        "body": json.dumps({"s3_key": uploaded.s3_key, "reason": "unclaimed"}),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }

    answer = ingest_worker.handler({"Records": [record]}, Context())  # type: ignore[arg-type]

    assert answer["batchItemFailures"] == []
    known = record_of(world, uploaded)
    assert (known.state, known.error_code) == ("failed", code)
    assert set(world.bucket.objects) == {uploaded.s3_key}
    assert world.bucket.open_archives == []


@pytest.mark.parametrize("name", LEGITIMATE)
def test_an_odd_document_that_is_right_is_stored(world: World, name: str) -> None:
    body = LEGITIMATE[name]
    uploaded = upload(world, body)

    inline, claimed = call("POST", "/send-call-log", body), claim(uploaded.s3_key)

    assert (inline[0], inline[1]["state"]) == (200, "stored"), inline
    assert (claimed[0], claimed[1]["state"]) == (200, "stored"), claimed
    documents = [stored_document(world, answer["payload_id"]) for _, answer in (inline, claimed)]
    expected = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    assert documents == [expected, expected]


def stored_document(world: World, payload_id: str) -> bytes:
    record = world.table.items[payload_id]
    if record.document is not None:
        return gzip.decompress(record.document)
    assert record.archive_key is not None
    return gzip.decompress(world.bucket.objects[record.archive_key])


@pytest.mark.parametrize("trick", KEYS)
def test_a_trick_in_a_key_finds_nothing(world: World, trick: str) -> None:
    mine = upload(world, b'{"n":1}')
    theirs = upload(world, b'{"n":2}', tenant="globex")
    held = theirs if "globex" in KEYS[trick] else mine
    payload_id = record_of(world, held).payload_id
    key = KEYS[trick].format(id=payload_id, lower=payload_id.lower())

    answered, problem = claim(key)

    assert (answered, problem["code"]) == (404, "unknown_key")
    assert {record.state for record in world.table.items.values()} == {"issued"}
