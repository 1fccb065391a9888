"""The client's reading of the answers in contract/cases."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

import wideload
from tests import contract_cases
from tests.fake_aws.ingest import PAYLOAD_1, IngestService
from tests.fake_aws.messages import Fault, problem
from wideload._ingest.upload_url import request_upload_url
from wideload._retry import Attempts, Pacing, RetryPolicy

_CASES = contract_cases.load("ingest.json")
_CONTRACT = contract_cases.openapi("ingest")
_ANY = {
    "headers": {"Content-Type": "application/json"},
    "upload_url": "https://s3.example/key?a",
    "expires_in": 900,
}


def _cases(path: str, *, ok: bool) -> list[Any]:
    return [
        pytest.param(case, id=case["name"])
        for case in _CASES
        if case["request"]["path"].startswith(path) and (case["response"]["status"] < 300) is ok
    ]


def _answer(case: dict[str, Any]) -> dict[str, Any]:
    """The case's answer, with something in place of "<any>"."""
    return {
        name: _ANY.get(name, f"any-{name}") if value == "<any>" else value
        for name, value in case["response"]["body"].items()
    }


def _fault(case: dict[str, Any]) -> Fault:
    return Fault(case["response"]["status"], json.dumps(_answer(case)).encode())


def _document(request: dict[str, Any]) -> bytes:
    sent = base64.b64decode(request["base64"]) if "base64" in request else request["text"].encode()
    if sent.startswith(b"\x1f\x8b"):
        sent = gzip.decompress(sent)
    members = json.loads(sent)
    return gzip.decompress(base64.b64decode(members["data"])) if "data" in members else sent


@pytest.mark.parametrize("case", _cases("/send-call-log", ok=True))
def test_a_receipt_is_read(
    client: wideload.Client, server: IngestService, case: dict[str, Any]
) -> None:
    server.fail("POST /stage/send-call-log", _fault(case))

    receipt = client.send(_document(case["request"]))  # checks size and SHA-256 as well

    answer = _answer(case)
    assert {name: getattr(receipt, name) for name in answer} == answer


@pytest.mark.parametrize("case", _cases("/send-call-log", ok=False))
def test_a_refusal_is_raised(
    client: wideload.Client, server: IngestService, case: dict[str, Any]
) -> None:
    server.fail("POST /stage/send-call-log", _fault(case))

    with pytest.raises(wideload.ApiError) as raised:
        client.send({"a": 1})

    _check_error(raised.value, case)
    assert len(server.seen) == 1


@pytest.mark.parametrize("case", _cases("/get-upload-url", ok=True))
def test_an_upload_url_is_read(
    client: wideload.Client, server: IngestService, case: dict[str, Any]
) -> None:
    answer = _answer(case)
    server.fail("POST /stage/get-upload-url", Fault(200, json.dumps(answer).encode()))

    attempts = Attempts(RetryPolicy(0), Pacing())
    upload_url = request_upload_url(
        client._payloads.api, attempts, size=1, sha256="0" * 64, content_type="application/json"
    )

    request = upload_url.request
    assert (upload_url.payload_id, upload_url.s3_key) == (answer["payload_id"], answer["s3_key"])
    assert (request.method, request.url) == ("PUT", answer["upload_url"])
    assert request.headers == answer["headers"]


@pytest.mark.parametrize("case", _cases("/get-upload-url", ok=False))
def test_an_upload_url_that_is_refused_is_raised(
    client: wideload.Client, server: IngestService, case: dict[str, Any], large: dict[str, Any]
) -> None:
    server.fail("POST /stage/get-upload-url", _fault(case))

    with pytest.raises(wideload.PayloadRefusedError) as raised:
        client.send(large)

    _check_error(raised.value, case)


def test_only_parameters_of_the_contract_are_sent(
    client: wideload.Client, server: IngestService
) -> None:
    server.longest_page = 1
    for text in ("one", "two"):
        client.send({"call_id": "c", "transcript_with_metrics": [text, text]})
    server.seen.clear()

    list(client.call_logs(call_id="c", after="2026-11-22", before="2026-11-24", limit=2))
    list(client.records(PAYLOAD_1, first=1, limit=1))

    routes = {
        "/stage/call-logs": "/call-logs",
        f"/stage/call-logs/{PAYLOAD_1}/records": "/call-logs/{payload_id}/records",
    }
    assert {seen.path for seen in server.seen} == routes.keys()
    for seen in server.seen:
        declared = {
            parameter["name"]: parameter["schema"]
            for parameter in _CONTRACT["paths"][routes[seen.path]]["get"]["parameters"]
            if parameter["in"] == "query"
        }
        assert seen.query.keys() <= declared.keys()
        assert int(seen.query["limit"]) <= declared["limit"]["maximum"]


def test_every_code_of_the_contract_has_an_error_of_its_own_kind(
    client: wideload.Client, server: IngestService
) -> None:
    kinds = {
        "not_stored": (409, wideload.ConflictError),
        "document_gone": (404, wideload.NotFoundError),
        "duplicate": (409, wideload.PayloadRefusedError),
        "object_changed": (409, wideload.PayloadRefusedError),
        "upload_lost": (409, wideload.PayloadRefusedError),
        "record_too_large": (413, wideload.RecordTooLargeError),
    }
    assert kinds.keys() <= set(
        _CONTRACT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    )
    for code, (status, kind) in kinds.items():
        server.fail("GET /stage/call-logs/", problem(status, code))
        with pytest.raises(wideload.ApiError) as raised:
            client.get(PAYLOAD_1)
        assert type(raised.value) is kind


@pytest.mark.parametrize("case", _cases("/call-logs/", ok=False))
def test_a_record_that_is_refused_is_raised(
    client: wideload.Client, server: IngestService, case: dict[str, Any]
) -> None:
    server.fail("GET /stage/call-logs/", _fault(case))

    with pytest.raises(wideload.NotFoundError) as raised:
        client.get(case["request"]["path"].rpartition("/")[2])

    _check_error(raised.value, case)


def _check_error(error: wideload.ApiError, case: dict[str, Any]) -> None:
    answer = _answer(case)
    assert error.status == case["response"]["status"]
    assert (error.code, error.detail) == (answer["code"], answer["detail"])
    assert error.request_id == answer["request_id"]
