"""Numbers of any size on their way through the service, and in items that exist already."""

from __future__ import annotations

import json
import string
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fake_aws.dynamo_values import image_of
from tests.fake_aws.gateway import Context
from tests.runtime.fakes import World
from tests.runtime.ingest.test_events import FakeEvents
from tests.runtime.ingest.test_ingest_api import gateway_event
from wideload_runtime.adapters import clients
from wideload_runtime.adapters.event_bus import EventBus
from wideload_runtime.adapters.files_table import FilesTable
from wideload_runtime.adapters.ingest_table import IngestTable, item_of
from wideload_runtime.core.files.records import Usage
from wideload_runtime.core.ingest.ingest import Ingest
from wideload_runtime.core.ingest.payloads import EVERY_ID, Payload
from wideload_runtime.core.ingest.reading import Reader

UseApi = Callable[[Ingest | None, Reader], None]

HUGE = "340282366920938463463374607431768211455"

digits = st.text(string.digits, min_size=1)
numbers = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "-"]),
        st.one_of(st.just("0"), st.from_regex(r"[1-9][0-9]{0,60}", fullmatch=True)),
        st.one_of(st.just(""), digits.map(lambda text: "." + text)),
        st.one_of(st.just(""), st.from_regex(r"[eE][-+]?[0-9]{1,2}", fullmatch=True)),
    ),
)
strings = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
scalars = st.one_of(
    numbers,
    st.from_regex(r"[1-9][0-9]{300}", fullmatch=True),
    st.sampled_from(
        [HUGE, "1e308", "5e-324", "1e-400", "1E+38", "-0", "-0.0", "true", "false", "null"]
    ),
    strings.map(json.dumps),
    strings.map(lambda text: json.dumps(text, ensure_ascii=False)),
)


class Spelled(str):
    """A number's own text."""

    __slots__ = ()


def spelled(text: str) -> Any:
    return json.loads(text, parse_int=Spelled, parse_float=Spelled)


@pytest.fixture
def world() -> World:
    return World()


def call(method: str, path: str, body: bytes = b"") -> tuple[int, str]:
    from wideload_runtime.handlers import ingest_api

    answer = ingest_api.handler(gateway_event(method, path, body), Context())
    return answer["statusCode"], answer["body"]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> UseApi:
    from wideload_runtime.handlers import ingest_api

    def use(ingest: Ingest | None, reader: Reader) -> None:
        monkeypatch.setattr(ingest_api, "ingest", ingest)
        monkeypatch.setattr(ingest_api, "reader", reader)

    return use


def told(image: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The detail of the event that follows a record's image in the stream."""
    from wideload_runtime.handlers import ingest_events

    events = FakeEvents()
    monkeypatch.setattr(ingest_events, "bus", EventBus(events, "bus", source="wideload.ingest"))
    ingest_events.handler({"Records": [{"dynamodb": {"NewImage": image}}]}, Context())
    ((entry,),) = events.batches
    detail: dict[str, Any] = json.loads(entry["Detail"])
    return detail


@given(st.dictionaries(strings.filter(lambda name: name != "token"), scalars, max_size=8))
@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_every_scalar_comes_out_as_it_came_in(
    api: UseApi, monkeypatch: pytest.MonkeyPatch, members: dict[str, str]
) -> None:
    text = ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()).join("{}")
    world = World()
    api(world.ingest, world.reader)

    status, stored = call("POST", "/send-call-log", text.encode())
    assert status == 200, stored
    payload_id = json.loads(stored)["payload_id"]
    status, answer = call("GET", f"/call-logs/{payload_id}")
    assert status == 200
    assert spelled(answer)["summary"] == spelled(answer)["document"] == spelled(text)
    assert answer.endswith(f'"document":{text}}}')
    status, answer = call("GET", "/call-logs")
    assert (status, json.loads(answer)["items"][0]["payload_id"]) == (200, payload_id)
    assert call("GET", f"/call-logs/{payload_id}/records")[0] == 200
    image = json.loads(
        json.dumps(image_of(item_of(world.table.items[payload_id])), default=lambda _: "H4sI")
    )
    assert told(image, monkeypatch)["payload_id"] == payload_id
    assert call("DELETE", f"/call-logs/{payload_id}") == (204, "")
    assert world.table.items == {}


