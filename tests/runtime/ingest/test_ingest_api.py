"""The API's handler over fakes: the contract's cases, and what happens when AWS fails."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError
from openapi_schema_validator import OAS31Validator

from tests import contract_cases, request_numbers
from tests.fake_aws.gateway import Context, event_of
from tests.runtime.fakes import World

CASES = contract_cases.load("ingest.json")

Invoke = Callable[..., tuple[int, dict[str, Any], dict[str, str]]]


def gateway_event(
    method: str,
    path: str,
    body: bytes | str = b"",
    headers: Mapping[str, str] | None = None,
    *,
    tenant: str = "acme",
) -> dict[str, Any]:
    """A request as API Gateway hands it to the function; text for a body it took for text."""
    route, _, query = path.partition("?")
    authorizer = {"lambda": {"tenant": tenant, "key_id": "0123456789ab"}}
    return event_of(
        method, route, body, headers, dict(parse_qsl(query)), authorizer, request_id="gateway-1"
    )


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def invoke(world: World, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    from wideload_runtime.handlers import ingest_api

    monkeypatch.setattr(ingest_api, "ingest", world.ingest)
    monkeypatch.setattr(ingest_api, "reader", world.reader)

    def invoke(
        method: str,
        path: str,
        body: bytes | str = b"",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        answer = ingest_api.handler(gateway_event(method, path, body, headers), Context())
        text = answer["body"]
        if answer["isBase64Encoded"]:
            text = base64.b64decode(text)
        return answer["statusCode"], json.loads(text), answer["headers"]

    return invoke


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(invoke: Invoke, case: dict[str, Any]) -> None:
    request, expected = case["request"], case["response"]

    status, body, headers = invoke(
        request["method"], request["path"], contract_cases.request_body(case), request["headers"]
    )

    assert status == expected["status"]
    assert contract_cases.matches(expected["body"], body), body
    schema = contract_cases.answer_schema(request["method"], request["path"], status)
    OAS31Validator(schema).validate(body)
    assert headers["Cache-Control"] == "no-store"
    assert contract_cases.matches_headers(expected, headers)


def test_answers_tell_the_version_and_whose_key_it_is(invoke: Invoke) -> None:
    project = tomllib.loads((contract_cases.CONTRACT.parent / "pyproject.toml").read_text())

    _, _, headers = invoke("GET", "/call-logs")

    assert headers["Wideload-Version"] == project["project"]["version"]
    assert headers["Wideload-Caller"] == "acme"


def test_a_small_document_is_the_last_member_byte_for_byte(world: World, invoke: Invoke) -> None:
    document = b'{ "b": 1.50,\n"a":"\\u00e9" }'
    _, stored, _ = invoke("POST", "/send-call-log", document)
    from wideload_runtime.handlers import ingest_api

    event = gateway_event("GET", f"/call-logs/{stored['payload_id']}")
    answer = ingest_api.app.resolve(event, Context())

    assert answer["body"].endswith(f'"document":{document.decode()}}}')


@pytest.mark.parametrize("number", ["18446744073709551616", "1" * 30, "1e22", "-0.0", "1e300"])
def test_any_number_is_answered(invoke: Invoke, number: str) -> None:
    _, stored, _ = invoke("POST", "/send-call-log", f'{{"n": {number}}}'.encode())

    status, body, _ = invoke("GET", f"/call-logs/{stored['payload_id']}")

    assert status == 200
    assert body["summary"] == body["document"] == {"n": json.loads(number)}


def test_records_are_answered_as_bytes(invoke: Invoke) -> None:
    document = '{"transcript_with_metrics": ["é", 123456789012345678901234567890]}'
    _, stored, _ = invoke("POST", "/send-call-log", document.encode())

    _, body, _ = invoke("GET", f"/call-logs/{stored['payload_id']}/records")

    assert body == {"items": ["é", 123456789012345678901234567890], "cursor": None}


@pytest.mark.parametrize("announced", [{}, {"content-length": "12"}, {"content-length": "10"}])
def test_text_that_the_gateway_may_have_damaged_is_refused(
    invoke: Invoke, announced: dict[str, str]
) -> None:
    """Three bytes of a character that was cut off become the three bytes of U+FFFD."""
    status, body, _ = invoke("POST", "/send-call-log", '{"n": "\ufffd"}', announced)

    assert (status, body["code"]) == (400, "invalid_json")
    assert "gzip it" in body["detail"]


def test_a_senders_own_replacement_characters_are_taken(invoke: Invoke) -> None:
    text = '{"n": "\ufffd"}'
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    proven = {"content-digest": f"sha-256=:{digest}:"}
    wrong = {"content-digest": f"sha-256=:{digest[::-1]}:"}

    assert invoke("POST", "/send-call-log", text, proven)[0] == 200
    assert invoke("POST", "/send-call-log", text, wrong)[0] == 400
    assert invoke("POST", "/send-call-log", b'{"n": "\\ufffd"}')[0] == 200


def test_gzip_sent_as_json_is_refused_with_the_right_content_type(invoke: Invoke) -> None:
    taken_for_text = gzip.compress(b'{"n": 1}').decode(errors="replace")

    status, body, _ = invoke(
        "POST", "/send-call-log", taken_for_text, {"content-type": "application/json"}
    )

    assert (status, body["code"]) == (400, "invalid_gzip")
    assert "Content-Type: application/gzip" in body["detail"]


def test_no_number_out_of_range_is_taken(world: World, invoke: Invoke) -> None:
    for method, path, body in request_numbers.requests("ingest"):
        answered = invoke(method, path, body)
        assert request_numbers.is_refused(*answered[:2]), (path, body[:100], answered)
    assert world.table.items == {}
    assert "S3UploadDuration" not in world.metrics.values


@pytest.mark.parametrize("api", ["ingest", "files"])
def test_every_number_of_a_request_has_its_bounds_and_is_tried(api: str) -> None:
    documented = request_numbers.documented(api)

    assert documented.keys() == request_numbers.tried(api)
    for place, schema in documented.items():
        assert {"minimum", "maximum"} <= schema.keys(), place


def test_an_unknown_route_is_a_problem(invoke: Invoke) -> None:
    status, body, _ = invoke("GET", "/nowhere")

    assert (status, body["code"], body["request_id"]) == (404, "not_found", "gateway-1")


def test_an_id_of_any_form_is_unknown(invoke: Invoke) -> None:
    for wanted in ("A" * 3000, "idempotency%23x", "01arz3ndektsv4rrffq69g5fav"):
        assert invoke("GET", f"/call-logs/{wanted}")[0] == 404


def test_a_damaged_event_is_a_problem(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base64, "b64decode", lambda data: int("x"))

    assert invoke("POST", "/send-call-log", b"{}")[0] == 500


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (
            ClientError({"Error": {"Code": "ThrottlingException"}}, "PutItem"),
            503,
            "unavailable",
        ),
        (ClientError({"Error": {"Code": "SlowDown"}}, "GetObject"), 503, "unavailable"),
        (ClientError({"Error": {"Code": "503"}}, "HeadObject"), 503, "unavailable"),
        (ReadTimeoutError(endpoint_url="https://s3"), 503, "unavailable"),
        (EndpointConnectionError(endpoint_url="https://s3"), 503, "unavailable"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "PutItem"), 500, "internal"),
        (ZeroDivisionError("secret"), 500, "internal"),
    ],
)
def test_a_failure_says_whether_to_try_again_and_nothing_else(
    world: World,
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(world.table, "create", fail)
    answered, body, headers = invoke("POST", "/send-call-log", b'{"n": 1}')

    assert (answered, body["code"]) == (status, code)
    assert headers.get("Retry-After") == ("2" if status == 503 else None)
    assert "secret" not in json.dumps(body)


def test_retry_after_is_a_header(invoke: Invoke) -> None:
    _, issued, _ = invoke("POST", "/get-upload-url", b"{}")

    status, _, headers = invoke(
        "POST", "/send-call-log", json.dumps({"s3_key": issued["s3_key"]}).encode()
    )

    assert (status, headers["Retry-After"]) == (409, "1")
