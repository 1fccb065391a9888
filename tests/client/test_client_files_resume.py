"""Uploads that are interrupted, paused or cancelled, and resumed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import MIB, TOKEN, FilesService
from tests.fake_aws.messages import Fault, Seen, s3_error
from wideload._files import part_upload

MANY = 12 * PART + 1
_PUT = "PUT /s3/"


def test_only_the_rest_is_sent(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    path = file_of(tmp_path, content)
    _after_parts(files_server, 5, lambda: files_server.fail(_PUT, *[Fault(400)] * 9))
    with pytest.raises(wideload.UploadError) as raised:
        person.files.upload(path, parallel=1)
    files_server.faults.clear()
    sent = files_server.s3.bytes_put
    told: list[int] = []

    done = person.files.upload(path, progress=lambda count, total: told.append(count))

    assert done.upload_id == raised.value.upload_id
    assert files_server.content(done.file.file_id) == content
    assert done.resumed_bytes == told[0] == 5 * PART
    assert done.bytes_sent == MANY - 5 * PART
    assert files_server.s3.bytes_put - sent == done.bytes_sent


def test_another_copy_of_the_same_content_goes_on_too(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    _after_parts(files_server, 3, lambda: files_server.fail(_PUT, *[Fault(400)] * 9))
    with pytest.raises(wideload.UploadError):
        person.files.upload(file_of(tmp_path, content), parallel=1)
    files_server.faults.clear()

    done = person.files.upload(file_of(tmp_path, content, "a copy.bin"))

    assert done.resumed_bytes == 3 * PART
    assert done.file.name == "a copy.bin"
    assert {file["name"] for file in files_server.files.values()} == {"film.bin", "a copy.bin"}


def test_an_object_that_is_there_needs_only_to_be_completed(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    path = file_of(tmp_path, bytes_of(1000))
    files_server.fail("POST /stage/files/uploads", *[Fault(400, b"{}")])
    with pytest.raises(wideload.FileRefusedError):
        person.files.upload(path)

    done = person.files.upload(path)

    assert (done.bytes_sent, done.resumed_bytes) == (0, 1000)
    assert len(files_server.requests(_PUT)) == 1


@pytest.mark.parametrize("size", [1, MANY])
def test_cancelled_before_it_began(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    cancel = wideload.Cancel()
    cancel.cancel()

    with pytest.raises(wideload.CancelledError) as raised:
        person.files.upload(file_of(tmp_path, bytes_of(size)), cancel=cancel)

    assert raised.value.upload_id is None
    assert files_server.seen == []


@pytest.mark.parametrize("size", [PART - 1, MANY])
def test_cancelled_under_way(files_server: FilesService, tmp_path: Path, size: int) -> None:
    content = bytes_of(size)
    path = file_of(tmp_path, content)
    cancel = wideload.Cancel()
    files_server.s3.during_put = lambda seen, count: cancel.cancel()

    with wideload.Client(files_server.url, token=TOKEN) as person:
        began = time.monotonic()
        with pytest.raises(wideload.CancelledError, match="goes on where it was") as raised:
            person.files.upload(path, cancel=cancel)
        assert time.monotonic() - began < 50
        files_server.s3.during_put = lambda seen, count: None
        assert repr(cancel) == "<wideload.Cancel cancelled>"

        done = person.files.upload(path)

    assert done.upload_id == raised.value.upload_id
    assert files_server.content(done.file.file_id) == content


def test_cancelling_ends_a_wait_for_the_next_attempt(
    files_server: FilesService, tmp_path: Path
) -> None:
    cancel = wideload.Cancel()
    slow = s3_error(503, "SlowDown", Retry_After="59")
    files_server.fail(_PUT, slow)
    threading.Timer(0.3, cancel.cancel).start()

    with wideload.Client(files_server.url, token=TOKEN) as person:
        began = time.monotonic()
        with pytest.raises(wideload.CancelledError):
            person.files.upload(file_of(tmp_path, bytes_of(10)), cancel=cancel)

    assert time.monotonic() - began < 50


@pytest.mark.parametrize("longest", [60.0, 0.1])
@pytest.mark.parametrize("parts", [1, 3])
def test_paused_nothing_moves_until_it_is_resumed(
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    parts: int,
    longest: float,
) -> None:
    content = bytes_of(MIB) * 24  # more than fits into the kernel's buffers
    files_server.one_put = len(content) // parts
    files_server.smallest_part = len(content) // parts
    monkeypatch.setattr(part_upload, "_LONGEST_PAUSE_CONNECTED", longest)
    cancel = wideload.Cancel()
    paused: list[bool] = []
    moved: list[int] = []

    def pause() -> None:
        cancel.pause()
        assert repr(cancel) == "<wideload.Cancel paused>"
        before = -1
        while before != files_server.s3.bytes_put:  # what was on its way arrives
            before = files_server.s3.bytes_put
            time.sleep(0.3)
        time.sleep(0.5)
        moved.append(files_server.s3.bytes_put - before)
        cancel.resume()

    def during_put(seen: Seen, count: int) -> None:
        time.sleep(0.001)
        if not paused:
            paused.append(True)
            threading.Thread(target=pause).start()

    files_server.s3.during_put = during_put

    with wideload.Client(files_server.url, token=TOKEN) as person:
        done = person.files.upload(file_of(tmp_path, content), cancel=cancel)

    assert moved == [0]
    assert repr(cancel) == "<wideload.Cancel going>"
    assert files_server.content(done.file.file_id) == content
    if longest == 60.0:
        assert done.bytes_sent == len(content)  # the connections were kept
    else:
        assert done.bytes_sent > len(content)


# Files of over 64 KiB are hashed while they are sent, in parts of 256 KiB.
_SCRIPT = """
import sys, wideload
from wideload._files.digest import PartRule
url, token, path = sys.argv[1:]
rule = PartRule(one_put=64 * 1024, smallest_part=256 * 1024)
with wideload.Client(url, token=token, _part_rule=rule) as client:
    print(client.files.upload(path, parallel=4).bytes_sent)
