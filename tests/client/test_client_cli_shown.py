"""Errors as a person reads them, bars on a narrow terminal, and options that are empty."""

from __future__ import annotations

import re
import stat
import time
from pathlib import Path
from typing import Any

import click
import pytest

from tests.client.conftest import Command
from tests.client.running import environment_of, on_a_terminal, write
from tests.fake_aws.files import MIB, FilesService
from tests.fake_aws.ingest import PAYLOAD_1, IngestService
from tests.fake_aws.messages import Fault, problem, s3_error
from wideload._cli.app import wideload
from wideload._cli.bars import Bars

_UNKNOWN = "01JDF999999999999999999999"

# Errors


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["download", _UNKNOWN], f"there is no file {_UNKNOWN}"),
        (["rm", "--yes", _UNKNOWN], f"there is no file {_UNKNOWN}"),
        (["mv", _UNKNOWN, "a"], f"there is no file {_UNKNOWN}"),
        (["abort", _UNKNOWN], f"there is no upload {_UNKNOWN}"),
    ],
)
def test_what_is_not_there_is_said_first_and_how_it_was_asked_for_only_if_wanted(
    files_command: Command, fake_files: FilesService, arguments: list[str], says: str
) -> None:
    plain = files_command(*arguments)
    verbose = files_command(*arguments, "--verbose")
    plain_again = files_command(*arguments)

    assert plain.error == plain_again.error == f"wideload: {says}\n"
    first, second = verbose.error.splitlines()
    assert first == f"wideload: {says}"
    assert re.fullmatch(
        rf"wideload:   [A-Z]+ /files/\S*{_UNKNOWN}\S*: 404 unknown_\w+: .* \[request req-1\]",
        second,
    )


def test_the_apis_own_sentence_is_what_a_person_reads(
    command: Command, server: IngestService, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text("{}")
    answers = [
        problem(413, "too_large"),
        Fault(403, b'{"message":"Forbidden"}'),
        Fault(404, b"{}"),
        Fault(504, b"<html>"),
        Fault(413, b'{"message":"Request Too Long"}'),
        Fault(413, b"HTTP content length exceeded 10485760 bytes."),
    ]
    server.fail("POST", *answers)

    said = [command("send", "--retries", "0", "a.json").error for _ in answers]

    assert said[0] == "wideload: a.json: what too_large means\n"
    assert said[1].startswith("wideload: a.json: Forbidden (")
    assert said[2].startswith("wideload: a.json: the API answered 404 (")
    assert said[3] == "wideload: a.json: the API answered 504\n"
    why = (
        "(the request never reached Wideload: API Gateway takes 10 MB, Lambda some 4.5 MiB of "
        "gzip, and a proxy on the way may take less)\n"
    )
    assert said[4] == f"wideload: a.json: Request Too Long {why}"
    assert said[5] == f"wideload: a.json: the API answered 413 {why}"


def test_s3s_request_id_is_shown_if_wanted(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    write(tmp_path / "a.bin", 100)
    refusal = s3_error(400, "InvalidRequest")
    refusal.headers["x-amz-request-id"] = "S3-1"
    fake_files.fail("PUT /s3/", refusal, refusal)

    plain = files_command("upload", "a.bin")
    verbose = files_command("upload", "a.bin", "-v")

    assert "S3-1" not in plain.error
    assert verbose.error.endswith(" [request S3-1]\n")


def test_programs_get_all_of_an_error(files_command: Command, fake_files: FilesService) -> None:
    (line,) = files_command("rm", "--json", _UNKNOWN).lines

    assert line["error"]["status"] == 404
    assert line["error"]["code"] == "unknown_file"
    assert line["error"]["request_id"] == "req-1"
    assert line["error"]["message"].startswith(f"DELETE /files/{_UNKNOWN}: 404 unknown_file")


# Bars


def test_the_total_counts_only_what_goes_over_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("wideload._cli.bars.is_terminal", lambda stream: True)
    with Bars(["a", "b", "pipe"], [2 * MIB, 3 * MIB, None], verb="uploading", wanted=True) as bars:
        bars.transferring(0, MIB, 2 * MIB)  # 1 MiB was sent before
        assert bars._progress is not None
        total = bars._progress.tasks[0]
        assert (total.completed, total.total) == (0, None)
        bars.transferring(2, 10, 10)
        bars.end(2, 10)
        bars.end(1, 0)  # there already
        assert (total.completed, total.total) == (10, MIB + 10)
        bars.transferring(0, 2 * MIB, 2 * MIB)
        bars.end(0, MIB)
        assert (total.completed, total.total) == (MIB + 10, MIB + 10)


def test_bars_of_names_that_begin_alike_show_the_ends_in_80_columns(
    fake_files: FilesService, tmp_path: Path
) -> None:
    names = [f"Recording of the quarterly meeting in Berlin, part {n}.mp4" for n in (1, 2)]
    for seed, name in enumerate(names):
        write(tmp_path / name, 6 * MIB, seed)
    fake_files.s3.during_put = lambda seen, count: time.sleep(0.02)
    narrow = {**environment_of(fake_files), "COLUMNS": "80"}

    shown = on_a_terminal(narrow, "upload", "--parallel", "2", *names, cwd=tmp_path)

    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in shown.splitlines()]
    bars = [line for line in lines if "Recor" in line and "MB" in line and "uploaded" not in line]
    for ending in ("part 1.mp4 ", "part 2.mp4 "):
        assert any(line.startswith("uploading Record") and ending in line for line in bars)
    assert all("B/s" in line or " ? " in line for line in bars)
    assert {len(line.rstrip("\r")) for line in bars} <= set(range(81))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("short.bin", "uploading short.bin"),
        ("x" * 60 + "-1.bin", "uploading xxxxxxxx…xxxxxxxxxxx-1.bin"),
        ("世" * 40 + "1.bin", "uploading 世世世世…世世世世世世1.bin"),
    ],
)
def test_labels_are_cut_in_the_middle(name: str, shown: str) -> None:
    from wideload._cli import bar_drawing

    assert bar_drawing.label("uploading", name) == shown


