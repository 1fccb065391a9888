"""Names on the terminal and in --json, in whatever bytes and whatever locale."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.client.conftest import Command, spawn
from tests.client.running import environment_of, start
from tests.fake_aws.files import FilesService
from tests.fake_aws.ingest import PAYLOAD_1, PAYLOAD_2, PAYLOAD_3, IngestService
from wideload._files.names import shortened

_LATIN = b"lat\xe9.json"
# In every screenshot's name on a Mac; in Japanese; in family emojis; in Persian.
_HARMLESS = "at 9.41\u202fAM\u3000\u4e16 \U0001f468\u200d\U0001f469 \u0645\u06cc\u200c\u062e"


@pytest.fixture
def folder(tmp_path: Path) -> bytes:
    """A directory of three documents; no text is the name of the second."""
    path = os.fsencode(tmp_path)
    for name in (b"a.json", _LATIN, b"\xe4\xb8\x96.json"):
        with open(os.path.join(path, name), "wb") as file:
            file.write(b'{"name":"%s"}' % name.hex().encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1"])
@pytest.mark.parametrize("as_json", [True, False])
def test_every_receipt_of_a_batch_is_printed_whatever_the_names(
    server: IngestService,
    folder: bytes,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    as_json: bool,
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    arguments = ["send", *(["--json"] if as_json else [])]
    names = [b"a.json", _LATIN, b"\xe4\xb8\x96.json"]

    process = spawn(server, *arguments, *names, cwd=folder)  # type: ignore[arg-type]
    output, error = process.communicate(timeout=120)

    assert (process.returncode, error) == (0, b"")
    assert len(server.documents) == 3
    if as_json:
        lines = [json.loads(line) for line in output.splitlines()]
        assert [line["file"] for line in lines] == ["a.json", "lat\\xe9.json", "世.json"]
        assert [line["payload_id"] for line in lines] == [PAYLOAD_1, PAYLOAD_2, PAYLOAD_3]
        assert output.isascii() or encoding == "utf-8"
    else:
        shown = [line.split(": ")[0] for line in output.decode(encoding).splitlines()]
        chinese = "世.json" if encoding == "utf-8" else "\\u4e16.json"
        assert shown == ["a.json", "lat\\xe9.json", chinese]


def test_a_name_that_is_no_text_is_uploaded_with_what_can_be_read_of_it(
    fake_files: FilesService, folder: bytes
) -> None:
    process = start(fake_files, "upload", b"a.json", _LATIN, cwd=folder)  # type: ignore[arg-type]
    output, error = process.communicate(timeout=120)
    again = start(fake_files, "upload", "--json", _LATIN, cwd=folder)  # type: ignore[arg-type]
    (line,) = again.communicate(timeout=120)[0].splitlines()

    assert (process.returncode, error) == (0, b"")
    assert {file["name"] for file in fake_files.files.values()} == {"a.json", "lat\ufffd.json"}
    assert "it is named lat\ufffd.json" in output.decode()
    assert json.loads(line)["file"] == "lat\\xe9.json"
    assert json.loads(line)["name"] == "lat\ufffd.json"


def test_a_refused_name_is_shown_too(server: IngestService, folder: bytes) -> None:
    with open(os.path.join(folder, _LATIN), "wb"):
        pass

    process = spawn(server, "send", "--json", _LATIN, b"a.json", cwd=folder)  # type: ignore[arg-type]
    output, error = process.communicate(timeout=120)

    assert process.returncode == 1
    assert [json.loads(line)["file"] for line in output.splitlines()] == [
        "lat\\xe9.json",
        "a.json",
    ]
    assert error.decode().startswith("wideload: lat\\xe9.json: ")


def test_a_directory_whose_name_is_no_text_is_downloaded_to(
    fake_files: FilesService, tmp_path: Path
) -> None:
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"d\xe9"))
    file = fake_files.add(b"content", name="a.txt")

    process = start(
        fake_files,
        *("download", "--json", file["file_id"], "-o"),
        b"d\xe9",  # type: ignore[arg-type]
        cwd=tmp_path,
    )
    output, error = process.communicate(timeout=120)

    assert (process.returncode, error) == (0, b"")
    assert json.loads(output)["path"] == "d\\xe9/a.txt"


def test_a_file_whose_name_is_no_text_is_downloaded_to(
    fake_files: FilesService, tmp_path: Path
) -> None:
    file = fake_files.add(b"content")

    process = start(
        fake_files,
        *("download", file["file_id"], "-o"),
        b"out\xe9",  # type: ignore[arg-type]
        cwd=tmp_path,
    )
    _, error = process.communicate(timeout=120)

    assert (process.returncode, error) == (0, b"")
    assert os.listdir(os.fsencode(tmp_path)) == [b"out\xe9"]


def test_a_long_name_that_is_no_text_is_shortened_on_disk() -> None:
    assert shortened("\udce9" * 300 + ".txt", 255) == "\udce9" * 251 + ".txt"
    assert shortened("\u4e16" * 100 + ".txt", 255) == "\u4e16" * 83 + ".txt"


@pytest.mark.parametrize(
    "arguments",
    [
        ["ls", "-q", b"\xff"],
        ["send", "--call-id", b"c\xe9", "a.json"],
        ["call-logs", "--call-id", b"c\xe9"],
    ],
)
def test_what_is_no_text_is_refused_where_it_is_sent_as_text(
    server: IngestService, fake_files: FilesService, folder: bytes, arguments: list[str]
) -> None:
    if arguments[0] == "ls":
        process = start(fake_files, *arguments)
    else:
        process = spawn(server, *arguments, cwd=folder)  # type: ignore[arg-type]
    output, error = process.communicate(timeout=120)

    assert (process.returncode, output) == (2, b"")
    assert b"holds a byte that is no text" in error
    assert error.count(b"\n") == 1
    assert server.seen == fake_files.seen == []


def test_only_what_steers_a_terminal_is_replaced(
    files_command: Command, fake_files: FilesService
) -> None:
    steering = "".join(map(chr, [0x1B, 0x0A, 0x7F, 0x85, 0x9B, 0x2028, 0x202E, 0x2066]))
    fake_files.add(b"1", name=f"{steering}b")
    fake_files.add(b"2", name=_HARMLESS)

    harmless, replaced = [line.split("\t")[-1] for line in files_command("ls").output.splitlines()]

    assert harmless == _HARMLESS
    assert replaced == f"{'?' * len(steering)}b"


def test_json_does_not_steer_a_terminal_and_loses_nothing(
    files_command: Command, fake_files: FilesService
) -> None:
    name = f"\x9b2J\u202e\x7f{_HARMLESS}"
    fake_files.add(b"1", name=name)

    ran = files_command("ls", "--json")

    assert "\\u009b2J\\u202e\\u007f" in ran.output
    assert _HARMLESS in ran.output
    assert ran.lines[0]["name"] == name


@pytest.mark.parametrize("arguments", [["--help"], ["upload", "--help"], ["send", "--help"]])
def test_help_in_a_locale_that_lacks_characters(
    fake_files: FilesService, arguments: list[str]
) -> None:
    environment = {**environment_of(fake_files), "PYTHONIOENCODING": "latin-1"}

    process = start(environment, *arguments, stderr=subprocess.STDOUT)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 0
    assert b"Usage: " in output
