"""`wideload call-logs`, `wideload records` and `wideload delete`."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

import wideload
from tests.client.conftest import Command, spawn
from tests.client.running import on_a_terminal, read_terminal, take_terminal
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, PAYLOAD_2, PAYLOAD_3, PAYLOAD_9, IngestService
from tests.fake_aws.messages import Fault, problem


@pytest.fixture
def stored(client: wideload.Client) -> None:
    """A payload with three records, and one with none."""
    client.send({"call_id": "call-1", "transcript_with_metrics": [{"text": "é"}, "two\t", 3]})
    client.send({"call_id": "call-2"})


@pytest.mark.usefixtures("stored")
def test_call_logs_are_fields_with_tabs_when_piped(command: Command, server: IngestService) -> None:
    server.put(
        PAYLOAD_3, state="failed", call_id="call\t3", error_code="invalid_json", error_detail="7"
    )

    ran = command("call-logs")

    sizes = {known: len(document) for known, document in server.documents.items()}
    assert ran.output.splitlines() == [
        f"{PAYLOAD_3}\t2026-11-22T09:02:00.000Z\tfailed\t\t\tcall?3\tinvalid_json",
        f"{PAYLOAD_2}\t2026-11-22T09:01:00.000Z\tstored\t{sizes[PAYLOAD_2]}\t0\tcall-2\t",
        f"{PAYLOAD_1}\t2026-11-22T09:00:00.000Z\tstored\t{sizes[PAYLOAD_1]}\t3\tcall-1\t",
    ]
    assert (ran.status, ran.error) == (0, "")


@pytest.mark.usefixtures("stored")
def test_call_logs_as_json(command: Command) -> None:
    first, second = command("call-logs", "--json").lines

    assert (first["payload_id"], first["call_id"]) == (PAYLOAD_2, "call-2")
    assert second.keys() == {
        "payload_id",
        "state",
        "stored_at",
        "call_id",
        "source",
        "uploaded_size",
        "size",
        "sha256",
        "created_at",
        "records",
    }


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("options", "listed"),
    [
        (("--call-id", "call-1"), [PAYLOAD_1]),
        (("--after", "2026-11-22T09:01Z"), [PAYLOAD_2]),
        (("--before", "2026-11-22T09:01Z"), [PAYLOAD_1]),
        (("--limit", "1"), [PAYLOAD_2]),
        (("--after", "2026-11-23"), []),
    ],
)
def test_call_logs_can_be_narrowed(
    command: Command, options: tuple[str, ...], listed: list[str]
) -> None:
    ran = command("call-logs", *options)

    assert [line.partition("\t")[0] for line in ran.output.splitlines()] == listed
    assert (ran.status, ran.error) == (0, "")


@pytest.mark.usefixtures("stored")
def test_call_logs_are_a_table_on_a_terminal(server: IngestService) -> None:
    server.put(PAYLOAD_3, state="failed", error_code="invalid_json", error_detail="at byte 7")

    screen = _on_a_terminal(server, "call-logs").splitlines()

    assert screen == [
        f"{'PAYLOAD ID':26}  {'CREATED':16}  STATE           SIZE   RECORDS  CALL ID",
        f"{PAYLOAD_3:26}  2026-11-22 14:32  failed             -         -    (invalid_json)",
        f"{PAYLOAD_2:26}  2026-11-22 14:31  stored          20 B         0  call-2",
        f"{PAYLOAD_1:26}  2026-11-22 14:30  stored          72 B         3  call-1",
    ]


def test_a_long_list_is_cut_on_a_terminal_and_says_so(
    client: wideload.Client, server: IngestService
) -> None:
    for number in range(51):
        client.send({"n": number})

    cut = _on_a_terminal(server, "call-logs").splitlines()
    whole = _on_a_terminal(server, "call-logs", "--limit", "99").splitlines()

    assert len(cut) == 1 + 50 + 1
    assert cut[-1] == (
        "wideload: the newest 50 are shown: see more with --limit, others with --before"
    )
    assert len(whole) == 1 + 51
    assert server.requests("GET /stage/call-logs")[0].query["limit"] == "51"


def _on_a_terminal(server: IngestService, *arguments: str) -> str:
    environment = {"WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": API_KEY, "TZ": "Asia/Kolkata"}
    return on_a_terminal({**os.environ, **environment, "TERM": "xterm"}, *arguments)


@pytest.mark.usefixtures("stored")
def test_records_are_a_json_value_per_line(command: Command) -> None:
    ran = command("records", PAYLOAD_1)

    assert ran.output == '{"text":"é"}\n"two\\t"\n3\n'
    assert (ran.status, ran.error) == (0, "")


@pytest.mark.usefixtures("stored")
def test_records_from_anywhere(command: Command, server: IngestService) -> None:
    ran = command("records", PAYLOAD_1, "--first", "1", "--limit", "1")

    assert ran.lines == ["two\t"]
    assert server.seen[-1].query == {"first": "1", "limit": "1"}


def test_records_can_neither_steer_the_terminal_nor_break_a_line(
    command: Command, server: IngestService
) -> None:
    text = r'["\u001b]0;mine\u0007","\u2028","\ud800","\u009b1m"]'
    server.fail("GET", Fault(200, b'{"items":%b,"cursor":null}' % text.encode()))

    ran = command("records", PAYLOAD_1)

    assert ran.lines == json.loads(text)
    assert ran.output.replace("\n", "").isprintable()


def test_a_record_that_is_too_large_stops_with_a_sentence(
    command: Command, client: wideload.Client, server: IngestService
) -> None:
    server.max_page = 50
    client.send({"transcript_with_metrics": [1, "x" * 100]})

    ran = command("records", PAYLOAD_1)

    assert (ran.status, ran.lines) == (1, [1])
    assert ran.error == (
        f"wideload: record 1 of payload {PAYLOAD_1} is too large for an answer of the API: "
        f"the whole document has it (Client.document_to, or: wideload get {PAYLOAD_1} --document)\n"
    )


@pytest.mark.parametrize("arguments", [("records", PAYLOAD_1), ("call-logs",)])
def test_a_reader_that_has_enough_ends_it_quietly(
    client: wideload.Client, server: IngestService, arguments: tuple[str, ...]
) -> None:
    client.send({"transcript_with_metrics": ["x" * 1000] * 900})
    for number in range(30):
        client.send({"call_id": "c" * 200, "n": number})
    server.longest_page = 10

    with spawn(server, *arguments) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline()
        process.stdout.close()
        error = process.stderr.read()

    assert (process.wait(120), error) == (0, b"")


@pytest.mark.usefixtures("stored")
def test_delete_in_a_script_does_not_ask(command: Command, server: IngestService) -> None:
    ran = command("delete", PAYLOAD_2, PAYLOAD_1, PAYLOAD_2)

    assert (ran.status, ran.output, ran.error) == (
        0,
        f"{PAYLOAD_2}: deleted\n{PAYLOAD_1}: deleted\n",
        "",
    )
    assert server.payloads == {}


@pytest.mark.usefixtures("stored")
def test_delete_quietly(command: Command) -> None:
    ran = command("delete", "--quiet", PAYLOAD_1)

    assert (ran.status, ran.output, ran.error) == (0, "", "")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "typed", "left", "status"),
    [
        ((PAYLOAD_1,), b"y\n", {PAYLOAD_2}, 0),
        ((PAYLOAD_1, PAYLOAD_2), b"y\n", set(), 0),
        ((PAYLOAD_1,), b"\n", {PAYLOAD_1, PAYLOAD_2}, 1),
        ((PAYLOAD_1,), b"n\n", {PAYLOAD_1, PAYLOAD_2}, 1),
        ((PAYLOAD_1,), b"\x04", {PAYLOAD_1, PAYLOAD_2}, 130),
        ((PAYLOAD_1,), b"\x03", {PAYLOAD_1, PAYLOAD_2}, 130),
        (("--yes", PAYLOAD_1), b"", {PAYLOAD_2}, 0),
    ],
)
def test_delete_on_a_terminal_asks(
    server: IngestService, arguments: tuple[str, ...], typed: bytes, left: set[str], status: int
) -> None:
    screen, terminal = pty.openpty()
    process = spawn(
        server,
        "delete",
        *arguments,
        stdin=terminal,
        stderr=terminal,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(terminal)
    shown = b""
    if typed:
        while b"[y/N]" not in shown:
            shown += os.read(screen, 4096)
        assert server.requests("DELETE") == []
        os.write(screen, typed)
        with suppress(subprocess.TimeoutExpired):
            process.wait(1)
        if process.poll() is None:  # a Ctrl-C just before it began to read is seen at the next key
            os.write(screen, typed)
    shown += read_terminal(screen)

    assert process.wait(120) == status
    assert set(server.payloads) == left
    if typed:
        what = "2 payloads" if len(arguments) == 2 else f"payload {PAYLOAD_1}"
        assert f"Delete {what} for good? [y/N]:".encode() in shown
    if status == 1:
        assert b"nothing was deleted" in shown


@pytest.mark.usefixtures("stored")
def test_an_unknown_payload_does_not_keep_others_from_being_deleted(
    command: Command, server: IngestService
) -> None:
    ran = command("delete", "--json", PAYLOAD_9, PAYLOAD_1)

    unknown, deleted = ran.lines
    assert ran.status == 1
    assert unknown["payload_id"] == PAYLOAD_9
    assert unknown["error"]["code"] == "unknown_payload"
    assert deleted == {"payload_id": PAYLOAD_1, "deleted": True}
    assert ran.error.startswith(f"wideload: there is no payload {PAYLOAD_9}\n")
    assert set(server.payloads) == {PAYLOAD_2}


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(403, b'{"message":"Forbidden"}'), 1),
        (Fault(404, b'{"message":"Not Found"}'), 1),
        (problem(503, "unavailable"), 3),
    ],
)
def test_other_trouble_keeps_the_rest_from_being_deleted(
    command: Command, server: IngestService, fault: Fault, status: int
) -> None:
    server.fail("DELETE", fault)

    ran = command("delete", "--retries", "0", PAYLOAD_1, PAYLOAD_2)

    assert ran.status == status
    assert len(server.requests("DELETE")) == 1
    assert "stopped: 1 more not deleted" in ran.error


@pytest.mark.usefixtures("stored")
def test_ctrl_c_while_deleting_says_what_is_left(server: IngestService) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def hold(payload_id: str) -> None:
        arrived.set()
        go_on.wait(120)

    server.before_delete = hold
    process = spawn(server, "delete", "--yes", PAYLOAD_1, PAYLOAD_2, PAYLOAD_3)
    try:
        assert arrived.wait(120)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=120)
    finally:
        go_on.set()
        process.kill()
        process.wait()

    assert (process.returncode, output) == (130, b"")
    assert error.decode() == (
        f"wideload: interrupted. 0 of 3 deleted. {PAYLOAD_1} may have been deleted or not; "
        "deleting again is safe\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("call-logs", "--after", "soon"), "after must be a datetime or ISO 8601 text"),
        (("call-logs", "--call-id", ""), "it is empty"),
        (("call-logs", "--limit", "0"), "--limit"),
        (("records",), "ID"),
        (("records", "a/b"), "no payload id"),
        (("records", PAYLOAD_1, "--first", "-1"), "--first"),
        (("delete",), "ID"),
        (("delete", PAYLOAD_1, "a/b"), "no payload id"),
    ],
)
def test_wrong_usage_sends_nothing(
    command: Command, server: IngestService, arguments: tuple[str, ...], says: str
) -> None:
    ran = command(*arguments)

    assert (ran.status, ran.output) == (2, "")
    assert says in ran.error
    assert ran.error.count("\n") == 1
    assert server.seen == []


@pytest.mark.parametrize("name", ["call-logs", "records", "delete"])
def test_help_has_an_example_and_the_exit_statuses(command: Command, name: str) -> None:
    text = command(name, "--help").output

    assert f"\n    wideload {name} " in text
    assert "130  interrupted" in text
    assert "WIDELOAD_URL" in text


def test_the_key_is_not_shown(command: Command, server: IngestService, tmp_path: Path) -> None:
    server.fail("GET", Fault(403, b'{"message":"Forbidden"}'))

    ran = command("call-logs")

    assert ran.status == 1
    assert API_KEY not in ran.output + ran.error
