"""The time of a file's last change: sent with it, and set when it is downloaded."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

import wideload
from tests.client.transfer_samples import bytes_of, file_of
from tests.fake_aws.files import FilesService
from wideload._files.source import modified_at_of

# 2020-01-02T03:04:05.678901234Z
MODIFIED = 1_577_934_245_678_901_234


@pytest.mark.parametrize("opened", [False, True])
def test_the_time_of_the_last_change_travels_with_a_file(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, opened: bool
) -> None:
    path = file_of(tmp_path, bytes_of(1000))
    os.utime(path, ns=(MODIFIED, MODIFIED))

    with path.open("rb") as file:
        done = person.files.upload(file if opened else path)
    got = person.files.download(done.file.file_id, tmp_path / "copy.bin")

    assert done.file.modified_at == "2020-01-02T03:04:05.678Z"
    assert got.path is not None
    assert got.path.stat().st_mtime_ns == 1_577_934_245_678_000_000


def test_a_download_can_have_the_time_at_which_it_was_made(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    path = file_of(tmp_path, b"content")
    os.utime(path, ns=(MODIFIED, MODIFIED))
    done = person.files.upload(path)
    before = file_of(tmp_path, b"x", "before").stat().st_mtime_ns

    person.files.download(done.file.file_id, tmp_path / "copy.bin", set_mtime=False)

    assert (tmp_path / "copy.bin").stat().st_mtime_ns >= before


def test_a_replaced_file_has_the_time_of_the_new_content(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    path = file_of(tmp_path, b"content")
    os.utime(path, ns=(MODIFIED, MODIFIED))
    done = person.files.upload(path)
    path.write_bytes(b"other content")

    person.files.download(done.file.file_id, tmp_path, overwrite=True)

    assert path.read_bytes() == b"content"
    assert path.stat().st_mtime_ns // 10**9 == MODIFIED // 10**9


def test_what_is_no_file_has_no_such_time(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"piped")
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        piped = person.files.upload(pipe, name="piped")
    of_memory = person.files.upload(io.BytesIO(b"memory"), name="memory")

    assert (piped.file.modified_at, of_memory.file.modified_at) == (None, None)
    got = person.files.download(piped.file.file_id, tmp_path)
    assert got.path is not None
    assert got.path.read_bytes() == b"piped"


@pytest.mark.parametrize(
    ("time", "text"),
    [(-(10**9), "1969-12-31T23:59:59.000Z"), (0, "1970-01-01T00:00:00.000Z")],
)
def test_times_before_1970(tmp_path: Path, time: int, text: str) -> None:
    path = file_of(tmp_path, b"")
    os.utime(path, ns=(time, time))

    assert modified_at_of(path) == text


@pytest.mark.parametrize("text", ["", "yesterday", "2020-01-02T03:04:05", "9999-99-99T00:00:00Z"])
def test_a_time_that_is_none_is_left_out(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, text: str
) -> None:
    file = files_server.add(b"content", "a.txt")
    files_server.tamper = lambda line, answer: (
        {**answer, "file": {**answer["file"], "modified_at": text}} if "file" in answer else answer
    )

    got = person.files.download(file["file_id"], tmp_path)

    assert got.path is not None
    assert got.path.read_bytes() == b"content"
