"""The cases of `contract/cases/`."""

from __future__ import annotations

import base64
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CONTRACT = Path(__file__).parents[1] / "contract"


def load(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((CONTRACT / "cases" / name).read_text())["cases"]
    return cases


def request_body(case: dict[str, Any]) -> bytes:
    request = case["request"]
    return base64.b64decode(request.get("base64", "")) or request.get("text", "").encode()


def matches(expected: Any, actual: Any) -> bool:
    """Whether an answer is the expected one, where `<any>` stands for any value, and `<maybe>` for
    any or null."""
    if expected in ("<any>", "<maybe>"):
        return expected == "<maybe>" or actual is not None
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            matches(value, actual[name]) for name, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(matches, expected, actual))
    return bool(expected == actual)


def matches_headers(expected: dict[str, Any], actual: Mapping[str, str]) -> bool:
    """Whether an answer has the headers of the expected one, if that names any."""
    wanted = expected.get("headers", {})
    return all(name in actual and matches(value, actual[name]) for name, value in wanted.items())


@dataclass(frozen=True)
class Answered:
    """A step of a case: what was asked, what is expected, what came."""

    method: str
    path: str
    expected: dict[str, Any]
    status: int
    body: Any
    """None if there is none."""
    headers: dict[str, str]


Ask = Callable[[str, str, bytes, dict[str, str]], tuple[int, Any, dict[str, str]]]
"""Method, path, body and headers; the answer's status, body as JSON, and headers."""


def play(
    case: dict[str, Any], ask: Ask, send: Callable[[dict[str, Any], bytes], None]
) -> Iterator[Answered]:
    """Replay a case of several steps.

    Args:
        send: Makes an action's request, with a body.
    """
    known: dict[str, Any] = {}
    for step in case["steps"]:
        if "send" in step:
            send(known[step["send"]], step["text"].encode())
            continue
        request = _filled_in(step["request"], known)
        body = request_body({"request": request})
        status, answer, headers = ask(request["method"], request["path"], body, request["headers"])
        for name, pointer in step.get("keep", {}).items():
            known[name] = _at(answer, pointer)
        expected = _filled_in(step["response"], known)
        yield Answered(request["method"], request["path"], expected, status, answer, headers)


def _filled_in(value: Any, known: dict[str, Any]) -> Any:
    """A part of a case, with what was kept in place of `<name>`."""
    if isinstance(value, dict):
        return {name: _filled_in(inner, known) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled_in(inner, known) for inner in value]
    if isinstance(value, str):
        return re.sub(r"<(\w+)>", lambda match: str(known.get(match[1], match[0])), value)
    return value


def _at(value: Any, pointer: str) -> Any:
    for name in pointer.split("/")[1:]:
        value = value[int(name)] if isinstance(value, list) else value[name]
    return value


@functools.cache
def openapi(api: str) -> dict[str, Any]:
    """The document `openapi-<api>.yaml`."""
    text = (CONTRACT / f"openapi-{api}.yaml").read_bytes()
    # The safe loader in C: the one in Python takes a second for the longest document.
    document: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return document


def answer_schema(
    method: str, path: str, status: int, *, api: str = "ingest", kind: str | None = None
) -> dict[str, Any] | None:
    """The JSON schema of an answer, with the document's components for its references.

    Args:
        api: Name within `openapi-<api>.yaml`.
        kind: Content type, where an answer can have several.

    Returns:
        None for an answer without a body.
    """
    document = openapi(api)
    route = route_of(document["paths"], path.partition("?")[0])
    answer = document["paths"][route][method.lower()]["responses"][str(status)]
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    contents = answer.get("content")
    if contents is None:
        return None
    (content,) = [contents[kind]] if kind else contents.values()
    return {**content["schema"], "components": document["components"]}


def route_of(routes: dict[str, Any], path: str) -> str:
    """The route of a path: without parameters, if there is one."""
    fitting = [route for route in routes if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route), path)]
    return min(fitting, key=lambda route: route.count("{"))
