"""`wideload.compat`: the names and result shapes of functions of other SDKs."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime
from typing import Any

import pytest

import wideload
from tests.client.fake_server import API_KEY, FakeServer, problem, s3_error
from wideload import _client
from wideload._retry import Pacing
from wideload.compat import send_to_whispey


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "WHISPEY_API_KEY",
        "WIDELOAD_URL",
        "WIDELOAD_API_KEY_HEADER",
        "WIDELOAD_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
    # The function makes its own client, so time is taken out where clients get theirs.
    monkeypatch.setattr(_client, "Pacing", lambda: Pacing(sleep=lambda seconds: None))


def _send(*args: Any, **options: Any) -> dict[str, Any]:
    return asyncio.run(send_to_whispey(*args, **options))


def test_the_answer_is_returned_with_success_and_status(server: FakeServer) -> None:
    result = _send({"call_id": "c"}, apikey=API_KEY, api_url=f"{server.url}/send-call-log")

    assert result["success"] is True
    assert result["status"] == 200
    assert result["data"]["payload_id"] == "pl-1"
    assert json.loads(json.dumps(result)) == result


def test_a_base_url_and_the_environment_do_as_well(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPEY_API_KEY", API_KEY)
    monkeypatch.setenv("WIDELOAD_URL", server.url + "/")
    monkeypatch.setenv("WIDELOAD_API_KEY_HEADER", "x-pype-token")
    server.api_key_header = "x-pype-token"

    assert _send({"call_id": "c"})["success"] is True


def test_a_queued_log_is_success_with_202(server: FakeServer, large: dict[str, Any]) -> None:
    server.queue_from = 1

    result = _send(dict(large), API_KEY, server.url)

    assert (result["success"], result["status"]) == (True, 202)
    assert result["data"]["state"] == "queued"


def test_the_log_is_completed_as_the_older_function_did(server: FakeServer) -> None:
    moment = datetime(2026, 11, 22, 9, tzinfo=UTC)
    log = {"call_started_at": moment.timestamp(), "call_ended_at": moment}

    _send(log, API_KEY, server.url)

    expected = {
        "call_started_at": "2026-11-22T09:00:00+00:00",
        "call_ended_at": "2026-11-22T09:00:00+00:00",
        "call_ended_reason": "completed",
    }
    assert json.loads(server.documents["pl-1"]) == expected
    assert log == expected


def test_what_the_log_says_already_is_kept(server: FakeServer) -> None:
    log = {"call_started_at": "2026-11-22", "call_ended_at": None, "call_ended_reason": "busy"}

    _send(dict(log), API_KEY, server.url)

    assert json.loads(server.documents["pl-1"]) == log


def test_without_a_key_it_says_what_the_older_function_said(server: FakeServer) -> None:
    assert _send({"a": 1}, api_url=server.url) == {
        "success": False,
        "error": "API key not provided and WHISPEY_API_KEY environment variable not set",
    }


def test_without_a_url_it_says_what_is_missing() -> None:
    assert _send({"a": 1}, "k") == {
        "success": False,
        "error": "API URL not provided and WIDELOAD_URL environment variable not set",
    }


def test_a_refusal_has_its_status(server: FakeServer, large: dict[str, Any]) -> None:
    server.fail("POST /stage/send", problem(400, "invalid_json"))
    server.fail("PUT", s3_error(400, "BadDigest"))

    refused = _send({"a": 1}, API_KEY, server.url)
    refused_by_s3 = _send(dict(large), API_KEY, server.url)

    assert (refused["success"], refused["status"]) == (False, 400)
    assert "what invalid_json means" in refused["error"]
    assert (refused_by_s3["success"], refused_by_s3["status"]) == (False, 400)


@pytest.mark.parametrize(
    ("log", "url", "says"),
    [
        ({"a": object()}, "http://127.0.0.1:1", "not JSON serializable"),
        ({"a": 1}, "http://127.0.0.1:1", "no answer"),
        ({"a": 1}, "http://api.example", "https"),
        ({"call_ended_at": 1e300}, "http://127.0.0.1:1", ""),
        (None, "http://127.0.0.1:1", "must be a dict"),
    ],
)
def test_nothing_is_raised(log: Any, url: str, says: str) -> None:
    result = _send(log, API_KEY, url)

    assert result.keys() == {"success", "error"}
    assert result["success"] is False
    assert says in result["error"]


def test_the_event_loop_goes_on_meanwhile(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    send = wideload.Client.send

    def recording(self: wideload.Client, *args: Any, **options: Any) -> wideload.Receipt:
        threads.append(threading.current_thread())
        return send(self, *args, **options)

    monkeypatch.setattr(wideload.Client, "send", recording)

    _send({"a": 1}, API_KEY, server.url)

    assert threads
    assert threads[0] is not threading.main_thread()
