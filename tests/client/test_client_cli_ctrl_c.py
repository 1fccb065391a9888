"""Ctrl-C during transfers: they end soon, say how to go on, and do."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from tests.client.conftest import Command
from tests.client.running import start, write
from tests.fake_aws.files import MIB, FilesService


def _hold(fake_files: FilesService, after: int) -> tuple[threading.Event, threading.Event]:
    """Let so many bytes be put, and keep the rest waiting."""
    arrived, go_on = threading.Event(), threading.Event()

    def hold(seen: Any, count: int) -> None:
        if fake_files.s3.bytes_put >= after:
            arrived.set()
            go_on.wait(60)

    fake_files.s3.during_put = hold
    return arrived, go_on


def _interrupt(
    process: subprocess.Popen[bytes], arrived: threading.Event, go_on: threading.Event
) -> tuple[bytes, bytes]:
    """Press Ctrl-C once a transfer is held, and wait for its end; its output and its errors."""
    try:
        assert arrived.wait(120)
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=120)
    finally:
        go_on.set()
        process.kill()
        process.wait()


def test_ctrl_c_leaves_an_upload_that_goes_on(
    fake_files: FilesService, files_command: Command, tmp_path: Path
) -> None:
    content = write(tmp_path / "film.mkv", 12 * MIB)
    arrived, go_on = _hold(fake_files, 6 * MIB)
    process = start(fake_files, "upload", "--json", "film.mkv", cwd=tmp_path)
    output, error = _interrupt(process, arrived, go_on)

    (upload_id,) = fake_files.uploads
    assert process.returncode == 130
    (line,) = map(json.loads, output.splitlines())
    assert (line["file"], line["upload_id"]) == ("film.mkv", upload_id)
    assert line["error"]["type"] == "CancelledError"
    assert error.decode() == (
        "wideload: interrupted. What was sent of film.mkv is kept: run the same command again to "
        f"go on, or give it up with: wideload abort {upload_id}\n"
    )
    assert fake_files.uploads[upload_id].state == "open"

    (again,) = files_command("upload", "--json", "film.mkv").lines

    assert again["resumed_bytes"] >= MIB
    assert again["resumed_bytes"] + again["bytes_sent"] == 12 * MIB
    assert fake_files.content(upload_id) == content


def test_ctrl_c_while_standard_input_gives_nothing(
    fake_files: FilesService, tmp_path: Path
) -> None:
    fake_files.one_put, fake_files.smallest_part = 64 * MIB, 8 * MIB
    fake_files.s3.keeps = False
    arguments = ["upload", "-", "--name", "a.tar", "--expected-size", f"{100_000 * MIB}"]
    process = start(fake_files, *arguments, stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        process.stdin.write(bytes(65 * MIB))
        process.stdin.flush()  # and no more, but it stays open
        deadline = time.monotonic() + 60
        while fake_files.s3.bytes_put < 60 * MIB and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.wait(60)
        assert process.stderr is not None
        error = process.stderr.read().decode()
    finally:
        process.kill()
        process.communicate()

    announced = json.loads(fake_files.requests("POST /stage/files")[0].body)
    assert announced["files"][0]["expected_size"] == 100_000 * MIB
    assert fake_files.s3.bytes_put == 60 * MIB  # in parts of 10 MiB
    assert process.returncode == 130
    assert error == ("wideload: interrupted. Nothing of it is kept: run the same command again\n")
    assert [upload.state for upload in fake_files.uploads.values()] == ["aborted"]


def test_ctrl_c_among_several_says_how_many_are_done(
    fake_files: FilesService, tmp_path: Path
) -> None:
    names = [f"{number}.bin" for number in range(3)]
    for seed, name in enumerate(names):
        write(tmp_path / name, 100 if seed == 0 else 12 * MIB, seed)
    arrived, go_on = _hold(fake_files, 6 * MIB)
    process = start(fake_files, "upload", "--parallel", "2", *names, cwd=tmp_path)
    output, error = _interrupt(process, arrived, go_on)

    assert process.returncode == 130
    assert output.decode().startswith("0.bin: uploaded")
    assert error.decode() == (
        "wideload: interrupted. 1 of 3 uploaded. What was sent of the others is kept: run the same "
        "command again to go on\n"
    )
    assert {upload.state for upload in fake_files.uploads.values()} <= {"open", "completed"}


def test_a_second_ctrl_c_does_not_wait(fake_files: FilesService, tmp_path: Path) -> None:
    write(tmp_path / "film.mkv", 12 * MIB)
    arrived, go_on = _hold(fake_files, 2 * MIB)
    process = start(fake_files, "upload", "film.mkv", cwd=tmp_path)
    try:
        assert arrived.wait(120)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=120)
    finally:
        go_on.set()
        process.kill()
        process.wait()

    assert process.returncode == 130
    assert b"run the same command again to go on" in error.replace(b"R", b"r")
    assert b"Traceback" not in error


def test_ctrl_c_before_anything_was_sent(fake_files: FilesService, tmp_path: Path) -> None:
    process = start(fake_files, "upload", "-", "--name", "p", stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(b"x" * MIB)
    process.stdin.flush()  # returns when most of it has been read

    killer = threading.Timer(20, process.kill)
    killer.start()
    process.send_signal(signal.SIGINT)
    assert process.stderr
    error = process.stderr.read()  # the pipe gives nothing, and stays open
    process.communicate(timeout=120)
    killer.cancel()

    assert process.returncode == 130
    assert error.decode() == (
        "wideload: interrupted. Nothing of it is kept: run the same command again\n"
    )


def test_ctrl_c_is_heeded_while_the_other_side_is_silent(
    fake_files: FilesService, tmp_path: Path
) -> None:
    write(tmp_path / "film.mkv", 2 * MIB)
    arrived, go_on = _hold(fake_files, 2 * MIB)
    process = start(fake_files, "upload", "film.mkv", cwd=tmp_path)
    _, error = _interrupt(process, arrived, go_on)

    assert process.returncode == 130
    assert error.startswith(b"wideload: interrupted. ")


def test_ctrl_c_leaves_a_download_that_goes_on(
    fake_files: FilesService, files_command: Command, tmp_path: Path
) -> None:
    content = random.Random(4).randbytes(24 * MIB)
    file = fake_files.add(content, name="film.mkv")
    arrived, go_on = threading.Event(), threading.Event()

    def hold(seen: Any, at: int) -> None:
        if len(fake_files.requests("GET /s3/")) == 3:  # one after another, of 8 MiB
            arrived.set()
            go_on.wait(60)

    fake_files.s3.during_get = hold
    process = start(fake_files, "download", "--parallel", "1", file["file_id"], cwd=tmp_path)
    output, error = _interrupt(process, arrived, go_on)

    assert (process.returncode, output) == (130, b"")
    assert error.decode() == (
        "wideload: interrupted. What was received is kept: run the same command again to go on\n"
    )
    assert not (tmp_path / "film.mkv").exists()

    again = files_command("download", "--json", file["file_id"])

    assert again.lines[0]["resumed_bytes"] == 16 * MIB
    assert (tmp_path / "film.mkv").read_bytes() == content


def test_ctrl_c_leaves_an_upload_of_a_tree_that_goes_on(
    fake_files: FilesService, files_command: Command, tmp_path: Path
) -> None:
    (tmp_path / "d" / "empty").mkdir(parents=True)
    contents = {
        f"d/{number}.bin": write(tmp_path / "d" / f"{number}.bin", size, number)
        for number, size in enumerate((100, 12 * MIB, 200))
    }
    arrived, go_on = _hold(fake_files, 6 * MIB)
    process = start(fake_files, "upload", "-r", "--parallel", "1", "d", cwd=tmp_path)
    _, error = _interrupt(process, arrived, go_on)

    assert process.returncode == 130
    assert error.decode() == (
        "wideload: interrupted. 1 of 4 uploaded. What was sent of the others is kept: run the same "
        "command again to go on\n"
    )

    again = {line["file"]: line for line in files_command("upload", "-r", "--json", "d").lines}

    assert again["d/0.bin"]["duplicate"] is True
    assert again["d/1.bin"]["resumed_bytes"] >= MIB
    assert again["d/1.bin"]["resumed_bytes"] + again["d/1.bin"]["bytes_sent"] == 12 * MIB
    assert again["d/empty"]["folder"] == "d/empty"
    assert {
        f"{file['folder']}/{file['name']}": fake_files.content(file_id)
        for file_id, file in fake_files.files.items()
    } == contents


def test_ctrl_c_leaves_a_download_of_a_tree_that_goes_on(
    fake_files: FilesService, files_command: Command, tmp_path: Path
) -> None:
    contents = {
        name: random.Random(name).randbytes(size)
        for name, size in (("a.bin", 100), ("b.bin", 24 * MIB), ("c.bin", 200))
    }
    for name, content in contents.items():
        fake_files.add(content, name, folder="d")
    arrived, go_on = threading.Event(), threading.Event()

    def hold(seen: Any, at: int) -> None:
        if len(fake_files.requests("GET /s3/")) == 3:  # a.bin, then b.bin in ranges of 8 MiB
            arrived.set()
            go_on.wait(60)

    fake_files.s3.during_get = hold
    process = start(fake_files, "download", "-r", "--parallel", "1", "d", cwd=tmp_path)
    _, error = _interrupt(process, arrived, go_on)

    assert process.returncode == 130
    assert error.decode() == (
        "wideload: interrupted. 1 of 3 downloaded. What was received is kept: run the same command "
        "again to go on\n"
    )
    assert {path.name for path in (tmp_path / "d").iterdir() if path.suffix == ".bin"} == {"a.bin"}

    again = {line["path"]: line for line in files_command("download", "-r", "--json", "d").lines}

    assert [again[f"d/{name}"]["resumed_bytes"] for name in contents] == [100, 8 * MIB, 0]
    assert {path.name: path.read_bytes() for path in (tmp_path / "d").iterdir()} == contents
