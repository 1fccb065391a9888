"""The team's authorize function: its verdicts, its failures, and answers of another form."""

from __future__ import annotations

import io
import json
import runpy
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from jsonschema import Draft202012Validator

from tests.contract_cases import CONTRACT
from tests.fake_aws.s3 import Body
from tests.runtime.files.files_world import FilesWorld, Film, new_name, refusal, small, wish
from wideload_runtime.adapters.authorize_function import LambdaAuthorizeFunction
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.authorizing import AuthorizeError, Authorizing
from wideload_runtime.core.files.records import Unsized
from wideload_runtime.core.files.requests import UploadRequest

SCHEMA = json.loads((CONTRACT / "authorize-v1.schema.json").read_text())["$defs"]
ALLOW = {"allow": True}


class Theirs:
    """The team's function."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[Mapping[str, Any]] = []

    def ask(self, question: Mapping[str, Any]) -> Any:
        Draft202012Validator(SCHEMA["input"]).validate(question)
        self.asked.append(question)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def authorizing(answer: Any, failure: Any = "closed") -> tuple[Authorizing, Theirs]:
    theirs = Theirs(answer)
    return Authorizing(function=theirs, failure=failure, environment="test"), theirs


def test_all_files_of_a_request_are_asked_about_at_once() -> None:
    ours, theirs = authorizing({"files": [ALLOW, ALLOW, ALLOW]})
    film = Film()
    broken = Refused("invalid_name", "no")

    requests = ours.authorize(
        "ann",
        [
            wish(small(), "a", folder="b/c", modified_at="2026-01-01T00:00:00.000Z"),
            broken,
            UploadRequest(new_name("film"), film.announced),
            UploadRequest(new_name("pipe"), Unsized(film.part(1).sha256, 5)),
        ],
    )

    assert [type(each).__name__ for each in requests] == [
        "UploadRequest", "Refused", "UploadRequest", "UploadRequest",
    ]  # fmt: skip
    assert requests[1] is broken
    kind = {"content_type": "application/octet-stream", "if_exists": "keep_both"}
    assert theirs.asked == [
        {
            "version": "1",
            "environment": "test",
            "owner": "ann",
            "files": [
                {
                    **kind,
                    "folder": "b/c",
                    "name": "a",
                    "size": 11,
                    "sha256": small().sha256,
                    "modified_at": "2026-01-01T00:00:00.000Z",
                },
                {**kind, "folder": "", "name": "film", "size": film.size},
                {**kind, "folder": "", "name": "pipe"},
            ],
        }
    ]


def test_nothing_is_asked_about_files_that_are_refused_anyway() -> None:
    ours, theirs = authorizing(None)
    broken = Refused("invalid_name", "no")

    assert ours.authorize("ann", [broken]) == [broken]
    assert theirs.asked == []


def test_a_file_is_refused_with_the_reason() -> None:
    answer = {"files": [{"allow": False, "reason": "x" * 600}, {"allow": False}, ALLOW]}
    Draft202012Validator(SCHEMA["answer"]).validate(answer)
    ours, _ = authorizing(answer)

    first, second, third = ours.authorize("ann", [wish(small(name), name) for name in "abc"])

    assert isinstance(first, Refused)
    assert (first.code, first.detail) == ("not_allowed", "x" * 500)
    assert isinstance(second, Refused)
    assert second.detail == "The deployment does not take this file."
    assert isinstance(third, UploadRequest)


def test_metadata_stays_with_the_file_and_with_a_further_name() -> None:
    world = FilesWorld()
    ours, theirs = authorizing({"files": [{"allow": True, "metadata": {"project": "a"}}]})
    (request,) = ours.authorize("ann", [wish(small(), "a")])
    (begun,) = world.ann.uploads.create([request])
    world.s3.send(begun["action"], small())
    assert world.ann.complete(begun["upload_id"])["metadata"] == {"project": "a"}

    theirs.answer = {"files": [{"allow": True, "metadata": {"project": "b"}}]}
    (request,) = ours.authorize("ann", [wish(small(), "b")])
    (made,) = world.ann.uploads.create([request])

    assert made["duplicate"] is True
    assert made["file"]["metadata"] == {"project": "b"}


GARBAGE: list[Any] = [
    AuthorizeError("slow"),
    None,
    [],
    {},
    {"files": {}},
    {"files": []},
    {"files": [ALLOW, ALLOW]},
    {"files": [None]},
    {"files": [{}]},
    {"files": [{"allow": "yes"}]},
    {"files": [{"allow": False, "reason": 5}]},
    {"files": [{"allow": True, "metadata": ["a"]}]},
    {"files": [{"allow": True, "metadata": {"a": 5}}]},
    {"files": [{"allow": True, "metadata": {"a": "\ud800"}}]},
    {"files": [{"allow": True, "metadata": {"a": "x" * 2041}}]},
]


@pytest.mark.parametrize("answer", GARBAGE)
def test_closed_refuses_for_now_when_the_function_fails(answer: Any) -> None:
    ours, _ = authorizing(answer)

    refused = refusal(lambda: ours.authorize("ann", [wish(small())]))

    assert (refused.code, refused.retry_after) == ("unavailable", 5)


@pytest.mark.parametrize("answer", GARBAGE)
def test_open_decides_nothing_when_the_function_fails(answer: Any) -> None:
    ours, _ = authorizing(answer, "open")

    with pytest.raises(AuthorizeError):
        ours.authorize("ann", [wish(small())])


def test_metadata_up_to_the_limit_is_taken() -> None:
    ours, _ = authorizing({"files": [{"allow": True, "metadata": {"a": "x" * 2040}}]})

    (request,) = ours.authorize("ann", [wish(small())])

    assert isinstance(request, UploadRequest)


# The adapter


class FakeLambda:
    def __init__(self, answer: Any, error: str | None = None) -> None:
        self.answer = answer
        self.error = error

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert (FunctionName, json.loads(Payload)) == ("arn", {"files": []})
        if isinstance(self.answer, Exception):
            raise self.answer
        failed = {"FunctionError": self.error} if self.error else {}
        return {"StatusCode": 200, "Payload": io.BytesIO(self.answer), **failed}


def ask(answer: Any, error: str | None = None) -> Any:
    return LambdaAuthorizeFunction(FakeLambda(answer, error), "arn").ask({"files": []})


def test_an_answer_is_decoded() -> None:
    assert ask(b'{"files": []}') == {"files": []}


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (b'{"errorMessage": "boom"}', "Unhandled", "it failed: .*boom"),
        (b"<html>", None, "its answer is not JSON"),
        (ReadTimeoutError(endpoint_url="https://lambda"), None, "it did not answer"),
        (ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"), None, "TooMany"),
    ],
)
def test_a_failure_is_told(answer: Any, error: str | None, why: str) -> None:
    with pytest.raises(AuthorizeError, match=why):
        ask(answer, error)


# Through the API


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, Any]]:
    from tests.fake_aws.gateway import Context, event_of
    from wideload_runtime.handlers import files_api

    monkeypatch.setattr(files_api, "transfer", FilesWorld().transfer)

    def invoke(answer: Any, failure: str, *bodies: Body) -> tuple[int, Any]:
        ours, _ = authorizing(answer, failure)
        monkeypatch.setattr(files_api, "authorizing", ours)
        files = [{"name": "a", "size": one.size, "sha256": one.sha256} for one in bodies]
        authorizer = {"jwt": {"claims": {"sub": "ann"}, "scopes": None}}
        event = event_of(
            "POST", "/files", json.dumps({"files": files}), None, {}, authorizer, request_id="1"
        )
        answered = files_api.handler(event, Context())
        return answered["statusCode"], json.loads(answered["body"])

    return invoke


def test_the_api_refuses_what_the_function_refuses(post: Callable[..., tuple[int, Any]]) -> None:
    verdict = {"allow": False, "reason": "Only videos."}

    status, body = post({"files": [verdict]}, "closed", small())
    assert (status, body["code"], body["detail"]) == (403, "not_allowed", "Only videos.")

    status, body = post({"files": [verdict, ALLOW]}, "closed", small("1"), small("2"))
    assert status == 200
    assert body["files"][0]["error"]["code"] == "not_allowed"
    assert "upload_id" in body["files"][1]


def test_the_api_is_closed_or_open_when_the_function_fails(
    post: Callable[..., tuple[int, Any]],
) -> None:
    status, body = post(AuthorizeError("slow"), "closed", small())
    assert (status, body["code"]) == (503, "unavailable")

    status, body = post(AuthorizeError("slow"), "open", small())
    assert status == 200
    assert "upload_id" in body["files"][0]


def test_the_example_decides() -> None:
    example = runpy.run_path(str(CONTRACT.parent / "examples/authorize/handler.py"))
    ours, theirs = authorizing(None)
    video = wish(small(), "a", folder="dune/day 1")
    theirs.ask = lambda question: example["handler"](  # type: ignore[method-assign]
        {**question, "files": [{**question["files"][0], "content_type": "video/mp4"}]}, None
    )

    (allowed,) = ours.authorize("ann", [video])

    assert isinstance(allowed, UploadRequest)
    assert allowed.name.metadata == {"project": "dune"}
