"""The handler of file transfer over fakes: the contract's cases, tokens, and failures of AWS."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError
from openapi_schema_validator import OAS31Validator
from urllib3.exceptions import SSLError

from tests import contract_cases, request_numbers
from tests.fake_aws.gateway import Context, event_of
from tests.fake_aws.s3 import Body
from tests.fake_aws.wire import aws_error
from tests.runtime.files.files_world import FilesWorld, large, part_of, refusal, small
from wideload_runtime import __version__
from wideload_runtime.core.errors import STATUS, TITLES
from wideload_runtime.core.files.records import Usage

CASES = contract_cases.load("files.json")
DOCUMENT = contract_cases.openapi("files")
ANN = {"sub": "ann", "token_use": "access"}

Invoke = Callable[..., tuple[int, Any, dict[str, str]]]


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld()


@pytest.fixture
def invoke(world: FilesWorld, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    from wideload_runtime.handlers import files_api

    monkeypatch.setattr(files_api, "transfer", world.transfer)

    def invoke(
        method: str,
        path: str,
        body: bytes | str = b"",
        headers: dict[str, str] | None = None,
        claims: dict[str, str] | None = ANN,
    ) -> tuple[int, Any, dict[str, str]]:
        route, _, query = path.partition("?")
        authorizer = None if claims is None else {"jwt": {"claims": claims, "scopes": None}}
        query_parameters = dict(parse_qsl(query))
        event = event_of(
            method, route, body, headers, query_parameters, authorizer, request_id="gateway-1"
        )
        answer = files_api.handler(event, Context())
        text = answer["body"]
        return answer["statusCode"], json.loads(text) if text else None, answer["headers"]

    return invoke


def create(invoke: Invoke, body: Body, name: str = "a.bin") -> Any:
    file = {"name": name, "size": body.size, "sha256": body.sha256}
    _, answer, _ = invoke("POST", "/files", json.dumps({"files": [file]}))
    return answer["files"][0]


def stored(world: FilesWorld, invoke: Invoke, name: str = "a.bin") -> str:
    answer = create(invoke, small(), name)
    world.s3.send(answer["action"], small())
    return str(
        invoke("POST", f"/files/uploads/{answer['upload_id']}/complete")[1]["file"]["file_id"]
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(world: FilesWorld, invoke: Invoke, case: dict[str, Any]) -> None:
    def send(action: dict[str, Any], body: bytes) -> None:
        world.s3.send(action, Body.of(body))

    for step in contract_cases.play(case, invoke, send):
        assert step.status == step.expected["status"], step
        assert step.headers["Cache-Control"] == "no-store"
        assert contract_cases.matches_headers(step.expected, step.headers)
        kind = step.headers.get("Content-Type") if step.body is not None else None
        schema = contract_cases.answer_schema(
            step.method, step.path, step.status, api="files", kind=kind
        )
        if schema is None:
            assert step.body is None
            continue
        assert contract_cases.matches(step.expected["body"], step.body), step
        OAS31Validator(schema).validate(step.body)
    world.end_urls()
    assert world.ann.usage == Usage(), "the case left something behind"


def test_no_number_out_of_range_is_taken(world: FilesWorld, invoke: Invoke) -> None:
    for method, path, body in request_numbers.requests("files"):
        answered = invoke(method, path, body)
        assert request_numbers.is_refused(*answered[:2]), (path, body[:100], answered)
    assert world.ann.usage == Usage()


def test_every_route_is_in_a_case() -> None:
    asked = {
        (step["request"]["method"].lower(), contract_cases.route_of(DOCUMENT["paths"], path))
        for case in CASES
        for step in case["steps"]
        if "request" in step and (path := step["request"]["path"].partition("?")[0])
    }
    documented = {
        (method, path)
        for path, methods in DOCUMENT["paths"].items()
        for method in methods
        if method != "parameters"
    }

    assert asked == documented


def test_every_code_of_the_document_is_one_of_ours() -> None:
    codes = set(DOCUMENT["components"]["schemas"]["Code"]["enum"])

    assert codes <= STATUS.keys() == TITLES.keys()
    ours = list(STATUS)
    assert set(ours[ours.index("invalid_name") :]) <= codes


# Tokens


@pytest.mark.parametrize("path", ["/files", "/files/uploads", "/files/x", "/files/uploads/x"])
@pytest.mark.parametrize(
    "claims",
    [{"sub": "ann", "token_use": "id"}, {"token_use": "access"}, {"sub": ""}, {"sub": "x" * 1025}],
)
def test_other_tokens_than_access_tokens_are_refused(
    invoke: Invoke, path: str, claims: dict[str, str]
) -> None:
    status, body, _ = invoke("GET", path, claims=claims)

    assert (status, body["code"]) == (401, "not_an_access_token")
    schema = contract_cases.answer_schema(
        "GET", path, 401, api="files", kind="application/problem+json"
    )
    assert schema
    OAS31Validator(schema).validate(body)


def test_another_issuers_token_has_no_token_use(invoke: Invoke) -> None:
    assert invoke("GET", "/files", claims={"sub": "auth0|5"})[0] == 200


def test_answers_tell_the_version_and_whose_token_it_is(invoke: Invoke) -> None:
    _, _, headers = invoke("GET", "/files", claims={"sub": "auth0|ä"})

    assert headers["Wideload-Version"] == __version__
    assert headers["Wideload-Caller"] == "auth0%7C%C3%A4"


def test_sign_in_needs_no_token(invoke: Invoke) -> None:
    status, body, headers = invoke("GET", "/sign-in", claims=None)

    assert (status, body["client_id"]) == (200, "client")
    assert not {"Wideload-Version", "Wideload-Caller"} & headers.keys()


def test_a_person_sees_their_own_alone(world: FilesWorld, invoke: Invoke) -> None:
    file_id = stored(world, invoke)
    parts = json.dumps({"parts": [{"number": 1, "sha256": small().sha256}]})
    routes = [
        ("GET", f"/files/{file_id}", ""),
        ("PATCH", f"/files/{file_id}", '{"name": "b"}'),
        ("GET", f"/files/{file_id}/download", ""),
        ("GET", f"/files/uploads/{file_id}", ""),
        ("POST", f"/files/uploads/{file_id}/parts", parts),
        ("POST", f"/files/uploads/{file_id}/complete", ""),
        ("DELETE", f"/files/uploads/{file_id}", ""),
        ("DELETE", f"/files/{file_id}", ""),
    ]  # fmt: skip

    for method, path, body in routes:
        assert invoke(method, path, body, claims={"sub": "bob"})[0] == 404, path
    assert invoke("GET", "/files", claims={"sub": "bob"})[1]["items"] == []
    assert invoke("GET", f"/files/{file_id}")[0] == 200


# Downloads


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 200),
        ("", 200),
        ("*/*", 200),
        ("application/json", 200),
        ("text/html, application/*;q=0.9", 200),
        ("text/html,application/xhtml+xml,*/*;q=0.8", 200),
        ("application/octet-stream", 302),
        ("image/png, image/*", 302),
    ],
)
def test_a_download_is_json_or_a_redirect(
    world: FilesWorld, invoke: Invoke, accept: str | None, status: int
) -> None:
    file_id = stored(world, invoke)

    answered, body, headers = invoke(
        "GET", f"/files/{file_id}/download", headers={} if accept is None else {"Accept": accept}
    )

    assert answered == status
    href = headers["Location"] if status == 302 else body["action"]["href"]
    assert href.startswith("https://bucket.s3.test/files/")


# Bodies and failures


@pytest.mark.parametrize(("announced", "status"), [(None, 200), ("exact", 200), ("9", 400)])
def test_text_that_the_gateway_damaged_is_refused(
    invoke: Invoke, announced: str | None, status: int
) -> None:
    text = json.dumps(
        {"files": [{"name": "a\ufffd", "size": 1, "sha256": "0" * 64}]}, ensure_ascii=False
    )
    length = str(len(text.encode())) if announced == "exact" else announced
    headers = {"Content-Length": length} if length else {}

    assert invoke("POST", "/files", text, headers)[0] == status


def test_a_body_that_is_too_large(invoke: Invoke) -> None:
    status, body, _ = invoke("POST", "/files", b" " * (1024**2 + 1))

    assert (status, body["code"]) == (413, "body_too_large")


def test_refusals_of_all_carry_retry_after(world: FilesWorld, invoke: Invoke) -> None:
    world.dynamo.conflicts = 100

    file = {"name": "a", "size": 1, "sha256": "0" * 64}
    status, body, headers = invoke("POST", "/files", json.dumps({"files": [file]}))

    assert (status, body["code"], headers["Retry-After"]) == (409, "conflict", "1")
    assert body["files"][0]["error"]["retry_after"] == 1


def test_an_unknown_route_is_a_problem(invoke: Invoke) -> None:
    for path in ("/nowhere", "/files/a/b/c", "/"):
        status, body, _ = invoke("GET", path)
        assert (status, body["code"], body["request_id"]) == (404, "not_found", "gateway-1")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (aws_error("ThrottlingException", "GetItem"), 503, "unavailable"),
        (ReadTimeoutError(endpoint_url="https://x"), 503, "unavailable"),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), 503, "unavailable"),
        (SSLError("EOF occurred in violation of protocol"), 503, "unavailable"),
        (aws_error("TransactionInProgressException", "TransactWriteItems"), 503, "unavailable"),
        (aws_error("RequestTimeout", "CompleteMultipartUpload"), 503, "unavailable"),
        (aws_error("TooManyRequestsException", "SendMessage"), 503, "unavailable"),
        (aws_error("KmsThrottled", "SendMessage"), 503, "unavailable"),
        (aws_error("KMS.ThrottlingException", "GetObject"), 503, "unavailable"),
        (aws_error("502", "HeadObject"), 503, "unavailable"),
        (aws_error("504", "HeadObject"), 503, "unavailable"),
        (
            aws_error("Unheard", "PutItem", ResponseMetadata={"HTTPStatusCode": 503}),
            503,
            "unavailable",
        ),
        (
            aws_error("Unheard", "PutItem", ResponseMetadata={"HTTPStatusCode": 400}),
            500,
            "internal",
        ),
        (aws_error("403", "HeadObject"), 500, "internal"),
        (aws_error("AccessDeniedException", "GetItem"), 500, "internal"),
        (ZeroDivisionError("secret"), 500, "internal"),
    ],
)
def test_a_failure_says_whether_to_try_again_and_nothing_else(
    world: FilesWorld, invoke: Invoke, error: Exception, status: int, code: str
) -> None:
    def fail(name: str) -> None:
        raise error

    world.wire.before = fail
    answered, body, headers = invoke("GET", "/files/01ARZ3NDEKTSV4RRFFQ69G5FAV")

    assert (answered, body["code"]) == (status, code)
    assert headers.get("Retry-After") == ("2" if status == 503 else None)
    assert "secret" not in json.dumps(body)


def test_waiting_for_s3_is_no_failure(world: FilesWorld, invoke: Invoke) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    waited: list[float] = []
    world.bucket._run = lambda work, seconds: waited.append(seconds)
    schema = contract_cases.answer_schema(
        "POST", "/files/uploads/{upload_id}/complete", 202, api="files", kind="application/json"
    )

    first = invoke("POST", f"/files/uploads/{upload_id}/complete")
    second = invoke("POST", f"/files/uploads/{upload_id}/complete")

    assert waited == [2]
    for status, body, headers in (first, second):
        assert (status, headers["Retry-After"]) == (202, "5")
        assert body == {"upload_id": upload_id, "state": "completing", "retry_after": 5}
        OAS31Validator(schema).validate(body)


def test_a_request_during_a_completion_is_told_to_retry(world: FilesWorld, invoke: Invoke) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    upload = world.ann.record(upload_id)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))
    world.s3.multiparts.clear()
    part = json.dumps({"parts": [{"number": 1, "sha256": part_of(upload, 1).sha256}]})
    file = json.dumps({"files": [{"name": "a", "size": upload.size, "sha256": upload.sha256}]})

    for path, body in ((f"/files/uploads/{upload_id}/parts", part), ("/files", file)):
        status, problem, headers = invoke("POST", path, body)
        assert (status, problem["code"], headers["Retry-After"]) == (409, "completing", "5")


def test_parts_that_s3_will_not_join(world: FilesWorld, invoke: Invoke) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    world.wire.refused = lambda name, number: (
        "ConditionalRequestConflict" if name == "CompleteMultipartUpload" else None
    )
    path = f"/files/uploads/{upload_id}/complete"
    assert invoke("POST", path)[0] == 202
    world.clock.time += 60

    status, body, _ = invoke("POST", path)

    assert (status, body["code"], body["begun_anew"]) == (409, "parts_missing", True)
    kind = "application/problem+json"
    schema = contract_cases.answer_schema("POST", path, 409, api="files", kind=kind)
    OAS31Validator(schema).validate(body)


def test_a_throttled_transaction_is_tried_again_later(world: FilesWorld, invoke: Invoke) -> None:
    def fail(name: str) -> None:
        if name == "TransactWriteItems":
            reasons = [{"Code": "None"}, {"Code": "ThrottlingError"}]
            raise ClientError(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},  # type: ignore[typeddict-unknown-key]
                name,
            )

    world.wire.before = fail
    answer = json.dumps({"files": [{"name": "a", "size": 1, "sha256": "0" * 64}]})

    status, body, headers = invoke("POST", "/files", answer)

    assert (status, body["code"], headers["Retry-After"]) == (503, "unavailable", "2")


def test_no_name_url_or_hash_is_logged(
    world: FilesWorld, invoke: Invoke, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    name = "Kündigung Frau Müller.pdf"
    file_id = stored(world, invoke, name)
    invoke("PATCH", f"/files/{file_id}", json.dumps({"name": name + "\n"}))
    invoke("GET", f"/files/{file_id}/download")
    world.wire.before = lambda request: 1 // 0
    invoke("PATCH", f"/files/{file_id}", json.dumps({"name": name}))
    world.wire.before = lambda request: None

    logged = caplog.text + repr([vars(record) for record in caplog.records])

    assert "refused" in logged
    assert "ZeroDivisionError" in logged
    for secret in ("Müller", "M\\xfcller", "signature", small().sha256, "bucket.s3.test"):
        assert secret not in logged


def test_uploads_are_counted_in_the_log(
    world: FilesWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    from wideload_runtime.adapters.telemetry import EmfMetrics
    from wideload_runtime.handlers import files_api

    monkeypatch.setattr(files_api, "transfer", replace(world.transfer, metrics=EmfMetrics("test")))
    upload_id = world.ann.begin(small())
    path = f"/files/uploads/{upload_id}/complete"
    files_api.handler(event_of("POST", path, authorizer={"jwt": {"claims": ANN}}), Context())

    (line,) = [
        json.loads(text) for text in capsys.readouterr().out.splitlines() if '"_aws"' in text
    ]
    assert (line["FileUploadCount"], line["FileUploadSize"]) == ([1.0], [11.0])
    assert line["environment"] == "test"


def test_the_sweeps_handler(
    world: FilesWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from wideload_runtime.handlers import files_sweep

    class Time(Context):
        def get_remaining_time_in_millis(self) -> int:
            return 100_000

    monkeypatch.setattr(files_sweep, "transfer", world.transfer)
    world.ann.begin(small())
    world.clock.time += 8 * 24 * 3600

    report = files_sweep.handler({}, Time())

    assert report == {
        "expired": 1,
        "completed": 0,
        "deleted": 0,
        "emptied": 0,
        "leftovers": 0,
        "unscanned": 0,
        "failed": 0,
        "backlog_seconds": 0,
    }
    world.clock.time += 2 * 24 * 3600
    world.wire.refused = lambda name, number: "Broken" if name == "HeadObject" else None
    with pytest.raises(RuntimeError, match="1 items"):
        files_sweep.handler({}, Time())
    assert "an item could not be dealt with" in caplog.text


def test_the_verifiers_handler(
    world: FilesWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from wideload_runtime.handlers import files_verifier

    monkeypatch.setattr(files_verifier, "verifier", world.verifier)
    file_id = world.ann.upload(large())["file_id"]

    def record(message: dict[str, str], number: int) -> dict[str, Any]:
        return {
            "messageId": str(number),
            "body": json.dumps(message),
            "attributes": {"ApproximateReceiveCount": "1"},
            "eventSource": "aws:sqs",
        }

    messages = [{"owner": "ann", "file_id": file_id}, {"owner": "ann"}]
    answer = files_verifier.handler(
        {"Records": [record(message, number) for number, message in enumerate(messages)]},
        Context(),
    )

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert world.ann.stored(file_id).corrupt  # its bytes are made up
    assert "verifying failed" in [record.message for record in caplog.records]


def test_the_cases_are_as_they_are_written() -> None:
    """One form, so that a change shows as one."""
    text = Path(contract_cases.CONTRACT, "cases", "files.json").read_text()

    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"
