"""Text from callers stays out of the logs: it breaks, forges and colours no line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from local.cloud import Cloud
from tests.integration.conftest import Api
from tests.integration.test_hostile import upload, wait_until_done
from tests.integration.test_ingest import JSON, claim

MARK = "forged-by-a-caller"
FORGED = json.dumps({"level": "ERROR", "message": MARK, "tenant": "root", "_aws": {}})
HOSTILE = {
    "a line": f"x\n{FORGED}\n",
    "a line of Windows": f"x\r\n{FORGED}\r\n",
    "a line of Unicode": f"x\u2028{FORGED}\u0085",
    "the end of a member": f'x","level":"ERROR","{MARK}":"',
    "an escape": f"x\\n{FORGED}\\u000a",
    "a terminal": f"x\x1b[2J\x1b]0;{MARK}\x07\x1b[31m",
    "a platform's line": f"x\nREPORT RequestId: {MARK}\tDuration: 1 ms",
    "a format": f"%s %({MARK})s {{{MARK}}} ${{jndi:ldap://{MARK}}}",
}

# What Lambda itself writes about each invocation.
PLATFORM = re.compile(r"(INIT_START|START|END|REPORT) [\x20-\x7e\t]*")
# All that a line of ours may say besides metrics, which `_aws` announces.
SAID = {
    *("level", "location", "message", "timestamp", "service", "cold_start"),
    *("function_name", "function_memory_size", "function_arn", "function_request_id"),
    *("correlation_id", "xray_trace_id", "sampling_rate"),
    *("code", "status", "state", "outcome", "s3_key", "reason"),
    *("payload_id", "tenant", "via", "detail"),
    *("exception", "exception_name", "stack_trace"),
}
LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR"}
Logged = Callable[[], list[str]]


@pytest.fixture
def logged(cloud: Cloud, functions: dict[str, str]) -> Logged:
    """Lines that the functions have written since the test began."""
    before = {name: len(cloud.log_lines(name)) for name in functions.values()}

    def since() -> list[str]:
        return [line for name, count in before.items() for line in cloud.log_lines(name)[count:]]

    return since


def check(lines: list[str]) -> None:
    """Fail unless each line is one of Lambda's or ours, and none says what a caller wrote."""
    ours = list(read(lines))
    assert ours
    for line in ours:
        if "_aws" not in line:
            assert set(line) <= SAID, line
            assert line["level"] in LEVELS
    assert MARK not in "\n".join(lines)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", "".join(lines))


def read(lines: list[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if not PLATFORM.fullmatch(line):
            said = json.loads(line)
            assert isinstance(said, dict), line
            yield said


def plain(text: str) -> str:
    """The text as a header can hold it: without line ends, in Latin-1."""
    return re.sub(r"[\r\n\u0085\u2028]", " ", text).encode("latin-1", "ignore").decode("latin-1")


def test_ingest_logs_nothing_that_a_caller_wrote(acme: Api, logged: Logged) -> None:
    for text in HOSTILE.values():
        acme.post("/send-call-log", {"call_id": text, text: text}, {})
        acme.post("/send-call-log", text.encode(), JSON)
        acme.post("/get-upload-url", {"content_type": text, "call_id": text, "sha256": text}, {})
        claim(acme, text)
        escaped = quote(text, safe="")
        for path in ("/call-logs/{}", "/call-logs/{}/records", "/call-logs?call_id={}&cursor={}"):
            acme.get(path.replace("{}", escaped))
        for header in ("Idempotency-Key", "Content-Type", "Content-Encoding", "User-Agent"):
            acme.post("/send-call-log", b'{"n":1}', {**JSON, header: plain(text)})

    check(logged())


def test_the_worker_logs_nothing_that_a_caller_wrote(acme: Api, logged: Logged) -> None:
    uploaded = [
        upload(acme, body.encode())["payload_id"]
        for text in HOSTILE.values()
        # A document, and what is none.
        for body in (json.dumps({"call_id": text, text: [text]}), text)
    ]
    for payload_id in uploaded:
        wait_until_done(acme, payload_id)

    check(logged())


def test_the_authorizer_logs_nothing_that_a_caller_wrote(acme: Api, logged: Logged) -> None:
    for text in HOSTILE.values():
        [header] = acme.headers
        assert acme.request("GET", "/call-logs", headers={header: plain(text)}).status == 403

    check(logged())


@pytest.mark.parametrize(
    "line",
    [
        "forged",
        FORGED,
        '["a list"]',
        '{"level":"INFO","message":"x","role":"root"}',
        f"REPORT RequestId: {MARK}",
        '{"level":"INFO","message":"\x1b[31m"}',
    ],
)
def test_the_check_finds_what_is_forged(line: str) -> None:
    with pytest.raises((AssertionError, json.JSONDecodeError)):
        check(['{"level":"INFO","message":"swept"}', line])