"""


def _spawn(server: FilesService, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, server.url, TOKEN, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_killed_five_times_it_ends_with_the_same_file(
    files_server: FilesService, tmp_path: Path
) -> None:
    files_server.smallest_part = part = 256 * 1024
    content = bytes_of(40 * part)
    path = file_of(tmp_path, content)
    files_server.s3.during_put = lambda seen, count: time.sleep(0.005)
    chance = random.Random(5)

    for kill in range(5):
        target = files_server.s3.bytes_put + chance.randrange(1, 5 * part)
        process = _spawn(files_server, path)
        while files_server.s3.bytes_put < target:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.002)
        process.kill()
        process.communicate()
        assert len(files_server.uploads) == 1, kill
    output, errors = _spawn(files_server, path).communicate()

    (file_id,) = files_server.files
    assert files_server.content(file_id) == content, errors
    sent = files_server.s3.bytes_put
    print(  # noqa: T201 - the figure is what is wanted
        f"sent {sent} bytes of {len(content)}, of which the last run {output.strip()}"
    )
    assert sent <= len(content) + 5 * 4 * part


@pytest.mark.parametrize("size", [48 * 1024, 4 * MIB])
def test_ctrl_c_ends_it_at_once_and_leaves_it_open(
    files_server: FilesService, tmp_path: Path, size: int
) -> None:
    reached = threading.Event()

    def during_put(seen: Seen, count: int) -> None:
        reached.set()
        time.sleep(0.2)

    files_server.s3.during_put = during_put
    process = _spawn(files_server, file_of(tmp_path, bytes_of(size)))
    assert reached.wait(120)

    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate()

    assert time.monotonic() - began < 50
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert [upload.state for upload in files_server.uploads.values()] == ["open"]


def test_ctrl_c_while_s3_is_silent(files_server: FilesService, tmp_path: Path) -> None:
    reached, leave = threading.Event(), threading.Event()

    def during_put(seen: Seen, count: int) -> None:
        reached.set()
        leave.wait(60)

    files_server.s3.during_put = during_put
    process = _spawn(files_server, file_of(tmp_path, bytes_of(4 * MIB)))
    assert reached.wait(120)

    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate()
    took = time.monotonic() - began
    leave.set()

    assert took < 50
    assert errors.rstrip().endswith("KeyboardInterrupt")


def _after_parts(server: FilesService, count: int, do: Callable[[], Any]) -> None:
    def during_put(seen: Seen, so_far: int) -> None:
        if so_far == PART and len(server.requests(_PUT)) == count:
            do()

    server.s3.during_put = during_put
