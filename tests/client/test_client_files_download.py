"""Downloading: where it goes, what it checks, what it leaves, and how it goes on."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.fake_files import HALF, MIB, TOKEN, FakeFiles
from tests.client.fake_server import DROP, Fault, Seen, problem, s3_error
from tests.client.test_client_files_upload import bytes_of
from wideload._files import download, partial
from wideload._files.models import FileInfo
from wideload._files.names import safe_name
from wideload._files.partial import PartialFile

RANGE = 64 * 1024
_GET = "GET /s3/"
_ASK = "GET /stage/files/"


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "_SMALLEST_RANGE", RANGE)
    monkeypatch.setattr(partial, "_MIB", 1024)
    monkeypatch.setattr(download, "_STREAM_RANGE", RANGE)


@pytest.mark.parametrize("size", [0, 1, RANGE, RANGE + 1, 9 * RANGE + 5])
@pytest.mark.parametrize("parallel", [1, 4])
def test_to_a_path(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, size: int, parallel: int
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
    files_server: FakeFiles,
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
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file = files_server.add(b"content")

    with pytest.raises(NotADirectoryError):
        person.files.download(file["file_id"], f"{tmp_path}/nowhere/")
    with pytest.raises(FileNotFoundError):
        person.files.download(file["file_id"], tmp_path / "nowhere" / "a")


@pytest.mark.parametrize("size", [0, 10, 20 * RANGE + 1])
@pytest.mark.parametrize("parallel", [1, 4])
def test_to_a_file_object_in_order(
    person: wideload.Client, files_server: FakeFiles, size: int, parallel: int
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
    files_server: FakeFiles,
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
def test_what_nothing_can_be_written_to(
    person: wideload.Client, files_server: FakeFiles, to: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="binary file object"):
        person.files.download("a", to)

    assert files_server.seen == []


def test_a_file_that_exists_is_never_replaced(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
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
    files_server: FakeFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    links: bool,
) -> None:
    file = files_server.add(b"content", "a.txt")
    if links:  # it comes at the last moment, even
        monkeypatch.setattr(partial, "refuse_existing", lambda target, overwrite: None)
    files_server.s3.during_get = lambda seen, at: (tmp_path / "a.txt").write_bytes(b"mine")
    if not links:
        monkeypatch.setattr(os, "link", _no_links)

    with pytest.raises(FileExistsError):
        person.files.download(file["file_id"], tmp_path)

    assert (tmp_path / "a.txt").read_bytes() == b"mine"


def test_where_there_are_no_hard_links(
    person: wideload.Client,
    files_server: FakeFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = files_server.add(b"content", "a.txt")
    monkeypatch.setattr(os, "link", _no_links)

    person.files.download(file["file_id"], tmp_path)

    assert (tmp_path / "a.txt").read_bytes() == b"content"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_file_that_exists_is_replaced_if_that_is_wanted(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
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


def test_what_is_no_regular_file_is_not_replaced(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file = files_server.add(b"content")
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(FileExistsError, match="no regular file"):
        person.files.download(file["file_id"], tmp_path / "pipe", overwrite=True)

    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


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
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
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
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file = files_server.add(b"content", "界" * 85)

    done = person.files.download(file["file_id"], tmp_path)

    assert done.path == tmp_path / ("界" * 85)


def test_progress_in_the_callers_thread(files_server: FakeFiles, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("to_path", [True, False])
@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (_ASK, Fault(503)),
        (_ASK, DROP),
        (_GET, DROP),
        (_GET, HALF),
        (_GET, s3_error(503, "SlowDown")),
        (_GET, s3_error(500, "InternalError")),
        (_GET, s3_error(403, "AccessDenied")),
        (_GET, s3_error(400, "ExpiredToken")),
    ],
)
@pytest.mark.parametrize("times", [1, 3])
def test_trouble_that_passes(
    person: wideload.Client,
    files_server: FakeFiles,
    tmp_path: Path,
    what: str,
    fault: Fault,
    times: int,
    to_path: bool,
) -> None:
    file = files_server.add(content := bytes_of(6 * RANGE))
    files_server.fail(what, *[fault] * times)
    target = io.BytesIO()

    done = person.files.download(file["file_id"], tmp_path / "a" if to_path else target)

    assert ((tmp_path / "a").read_bytes() if to_path else target.getvalue()) == content
    assert done.bytes_received == len(content)  # nothing came twice
    assert not any(files_server.faults.values())


def test_a_connection_that_breaks_goes_on_where_it_broke(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file = files_server.add(content := bytes_of(RANGE))
    files_server.fail(_GET, *[HALF] * 9)  # each of them gets on, so none is one too many

    done = person.files.download(file["file_id"], tmp_path)

    asked = [seen.headers["range"] for seen in files_server.requests(_GET)]
    assert asked[:3] == ["bytes=0-65535", "bytes=32768-65535", "bytes=49152-65535"]
    assert done.path is not None
    assert done.path.read_bytes() == content


def test_a_url_that_expires_under_way_is_asked_for_again(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file = files_server.add(content := bytes_of(20 * RANGE))

    def expire(seen: Seen, at: int) -> None:
        if len(files_server.requests(_GET)) in {3, 9}:
            files_server.s3.hours += 2

    files_server.s3.during_get = expire

    done = person.files.download(file["file_id"], tmp_path, parallel=2)

    assert done.path is not None
    assert done.path.read_bytes() == content
    assert 2 <= len(files_server.requests(_ASK)) <= 6


@pytest.mark.parametrize("to_path", [True, False])
def test_a_url_that_is_refused_for_good(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, to_path: bool
) -> None:
    file = files_server.add(bytes_of(100))
    files_server.fail(_GET, *[s3_error(403, "AccessDenied")] * 100)

    with pytest.raises(wideload.UploadError, match="download") as raised:
        person.files.download(file["file_id"], tmp_path / "a" if to_path else io.BytesIO())

    assert len(files_server.requests(_GET)) == 3
    assert raised.value.file_id == file["file_id"]
    for error in _chain(raised.value):
        shown = f"{error!r} {error} {vars(error)}"
        assert TOKEN not in shown
        assert "5ecret" not in shown


def test_no_such_file(person: wideload.Client, files_server: FakeFiles, tmp_path: Path) -> None:
    with pytest.raises(wideload.NotFoundError) as raised:
        person.files.download("01JDF000000000000000000009", tmp_path)

    assert (raised.value.code, raised.value.file_id) == (
        "unknown_file",
        "01JDF000000000000000000009",
    )
    assert os.listdir(tmp_path) == []


def test_a_corrupt_file(person: wideload.Client, files_server: FakeFiles, tmp_path: Path) -> None:
    file = files_server.add(b"content", corrupt=True)

    with pytest.raises(wideload.ConflictError) as raised:
        person.files.download(file["file_id"], tmp_path)

    assert raised.value.code == "corrupt"


@pytest.mark.parametrize("size", [100, 5 * RANGE])
def test_content_that_is_not_what_was_recorded(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, size: int
) -> None:
    file = files_server.add(bytes_of(size))
    files_server.s3.objects[f"files/owner/{file['file_id']}"] = bytes_of(size, seed=2)

    with pytest.raises(wideload.IntegrityError, match="SHA-256") as raised:
        person.files.download(file["file_id"], tmp_path)
    assert os.listdir(tmp_path) == []
    assert raised.value.file_id == file["file_id"]
    assert len(files_server.requests(_GET)) == -(-size // RANGE)

    with pytest.raises(wideload.IntegrityError, match="SHA-256"):
        person.files.download(file["file_id"], io.BytesIO())


def test_content_of_another_size(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file = files_server.add(bytes_of(3 * RANGE))
    files_server.s3.objects[f"files/owner/{file['file_id']}"] = bytes_of(3 * RANGE + 1)

    with pytest.raises(wideload.IntegrityError, match=f"{3 * RANGE} bytes by its record"):
        person.files.download(file["file_id"], tmp_path)


@pytest.mark.parametrize("knows_conditions", [True, False])
def test_content_that_is_replaced_under_way(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, knows_conditions: bool
) -> None:
    files_server.s3.knows_conditions = knows_conditions
    file = files_server.add(bytes_of(9 * RANGE))
    key = f"files/owner/{file['file_id']}"

    def replace(seen: Seen, at: int) -> None:
        files_server.s3.objects[key] = bytes_of(9 * RANGE, len(files_server.seen))

    files_server.s3.during_get = replace

    with pytest.raises(wideload.IntegrityError, match="replaced"):
        person.files.download(file["file_id"], tmp_path, parallel=1)
    with pytest.raises(wideload.IntegrityError, match="replaced"):
        person.files.download(file["file_id"], io.BytesIO(), parallel=2)
    assert os.listdir(tmp_path) == []


def test_a_proxy_that_ignores_ranges(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file = files_server.add(bytes_of(100))
    files_server.fail(_GET, Fault(200, bytes_of(100)))

    with pytest.raises(wideload.UploadError, match="proxy"):
        person.files.download(file["file_id"], tmp_path)


def test_a_disk_that_is_full(
    person: wideload.Client,
    files_server: FakeFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = files_server.add(bytes_of(5 * RANGE))

    def full(self: PartialFile, offset: int, block: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PartialFile, "write", full)

    with pytest.raises(OSError, match="No space left"):
        person.files.download(file["file_id"], tmp_path)


# Resuming


def _stop_after(server: FakeFiles, ranges: int) -> None:
    def during_get(seen: Seen, at: int) -> None:
        if len(server.requests(_GET)) > ranges:
            server.fail(_GET, *[Fault(404)] * 9)

    server.s3.during_get = during_get


def _interrupted(person: wideload.Client, server: FakeFiles, folder: Path, ranges: int) -> str:
    """Begin a download of 9 ranges, of which so many come; the file's id."""
    file = server.add(bytes_of(9 * RANGE), "a.bin")
    _stop_after(server, ranges - 1)
    with pytest.raises(wideload.UploadError):
        person.files.download(file["file_id"], folder, parallel=1)
    server.faults.clear()
    server.s3.during_get = lambda seen, at: None
    assert os.listdir(folder) == [f".a.bin.{file['file_id']}.part"]
    return str(file["file_id"])


