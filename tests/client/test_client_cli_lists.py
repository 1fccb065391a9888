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
from tests.client.fake_server import API_KEY, FakeServer, Fault, problem
from tests.client.running import on_a_terminal, read_terminal, take_terminal


@pytest.fixture
def stored(client: wideload.Client) -> None:
    """pl-1 with three records, and pl-2 with none."""
    client.send({"call_id": "call-1", "transcript_with_metrics": [{"text": "é"}, "two\t", 3]})
    client.send({"call_id": "call-2"})


@pytest.mark.usefixtures("stored")
def test_call_logs_are_fields_with_tabs_when_piped(command: Command, server: FakeServer) -> None:
    server.payloads["pl-3"] = {
        "payload_id": "pl-3",
        "state": "failed",
        "created_at": "2026-11-22T09:02:00Z",
        "call_id": "call\t3",
        "error": {"code": "invalid_json", "detail": "it ends at byte 7"},
    }

    ran = command("call-logs")

    sizes = {known: len(document) for known, document in server.documents.items()}
    assert ran.output.splitlines() == [
        "pl-3\t2026-11-22T09:02:00Z\tfailed\t\t\tcall?3\tinvalid_json",
        f"pl-2\t2026-11-22T09:01:00Z\tstored\t{sizes['pl-2']}\t0\tcall-2\t",
        f"pl-1\t2026-11-22T09:00:00Z\tstored\t{sizes['pl-1']}\t3\tcall-1\t",
    ]
    assert (ran.status, ran.error) == (0, "")


