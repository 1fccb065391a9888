"""The `wideload` command: what it sends, prints, and exits with."""

from __future__ import annotations

import gzip
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.conftest import Command, spawn
from tests.client.running import read_terminal
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, PAYLOAD_2, PAYLOAD_9, IngestService
from tests.fake_aws.messages import DROP, Fault, problem, s3_error
from wideload._cli import exit_status


@pytest.fixture
def call_json(tmp_path: Path, small: dict[str, Any]) -> Path:
    path = tmp_path / "call.json"
    path.write_text(json.dumps(small))
    return path


def test_send_says_what_became_of_the_file(command: Command, call_json: Path) -> None:
    ran = command("send", "call.json")

    assert ran.status == 0
    assert ran.output == (
        f"call.json: stored as {PAYLOAD_1}, {call_json.stat().st_size} B of JSON, 3 records, "
        f"{wideload_size(call_json)} B sent through the API\n"
    )
    assert ran.error == ""


def wideload_size(path: Path) -> int:
    from wideload._ingest.document import prepare

    with closing(prepare(path)) as steps:
        return next(done for done in steps if done).size


def test_send_json_prints_an_object_per_file(
    command: Command, call_json: Path, tmp_path: Path, large: dict[str, Any]
) -> None:
    (tmp_path / "large.json.gz").write_bytes(gzip.compress(json.dumps(large).encode(), 1))

    ran = command("send", "--json", "call.json", "large.json.gz")

    assert ran.status == 0
    first, second = ran.lines
    assert (first["file"], first["payload_id"], first["state"]) == (
        "call.json",
        PAYLOAD_1,
        "stored",
    )
    assert (second["payload_id"], second["via"]) == (PAYLOAD_2, "s3")
    assert first.keys() == {
        "file",
        "payload_id",
        "state",
        "size",
        "sha256",
        "records",
        "via",
        "bytes_sent",
        "upload_duration_ms",
        "status_url",
        "idempotency_key",
        "created_at",
    }


def test_send_reads_standard_input(
    command: Command, server: IngestService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"a":1}')))

    ran = command("send", "-")

    assert ran.status == 0
    assert server.documents[PAYLOAD_1] == b'{"a":1}'


def test_quiet_prints_nothing(command: Command, call_json: Path) -> None:
    ran = command("send", "--quiet", "call.json")

    assert (ran.status, ran.output, ran.error) == (0, "", "")


def test_options_reach_the_api(
    command: Command, server: IngestService, call_json: Path, tmp_path: Path, large: dict[str, Any]
) -> None:
    server.api_key_header = "x-pype-token"
    (tmp_path / "large.json").write_text(json.dumps(large))

    options = ("--api-key-header", "x-pype-token", "--call-id", "mine", "--idempotency-key", "k-1")
    ran = command("send", "large.json", *options)

    assert ran.status == 0
    assert json.loads(server.seen[0].body)["call_id"] == "mine"
    assert server.seen[-1].headers["idempotency-key"] == "k-1"


def test_waiting_follows_a_queued_file(
    command: Command, server: IngestService, tmp_path: Path, large: dict[str, Any]
) -> None:
    server.in_request_limit = 0
    server.polls_until_done = 1
    (tmp_path / "large.json").write_text(json.dumps(large))

    queued = command("send", "--json", "large.json")
    waited = command("send", "--json", "--wait", "large.json")

    assert queued.lines[0]["state"] == "queued"
    assert waited.lines[0]["state"] == "stored"


