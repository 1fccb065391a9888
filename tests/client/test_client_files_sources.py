"""Sources of uploads, and files that change meanwhile."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.transfer_samples import (
    PART,
    bytes_of,
    change_file,
    check_nothing_is_stored,
    file_of,
)
from tests.fake_aws.files import FilesService
from tests.fake_aws.messages import Seen, s3_error
from wideload._files.shared_file import SharedFile

SIZES = pytest.mark.parametrize("size", [PART // 2, 5 * PART + 1])


class _Plain:
    """The least that a file object has."""

    def __init__(self, content: bytes, *, seekable: bool) -> None:
        self._file = io.BytesIO(content)
        self._seekable = seekable

    def read(self, amount: int) -> bytes:
        return self._file.read(min(amount, 1000))  # fewer than were asked for

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return self._seekable


@SIZES
@pytest.mark.parametrize("kind", ["bytes", "open", "raw", "gzip", "plain", "stream"])
def test_file_objects(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int, kind: str
) -> None:
    content = bytes_of(size)
    path = file_of(tmp_path, content)
    packed = io.BytesIO(gzip.compress(content))
    makes: dict[str, Callable[[], Any]] = {
        "bytes": lambda: io.BytesIO(content),
        "open": lambda: open(path, "rb"),  # noqa: SIM115
        "raw": lambda: open(path, "rb", buffering=0),  # noqa: SIM115
        "gzip": lambda: gzip.GzipFile(fileobj=packed),
        "plain": lambda: _Plain(content, seekable=True),
        "stream": lambda: _Plain(content, seekable=False),
    }
    source = makes[kind]()

    done = person.files.upload(source, name="a.bin")

    assert files_server.content(done.file.file_id) == content
    if kind in {"open", "raw"}:
        assert not source.closed
        source.close()


def test_a_file_object_is_read_from_where_it_stands(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(3 * PART)

    with open(file_of(tmp_path, content), "rb") as file:
        file.seek(1000)
        done = person.files.upload(file)

    assert files_server.content(done.file.file_id) == content[1000:]
    assert done.file.name == "film.bin"


@pytest.mark.parametrize("named", [False, True])
def test_a_small_pipe_is_copied_first(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, named: bool
) -> None:
    content = bytes_of(4 * PART)
    if named:
        path = tmp_path / "pipe.bin"
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=(content,))
        writer.start()
        done = person.files.upload(path)
    else:
        reading, writing = os.pipe()
        with open(writing, "wb") as sink, open(reading, "rb", buffering=0) as source:
            writer = threading.Thread(target=lambda: (sink.write(content), sink.close()))
            writer.start()
            done = person.files.upload(source, name="pipe.bin")
    writer.join()

    assert files_server.content(done.file.file_id) == content
    assert done.file.name == "pipe.bin"


def test_a_pipe_that_gives_more_than_may_be_copied(
    person: wideload.Client, files_server: FilesService
) -> None:
    with pytest.raises(wideload.DocumentError, match="1000 bytes that spool_limit allows"):
        person.files.upload(
            _Plain(bytes(1001), seekable=False),  # type: ignore[arg-type]
            name="a",
            spool_limit=1000,
        )
    assert files_server.seen == []

    person.files.upload(
        _Plain(bytes(1000), seekable=False),  # type: ignore[arg-type]
        name="a",
        spool_limit=1000,
    )


def test_a_source_that_is_no_binary_file_is_refused(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    class Blocked(io.RawIOBase):
        def read(self, size: int = -1) -> None:  # type: ignore[override]
            return None

    text = file_of(tmp_path, b"text")
    with open(text) as file, pytest.raises(wideload.DocumentError, match="text mode"):
        person.files.upload(file)  # type: ignore[arg-type]
    with pytest.raises(wideload.DocumentError, match="text mode"):
        person.files.upload(io.StringIO("text"), name="a")  # type: ignore[arg-type]
    with pytest.raises(wideload.DocumentError, match="blocking"):
        person.files.upload(Blocked(), name="a")  # type: ignore[arg-type]
    for wrong in (b"bytes", 7, None, {}):
        with pytest.raises(wideload.ConfigurationError, match="path or a binary file object"):
            person.files.upload(wrong, name="a")  # type: ignore[arg-type]
    with pytest.raises(wideload.ConfigurationError, match="give one as name"):
        person.files.upload(io.BytesIO(b"no name"))
    with pytest.raises(wideload.ConfigurationError, match="give one as name"):
        person.files.upload(sys.__stdin__.buffer)  # type: ignore[union-attr]
    with pytest.raises(FileNotFoundError):
        person.files.upload(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError):
        person.files.upload(tmp_path)
    assert files_server.seen == []


def test_a_sparse_file(person: wideload.Client, files_server: FilesService, tmp_path: Path) -> None:
    path = tmp_path / "sparse.bin"
    with open(path, "wb") as file:
        file.seek(6 * PART)
        file.write(b"an island")
        file.truncate(20 * PART)

    done = person.files.upload(path)

    assert files_server.content(done.file.file_id) == path.read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_file_that_says_that_it_is_empty(
    person: wideload.Client, files_server: FilesService
) -> None:
    with pytest.raises(wideload.FileChangedError):
        person.files.upload("/proc/self/status")

    assert files_server.seen == []


@SIZES
@pytest.mark.parametrize("change", ["grow", "shrink", "touch"])
def test_a_file_that_changes_while_it_is_hashed(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int, change: str
) -> None:
    path = file_of(tmp_path, bytes_of(size))

    def hashing(done: int, total: int) -> None:
        if not done:
            change_file(path, change)

    with pytest.raises(wideload.FileChangedError) as raised:
        person.files.upload(path, hashing=hashing)

    assert raised.value.upload_id is None
    assert files_server.seen == []


@SIZES
@pytest.mark.parametrize("change", ["grow", "shrink", "touch", "write"])
def test_a_file_that_changes_before_it_is_sent(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int, change: str
) -> None:
    path = file_of(tmp_path, bytes_of(size))
    began = []

    def progress(done: int, total: int) -> None:
        if not began:
            began.append(True)
            change_file(path, change)

    with pytest.raises(wideload.FileChangedError) as raised:
        person.files.upload(path, progress=progress)

    check_nothing_is_stored(files_server)
    assert raised.value.upload_id is None  # there is nothing to resume
    assert not any(seen.path.endswith("/complete") for seen in files_server.seen)


@SIZES
def test_a_file_that_changes_after_its_last_byte_was_sent(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    path = file_of(tmp_path, bytes_of(size))

    def during_put(seen: Seen, count: int) -> None:
        if len(files_server.requests("PUT")) == -(-size // PART):
            change_file(path, "touch")

    files_server.s3.during_put = during_put

    with pytest.raises(wideload.FileChangedError):
        person.files.upload(path)

    check_nothing_is_stored(files_server)


def test_an_upload_that_cannot_even_be_aborted_says_which(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    path = file_of(tmp_path, bytes_of(100))
    files_server.fail("DELETE", s3_error(403, "AccessDenied"))

    with pytest.raises(wideload.FileChangedError) as raised:
        person.files.upload(path, progress=lambda done, total: change_file(path, "touch"))

    assert raised.value.upload_id in files_server.uploads


@SIZES
def test_a_file_object_that_changes(
    person: wideload.Client, files_server: FilesService, size: int
) -> None:
    source = io.BytesIO(bytes_of(size))
    other = source.getvalue()[size // 3] ^ 1

    def progress(done: int, total: int) -> None:
        source.getbuffer()[size // 3] = other

    with pytest.raises(wideload.FileChangedError):
        person.files.upload(source, name="a", progress=progress)

    check_nothing_is_stored(files_server)


def test_a_file_that_another_takes_the_place_of_is_uploaded_as_it_was(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(5 * PART)
    path = file_of(tmp_path, content)
    other = file_of(tmp_path, bytes_of(5 * PART, seed=2), "other.bin")

    def progress(done: int, total: int) -> None:
        if not done:
            os.replace(other, path)

    done = person.files.upload(path, progress=progress)

    assert files_server.content(done.file.file_id) == content


@SIZES
def test_bytes_that_were_damaged_on_the_way_are_sent_again(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    content = bytes_of(size)
    files_server.fail("PUT /s3/", s3_error(400, "BadDigest"))

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content
    assert done.bytes_sent == size + min(size, PART)


def test_a_file_that_is_in_use_is_closed_when_its_last_user_has_done(tmp_path: Path) -> None:
    reading, go_on = threading.Event(), threading.Event()

    class Slow(io.FileIO):
        def fileno(self) -> int:
            reading.set()
            go_on.wait()
            return super().fileno()

    file = Slow(file_of(tmp_path, b"content"), "rb")
    handle = SharedFile(file)
    view = memoryview(bytearray(7))
    thread = threading.Thread(target=handle.read_into, args=(0, view))
    thread.start()
    reading.wait()

    handle.close()
    assert not file.closed
    with pytest.raises(ValueError, match="closed"):
        handle.read_into(0, view)
    go_on.set()
    thread.join()

    assert file.closed
    assert bytes(view) == b"content"
