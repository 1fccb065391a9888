"""`wideload upload`: what it sends, prints, and shows meanwhile."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client.conftest import Command
from tests.client.running import FILE_MEMBERS, on_a_terminal, read_terminal, sha256, start, write
from tests.fake_aws.files import MIB, TOKEN, FilesService
from tests.fake_aws.messages import DROP, Fault, problem, s3_error


def test_upload_says_what_became_of_the_file(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    content = write(tmp_path / "film.mkv", 1500)

    ran = files_command("upload", "film.mkv")

    (file,) = fake_files.files.values()
    assert (ran.status, ran.error) == (0, "")
    assert ran.output.startswith(f"film.mkv: uploaded as {file['file_id']}, 1.5 KB in 0.")
    assert fake_files.content(file["file_id"]) == content
    assert (file["name"], file["content_type"]) == ("film.mkv", "video/x-matroska")


def test_upload_json_has_stable_members(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    content = write(tmp_path / "a.bin", 6 * MIB)
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "b.txt", 10, seed=2)

    ran = files_command("upload", "--json", "a.bin", "sub/b.txt")

    lines = {line["file"]: line for line in ran.lines}
    assert ran.status == 0
    assert lines.keys() == {"a.bin", "sub/b.txt"}
    how = {"file", "duplicate", "skipped", "bytes_sent", "resumed_bytes", "upload_id"}
    assert lines["a.bin"].keys() == FILE_MEMBERS | how
    assert lines["a.bin"]["sha256"] == sha256(content)
    assert lines["a.bin"]["bytes_sent"] == 6 * MIB
    assert lines["a.bin"]["upload_id"] == lines["a.bin"]["file_id"]
    assert lines["sub/b.txt"]["name"] == "b.txt"


def test_what_is_there_already_is_not_sent(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    fake_files.add(write(tmp_path / "copy.bin", 1000), name="first.bin")

    ran = files_command("upload", "copy.bin")
    as_json = files_command("upload", "--json", "copy.bin")

    assert ran.output == (
        f"copy.bin: is there already, as {as_json.lines[0]['file_id']} (copy.bin); "
        "nothing was sent\n"
    )
    assert {file["name"] for file in fake_files.files.values()} == {"copy.bin", "first.bin"}
    assert as_json.lines[0]["duplicate"] is True
    assert as_json.lines[0]["bytes_sent"] == 0
    assert fake_files.s3.bytes_put == 0


def test_upload_reads_standard_input(
    files_command: Command, fake_files: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"piped")))

    ran = files_command(
        "upload", "-", "--name", "folder.tar", "--content-type", "application/x-own"
    )

    (file,) = fake_files.files.values()
    assert ran.status == 0
    assert fake_files.content(file["file_id"]) == b"piped"
    assert (file["name"], file["content_type"]) == ("folder.tar", "application/x-own")


def test_a_pipe_is_uploaded(fake_files: FilesService) -> None:
    process = start(fake_files, "upload", "-", "--name", "p", "--json", stdin=subprocess.PIPE)
    output, _ = process.communicate(b"x" * MIB, timeout=120)

    assert json.loads(output)["sha256"] == sha256(b"x" * MIB)


def test_what_is_in_directories_goes_along_if_asked_for(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    for seed, name in enumerate(("top.txt", "d/b.txt", "d/a.txt", "d/e/c.txt")):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        write(tmp_path / name, 10 + seed, seed)
    (tmp_path / "d" / "loop").symlink_to(tmp_path / "d")

    refused = files_command("upload", "d")
    ran = files_command("upload", "--json", "--recursive", "top.txt", "d")

    assert (refused.status, ran.status) == (2, 0)
    assert "d: it is a directory: add --recursive for the files in it" in refused.error
    assert {line["file"] for line in ran.lines} == {"top.txt", "d/a.txt", "d/b.txt", "d/e/c.txt"}
    assert {file["name"] for file in fake_files.files.values()} == {
        "top.txt",
        "a.txt",
        "b.txt",
        "c.txt",
    }


def test_a_file_that_is_refused_does_not_stop_the_others(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    write(tmp_path / "large.bin", 3000)
    write(tmp_path / "small.bin", 300, seed=2)
    fake_files.quota = 1000

    ran = files_command("upload", "--json", "large.bin", "small.bin")

    lines = {line["file"]: line for line in ran.lines}
    assert ran.status == 1
    assert lines["large.bin"]["error"]["code"] == "quota_exceeded"
    assert lines["large.bin"]["error"]["type"] == "QuotaError"
    assert lines["small.bin"]["size"] == 300
    assert ran.error.startswith("wideload: large.bin: ")
    assert ran.error.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(401, b'{"message":"Unauthorized"}'), 4),
        (Fault(403, b'{"message":"Forbidden"}'), 1),
        (problem(503, "unavailable"), 3),
        (DROP, 3),
    ],
)
def test_trouble_with_the_service_keeps_the_rest_from_being_uploaded(
    files_command: Command, fake_files: FilesService, tmp_path: Path, fault: Fault, status: int
) -> None:
    names = [f"{number}.bin" for number in range(60)]
    for seed, name in enumerate(names):
        write(tmp_path / name, 100, seed)
    fake_files.fail("POST /stage/files", *[fault] * 9)

    ran = files_command("upload", "--retries", "0", *names)

    assert ran.status == status
    assert ran.output == ""
    assert "more not uploaded" in ran.error
    assert len(fake_files.requests("POST /stage/files")) < 5


def test_trouble_with_one_file_names_its_upload(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    write(tmp_path / "a.bin", 100)
    fake_files.fail("PUT /s3/", s3_error(400, "InvalidRequest"))

    ran = files_command("upload", "--json", "a.bin")

    (upload_id,) = fake_files.uploads
    assert ran.status == 1
    assert ran.lines[0]["upload_id"] == upload_id
    assert "InvalidRequest" in ran.error


def test_a_file_that_can_not_be_opened_is_named(
    files_command: Command,
    fake_files: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path / "b.bin", 100)
    (tmp_path / "a.bin").symlink_to("/proc/self/mem")  # it opens, and can't be read

    ran = files_command("upload", "a.bin", "b.bin")

    assert ran.status in {1, 2}
    assert "wideload: a.bin: " in ran.error
    assert "b.bin: uploaded" in ran.output


def test_quiet_prints_nothing(files_command: Command, tmp_path: Path) -> None:
    write(tmp_path / "a.bin", 100)

    assert files_command("upload", "--quiet", "a.bin").output == ""


def test_a_name_that_is_no_text_is_no_trouble_to_print(
    files_command: Command, fake_files: FilesService, tmp_path: Path
) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"b\xff\x1b.bin")
    Path(os.fsdecode(path)).write_bytes(b"abc")

    refused = files_command("upload", os.fsdecode(b"b\xff\x1b.bin"))
    named = files_command("upload", os.fsdecode(b"b\xff\x1b.bin"), "--name", "b.bin")
    as_json = files_command("upload", os.fsdecode(b"b\xff\x1b.bin"), "--name", "b.bin", "--json")

    assert refused.status == 2
    assert refused.error.startswith("wideload: b\\xff?.bin: ")
    assert "\x1b" not in refused.error
    assert named.output.startswith("b\\xff?.bin: uploaded as ")
    assert as_json.lines[0]["file"] == "b\\xff\x1b.bin"


# Bars


def test_a_terminal_shows_a_bar_for_each_file_and_a_total(
    fake_files: FilesService, tmp_path: Path
) -> None:
    names = ["first.bin", "second.bin"]
    for seed, name in enumerate(names):
        write(tmp_path / name, 6 * MIB, seed)
    fake_files.s3.during_put = lambda seen, count: time.sleep(0.02)

    shown = on_a_terminal(fake_files, "upload", "--parallel", "2", *names, cwd=tmp_path)

    assert "uploading first.bin" in shown
    assert "uploading second.bin" in shown
    assert "in all: 0 of 2 files" in shown
    assert "MB/s" in shown
    assert "first.bin: uploaded as 01M" in shown
    assert "2 uploaded; 12 MB in " in shown


def test_results_are_apart_from_the_bars(fake_files: FilesService, tmp_path: Path) -> None:
    for seed in range(3):
        write(tmp_path / f"{seed}.bin", 2 * MIB, seed)
    screen, terminal = pty.openpty()
    names = [f"{seed}.bin" for seed in range(3)]

    process = start(fake_files, "upload", "--json", *names, cwd=tmp_path, stderr=terminal)
    os.close(terminal)
    shown = read_terminal(screen).decode()
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 0
    assert {json.loads(line)["file"] for line in output.splitlines()} == set(names)
    assert "in all: " in shown
    assert "sha256" not in shown


@pytest.mark.parametrize("arguments", [("small.bin",), ("large.bin", "--quiet")])
def test_no_bar_for_what_takes_no_time_or_is_not_wanted(
    fake_files: FilesService, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    write(tmp_path / "small.bin", 1000)
    write(tmp_path / "large.bin", 2 * MIB)

    shown = on_a_terminal(fake_files, "upload", *arguments, cwd=tmp_path)

    assert "uploading" not in shown
    assert "\x1b" not in shown


def test_off_a_terminal_rich_is_not_imported(fake_files: FilesService, tmp_path: Path) -> None:
    write(tmp_path / "a.bin", 2 * MIB)
    code = (
        "import sys; from wideload._cli.app import run; run(['upload', 'a.bin']); "
        "print('rich' in sys.modules)"
    )
    environment = {**os.environ, "WIDELOAD_FILES_URL": fake_files.url, "WIDELOAD_TOKEN": TOKEN}

    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert ran.stdout.splitlines()[-1] == "False"
