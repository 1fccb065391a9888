"""The events for other teams, and their form."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract_cases import CONTRACT
from tests.fake_aws.dynamo_values import image_of
from tests.fake_aws.gateway import Context
from tests.runtime.fakes import World
from tests.runtime.ingest.test_ingest import LARGE, SMALL, only_payload, upload
from wideload_runtime.adapters.event_bus import EventBus
from wideload_runtime.adapters.ingest_table import item_of
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.events import detail_type, finished
from wideload_runtime.core.ingest.payloads import Payload
from wideload_runtime.core.ingest.requests import Inline

SCHEMA = json.loads((CONTRACT / "events/payload-v1.schema.json").read_text())


@pytest.fixture
def world() -> World:
    return World()


def stored(world: World, body: bytes = SMALL) -> Payload:
    world.ingest.accept(world.acme, Inline(body))
    return only_payload(world)


@pytest.mark.parametrize("body", [SMALL, LARGE])
def test_a_stored_payload_is_told_without_its_content(world: World, body: bytes) -> None:
    payload = stored(world, body)

    detail = finished(None, payload, "dev")

    Draft202012Validator(SCHEMA).validate(detail)
    assert detail_type(payload) == "PayloadStored"
    assert detail is not None
    assert (detail["version"], detail["environment"], detail["tenant"]) == ("1", "dev", "acme")
    assert "wl_secret" not in json.dumps(detail)
    assert "summary" not in detail


def test_a_failed_payload_is_told_with_its_reason(world: World) -> None:
    claim = upload(world, b"nonsense")
    issued = only_payload(world)
    with pytest.raises(Refused):
        world.ingest.accept(world.acme, claim)
    payload = only_payload(world)

    detail = finished(issued, payload, "dev")

    Draft202012Validator(SCHEMA).validate(detail)
    assert detail_type(payload) == "PayloadFailed"
    assert detail is not None
    assert detail["error"]["code"] == "invalid_json"


def test_other_changes_are_not_told(world: World) -> None:
    payload = stored(world)

    assert finished(payload, replace(payload, expires_at=5), "dev") is None
    assert finished(None, replace(payload, state="uploaded"), "dev") is None
    assert finished(None, replace(payload, state="failed", error_code="duplicate"), "dev") is None


class FakeEvents:
    def __init__(self, failing: bool = False) -> None:
        self.batches: list[list[dict[str, str]]] = []
        self.failing = failing

    def put_events(self, *, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert len(Entries) <= 10
        self.batches.append(Entries)
        failed = [{"ErrorCode": "ThrottlingException"}] if self.failing else []
        return {"FailedEntryCount": len(failed), "Entries": failed}


def stream_record(before: Payload | None, after: Payload | None) -> dict[str, Any]:
    def image(payload: Payload) -> dict[str, Any]:
        # An event is JSON, in which binary values are base64.
        text = json.dumps(image_of(item_of(payload)), default=lambda data: b64encode(data).decode())
        return json.loads(text)

    images = {"OldImage": before, "NewImage": after}
    return {
        "eventName": "MODIFY",
        "dynamodb": {name: image(payload) for name, payload in images.items() if payload},
    }


def test_the_handler_tells_each_change_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from wideload_runtime.handlers import ingest_events

    events = FakeEvents()
    monkeypatch.setattr(ingest_events, "bus", EventBus(events, "bus", source="wideload.ingest"))
    payload = stored(world)
    idempotency = {"payload_id": {"S": "idempotency#x"}, "held_by": {"S": "y"}}
    records = [
        *[stream_record(None, payload)] * 12,
        stream_record(payload, payload),
        stream_record(payload, None),
        {"eventName": "INSERT", "dynamodb": {"NewImage": idempotency}},
    ]

    ingest_events.handler({"Records": records}, Context())

    assert [len(batch) for batch in events.batches] == [10, 2]
    (entry, *_) = events.batches[0]
    assert (entry["Source"], entry["DetailType"]) == ("wideload.ingest", "PayloadStored")
    assert json.loads(entry["Detail"])["payload_id"] == payload.payload_id


def test_a_refused_event_fails_the_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from wideload_runtime.handlers import ingest_events

    monkeypatch.setattr(
        ingest_events, "bus", EventBus(FakeEvents(failing=True), "bus", source="wideload.ingest")
    )

    with pytest.raises(RuntimeError, match="ThrottlingException"):
        ingest_events.handler({"Records": [stream_record(None, stored(world))]}, Context())