def test_what_was_interrupted_goes_on(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file_id = _interrupted(person, files_server, tmp_path, 4)
    del files_server.seen[:]
    told: list[int] = []

    done = person.files.download(
        file_id, tmp_path, progress=lambda count, total: told.append(count)
    )

    assert done.path is not None
    assert done.path.read_bytes() == bytes_of(9 * RANGE)
    assert done.resumed_bytes == told[0] == 4 * RANGE
    assert done.bytes_received == 5 * RANGE
    gets = files_server.requests(_GET)
    assert len(gets) == 5
    assert all("if-match" in seen.headers for seen in gets)
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("damage", ["content", "state", "short", "long", "other"])
def test_a_partial_file_that_is_damaged_is_begun_anew(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, damage: str
) -> None:
    file_id = _interrupted(person, files_server, tmp_path, 4)
    (path,) = tmp_path.iterdir()
    held = bytearray(path.read_bytes())
    if damage == "content":
        held[RANGE] ^= 1
    elif damage == "state":
        held[9 * RANGE + 20] ^= 1
    elif damage == "short":
        held = held[:-2]
    elif damage == "long":
        held += b"x"
    else:
        held = bytearray(b"something else")
    path.write_bytes(held)

    done = person.files.download(file_id, tmp_path)

    assert done.path is not None
    assert done.path.read_bytes() == bytes_of(9 * RANGE)
    assert done.resumed_bytes == 0


def test_an_object_that_was_replaced_since_is_begun_anew(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file_id = _interrupted(person, files_server, tmp_path, 4)
    (path,) = tmp_path.iterdir()
    state = path.read_bytes()
    path.write_bytes(state.replace(b'"', b"'"))  # another ETag

    done = person.files.download(file_id, tmp_path)

    assert done.path is not None
    assert done.path.read_bytes() == bytes_of(9 * RANGE)


def test_a_partial_file_with_another_name_is_left_alone(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file_id = _interrupted(person, files_server, tmp_path, 4)
    (path,) = tmp_path.iterdir()
    os.link(path, tmp_path / "mine")
    before = (tmp_path / "mine").read_bytes()

    person.files.download(file_id, tmp_path)

    assert (tmp_path / "mine").read_bytes() == before


def test_a_link_in_place_of_the_partial_file_is_not_followed(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    file = files_server.add(b"content", "a")
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / f".a.{file['file_id']}.part").symlink_to("victim")

    with pytest.raises(OSError, match=r"part"):
        person.files.download(file["file_id"], tmp_path)

    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_two_downloads_to_the_same_place(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    content = bytes_of(3 * RANGE)
    file = files_server.add(content, "a")
    errors: list[BaseException] = []

    def second(seen: Seen, at: int) -> None:
        files_server.s3.during_get = lambda seen, at: None
        with wideload.Client(files_server.url, token=TOKEN) as other:
            try:
                other.files.download(file["file_id"], tmp_path)
            except FileExistsError as error:
                errors.append(error)

    files_server.s3.during_get = second

    person.files.download(file["file_id"], tmp_path)

    assert (tmp_path / "a").read_bytes() == content
    assert "under way" in str(errors[0])
    assert os.listdir(tmp_path) == ["a"]


def test_cancelled_under_way(files_server: FakeFiles, tmp_path: Path) -> None:
    file = files_server.add(content := bytes_of(30 * RANGE))
    cancel = wideload.Cancel()

    def during_get(seen: Seen, at: int) -> None:
        if len(files_server.requests(_GET)) >= 8:
            cancel.cancel()

    files_server.s3.during_get = during_get

    with wideload.Client(files_server.url, token=TOKEN) as person:
        for to in (tmp_path, io.BytesIO()):
            with pytest.raises(wideload.CancelledError) as raised:
                person.files.download(file["file_id"], to, cancel=cancel)
            assert raised.value.file_id == file["file_id"]

        done = person.files.download(file["file_id"], tmp_path)

    assert done.resumed_bytes > 0
    assert done.path is not None
    assert done.path.read_bytes() == content


@pytest.mark.parametrize("to_path", [True, False])
def test_paused_nothing_comes_until_it_is_resumed(
    files_server: FakeFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to_path: bool
) -> None:
    monkeypatch.setattr(partial, "_SMALLEST_RANGE", MIB)
    monkeypatch.setattr(download, "_STREAM_RANGE", MIB)
    file = files_server.add(content := bytes_of(40 * MIB))
    cancel = wideload.Cancel()
    asked: list[int] = []
    target = io.BytesIO()

    def pause() -> None:
        time.sleep(0.4)
        before = len(files_server.requests(_GET))
        time.sleep(0.4)
        asked.append(len(files_server.requests(_GET)) - before)
        cancel.resume()

    def during_get(seen: Seen, at: int) -> None:
        time.sleep(0.002)
        if len(files_server.requests(_GET)) >= 8 and not cancel.paused and not asked:
            cancel.pause()
            threading.Thread(target=pause).start()

    files_server.s3.during_get = during_get

    with wideload.Client(files_server.url, token=TOKEN) as person:
        person.files.download(file["file_id"], tmp_path / "a" if to_path else target, cancel=cancel)

    assert asked[0] == 0
    assert len(files_server.requests(_GET)) > 40  # the connections were given up
    assert ((tmp_path / "a").read_bytes() if to_path else target.getvalue()) == content


_SCRIPT = """
import sys, wideload
url, token, file_id, folder = sys.argv[1:]
with wideload.Client(url, token=token) as client:
    print(client.files.download(file_id, folder).resumed_bytes)
"""


def _spawn(server: FakeFiles, file_id: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, server.url, TOKEN, file_id, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_it_goes_on_until_it_is_whole(
    files_server: FakeFiles, tmp_path: Path, how: signal.Signals
) -> None:
    content = bytes_of(MIB) * 100  # ranges of 8 MiB, as they are without the fixture's change
    file = files_server.add(content, "a.bin")
    files_server.s3.during_get = lambda seen, at: time.sleep(0.001)
    chance = random.Random(3)

    for _ in range(2):
        process = _spawn(files_server, file["file_id"], tmp_path)
        target = len(files_server.requests(_GET)) + chance.randrange(5, 8)
        while len(files_server.requests(_GET)) < target and process.poll() is None:
            time.sleep(0.005)
        began = time.monotonic()
        process.send_signal(how)
        process.communicate()
        assert time.monotonic() - began < 5
        assert not (tmp_path / "a.bin").exists()
    output, errors = _spawn(files_server, file["file_id"], tmp_path).communicate()

    assert int(output or -1) > 0, errors
    assert (tmp_path / "a.bin").read_bytes() == content
    assert os.listdir(tmp_path) == ["a.bin"]


def test_ranges_grow_so_that_they_stay_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    huge = FileInfo(
        file_id="01JDF000000000000000000001",
        name="a",
        size=100 * 1024**3 + 1,
        content_type="a/b",
        sha256="0" * 64,
        verified=True,
        created_at="2026-11-22T09:00:00.000Z",
    )

    with PartialFile(tmp_path / "a", huge) as made:
        assert made.range_size == 11 * MIB
        assert made.ranges <= 10_000
        made.name_etag('"etag"')
        made.keep(made.ranges - 1)
        made.keep(7)
    with PartialFile(tmp_path / "a", huge) as again:
        assert (again.there, again.etag) == ({7, made.ranges - 1}, '"etag"')


def test_two_requests_for_a_problem(person: wideload.Client, files_server: FakeFiles) -> None:
    files_server.fail(_ASK, problem(503, "unavailable", Retry_After="3"))
    file = files_server.add(b"content")

    target = io.BytesIO()
    person.files.download(file["file_id"], target)

    assert target.getvalue() == b"content"


def _no_links(*paths: Any) -> None:
    raise PermissionError(1, "Operation not permitted")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
