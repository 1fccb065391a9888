"""Every number of every request, in forms that no API may take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from tests import contract_cases

_VALUES = {"ID": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "SHA": "0" * 64}

IN_QUERIES = [
    "0" * 9 + "99999999999999999999",
    "9" * 20,
    "9" * 4409,
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x10",
    "1_0",
    " 1",
    "٣",
    "²",
    "NaN",
    "true",
]
IN_BODIES = [
    "9" * 20,
    "9" * 4409,
    "-" + "9" * 4409,
    "-1",
    "-0.5",
    "1e40",
    "1e308",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "true",
    '"x"',
    "[]",
    "{}",
]
_PLACES = {
    "ingest": [
        ("GET", "/get-upload-url?content_length=%", ""),
        ("POST", "/get-upload-url", '{"content_length":%}'),
        ("POST", "/send-call-log", '{"s3_key":"transit/acme/ID","upload_duration_ms":%}'),
        ("GET", "/call-logs?limit=%", ""),
        ("GET", "/call-logs/ID/records?limit=%", ""),
        ("GET", "/call-logs/ID/records?first=%", ""),
    ],
    "files": [
        ("GET", "/files?limit=%", ""),
        ("GET", "/files/folders?limit=%", ""),
        ("GET", "/files/uploads?limit=%", ""),
        ("POST", "/files/check", '{"files":[{"sha256":"SHA","size":%}]}'),
        ("POST", "/files", '{"files":[{"name":"a","sha256":"SHA","size":%}]}'),
        ("POST", "/files", '{"files":[{"name":"a","first_sha256":"SHA","expected_size":%}]}'),
        ("POST", "/files/uploads/ID/parts", '{"parts":[{"sha256":"SHA","number":%}]}'),
        ("POST", "/files/uploads/ID/parts", '{"parts":[{"sha256":"SHA","number":1,"size":%}]}'),
        (
            "POST",
            "/files/uploads/ID/complete",
            '{"sha256":"SHA","parts_sha256":"SHA","size":%}',
        ),
    ],
}


class Request(NamedTuple):
    method: str
    path: str
    body: bytes


def requests(api: str) -> Iterator[Request]:
    """
    Args:
        api: `ingest` or `files`.
    """
    for method, path, body in _PLACES[api]:
        for number in IN_BODIES if body else IN_QUERIES:
            filled = (path.replace("%", quote(number)), body.replace("%", number))
            for name, value in _VALUES.items():
                filled = (filled[0].replace(name, value), filled[1].replace(name, value))
            yield Request(method, filled[0], filled[1].encode())


def one_for_each_operation(api: str) -> list[Request]:
    """A request for each method and route."""
    found = {(each.method, each.path.partition("?")[0]): each for each in requests(api)}
    return list(found.values())


def is_refused(status: int, answer: Any) -> bool:
    """Whether an answer refuses the number, and not something else, such as an unknown id."""
    each = answer.get("files", [{}])[0]
    return status in (400, 413) or (status == 200 and each.get("error", {}).get("status", 0) >= 400)


Place = tuple[str, str, str]
"""Method, path and name of a number."""


def tried(api: str) -> set[Place]:
    found = set()
    for method, path, body in _PLACES[api]:
        route, _, query = path.partition("?")
        name = query.partition("=")[0] or body.rpartition('":%')[0].rpartition('"')[2]
        found.add((method, route.replace("ID", "{id}"), name))
    return found


def documented(api: str) -> dict[Place, dict[str, Any]]:
    """Schemas of the numbers in the requests of the OpenAPI document."""
    document = contract_cases.openapi(api)
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path), name): schema
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for part in ("parameters", "requestBody")
        if part in operation
        for name, schema in _named(operation[part], document)
        if schema.get("type") in ("integer", "number")
    }


def _named(part: Any, document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parameters and properties below a part of the document, with their schemas."""
    if isinstance(part, list):
        for inner in part:
            yield from _named(inner, document)
    elif isinstance(part, dict):
        part = _resolved(part, document)
        if "in" in part:
            yield part["name"], _resolved(part["schema"], document)
        for name, schema in part.get("properties", {}).items():
            yield name, _resolved(schema, document)
        for inner in part.values():
            yield from _named(inner, document)


def _resolved(part: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        target: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        part = target
    return part