@pytest.mark.parametrize("number", ["1e400", "-1e309", "9" * 310])
def test_a_number_beyond_a_double_is_refused(api: UseApi, world: World, number: str) -> None:
    api(world.ingest, world.reader)

    status, answer = call("POST", "/send-call-log", f'{{"n":{number}}}'.encode())

    assert (status, json.loads(answer)["code"]) == (400, "invalid_json")
    assert world.table.items == {}


# Items of earlier versions: a map of DynamoDB's numbers, which come back without an exponent.

PAYLOAD_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
OLD: dict[str, Any] = {
    "payload_id": {"S": PAYLOAD_ID},
    "tenant": {"S": "acme"},
    "state": {"S": "stored"},
    "source": {"S": "inline"},
    "created_at": {"S": "2026-11-22T09:00:00.000Z"},
    "records": {"N": "0"},
    "size": {"N": "62"},
    "summary": {
        "M": {
            "node": {"N": "340282366920938500000000000000000000000"},
            "small": {"N": "0." + "0" * 129 + "1"},
            "n": {"N": "2.5"},
            "text": {"S": "é"},
            "yes": {"BOOL": True},
            "none": {"NULL": True},
        }
    },
    "array_lengths": {"M": {"turns": {"N": "3"}}},
}


def dynamodb(**answers: Any) -> Any:
    """A table as the functions open it, whose requests get these answers."""
    table = clients.table("table")
    asked: list[str] = []

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().partition(".")[2]
        asked.append(operation)
        body = BytesIO(json.dumps(answers.get(operation, {})).encode())
        body.stream = lambda: iter([body.read()])  # type: ignore[attr-defined]
        return AWSResponse(request.url, 200, {}, body)

    table.meta.client.meta.events.register("before-send.dynamodb", answer)
    table.asked = asked
    return table


def test_an_old_item_is_read_listed_and_deleted(api: UseApi, world: World) -> None:
    some = {"Responses": {"table": [OLD]}}
    table = dynamodb(GetItem={"Item": OLD}, Query={"Items": [OLD]}, BatchGetItem=some)
    payloads = IngestTable(table)
    api(None, replace(world.reader, table=payloads, records_field="turns"))

    status, answer = call("GET", f"/call-logs/{PAYLOAD_ID}")
    assert status == 200, answer
    assert spelled(answer)["summary"] == {
        "node": "340282366920938500000000000000000000000",
        "small": "1e-130",
        "n": "2.5",
        "text": "é",
        "yes": True,
        "none": None,
    }
    assert json.loads(answer)["array_lengths"] == {"turns": 3}
    assert call("GET", f"/call-logs/{PAYLOAD_ID}/records")[0] == 200
    assert call("GET", "/call-logs")[0] == 200
    assert call("DELETE", f"/call-logs/{PAYLOAD_ID}") == (204, "")
    assert table.asked[-1] == "DeleteItem"


def test_an_old_item_is_leased() -> None:
    table = dynamodb(UpdateItem={"Attributes": OLD})

    leased = IngestTable(table).lease(PAYLOAD_ID, owner="worker", now=1, until=2)

    assert isinstance(leased, Payload)
    assert leased.summary is not None
    assert leased.summary.get("node") == 340282366920938500000000000000000000000


def test_an_old_item_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(OLD, monkeypatch)["payload_id"] == PAYLOAD_ID


def test_items_of_indexes_and_batches_are_read() -> None:
    table = dynamodb(Query={"Items": [OLD]}, BatchGetItem={"Responses": {"table": [OLD]}})

    payloads = IngestTable(table)

    assert payloads.known({PAYLOAD_ID}) == {PAYLOAD_ID}
    assert len(payloads.list_call("acme", "c", EVERY_ID, 5).payloads) == 1


def test_counters_of_file_transfer_are_read() -> None:
    item = {"bytes": {"N": "1" + "0" * 40}, "files": {"N": "2"}, "model": {"N": "2"}}

    usage = FilesTable(dynamodb(GetItem={"Item": item})).of("ada").usage()

    assert usage == Usage(bytes=10**40, files=2, open_uploads=0)
