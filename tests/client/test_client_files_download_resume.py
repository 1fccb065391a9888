"""Downloads that are interrupted, paused or cancelled, and resumed."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import wideload
from tests.client.transfer_samples import RANGE, bytes_of
from tests.fake_aws.files import MIB, TOKEN, FilesService
from tests.fake_aws.messages import Fault, Seen
from wideload._files import download, partial_file
from wideload._files.models import FileInfo
from wideload._files.partial_file import PartialFile

pytestmark = pytest.mark.usefixtures("small_ranges")


_GET = "GET /s3/"


def _stop_after(server: FilesService, ranges: int) -> None:
    def during_get(seen: Seen, at: int) -> None:
        if len(server.requests(_GET)) > ranges:
            server.fail(_GET, *[Fault(404)] * 9)

    server.s3.during_get = during_get


def _interrupted(person: wideload.Client, server: FilesService, folder: Path, ranges: int) -> str:
    """Begin a download of 9 ranges, of which so many come; the file's id."""
    file = server.add(bytes_of(9 * RANGE), "a.bin")
    _stop_after(server, ranges - 1)
    with pytest.raises(wideload.UploadError):
        person.files.download(file["file_id"], folder, parallel=1)
    server.faults.clear()
    server.s3.during_get = lambda seen, at: None
    assert os.listdir(folder) == [f".a.bin.{file['file_id']}.part"]
    return str(file["file_id"])


def test_an_interrupted_download_is_resumed(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
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
    person: wideload.Client, files_server: FilesService, tmp_path: Path, damage: str
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
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file_id = _interrupted(person, files_server, tmp_path, 4)
    (path,) = tmp_path.iterdir()
    state = path.read_bytes()
    path.write_bytes(state.replace(b'"', b"'"))  # another ETag

    done = person.files.download(file_id, tmp_path)

    assert done.path is not None
    assert done.path.read_bytes() == bytes_of(9 * RANGE)


def test_a_partial_file_with_another_name_is_left_alone(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file_id = _interrupted(person, files_server, tmp_path, 4)
    (path,) = tmp_path.iterdir()
    os.link(path, tmp_path / "mine")
    before = (tmp_path / "mine").read_bytes()

    person.files.download(file_id, tmp_path)

    assert (tmp_path / "mine").read_bytes() == before


def test_two_downloads_to_the_same_place(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(3 * RANGE)
    file = files_server.add(content, "a")
    errors: list[BaseException] = []

    def second(seen: Seen, at: int) -> None:
        files_server.s3.during_get = lambda seen, at: None
        with wideload.Client(files_server.url, token=TOKEN) as other:
            try:
                other.files.download(file["file_id"], tmp_path)
            except BlockingIOError as error:
                errors.append(error)

    files_server.s3.during_get = second

    person.files.download(file["file_id"], tmp_path)

    assert (tmp_path / "a").read_bytes() == content
    assert "under way" in str(errors[0])
    assert os.listdir(tmp_path) == ["a"]


def test_cancelled_under_way(files_server: FilesService, tmp_path: Path) -> None:
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
    files_server: FilesService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to_path: bool
) -> None:
    monkeypatch.setattr(partial_file, "_SMALLEST_RANGE", MIB)
    monkeypatch.setattr(download, "_STREAM_RANGE", MIB)
    file = files_server.add(content := bytes_of(20 * MIB))
    cancel = wideload.Cancel()
    asked: list[int] = []
    target = io.BytesIO()

    def pause() -> None:
        time.sleep(0.2)
        before = len(files_server.requests(_GET))
        time.sleep(0.2)
        asked.append(len(files_server.requests(_GET)) - before)
        cancel.resume()

    def during_get(seen: Seen, at: int) -> None:
        if len(files_server.requests(_GET)) >= 8 and not cancel.paused and not asked:
            cancel.pause()
            threading.Thread(target=pause).start()

    files_server.s3.during_get = during_get

    with wideload.Client(files_server.url, token=TOKEN) as person:
        person.files.download(file["file_id"], tmp_path / "a" if to_path else target, cancel=cancel)

    assert asked[0] == 0
    assert len(files_server.requests(_GET)) > 20  # the connections were given up
    assert ((tmp_path / "a").read_bytes() if to_path else target.getvalue()) == content


def _hold_from(server: FilesService, number: int) -> tuple[threading.Event, threading.Event]:
    """Have the server answer the download's requests from this one on only when it may."""
    reached, go_on = threading.Event(), threading.Event()

    def hold(seen: Seen, at: int) -> None:
        if any(one is seen for one in server.requests(_GET)[number - 1 :]):
            reached.set()
            go_on.wait(120)

    server.s3.during_get = hold
    return reached, go_on


_SCRIPT = """
import sys, wideload
from wideload._files import partial_file
partial_file._SMALLEST_RANGE = 1024**2
url, token, file_id, folder = sys.argv[1:]
with wideload.Client(url, token=token) as client:
    print(client.files.download(file_id, folder).resumed_bytes)
"""


def _spawn(server: FilesService, file_id: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, server.url, TOKEN, file_id, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_it_goes_on_until_it_is_whole(
    files_server: FilesService, tmp_path: Path, how: signal.Signals
) -> None:
    content = bytes_of(13 * MIB)  # 13 ranges, which are large enough to be interrupted
    file = files_server.add(content, "a.bin")

    for _ in range(2):
        reached, ended = _hold_from(files_server, len(files_server.requests(_GET)) + 6)
        process = _spawn(files_server, file["file_id"], tmp_path)
        assert reached.wait(60)
        process.send_signal(how)
        process.communicate(timeout=60)  # long before the server goes on
        ended.set()
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
        made.keep_etag('"etag"')
        made.keep(made.ranges - 1)
        made.keep(7)
    with PartialFile(tmp_path / "a", huge) as again:
        assert (again.present, again.etag) == ({7, made.ranges - 1}, '"etag"')
