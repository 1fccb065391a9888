"""Types of values in documents, call ids, and the numbers of answers."""

from __future__ import annotations

import io
import json
from collections import UserDict
from collections.abc import Callable
from dataclasses import make_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import urllib3
from pydantic import BaseModel

import wideload
from tests.client.conftest import Command
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService
from tests.fake_aws.messages import Fault
from wideload import _json
from wideload._json import parse, split_document, texts_of_items


class _Turn(NamedTuple):
    text: str


class _Model(BaseModel):
    at: int


def _default(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, (set, Decimal)):
        return sorted(value) if isinstance(value, set) else str(value)
    raise TypeError(f"what is {type(value).__name__}?")


# call_id


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_call_id_is_kept_whatever_the_size(
    client: wideload.Client, server: IngestService, large: dict[str, Any], size: str
) -> None:
    document = {**large} if size == "large" else {"n": 1, "call_id": "x"}
    del document["call_id"]

    receipt = client.send(document, call_id="c ü&1")

    assert client.get(receipt.payload_id).call_id == "c ü&1"


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_documents_own_call_id_wins(
    client: wideload.Client, server: IngestService, large: dict[str, Any], size: str
) -> None:
    document = large if size == "large" else {"call_id": "own"}

    receipt = client.send(document, call_id="other")

    assert client.get(receipt.payload_id).call_id == document["call_id"]


@pytest.mark.parametrize("call_id", ["", "x" * 257, 7, "c\udce9"])
def test_a_call_id_that_cant_be_is_refused_before_anything_is_sent(
    client: wideload.Client, server: IngestService, call_id: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="give 1 to 256 characters"):
        client.send({"a": 1}, call_id=call_id)
    with pytest.raises(wideload.ConfigurationError, match="give 1 to 256 characters"):
        client.call_logs(call_id=call_id)

    assert server.seen == []


def test_an_empty_idempotency_key_is_not_none(
    client: wideload.Client, server: IngestService
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="idempotency key"):
        client.send({"a": 1}, idempotency_key="")

    assert server.seen == []


def test_an_empty_files_url_is_not_none() -> None:
    with pytest.raises(wideload.ConfigurationError, match="files_url"):
        wideload.Client("https://api.example", token="t", files_url="")


# What can be sent


def test_a_default_writes_what_json_has_no_type_for(
    client: wideload.Client, server: IngestService
) -> None:
    document = {"model": _Model(at=1), "set": {2, 1}, "price": Decimal("1.10"), "turn": _Turn("a")}

    client.send(document, default=_default)

    assert json.loads(server.documents[PAYLOAD_1]) == {
        "model": {"at": 1},
        "set": [1, 2],
        "price": "1.10",
        "turn": ["a"],
    }


def test_integers_of_any_length_are_sent(client: wideload.Client, server: IngestService) -> None:
    client.send({"n": 12345678901234567890123, "d": {Decimal("1.5")}}, default=_as_text)

    assert server.documents[PAYLOAD_1] == b'{"n":12345678901234567890123,"d":["1.5"]}'


def test_integers_of_any_length_are_sent_wherever_they_stand(
    client: wideload.Client, server: IngestService
) -> None:
    large = 1 << 70
    document = {
        "enum": Enum("Color", {"RED": large}).RED,  # type: ignore[attr-defined]
        "data": make_dataclass("Data", ["n", "_hidden"])(large, 1),
        "dict": UserDict(n=large),
        "keys": {UUID(int=1): large, datetime(2026, 1, 2, tzinfo=UTC): 1, 7: None},
    }

    client.send(document)

    assert json.loads(server.documents[PAYLOAD_1]) == {
        "enum": large,
        "data": {"n": large},
        "dict": {"n": large},
        "keys": {str(UUID(int=1)): large, "2026-01-02T00:00:00+00:00": 1, "7": None},
    }


def _as_text(value: Any) -> Any:
    return list(value) if isinstance(value, set) else str(value)


@pytest.mark.parametrize(
    ("document", "default", "says"),
    [
        (
            {"transcript": [{}, {"at": 1}, {"at": {1}}]},
            None,
            "$.transcript[2].at: Type is not JSON",
        ),
        ({"a b": {"c": Decimal(1)}}, None, '$["a b"].c: Type is not JSON serializable: decimal'),
        ({"a": [object()]}, _default, "$.a[0]: what is object?"),
        ({"text": ["ok", "\ud800"]}, None, "$.text[1]: str is not valid UTF-8"),
        ({"n": 1 << 70, "text": "\ud800"}, None, "$.text: str is not valid UTF-8"),
        ({"a": {"\ud800": 1}}, None, "$.a: the name '\\ud800' holds half of a surrogate pair"),
        ({"a": [10**5000]}, None, "$.a[0]: an integer of more than 308 digits"),
        ({"n": 1 << 70, "o": object()}, None, "$.o: Type is not JSON serializable: object"),
    ],
)
def test_the_error_names_the_path_of_a_value_that_cant_be_written(
    client: wideload.Client, document: Any, default: Callable[[Any], Any] | None, says: str
) -> None:
    with pytest.raises(wideload.DocumentError) as raised:
        client.send(document, default=default)

    assert says in str(raised.value)
    assert ("give default=" in str(raised.value)) == ("Type is not JSON" in says)


def test_a_document_within_itself_is_refused(client: wideload.Client) -> None:
    document: dict[str, Any] = {}
    document["again"] = document

    with pytest.raises(wideload.DocumentError, match="within itself"):
        client.send(document)


