"""Several files or IDs: each command reports them in the same way."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest

import wideload
from tests.client.conftest import Command
from tests.client.running import Screen, on_a_terminal
from tests.fake_aws.files import FilesService
from tests.fake_aws.ingest import IngestService
from tests.fake_aws.messages import problem
from wideload._cli import id_batch
from wideload._cli.app import wideload as group

_NAMES = ["a.json", "b.json", "c.json"]


@pytest.fixture
def documents(tmp_path: Path) -> list[str]:
    for name in _NAMES:
        (tmp_path / name).write_text(json.dumps({"name": name}))
    return _NAMES


@pytest.mark.parametrize("name", ["send", "upload"])
def test_a_file_that_is_given_twice_counts_once(
    request: pytest.FixtureRequest,
    server: IngestService,
    fake_files: FilesService,
    documents: list[str],
    name: str,
) -> None:
    run = request.getfixturevalue("command" if name == "send" else "files_command")

    ran = run(name, "--json", "a.json", "b.json", "a.json")

    assert ran.status == 0
    assert sorted(line["file"] for line in ran.lines) == ["a.json", "b.json"]
    assert len(server.documents) + len(fake_files.files) == 2


@pytest.mark.parametrize("name", ["send", "upload"])
def test_a_directory_is_a_failure_and_the_others_are_sent(
    request: pytest.FixtureRequest,
    server: IngestService,
    fake_files: FilesService,
    documents: list[str],
    tmp_path: Path,
    name: str,
) -> None:
    run = request.getfixturevalue("command" if name == "send" else "files_command")
    (tmp_path / "d").mkdir()

    ran = run(name, "--json", "a.json", "d", "b.json")

    assert ran.status == 2
    assert ran.error.startswith("wideload: d: it is a directory: ")
    failed = [line for line in ran.lines if "error" in line]
    assert [(line["file"], line["error"]["type"]) for line in failed] == [
        ("d", "IsADirectoryError")
    ]
    assert len(server.documents) + len(fake_files.files) == 2


# Ctrl-C


def _interrupt(monkeypatch: pytest.MonkeyPatch, owner: type, method: str) -> None:
    """Press Ctrl-C during the second call of a method."""
    calls = []
    original = getattr(owner, method)

    def call(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments, **options)

    monkeypatch.setattr(owner, method, call)


def test_ctrl_c_while_sending_says_how_many_are_sent_and_how_to_go_on(
    command: Command, server: IngestService, documents: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _interrupt(monkeypatch, wideload.Client, "send")

    ran = command("send", "--json", *documents)

    sent, interrupted = ran.lines
    assert ran.status == 130
    assert sent["state"] == "stored"
    assert interrupted["file"] == "b.json"
    assert interrupted["payload_id"] is None
    assert interrupted["error"] == {"type": "CancelledError", "message": "interrupted"}
    assert ran.error == (
        "wideload: interrupted. 1 of 3 sent. b.json may have been stored or not; to send it again "
        f"without storing it twice, add --idempotency-key {interrupted['idempotency_key']}\n"
    )
    assert len(server.documents) == 1


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("download", "What was received is kept: run the same command again to go on"),
        ("rm", "{id} may have been deleted or not; deleting again is safe"),
    ],
)
def test_ctrl_c_gives_the_id_that_was_under_way_a_line(
    files_command: Command,
    fake_files: FilesService,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    advice: str,
) -> None:
    ids = [fake_files.add(b"%d" % number, name=f"{number}")["file_id"] for number in range(3)]
    client = wideload.Client("https://api.example", token="x")
    monkeypatch.setattr(id_batch, "_AT_ONCE", 1)
    _interrupt(monkeypatch, type(client.files), {"rm": "delete_many"}.get(name, name))

    ran = files_command(name, "--json", *ids)

    assert ran.status == 130
    assert ["error" in line for line in ran.lines] == [False, True]
    assert ran.lines[1]["file_id"] == ids[1]
    assert ran.lines[1]["error"]["type"] == "CancelledError"
    done = "downloaded" if name == "download" else "deleted"
    assert ran.error == (f"wideload: interrupted. 1 of 3 {done}. {advice.format(id=ids[1])}\n")


def test_ctrl_c_while_many_are_deleted_counts_those_that_may_be_gone(
    files_command: Command, fake_files: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [fake_files.add(b"%d" % number, name=f"{number}")["file_id"] for number in range(5)]
    client = wideload.Client("https://api.example", token="x")
    monkeypatch.setattr(id_batch, "_AT_ONCE", 2)
    _interrupt(monkeypatch, type(client.files), "delete_many")

    ran = files_command("rm", "--json", *ids)

    assert ran.status == 130
    assert [line.get("error", {}).get("type") for line in ran.lines] == [
        None,
        None,
        "CancelledError",
        "CancelledError",
    ]
    assert ran.error == (
        "wideload: interrupted. 2 of 5 deleted. 2 more may have been deleted or not; "
        "deleting again is safe\n"
    )


def test_ctrl_c_while_uploading_does_not_hide_what_could_not_be_read(
    files_command: Command, documents: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    client = wideload.Client("https://api.example", token="x")
    monkeypatch.setattr(type(client.files), "upload", interrupted)

    ran = files_command("upload", "--json", "a.json", "missing")

    assert ran.status == 130
    assert [(line["file"], line["error"]["type"]) for line in ran.lines] == [
        ("missing", "FileNotFoundError"),
        ("a.json", "CancelledError"),
    ]
    assert ran.error == (
        "wideload: missing: No such file or directory\n"
        "wideload: interrupted. 0 of 2 uploaded. What was sent of the others is kept: run the same "
        "command again to go on\n"
    )


# The summary


def test_several_uploads_are_summed_up_on_a_terminal_with_what_failed(
    fake_files: FilesService, documents: list[str], tmp_path: Path
) -> None:
    fake_files.add((tmp_path / "a.json").read_bytes(), name="earlier")

    shown = on_a_terminal(fake_files, "upload", *documents, "missing", cwd=tmp_path, status=2)

    lines = shown.splitlines()
    assert lines[0] == "wideload: missing: No such file or directory"
    assert sorted(lines[-1].partition(";")[0].split(", ")) == [
        "1 already there",
        "1 failed",
        "2 uploaded",
    ]
    assert lines[-1].partition("; ")[2].startswith("36 B in ")


def test_several_downloads_are_summed_up_on_a_terminal(
    fake_files: FilesService, tmp_path: Path
) -> None:
    ids = [fake_files.add(b"1234" + name.encode(), name=name)["file_id"] for name in "ab"]

    shown = on_a_terminal(fake_files, "download", *ids, cwd=tmp_path)

    assert shown.splitlines()[-1].startswith("2 downloaded; 10 B in ")


@pytest.mark.usefixtures("command")
def test_several_documents_are_summed_up_on_a_terminal_by_their_state(
    server: IngestService, documents: list[str]
) -> None:
    server.fail("POST", problem(400, "invalid_json"))

    shown = on_a_terminal(dict(os.environ), "send", *documents, status=1)

    assert shown.splitlines()[-1].startswith("2 stored, 1 failed; ")


@pytest.mark.parametrize("option", ["--json", "--quiet"])
def test_there_is_no_summary_if_it_is_not_wanted(
    fake_files: FilesService, documents: list[str], tmp_path: Path, option: str
) -> None:
    lines = on_a_terminal(fake_files, "upload", option, *documents, cwd=tmp_path).splitlines()

    assert len(lines) == (3 if option == "--json" else 0)
    assert all(json.loads(line)["file_id"] for line in lines)


# Bars


@pytest.mark.usefixtures("command")
def test_several_documents_have_a_bar_each_and_a_total(
    server: IngestService,
    over_4_mib: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    for number in range(2):
        (tmp_path / f"{number}.json").write_text(json.dumps({**over_4_mib, "number": number}))

    with Screen("stderr") as screen:
        assert group.main(["send", "--json", "0.json", "1.json"], standalone_mode=False) is None

    assert "sending 0.json" in screen.shown
    assert "sending 1.json" in screen.shown
    assert "in all: 1 of 2 files" in screen.shown
    assert "stored" not in screen.shown


@pytest.mark.usefixtures("command")
@pytest.mark.parametrize("options", [["-o", "call.json"], []])
def test_a_document_that_is_fetched_has_a_bar(
    client: wideload.Client,
    server: IngestService,
    over_4_mib: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
) -> None:
    payload_id = client.send(over_4_mib).payload_id
    arguments = ["get", payload_id, "--document", *options]

    with Screen("stderr") as screen:
        group.main(arguments, standalone_mode=False)
    with Screen("stderr") as quiet:
        group.main([*arguments, "--quiet"], standalone_mode=False)

    assert f"downloading {payload_id[:8]}…" in screen.shown
    assert quiet.shown == ""


def test_ctrl_c_says_that_a_part_of_the_document_was_written(
    command: Command, client: wideload.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> Any:
        raise KeyboardInterrupt

    payload_id = client.send({"a": 1}).payload_id
    monkeypatch.setattr(wideload.Client, "document_to", interrupted)

    to_file = command("get", payload_id, "--document", "-o", "a.json")
    to_stdout = command("get", payload_id, "--document")

    assert (to_file.status, to_stdout.status) == (130, 130)
    assert to_file.error == "wideload: interrupted. a.json was not written\n"
    assert to_stdout.error == (
        "wideload: interrupted. Standard output has got a part of the document\n"
    )
    assert list(tmp_path.iterdir()) == []


# Help


@pytest.mark.parametrize("name", [None, *group.commands])
def test_help_fits_80_columns(name: str | None) -> None:
    command: click.Command = group if name is None else group.commands[name]

    with click.Context(command, info_name=name, terminal_width=80) as context:
        lines = command.get_help(context).splitlines()

    assert [line for line in lines if len(line) > 80] == []
