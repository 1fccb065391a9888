"""Saved queries find what functions, Lambda's runtime and Lambda itself write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.insights import ask, event
from wideload_cdk.monitoring import queries

QUERIES = {query.name: query.text for query in (*queries.INGEST, *queries.FILES)}

REQUEST = "8f507cfc-0000-4697-b07a-ac58fc914c95"
UNCAUGHT = {
    "timestamp": "2026-11-27T09:00:00Z",
    "errorMessage": "The canary could not upload the large payload: status 403",
    "errorType": "RuntimeError",
    "requestId": REQUEST,
    "stackTrace": ["  File ..."],
}
"""As Lambda's runtime writes an uncaught exception, but for its level.
https://github.com/aws/aws-lambda-python-runtime-interface-client"""
LINES: dict[str, dict[str, Any]] = {
    "ours": {"level": "ERROR", "message": "request failed", "function_request_id": REQUEST},
    "uncaught": {**UNCAUGHT, "log_level": "ERROR"},
    "uncaught, since 4.0.4": {**UNCAUGHT, "level": "ERROR"},
    "uncaught, with no level": UNCAUGHT,
    "out of time": {
        "time": "2026-11-27T09:00:00Z",
        "type": "platform.report",
        "record": {"requestId": REQUEST, "status": "timeout", "metrics": {"durationMs": 900_000}},
    },
}
OTHERS = [
    {"level": "INFO", "message": "swept", "function_request_id": "another"},
    {"level": "WARNING", "message": "payload failed", "function_request_id": "another"},
    {"type": "platform.report", "record": {"requestId": "another", "status": "success"}},
    {"_aws": {}, "PayloadStoredCount": [1], "function_name": "worker"},
]


def find(query: str, *lines: dict[str, Any]) -> list[dict[str, Any]]:
    return ask(query, [event(json.dumps(line)) for line in (*OTHERS, *lines)])


@pytest.mark.parametrize("kind", LINES)
def test_failures_shows_it(kind: str) -> None:
    (found,) = find(QUERIES["failures"], LINES[kind])

    said = {"request failed", UNCAUGHT["errorMessage"], "timeout"}
    assert said & set(map(str, found.values()))


@pytest.mark.parametrize("kind", LINES)
def test_one_request_shows_it(kind: str) -> None:
    query = QUERIES["one-request"].replace("REQUEST_ID", REQUEST)

    (found,) = find(query, LINES[kind])

    said = {"request failed", UNCAUGHT["errorMessage"], "timeout"}
    assert said & set(map(str, found.values()))


def test_whatever_looks_for_errors_looks_for_uncaught_ones_too() -> None:
    for name, text in QUERIES.items():
        if '"ERROR"' in text:
            assert 'or log_level = "ERROR" or ispresent(errorMessage)' in text, name


def test_plain_lines_are_no_failures() -> None:
    assert ask(QUERIES["failures"], [event("START RequestId: x Version: $LATEST")]) == []
