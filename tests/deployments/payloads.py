"""Payloads and files that are stored, and how they are read back."""

from __future__ import annotations

import time
from typing import Any

import orjson

from local.call_log import make_call_log
from tests.integration.conftest import Api
from tests.integration.files.conftest import act
from tests.integration.test_ingest import JSON, ask_for_url, claim

INLINE = b'{ "call_id":"c-7", "n": 1.50,\n "text": "\xc3\xa9\\u00e9" }'
CALL_LOG = orjson.dumps(make_call_log(1_000_000))
FILM = bytes(range(256)) * 4_000


def send(api: Api, body: bytes = INLINE) -> str:
    """Send a payload in one request; its id."""
    answer = api.post("/send-call-log", body, JSON)
    assert answer.status == 200, answer.body
    return str(answer.json["payload_id"])


def send_large(api: Api, body: bytes = CALL_LOG) -> dict[str, Any]:
    """Send a payload through S3; what the claim answered."""
    issued = ask_for_url(api, body)
    assert api.put(issued["upload_url"], body, issued["headers"]).status == 200
    answer = claim(api, issued["s3_key"])
    assert answer.status in (200, 202), answer.body
    return {"status": answer.status, **answer.json}


def wait_until_stored(api: Api, payload_id: str, *, seconds: float = 60) -> None:
    """Until the worker has processed a queued payload."""
    deadline = time.monotonic() + seconds
    while api.get(f"/call-logs/{payload_id}").json["state"] != "stored":
        assert time.monotonic() < deadline
        time.sleep(0.2)


def download(api: Api, file_id: str) -> bytes:
    """A file's content, as its download URL gives it."""
    action = api.get(f"/files/{file_id}/download").json["action"]
    answer = act(api, action)
    assert answer.status == 200, answer.body
    return answer.body
