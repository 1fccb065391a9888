"""Hostile and broken answers of an API, which all become errors of this package."""

from __future__ import annotations

from typing import Any

import pytest

import wideload
from tests.fake_aws.ingest import IngestService
from tests.fake_aws.messages import Fault
from wideload._files.models import FileInfo
from wideload._json import parse
from wideload._retry import parse_retry_after
from wideload._signin.tokens import Tokens

BOTH_CLIENTS = True

HUGE = b"1" + b"0" * 400
FILE: dict[str, Any] = {
    "file_id": "01J", "name": "a", "content_type": "text/plain", "sha256": "0" * 64,
    "created_at": "2026-11-22T09:00:00Z", "size": 1, "verified": True,
}  # fmt: skip


@pytest.mark.parametrize("number", [HUGE, b"1e999", b"-1e999", b"Infinity", b"NaN"])
def test_no_number_of_an_error_is_more_than_an_error(
    client: wideload.Client, server: IngestService, number: bytes
) -> None:
    problem = b'{"code":"in_progress","detail":"wait","retry_after":%b}' % number
    server.fail("", *[Fault(400, problem)] * 2)

    with pytest.raises(wideload.ApiError, match="400") as raised:
        client.send({"a": 1})

    assert raised.value.retry_after is None


@pytest.mark.parametrize("cursor", [b'"\\ud800"', b'"\xc3\xa9"', HUGE])
def test_a_cursor_that_is_no_text_of_the_apis(
    client: wideload.Client, server: IngestService, cursor: bytes
) -> None:
    server.fail("", Fault(200, b'{"items":[],"cursor":%b}' % cursor))

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        list(client.call_logs())


@pytest.mark.parametrize(
    "odd",
    [
        {"size": -1},
        {"size": 10**400},
        {"size": True},
        {"file_id": "a/../../evil"},
        {"file_id": "\ud800"},
        {"file_id": "a\0"},
        {"file_id": ""},
        {"folder": 7},
        {"folder": None},
        {"modified_at": 7},
        {"verified_by": True},
        {"metadata": {"a": 7}},
        {"quarantined": "yes"},
    ],
)
def test_a_file_that_can_not_be_is_none(odd: dict[str, Any]) -> None:
    assert FileInfo.of(FILE).size == 1
    with pytest.raises(TypeError):
        FileInfo.of({**FILE, **odd})


@pytest.mark.parametrize("text", [b"1e999", b"NaN", b"[-Infinity]"])
def test_numbers_beyond_json_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of any kind
        parse(text)


@pytest.mark.parametrize(
    "date", ["Sun, 22 Nov 99999999999 09:00:00 GMT", "Sun, 22 Nov 9999 09:00:00 -9999"]
)
def test_a_date_that_can_not_be_asks_for_nothing(date: str) -> None:
    assert parse_retry_after(date, 0.0) is None


@pytest.mark.parametrize("expires_in", [10**400, "1e999x"])
def test_a_life_that_can_not_be_is_unknown(expires_in: object) -> None:
    tokens = Tokens.of("no.claims.here", refresh_token=None, expires_in=expires_in, now=0.0)

    assert tokens.expires_at is None
