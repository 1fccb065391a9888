"""Targets of downloads, names, and files that are never replaced."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.transfer_samples import RANGE, bytes_of
from tests.fake_aws.files import TOKEN, FilesService
from wideload._files import partial_file
from wideload._files.names import safe_name

pytestmark = pytest.mark.usefixtures("small_ranges")


_GET = "GET /s3/"


@pytest.mark.parametrize("size", [0, 1, RANGE, RANGE + 1, 9 * RANGE + 5])
@pytest.mark.parametrize("parallel", [1, 4])
def test_to_a_path(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int, parallel: int
) -> None:
    file = files_server.add(content := bytes_of(size))

    done = person.files.download(file["file_id"], to=tmp_path / "copy", parallel=parallel)

    assert (tmp_path / "copy").read_bytes() == content
    assert os.listdir(tmp_path) == ["copy"]
    assert done.path == tmp_path / "copy"
    assert done.file.sha256 == hashlib.sha256(content).hexdigest()
    assert (done.bytes_received, done.resumed_bytes) == (size, 0)
    assert files_server.api_requests == ["GET /stage/files/ID/download"]
    assert len(files_server.requests(_GET)) == -(-size // RANGE)
    assert files_server.s3.most_at_once <= parallel


@pytest.mark.parametrize("to", [None, ".", "sub", "sub/", Path("sub")])
def test_to_a_directory_it_gets_its_own_name(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    to: Any,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    file = files_server.add(b"content", "データ.txt")

    done = person.files.download(file["file_id"], to)

    assert done.path is not None
    assert done.path.read_bytes() == b"content"
    assert done.path == Path(to or ".") / "データ.txt"


def test_to_a_directory_that_is_not_there(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(b"content")

    with pytest.raises(NotADirectoryError):
        person.files.download(file["file_id"], f"{tmp_path}/nowhere/")
    with pytest.raises(FileNotFoundError):
        person.files.download(file["file_id"], tmp_path / "nowhere" / "a")


@pytest.mark.parametrize("size", [0, 10, 20 * RANGE + 1])
@pytest.mark.parametrize("parallel", [1, 4])
def test_to_a_file_object_in_order(
    person: wideload.Client, files_server: FilesService, size: int, parallel: int
) -> None:
    file = files_server.add(content := bytes_of(size))

    class Sink(io.RawIOBase):
        def __init__(self) -> None:
            self.got = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, block: Any) -> int:  # takes less than it is given
            self.got += bytes(block[:5000])
            return min(len(block), 5000)

    sink = Sink()
    done = person.files.download(file["file_id"], sink, parallel=parallel)  # type: ignore[arg-type]

    assert bytes(sink.got) == content
    assert (done.path, done.bytes_received) == (None, size)
    assert not sink.closed


def test_a_slow_file_object_gets_few_ranges_ahead(
    files_server: FilesService,
) -> None:
    file = files_server.add(bytes_of(40 * RANGE))
    ahead: list[int] = []

    class Slow(io.BytesIO):
        def write(self, block: Any) -> int:
            time.sleep(0.01)
            count = super().write(block)
            ahead.append(len(files_server.requests(_GET)) - self.tell() // RANGE)
            return count

    with wideload.Client(files_server.url, token=TOKEN) as person:
        person.files.download(file["file_id"], Slow(), parallel=3)

    assert max(ahead) <= 3 + 2 + 1


@pytest.mark.parametrize("to", [7, io.StringIO(), b"bytes", sys.stdout])
def test_a_target_that_cant_be_written_to_is_refused(
    person: wideload.Client, files_server: FilesService, to: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="binary file object"):
        person.files.download("a", to)

    assert files_server.seen == []


def test_a_file_that_exists_is_never_replaced(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(b"content", "a.txt")
    (tmp_path / "a.txt").write_bytes(b"mine")
    (tmp_path / "broken").symlink_to("nowhere")

    for to in (tmp_path, tmp_path / "a.txt", tmp_path / "broken"):
        with pytest.raises(FileExistsError) as raised:
            person.files.download(file["file_id"], to)
        assert raised.value.filename in {str(tmp_path / "a.txt"), str(tmp_path / "broken")}

    assert (tmp_path / "a.txt").read_bytes() == b"mine"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "broken"]
    assert files_server.requests(_GET) == []


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_comes_meanwhile_is_not_replaced_either(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    links: bool,
) -> None:
    file = files_server.add(b"content", "a.txt")
    if links:  # it comes at the last moment, even
        monkeypatch.setattr(partial_file, "refuse_existing", lambda target, overwrite: None)
    files_server.s3.during_get = lambda seen, at: (tmp_path / "a.txt").write_bytes(b"mine")
    if not links:
        monkeypatch.setattr(os, "link", _no_links)

    with pytest.raises(FileExistsError):
        person.files.download(file["file_id"], tmp_path)

    assert (tmp_path / "a.txt").read_bytes() == b"mine"


def test_a_download_without_hard_links(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = files_server.add(b"content", "a.txt")
    monkeypatch.setattr(os, "link", _no_links)

    person.files.download(file["file_id"], tmp_path)

    assert (tmp_path / "a.txt").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_file_that_exists_is_replaced_if_that_is_wanted(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(b"content", "a.txt")
    (tmp_path / "a.txt").write_bytes(b"mine, which is longer")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real").write_bytes(b"also mine")

    person.files.download(file["file_id"], tmp_path, overwrite=True)
    done = person.files.download(file["file_id"], tmp_path / "link", overwrite=True)

    assert (tmp_path / "a.txt").read_bytes() == b"content"
    assert (tmp_path / "real").read_bytes() == b"content"
    assert (tmp_path / "link").is_symlink()
    assert done.path == tmp_path / "real"
    assert len(os.listdir(tmp_path)) == 3


@pytest.mark.parametrize(
    ("name", "safe", "on_windows"),
    [
        ("a.txt", "a.txt", "a.txt"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("..\\..\\evil.exe", "evil.exe", "evil.exe"),
        ("/", "unnamed", "unnamed"),
        ("..", "unnamed", "unnamed"),
        ("", "unnamed", "unnamed"),
        ("a\n\x1b[31mb", "a__[31mb", "a__[31mb"),
        ("txt.\u202egnp.exe", "txt._gnp.exe", "txt._gnp.exe"),
        ("a\ud800b", "a_b", "a_b"),
        ("CON", "CON", "_CON"),
        ("nul.txt", "nul.txt", "_nul.txt"),
        ("com1 .tar.gz", "com1 .tar.gz", "_com1 .tar.gz"),
        ("console", "console", "console"),
        ("a:b?.txt", "a:b?.txt", "a_b_.txt"),
        ("dots. . ", "dots. . ", "dots"),
        (".bashrc", ".bashrc", ".bashrc"),
        ("x" * 255 + ".tar", "x" * 251 + ".tar", "x" * 251 + ".tar"),
        ("界" * 100 + ".txt", "界" * 83 + ".txt", "界" * 83 + ".txt"),
    ],
)
def test_names_from_the_api_are_made_safe(name: str, safe: str, on_windows: str) -> None:
    assert safe_name(name, windows=False) == safe
    assert safe_name(name, windows=True) == on_windows
    assert len(safe.encode()) <= 255


def test_a_name_that_would_leave_the_directory(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(b"content", "a")
    files_server.tamper = lambda line, answer: {
        **answer,
        "file": {**answer["file"], "name": "../../escaped"},
    }
    (tmp_path / "sub").mkdir()

    done = person.files.download(file["file_id"], tmp_path / "sub")

    assert done.path == tmp_path / "sub" / "escaped"


def test_a_long_name_leaves_room_for_that_of_the_partial_file(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(b"content", "界" * 85)

    done = person.files.download(file["file_id"], tmp_path)

    assert done.path == tmp_path / ("界" * 85)


def test_progress_in_the_callers_thread(files_server: FilesService, tmp_path: Path) -> None:
    file = files_server.add(bytes_of(9 * RANGE))
    told: list[tuple[int, int]] = []
    threads: set[int] = set()

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        threads.add(threading.get_ident())

    with wideload.Client(files_server.url, token=TOKEN) as person:
        person.files.download(file["file_id"], tmp_path, progress=progress)

    assert told[0] == (0, 9 * RANGE)
    assert told[-1] == (9 * RANGE, 9 * RANGE)
    assert threads == {threading.get_ident()}


def _no_links(*paths: Any) -> None:
    raise PermissionError(1, "Operation not permitted")