def test_a_wait_that_is_too_short_exits_with_3(
    command: Command, server: IngestService, tmp_path: Path, large: dict[str, Any]
) -> None:
    server.in_request_limit, server.polls_until_done = 0, 99
    (tmp_path / "large.json").write_text(json.dumps(large))

    ran = command("send", "--json", "--wait", "--wait-timeout", "0", "large.json")

    assert ran.status == 3
    assert ran.lines[0]["payload_id"] == PAYLOAD_1
    assert "goes on being processed" in ran.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("send",), "FILE"),
        (("send", "none.json"), "none.json: No such file"),
        (("send", "."), ".: it is a directory"),
        (("send", "call.json", "--url", " "), "give --url, or set WIDELOAD_URL"),
        (("send", "call.json", "--api-key", " "), "set WIDELOAD_API_KEY"),
        (("send", "call.json", "--url", "http://api.example"), "must be https"),
        (("send", "call.json", "--ca-bundle", "none.pem"), "none.pem"),
        (("send", "call.json", "a.json", "--idempotency-key", "k"), "give one FILE"),
        (("send", "call.json", "--timeout", "0"), "--timeout"),
        (("send", "--nonsense"), "--nonsense"),
        (("nonsense",), "nonsense"),
        (("get",), "ID"),
        (("get", PAYLOAD_1, "-o", "x"), "needs --document"),
        (("get", PAYLOAD_1, "--json", "--document"), "exclude"),
        (("get", "../x"), "no payload id"),
        (("get", PAYLOAD_1, "--document", "-o", "."), ". is a directory"),
        (("get", PAYLOAD_1, "--document", "-o", "none/x"), "no directory none"),
    ],
)
def test_wrong_usage_says_what_to_do_in_one_line_and_sends_nothing(
    command: Command, server: IngestService, call_json: Path, arguments: tuple[str, ...], says: str
) -> None:
    ran = command(*arguments)

    assert ran.status == 2
    assert says in ran.error
    assert ran.error.count("\n") == 1
    assert ran.output == ""
    assert server.seen == []


def test_a_file_that_is_refused_does_not_stop_the_others(
    command: Command, server: IngestService, call_json: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.json").touch()
    (tmp_path / "broken.json").write_bytes(b'{"a":')

    ran = command("send", "--json", "empty.json", "broken.json", "call.json")

    empty, broken, good = ran.lines
    assert ran.status == 1
    assert empty["error"] == {"type": "DocumentError", "message": "the document is empty"}
    assert (broken["error"]["status"], broken["error"]["code"]) == (400, "invalid_json")
    assert broken["error"]["request_id"] == "req-1"
    assert good["state"] == "stored"
    assert "wideload: empty.json: the document is empty\n" in ran.error


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(403, b'{"message":"Forbidden"}'), 1),
        (problem(422, "idempotency_key_reused"), 1),
        (problem(503, "unavailable"), 3),
        (problem(429, "slow_down"), 3),
        (DROP, 3),
    ],
)
def test_the_exit_status_tells_whose_fault_it_was(
    command: Command, server: IngestService, call_json: Path, fault: Fault, status: int
) -> None:
    server.fail("POST", fault)

    ran = command("send", "--retries", "0", "call.json")

    assert ran.status == status
    assert ran.error.startswith("wideload: call.json: ")
    assert ran.error.count("\n") == 1


def test_trouble_with_the_service_keeps_the_rest_from_being_sent(
    command: Command, server: IngestService, call_json: Path, tmp_path: Path
) -> None:
    server.fail("POST", Fault(403, b'{"message":"Forbidden"}'))

    (tmp_path / "1.json").write_text("{}")
    (tmp_path / "2.json").write_text("{}")
    ran = command("send", "call.json", "1.json", "2.json")

    assert ran.status == 1
    assert len(server.seen) == 1
    assert "stopped: 2 more not sent" in ran.error


def test_the_payload_is_named_if_the_claim_failed(
    command: Command, server: IngestService, tmp_path: Path, large: dict[str, Any]
) -> None:
    (tmp_path / "large.json").write_text(json.dumps(large))
    server.fail("POST /stage/send-call-log", problem(503, "unavailable"))

    ran = command("send", "--retries", "0", "--json", "large.json")

    assert ran.lines[0]["payload_id"] == PAYLOAD_1
    assert f"(payload {PAYLOAD_1})" in ran.error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (wideload.UploadError("x", status=503), 3),
        (wideload.UploadError("x", status=400), 1),
        (wideload.IntegrityError("x"), 1),
        (wideload.ConfigurationError("x"), 2),
        (wideload.WaitTimeoutError("x"), 3),
        (PermissionError(13, "denied"), 2),
    ],
)
def test_every_error_has_an_exit_status(error: Exception, status: int) -> None:
    assert exit_status.status_of(error) == status


