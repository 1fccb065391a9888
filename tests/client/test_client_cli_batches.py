"""Several files in one command: what stops the rest, and results that can't be printed."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Command, spawn
from tests.client.running import environment_of, run_into, start, write
from tests.fake_aws.files import FilesService
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService
from tests.fake_aws.messages import problem
from wideload._cli.exit_status import status_of, stops_batch
from wideload.errors import ServerError


@pytest.fixture
def documents(tmp_path: Path) -> list[str]:
    names = [f"{number}.json" for number in range(3)]
    for name in names:
        (tmp_path / name).write_text(json.dumps({"name": name}))
    return names


@pytest.mark.parametrize("trouble", ["conflict", "integrity", "server"])
def test_trouble_with_one_document_does_not_keep_others_from_being_sent(
    command: Command, server: IngestService, documents: list[str], trouble: str
) -> None:
    if trouble == "conflict":
        server.fail("POST", problem(409, "in_conflict"))
    elif trouble == "server":
        server.fail("POST", problem(500, "internal_error"))
    else:
        answers = iter([{"sha256": "0" * 64}, {}, {}])
        server.tamper = lambda line, answer: {**answer, **next(answers)}

    ran = command("send", "--json", "--retries", "0", *documents)

    assert ran.status == (3 if trouble == "server" else 1)
    assert ["error" in line for line in ran.lines] == [True, False, False]
    assert [line.get("state") for line in ran.lines[1:]] == ["stored", "stored"]
    assert "stopped" not in ran.error


def test_a_file_that_s3_takes_long_to_join_does_not_stop_the_others() -> None:
    slow = ServerError("202 completing", status=202, code="completing")

    assert not stops_batch(slow)
    assert status_of(slow) == 3
    assert stops_batch(ServerError("503 unavailable", status=503, code="unavailable"))


def test_a_wait_that_is_too_short_does_not_keep_others_from_being_sent(
    command: Command,
    server: IngestService,
    documents: list[str],
    tmp_path: Path,
    over_4_mib: dict[str, Any],
) -> None:
    server.in_request_limit, server.polls_until_done = 0, 99
    (tmp_path / "large.json").write_text(json.dumps(over_4_mib))

    ran = command("send", "--json", "--wait", "--wait-timeout", "0", "large.json", "0.json")

    assert ran.status == 3
    assert ran.lines[0]["error"]["type"] == "WaitTimeoutError"
    assert ran.lines[1]["state"] == "stored"


def test_help_says_what_stops_a_batch(command: Command) -> None:
    for name in ("send", "upload", "download", "rm", "delete", "abort"):
        text = " ".join(command(name, "--help").output.split())

        assert "One that fails is named on standard error, and the others go on" in text
        assert "a wrong key or sign-in, no network, or a service that is unavailable" in text


def _ended(process: subprocess.Popen[bytes]) -> tuple[int, list[str]]:
    _, error = process.communicate(timeout=120)
    return process.returncode, error.decode().splitlines()


@pytest.mark.parametrize("arguments", [["send"], ["send", "--json"], ["upload"], ["upload", "-q"]])
def test_a_closed_standard_output_loses_no_receipt(
    server: IngestService,
    fake_files: FilesService,
    documents: list[str],
    tmp_path: Path,
    arguments: list[str],
) -> None:
    closed: dict[str, Any] = {"preexec_fn": lambda: os.close(1), "cwd": tmp_path}
    arguments = [*arguments, documents[0]]
    if arguments[0] == "send":
        process = spawn(server, *arguments, **closed)
    else:
        process = start(fake_files, *arguments, **closed)
    status, said = _ended(process)

    if "-q" in arguments:
        assert (status, said) == (0, [])
    else:
        assert status == 1
        assert said[0].startswith("wideload: 0.json: ")
        assert said[0].endswith("(standard output is closed)")
        assert len(said) == 1
    assert len(server.documents) + len(fake_files.files) == 1


def test_a_closed_standard_output_is_named(fake_files: FilesService) -> None:
    fake_files.add(b"content")
    process = start(fake_files, "ls", preexec_fn=lambda: os.close(1))

    assert _ended(process) == (1, ["wideload: standard output is closed"])


def test_a_receipt_that_can_not_be_printed_is_not_lost(
    server: IngestService, documents: list[str], tmp_path: Path
) -> None:
    environment = {**os.environ, "WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": API_KEY}

    status, said = run_into("/dev/full", environment, "send", *documents, cwd=tmp_path)

    assert status == 1
    assert said[0].startswith(f"wideload: 0.json: stored as {PAYLOAD_1}, ")
    assert said[0].endswith("(standard output can't be written: No space left on device)")
    assert said[1:] == ["wideload: stopped: 2 more not sent"]
    assert len(server.documents) == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_nor_is_what_was_uploaded_renamed_or_deleted(
    fake_files: FilesService, tmp_path: Path, as_json: bool
) -> None:
    write(tmp_path / "a.bin", 100)
    options = ["--json"] if as_json else []
    environment = environment_of(fake_files)

    said = [run_into("/dev/full", environment, "upload", *options, "a.bin", cwd=tmp_path)]
    (file_id,) = fake_files.files
    said += [
        run_into("/dev/full", environment, *arguments, *options)
        for arguments in (["mv", file_id, "b.bin"], ["rm", "--yes", file_id])
    ]

    why = "(standard output can't be written: No space left on device)"
    assert [status for status, _ in said] == [1, 1, 1]
    assert said[0][1][0].startswith(f"wideload: a.bin: uploaded as {file_id}, 100 B")
    assert said[0][1][0].endswith(why)
    assert said[1][1] == [f"wideload: {file_id}: is now b.bin {why}"]
    assert said[2][1] == [f"wideload: {file_id}: deleted {why}"]


def test_a_reader_that_leaves_does_not_take_the_receipts_along(
    server: IngestService, documents: list[str], tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": API_KEY}

    status, said = run_into(writing, environment, "send", *documents, cwd=tmp_path)

    assert status == 1
    assert said[0].startswith(f"wideload: 0.json: stored as {PAYLOAD_1}, ")
    assert said[0].endswith("(standard output's reader has left)")


@pytest.mark.parametrize("arguments", [["ls"], ["ls", "--json"], ["download", "-o", "-"]])
def test_a_full_disk_under_standard_output_is_named(
    fake_files: FilesService, arguments: list[str]
) -> None:
    file = fake_files.add(b"content")
    if arguments[0] == "download":
        arguments = [*arguments, file["file_id"]]

    status, said = run_into("/dev/full", environment_of(fake_files), *arguments)

    assert status == 1
    assert said == ["wideload: standard output can't be written: No space left on device"]


@pytest.mark.parametrize(
    "arguments", [["send", "-"], ["send", "0.json", "-"], ["upload", "-", "--name", "x"]]
)
def test_a_closed_standard_input_is_named_before_anything_is_sent(
    server: IngestService,
    fake_files: FilesService,
    documents: list[str],
    tmp_path: Path,
    arguments: list[str],
) -> None:
    closed: dict[str, Any] = {"preexec_fn": lambda: os.close(0), "cwd": tmp_path}
    if arguments[0] == "send":
        process = spawn(server, *arguments, **closed)
    else:
        process = start(fake_files, *arguments, **closed)
    output, error = process.communicate(timeout=120)

    assert (process.returncode, output) == (2, b"")
    assert error.decode().startswith("wideload: standard input is closed: ")
    assert error.count(b"\n") == 1
    assert server.seen == fake_files.seen == []


def test_standard_streams_that_are_closed_are_no_trouble_to_others(
    fake_files: FilesService, tmp_path: Path
) -> None:
    file = fake_files.add(b"content", name="a.txt")

    def close_others() -> None:
        os.close(0)
        os.close(2)

    for arguments in (
        ["download", file["file_id"]],
        ["ls"],
        ["rm", file["file_id"]],
    ):
        process = start(fake_files, *arguments, preexec_fn=close_others, cwd=tmp_path)
        process.communicate(timeout=120)
        assert process.returncode == 0, arguments

    assert (tmp_path / "a.txt").read_bytes() == b"content"
    assert fake_files.files == {}


@pytest.mark.parametrize("name", ["send", "upload"])
def test_a_full_temporary_directory_is_named(
    server: IngestService, fake_files: FilesService, tmp_path: Path, name: str
) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    environment = {**environment_of(fake_files), "TMPDIR": str(tmp_path)}
    environment |= {"WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": "wl_1_x"}
    arguments = {"send": ["send", "-"], "upload": ["upload", "-", "--name", "x"]}[name]
    process = start(environment, *arguments, preexec_fn=little_room, stdin=subprocess.PIPE)
    _, error = process.communicate(b"\x1f\x8b" + os.urandom(9_000_000), timeout=60)

    assert process.returncode == 2
    assert error.decode() == (
        f"wideload: -: {tmp_path}: File too large in the temporary directory: the environment "
        "variable TMPDIR chooses another\n"
    )


@pytest.mark.parametrize("name", ["send", "upload"])
def test_what_is_not_there_does_not_keep_the_others_from_being_sent(
    request: pytest.FixtureRequest, server: IngestService, fake_files: FilesService, name: str
) -> None:
    run = request.getfixturevalue("command" if name == "send" else "files_command")
    Path("a.json").write_text("{}")
    Path("b.json").write_text('{"b":1}')

    ran = run(name, "a.json", "missing", "b.json")

    assert ran.status == 2
    assert ran.error == "wideload: missing: No such file or directory\n"
    assert len(server.documents) + len(fake_files.files) == 2