@pytest.mark.usefixtures("stored")
def test_call_logs_as_json(command: Command) -> None:
    first, second = command("call-logs", "--json").lines

    assert (first["payload_id"], first["call_id"]) == ("pl-2", "call-2")
    assert second.keys() == {
        "payload_id",
        "state",
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
        (("--call-id", "call-1"), ["pl-1"]),
        (("--after", "2026-11-22T09:01Z"), ["pl-2"]),
        (("--before", "2026-11-22T09:01Z"), ["pl-1"]),
        (("--limit", "1"), ["pl-2"]),
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
def test_call_logs_are_a_table_on_a_terminal(server: FakeServer) -> None:
    server.payloads["pl-3"] = {
        "payload_id": "pl-3",
        "state": "failed",
        "created_at": "2026-11-22T09:02:00Z",
        "error": {"code": "invalid_json", "detail": "it ends at byte 7"},
    }

    screen = _on_a_terminal(server, "call-logs").splitlines()

    assert screen == [
        f"{'PAYLOAD ID':26}  {'CREATED':16}  STATE           SIZE   RECORDS  CALL ID",
        f"{'pl-3':26}  2026-11-22 14:32  failed             -         -    (invalid_json)",
        f"{'pl-2':26}  2026-11-22 14:31  stored          20 B         0  call-2",
        f"{'pl-1':26}  2026-11-22 14:30  stored          72 B         3  call-1",
    ]


def test_a_long_list_is_cut_on_a_terminal_and_says_so(
    client: wideload.Client, server: FakeServer
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


def _on_a_terminal(server: FakeServer, *arguments: str) -> str:
    environment = {"WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": API_KEY, "TZ": "Asia/Kolkata"}
    return on_a_terminal({**os.environ, **environment, "TERM": "xterm"}, *arguments)


@pytest.mark.usefixtures("stored")
def test_records_are_a_json_value_per_line(command: Command) -> None:
    ran = command("records", "pl-1")

    assert ran.output == '{"text":"é"}\n"two\\t"\n3\n'
    assert (ran.status, ran.error) == (0, "")


@pytest.mark.usefixtures("stored")
def test_records_from_anywhere(command: Command, server: FakeServer) -> None:
    ran = command("records", "pl-1", "--first", "1", "--limit", "1")

    assert ran.lines == ["two\t"]
    assert server.seen[-1].query == {"first": "1", "limit": "1"}


def test_records_can_neither_steer_the_terminal_nor_break_a_line(
    command: Command, client: wideload.Client
) -> None:
    text = r'["\u001b]0;mine\u0007","\u2028","\ud800","\u009b1m"]'
    client.send(b'{"transcript_with_metrics":' + text.encode() + b"}")

    ran = command("records", "pl-1")

    assert ran.lines == json.loads(text)
    assert ran.output.replace("\n", "").isprintable()


def test_a_record_that_is_too_large_stops_with_a_sentence(
    command: Command, client: wideload.Client, server: FakeServer
) -> None:
    server.largest_record = 50
    client.send({"transcript_with_metrics": [1, "x" * 100]})

    ran = command("records", "pl-1")

    assert (ran.status, ran.lines) == (1, [1])
    assert ran.error == (
        "wideload: record 1 of payload pl-1 is too large for an answer of the API: the whole "
        "document has it (Client.document_to, or: wideload get pl-1 --document)\n"
    )


@pytest.mark.parametrize("arguments", [("records", "pl-1"), ("call-logs",)])
def test_a_reader_that_has_enough_ends_it_quietly(
    client: wideload.Client, server: FakeServer, arguments: tuple[str, ...]
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

    assert (process.wait(30), error) == (0, b"")


@pytest.mark.usefixtures("stored")
def test_delete_in_a_script_does_not_ask(command: Command, server: FakeServer) -> None:
    ran = command("delete", "pl-2", "pl-1", "pl-2")

    assert (ran.status, ran.output, ran.error) == (0, "pl-2: deleted\npl-1: deleted\n", "")
    assert server.payloads == {}


@pytest.mark.usefixtures("stored")
def test_delete_quietly(command: Command) -> None:
    ran = command("delete", "--quiet", "pl-1")

    assert (ran.status, ran.output, ran.error) == (0, "", "")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("arguments", "typed", "left", "status"),
    [
        (("pl-1",), b"y\n", {"pl-2"}, 0),
        (("pl-1", "pl-2"), b"y\n", set(), 0),
        (("pl-1",), b"\n", {"pl-1", "pl-2"}, 1),
        (("pl-1",), b"n\n", {"pl-1", "pl-2"}, 1),
        (("pl-1",), b"\x04", {"pl-1", "pl-2"}, 130),
        (("pl-1",), b"\x03", {"pl-1", "pl-2"}, 130),
        (("--yes", "pl-1"), b"", {"pl-2"}, 0),
    ],
)
def test_delete_on_a_terminal_asks(
    server: FakeServer, arguments: tuple[str, ...], typed: bytes, left: set[str], status: int
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

    assert process.wait(30) == status
    assert set(server.payloads) == left
    if typed:
        what = "2 payloads" if len(arguments) == 2 else "payload pl-1"
        assert f"Delete {what} for good? [y/N]:".encode() in shown
    if status == 1:
        assert b"nothing was deleted" in shown


@pytest.mark.usefixtures("stored")
def test_an_unknown_payload_does_not_keep_others_from_being_deleted(
    command: Command, server: FakeServer
) -> None:
    ran = command("delete", "--json", "pl-9", "pl-1")

    unknown, deleted = ran.lines
    assert ran.status == 1
    assert unknown["payload_id"] == "pl-9"
    assert unknown["error"]["code"] == "unknown_payload"
    assert deleted == {"payload_id": "pl-1", "deleted": True}
    assert ran.error.startswith("wideload: there is no payload pl-9\n")
    assert set(server.payloads) == {"pl-2"}


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
    command: Command, server: FakeServer, fault: Fault, status: int
) -> None:
    server.fail("DELETE", fault)

    ran = command("delete", "--retries", "0", "pl-1", "pl-2")

    assert ran.status == status
    assert len(server.requests("DELETE")) == 1
    assert "stopped: 1 more not deleted" in ran.error


@pytest.mark.usefixtures("stored")
def test_ctrl_c_while_deleting_says_what_is_left(server: FakeServer) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def hold(payload_id: str) -> None:
        arrived.set()
        go_on.wait(30)

    server.before_delete = hold
    process = spawn(server, "delete", "--yes", "pl-1", "pl-2", "pl-3")
    try:
        assert arrived.wait(30)
        process.send_signal(signal.SIGINT)
        output, error = process.communicate(timeout=30)
    finally:
        go_on.set()
        process.kill()
        process.wait()

    assert (process.returncode, output) == (130, b"")
    assert error.decode() == (
        "wideload: interrupted. 0 of 3 deleted. pl-1 may have been deleted or not; deleting again "
        "is safe\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("call-logs", "--after", "soon"), "after must be a datetime or ISO 8601 text"),
        (("call-logs", "--call-id", ""), "it is empty"),
        (("call-logs", "--limit", "0"), "--limit"),
        (("records",), "ID"),
        (("records", "a/b"), "no payload id"),
        (("records", "pl-1", "--first", "-1"), "--first"),
        (("delete",), "ID"),
        (("delete", "pl-1", "a/b"), "no payload id"),
    ],
)
def test_wrong_usage_sends_nothing(
    command: Command, server: FakeServer, arguments: tuple[str, ...], says: str
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


def test_the_key_is_not_shown(command: Command, server: FakeServer, tmp_path: Path) -> None:
    server.fail("GET", Fault(403, b'{"message":"Forbidden"}'))

    ran = command("call-logs")

    assert ran.status == 1
    assert API_KEY not in ran.output + ran.error