# What comes back

NUMBERS = b'{"order_no":12345678901234567890123,"x":1.0,"y":-0,"n":' + b"9" * 5000 + b"}"


def test_integers_come_back_exactly(client: wideload.Client, server: IngestService) -> None:
    receipt = client.send(b'{"order_no":12345678901234567890123}')

    assert client.get(receipt.payload_id).summary["order_no"] == 12345678901234567890123
    assert parse(NUMBERS)["n"] == Decimal("9" * 5000)


def test_items_keep_their_spelling() -> None:
    body = b'{"cursor":null , "items":[1.0, 1e5 ,{"a":[1.000000000000000005]},"]",[]] }\n'

    page = texts_of_items(body)

    assert page["items"] == ["1.0", "1e5", '{"a":[1.000000000000000005]}', '"]"', "[]"]
    assert page["cursor"] is None
    assert texts_of_items(b'{"items":[],"cursor":"x"}') == {"items": [], "cursor": "x"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"a"', b'{"a":1,}', b'{"a":1}x', b'{"a" 1}', b"{1:2}", b"7"]
)
@pytest.mark.parametrize("read", [split_document, texts_of_items])
def test_json_that_is_no_object_is_a_value_error(
    read: Callable[[bytes], object], body: bytes
) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read(body)


SPELLED = ["1.0", "1e15", "1.000000000000000005", "12345678901234567890123", '{"a": -0}']


def test_records_keep_their_spelling(
    client: wideload.Client, server: IngestService, command: Command
) -> None:
    page = Fault(200, f'{{"items":[{",".join(SPELLED)}],"cursor":null}}'.encode())
    server.fail("GET", page, page, page)

    assert list(client.records(PAYLOAD_1, as_text=True)) == SPELLED
    assert list(client.records(PAYLOAD_1))[3] == 12345678901234567890123
    assert command("records", PAYLOAD_1).output.splitlines() == SPELLED


def test_records_of_a_document_in_lines_are_a_line_each(
    server: IngestService, command: Command
) -> None:
    server.fail("GET", Fault(200, b'{"items":[{\n\t"a":\r\n "x\\n"},2],"cursor":null}'))

    assert command("records", PAYLOAD_1).output == '{ "a":  "x\\n"}\n2\n'


# Hostile answers


@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'{"a":' * 200_000, b'{"a":1,"b":' + b"[" * 200_000]
)
def test_a_deep_answer_is_an_error_of_ours(
    client: wideload.Client, server: IngestService, body: bytes
) -> None:
    for what in (
        lambda: client.send({"a": 1}),
        lambda: client.get(PAYLOAD_1),
        lambda: list(client.call_logs()),
        lambda: list(client.records(PAYLOAD_1)),
    ):
        server.fail("", Fault(200, body))
        with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
            what()
    server.fail("", Fault(400, body))
    with pytest.raises(wideload.ApiError, match="400"):
        client.send({"a": 1})


def test_an_answer_is_read_once_however_often_it_mentions_a_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = b'{"x":[' + b'{"a":1,"document":2},' * 1000 + b'0],"document":{"c":3}}'
    read: list[int] = []
    decoder = _json._DECODER

    class Counting:
        def raw_decode(self, text: str, at: int) -> tuple[Any, int]:
            try:
                value, end = decoder.raw_decode(text, at)
            except json.JSONDecodeError as error:
                read.append(error.pos - at)
                raise
            read.append(end - at)
            return value, end

    monkeypatch.setattr(_json, "_DECODER", Counting())

    assert split_document(body)[2] == b'{"c":3}'
    assert sum(read) < len(body)


@pytest.mark.parametrize("url", ["http://s3.example/key", "file:///etc/passwd", "https://", "x"])
def test_a_document_url_is_held_to_tls(url: str) -> None:
    asked: list[str] = []

    class Api:
        def request(self, method: str, url_asked: str, **options: Any) -> urllib3.BaseHTTPResponse:
            asked.append(url_asked)
            log = {"payload_id": PAYLOAD_1, "state": "stored", "document_url": url, "size": 1}
            body = io.BytesIO(json.dumps(log).encode())
            return urllib3.HTTPResponse(body, status=200, preload_content=False)

    client = wideload.Client("https://api.example", api_key=API_KEY, transport=Api())

    for look in (client.get, client.document):
        with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
            look(PAYLOAD_1)

    assert set(asked) == {f"https://api.example/call-logs/{PAYLOAD_1}"}


@pytest.mark.parametrize("url", ["http://s3.example/key", "ftp://s3.example/key", "https://"])
def test_a_files_url_is_held_to_tls(url: str) -> None:
    class Api:
        def request(self, method: str, url_asked: str, **options: Any) -> urllib3.BaseHTTPResponse:
            assert url_asked == "https://api.example/files/F1/download"
            file = {
                "file_id": "F1",
                "name": "a",
                "size": 1,
                "content_type": "a/b",
                "sha256": "0",
                "verified": True,
                "created_at": "2026",
            }
            action = {"method": "GET", "href": url, "headers": {}, "expires_in": 60}
            body = io.BytesIO(json.dumps({"file": file, "action": action}).encode())
            return urllib3.HTTPResponse(body, status=200, preload_content=False)

    client = wideload.Client("https://api.example", token="t", transport=Api())

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        client.files.download("F1", io.BytesIO())
