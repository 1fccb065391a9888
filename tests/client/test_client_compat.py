"""`wideload.compat`: the names and result shapes of functions of other SDKs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from tests.client.async_client import without_the_extra
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService
from tests.fake_aws.messages import problem, s3_error
from wideload import _client
from wideload._async import client as async_client
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
    for module in (_client, async_client):
        monkeypatch.setattr(module, "Pacing", lambda **_: Pacing(sleep=lambda seconds: None))


@pytest.fixture(autouse=True, params=["with the extra", "without it"])
def extra(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the extra `async` is installed."""
    installed: bool = request.param == "with the extra"
    if not installed:
        without_the_extra(monkeypatch)
    return installed


def _send(*args: Any, **options: Any) -> dict[str, Any]:
    return asyncio.run(send_to_whispey(*args, **options))


def test_the_answer_is_returned_with_success_and_status(server: IngestService) -> None:
    result = _send({"call_id": "c"}, apikey=API_KEY, api_url=f"{server.url}/send-call-log")

    assert result["success"] is True
    assert result["status"] == 200
    assert result["data"]["payload_id"] == PAYLOAD_1
    assert json.loads(json.dumps(result)) == result


def test_a_base_url_and_the_environment_do_as_well(
    server: IngestService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPEY_API_KEY", API_KEY)
    monkeypatch.setenv("WIDELOAD_URL", server.url + "/")
    monkeypatch.setenv("WIDELOAD_API_KEY_HEADER", "x-pype-token")
    server.api_key_header = "x-pype-token"

    assert _send({"call_id": "c"})["success"] is True


def test_a_queued_log_is_success_with_202(server: IngestService, large: dict[str, Any]) -> None:
    server.in_request_limit = 0

    result = _send(dict(large), API_KEY, server.url)

    assert (result["success"], result["status"]) == (True, 202)
    assert result["data"]["state"] == "queued"


def test_the_log_is_completed_as_the_older_function_did(server: IngestService) -> None:
    moment = datetime(2026, 11, 22, 9, tzinfo=UTC)
    log = {"call_started_at": moment.timestamp(), "call_ended_at": moment}

    _send(log, API_KEY, server.url)

    expected = {
        "call_started_at": "2026-11-22T09:00:00+00:00",
        "call_ended_at": "2026-11-22T09:00:00+00:00",
        "call_ended_reason": "completed",
    }
    assert json.loads(server.documents[PAYLOAD_1]) == expected
    assert log == expected


class _Turn(NamedTuple):
    text: str
    at: Decimal


def test_every_type_that_the_older_function_sent_is_sent(server: IngestService) -> None:
    log = {
        "turn": _Turn("hi", Decimal("1.50")),
        "tags": {7},
        "id": uuid.UUID(int=1),
        "at": datetime(2026, 11, 22, 9, tzinfo=UTC),
        "count": 12345678901234567890123,
        "raw": b"x",
        "odd": [float("nan"), float("inf"), "half \ud83d", "pair \ud83d\ude00"],
        1: None,
        "NaN": "Infinity",
    }

    assert _send(dict(log), API_KEY, server.url)["success"] is True

    assert json.loads(server.documents[PAYLOAD_1]) == {
        "turn": ["hi", "1.50"],
        "tags": "{7}",
        "id": "00000000-0000-0000-0000-000000000001",
        "at": "2026-11-22 09:00:00+00:00",
        "count": 12345678901234567890123,
        "raw": "b'x'",
        "odd": [None, None, "half \ufffd", "pair \U0001f600"],
        "1": None,
        "NaN": "Infinity",
        "call_ended_reason": "completed",
    }


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        (1764230400, "2025-11-27T08:00:00+00:00"),
        (1764230400999, "2025-11-27T08:00:00.999000+00:00"),
        (1764230400999000, "2025-11-27T08:00:00.999000+00:00"),
        (1764230400999000000, "2025-11-27T08:00:00.999000+00:00"),
        (1e300, 1e300),
        (float("nan"), None),
        (-5, -5),
        (True, True),
    ],
)
def test_times_in_any_unit_are_sent(server: IngestService, moment: Any, sent: Any) -> None:
    assert _send({"call_ended_at": moment}, API_KEY, server.url)["success"] is True

    assert json.loads(server.documents[PAYLOAD_1])["call_ended_at"] == sent


_AT_THE_END = {
    "atexit": "atexit.register(send)",
    "a thread": "threading.Thread(target=lambda: (threading.main_thread().join(), send())).start()",
}


@pytest.mark.parametrize("how", _AT_THE_END)
def test_it_works_at_the_interpreters_end(server: IngestService, how: str, extra: bool) -> None:
    program = f"""
import sys
if not {extra}: sys.modules["httpcore"] = None
import asyncio, atexit, threading
from wideload.compat import send_to_whispey
def send():
    print(asyncio.run(send_to_whispey({{"a": 1}}, {API_KEY!r}, {server.url!r})))
{_AT_THE_END[how]}
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert b"'success': True" in ran.stdout, ran.stdout
    assert server.stored() == [PAYLOAD_1]


def test_members_of_the_log_are_kept(server: IngestService) -> None:
    log = {"call_started_at": "2026-11-22", "call_ended_at": None, "call_ended_reason": "busy"}

    _send(dict(log), API_KEY, server.url)

    assert json.loads(server.documents[PAYLOAD_1]) == log


def test_without_a_key_it_says_what_the_older_function_said(server: IngestService) -> None:
    assert _send({"a": 1}, api_url=server.url) == {
        "success": False,
        "error": "API key not provided and WHISPEY_API_KEY environment variable not set",
    }


def test_without_a_url_it_says_what_is_missing() -> None:
    assert _send({"a": 1}, "k") == {
        "success": False,
        "error": "API URL not provided and WIDELOAD_URL environment variable not set",
    }


def test_a_refusal_has_its_status(server: IngestService, large: dict[str, Any]) -> None:
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
        ({("a", "b"): 1}, "http://127.0.0.1:1", "keys must be str"),
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


def test_the_log_is_serialized_outside_of_the_event_loop(server: IngestService) -> None:
    threads: list[threading.Thread] = []

    class Value:
        def __str__(self) -> str:
            threads.append(threading.current_thread())
            return "v"

    assert _send({"a": Value()}, API_KEY, server.url)["success"] is True

    assert threads
    assert threading.main_thread() not in threads


def test_the_event_loop_goes_on_meanwhile(server: IngestService, extra: bool) -> None:
    """The API doesn't answer before the loop has run another task."""
    answered, other = threading.Event(), threading.Event()

    def hold(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        answered.set()
        return answer if other.wait(60) else {}

    server.tamper = hold
    threads: list[str] = []

    async def main() -> dict[str, Any]:
        sending = asyncio.create_task(send_to_whispey({"a": 1}, API_KEY, server.url))
        while not answered.is_set():
            await asyncio.sleep(0.01)
        threads.extend(thread.name for thread in threading.enumerate())
        other.set()
        return await sending

    assert asyncio.run(main())["success"] is True
    # Without the extra, the client has a thread of its own.
    assert any("run" in name for name in threads) is not extra