def test_get_shows_the_record(command: Command, call_json: Path) -> None:
    command("send", "call.json")

    ran = command("get", PAYLOAD_1)
    as_json = command("get", PAYLOAD_1, "--json")

    assert "state          stored" in ran.output
    assert 'summary.call_id: "call-small"' in ran.output
    assert "summary.transcript_with_metrics: 3 elements" in ran.output
    assert as_json.lines[0]["summary"]["ok"] is True


def test_get_keeps_the_download_url_to_itself(
    command: Command, tmp_path: Path, large: dict[str, Any]
) -> None:
    (tmp_path / "large.json").write_text(json.dumps(large))
    command("send", "large.json")

    assert "X-Amz-Signature" not in command("get", PAYLOAD_1, "--json").output
    assert "X-Amz-Signature" not in command("get", PAYLOAD_1).output


def test_get_document_gives_the_very_bytes(
    command: Command, call_json: Path, tmp_path: Path
) -> None:
    command("send", "call.json")

    to_stdout = command("get", PAYLOAD_1, "--document")
    to_file = command("get", PAYLOAD_1, "--document", "-o", "out.json")

    assert to_stdout.output == call_json.read_text()
    assert to_file.status == 0
    assert to_file.output.startswith(f"out.json: {call_json.stat().st_size} B in 0.")
    assert (tmp_path / "out.json").read_bytes() == call_json.read_bytes()
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "out.json").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_failed_download_leaves_the_old_file_and_no_part(
    command: Command, server: IngestService, tmp_path: Path, large: dict[str, Any]
) -> None:
    (tmp_path / "large.json").write_text(json.dumps(large))
    command("send", "large.json")
    server.fail("GET /s3/", s3_error(404, "NoSuchKey"))
    (tmp_path / "out.json").write_text("old")

    ran = command("get", PAYLOAD_1, "--document", "-o", "out.json")

    assert ran.status == 1
    assert {path.name for path in tmp_path.iterdir()} == {"large.json", "out.json"}
    assert (tmp_path / "out.json").read_text() == "old"


def test_get_of_an_unknown_payload_exits_with_1(command: Command) -> None:
    ran = command("get", PAYLOAD_9)

    assert (ran.status, ran.output) == (1, "")
    assert ran.error == f"wideload: there is no payload {PAYLOAD_9}\n"


def test_nothing_that_steers_the_terminal_is_printed(
    command: Command, server: IngestService, call_json: Path
) -> None:
    server.fail("POST", Fault(400, b'{"code":"x","detail":"\\u001b]0;mine\\u0007"}'))

    ran = command("send", "call.json")

    assert "?]0;mine?" in ran.error


def test_help_and_version(command: Command) -> None:
    help_text = command("send", "--help").output

    assert "wideload send call.json" in help_text
    assert "WIDELOAD_API_KEY" in help_text
    assert "130" in help_text
    assert command("--version").output == f"wideload {wideload.__version__}\n"
    overview = command().output
    assert all(part in overview for part in ("Files:", "JSON documents:", "upload", "send"))


def test_ctrl_c_says_how_to_send_again_safely(server: IngestService, call_json: Path) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def hold(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        arrived.set()
        go_on.wait(120)
        return answer

    server.tamper = hold
    process = spawn(server, "send", str(call_json))
    try:
        assert arrived.wait(120)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=120)
    finally:
        go_on.set()
        process.kill()
        process.wait()

    assert process.returncode == 130
    assert output == b""
    key = server.seen[0].headers["idempotency-key"]
    assert error.decode() == (
        f"wideload: interrupted. {call_json} may have been stored or not; to send it again "
        f"without storing it twice, add --idempotency-key {key}\n"
    )