@pytest.mark.parametrize(
    ("files_done", "seconds", "shown"),
    [
        (0, 60.0, "-:--:--"),
        (5, 60.0, "-:--:--"),  # half a percent of the bytes: the rate would give hours
        (100, 2.0, "-:--:--"),
        (100, 60.0, "0:09:00"),
        (1000, 600.0, "-:--:--"),  # all is there
    ],
)
def test_the_time_left_is_unknown_until_it_means_something(
    files_done: int, seconds: float, shown: str
) -> None:
    from rich.progress import Progress

    from wideload._cli import bar_drawing

    clock = [0.0]
    progress = Progress(get_time=lambda: clock[0], auto_refresh=False, speed_estimate_period=9e9)
    task = progress.add_task("", total=1_000_000)
    for done in range(files_done + 1):
        clock[0] = seconds * done / max(files_done, 1)
        progress.update(task, completed=done * 1000)
    clock[0] = seconds

    assert bar_drawing.time_left(progress.tasks[0]) == shown


def test_a_time_beyond_all_sense_is_unknown() -> None:
    from rich.progress import Progress

    from wideload._cli import bar_drawing

    clock = [0.0]
    progress = Progress(get_time=lambda: clock[0], auto_refresh=False, speed_estimate_period=9e9)
    task = progress.add_task("", total=10**9)
    for done in (0, 10**7, 2 * 10**7):
        progress.update(task, completed=done)
        clock[0] += 400_000

    assert bar_drawing.time_left(progress.tasks[0]) == "-:--:--"


# Options


def _texts() -> list[tuple[str, click.Option | click.Argument]]:
    return [
        (name, parameter)
        for name, command in wideload.commands.items()
        for parameter in command.params
        if isinstance(parameter, (click.Option, click.Argument))
        and isinstance(parameter.type, click.types.StringParamType)
    ]


def test_no_text_of_any_command_may_be_empty(
    files_command: Command, fake_files: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIDELOAD_API_KEY", "wl_1_x")
    texts = _texts()

    for name, parameter in texts:
        is_option = isinstance(parameter, click.Option)
        arguments = ["x"] * sum(
            isinstance(p, click.Argument) for p in wideload.commands[name].params
        )
        arguments = [parameter.opts[0], "", *arguments] if is_option else [""] * len(arguments)

        ran = files_command(name, *arguments)

        assert (ran.status, ran.output) == (2, ""), (name, parameter)
        assert "it is empty: give a value, or leave it out" in ran.error, (name, parameter)
        assert ran.error.count("\n") == 1
    assert len(texts) > 30
    assert fake_files.seen == []


def test_an_empty_idempotency_key_is_refused(
    command: Command, server: IngestService, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text("{}")

    ran = command("send", "a.json", "--idempotency-key", "")

    assert ran.status == 2
    assert ran.error == (
        "wideload: Invalid value for '--idempotency-key': it is empty: give a value, or leave it "
        "out (see wideload send --help)\n"
    )
    assert server.seen == []


def test_an_empty_variable_is_as_good_as_none(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.json").write_text("{}")
    monkeypatch.setenv("WIDELOAD_CA_BUNDLE", "")
    monkeypatch.setenv("WIDELOAD_API_KEY_HEADER", "")

    assert command("send", "a.json").status == 0


# get -o, which is a download too


def test_a_document_goes_to_devices_and_through_links_and_keeps_permissions(
    command: Command, server: IngestService, tmp_path: Path, small: dict[str, Any]
) -> None:
    (tmp_path / "a.json").write_text('{"a":1}')
    command("send", "a.json")
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")

    to_null = command("get", PAYLOAD_1, "--document", "-o", "null")
    to_link = command("get", PAYLOAD_1, "--document", "-o", "link")

    assert (to_null.status, to_link.status) == (0, 0)
    assert (tmp_path / "null").is_symlink()
    assert stat.S_ISCHR((tmp_path / "null").stat().st_mode)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b'{"a":1}'
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


def test_help_says_what_an_option_does_now(command: Command) -> None:
    send, ls = (" ".join(command(name, "--help").output.split()) for name in ("send", "ls"))

    assert "Call ID to record a document under if it has no call_id of its own." in send
    assert "kinds of spaces and encodings of accents don't matter" in ls