def test_a_reader_that_goes_away_is_no_traceback(server: IngestService, call_json: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as broken:
        process = spawn(server, "send", str(call_json), stdout=broken)
        _, error = process.communicate(timeout=120)

    assert b"Traceback" not in error
    assert process.returncode == 1


@pytest.mark.parametrize(("size", "drawn"), [("over_4_mib", True), ("small", False)])
def test_a_bar_is_drawn_on_a_terminal_for_what_takes_a_while(
    server: IngestService, tmp_path: Path, request: pytest.FixtureRequest, size: str, drawn: bool
) -> None:
    path = tmp_path / "the-log.json"
    path.write_text(json.dumps(request.getfixturevalue(size)))
    screen, terminal = pty.openpty()

    process = spawn(server, "send", "--json", str(path), stderr=terminal)
    os.close(terminal)
    shown = read_terminal(screen)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 0
    assert (b"the-log.json" in shown.replace(b"\r\n", b"")) is drawn
    assert json.loads(output)["state"] == "stored"


def _run_code(server: IngestService, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": API_KEY},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_what_is_missing_is_named(
    server: IngestService, tmp_path: Path, missing: str, over_4_mib: dict[str, Any]
) -> None:
    path = tmp_path / "large.json"
    path.write_text(json.dumps(over_4_mib))
    code = (
        f"import sys; sys.modules[{missing!r}] = None; "
        f"sys.argv = ['wideload', 'send', {str(path)!r}]; "
        "sys.stderr.isatty = lambda: True; import wideload._cli; wideload._cli.main()"
    )

    ran = _run_code(server, code)

    assert ran.returncode == (2 if missing == "click" else 0)
    assert "pip install wideload[cli]" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_sending_off_a_terminal_imports_no_rich(server: IngestService, call_json: Path) -> None:
    code = (
        f"import sys; from wideload._cli.app import run; run(['send', {str(call_json)!r}]); "
        "print('rich' in sys.modules, 'click' in sys.modules)"
    )

    ran = _run_code(server, code)

    assert ran.stdout.splitlines()[-1] == "False True"


@pytest.mark.parametrize("path", ["-", "/dev/stdout", "/dev/fd/1", "/dev/stderr", "/dev/fd/2"])
def test_get_document_writes_behind_what_an_open_file_holds(
    client: wideload.Client, server: IngestService, tmp_path: Path, path: str
) -> None:
    client.send({"a": 1})
    kept = tmp_path / "all.json"
    kept.write_text("OLD\n")

    with kept.open("ab") as end:
        process = spawn(
            server,
            "get",
            PAYLOAD_1,
            "--document",
            "-qo",
            path,
            stdout=end,
            stderr=end,
            cwd=tmp_path,
        )
        process.communicate(timeout=120)

    assert process.returncode == 0
    assert kept.read_bytes() == b'OLD\n{"a":1}'


def test_get_shows_numbers_as_the_api_spells_them(
    command: Command, client: wideload.Client, server: IngestService
) -> None:
    client.send(b'{"x":1.0}')
    summary = b'{"x": 1.000000000000000005, "t":"\xc3\xa9"}'
    log = b'{"payload_id":"pl-1","state":"stored","summary":' + summary + b"}"
    server.fail(f"GET /stage/call-logs/{PAYLOAD_1}", Fault(200, log), Fault(200, log))

    shown = command("get", PAYLOAD_1)
    as_json = command("get", PAYLOAD_1, "--json")

    assert "summary.x: 1.000000000000000005\n" in shown.output
    assert '"summary":{"x":1.000000000000000005,"t":"\u00e9"}' in as_json.output
    assert as_json.lines[0]["array_lengths"] == {}
