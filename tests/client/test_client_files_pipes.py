"""Pipes and other sources that can be read only once."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import pytest

import wideload
from tests.client.conftest import Clock
from tests.client.running import sha256
from tests.client.transfer_samples import PART, bytes_of, check_nothing_is_stored
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.messages import Fault, Seen, s3_error
from wideload._files import part_queue, pipe
from wideload._files.cancel import Cancel
from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import PartRule
from wideload._files.pipe import Pipe

MANY = 20 * PART + 1
RULE = PartRule(one_put=4 * PART, smallest_part=PART)
_CREATE = "POST /stage/files"
_PUT = "PUT /s3/"


class Stream:
    """A source that gives its bytes once, 10,000 at most at a time."""

    def __init__(self, content: bytes) -> None:
        self.given = 0
        self._file = io.BytesIO(content)

    def read(self, amount: int) -> bytes:
        block = self._file.read(min(amount, 10_000))
        self.given += len(block)
        return block


def _stream(content: bytes) -> IO[bytes]:
    return cast("IO[bytes]", Stream(content))


@pytest.fixture
def person(files_server: FilesService, clock: Clock) -> Iterator[wideload.Client]:
    files_server.one_put = 4 * PART
    with wideload.Client(
        files_server.url, token=TOKEN, _pacing=clock.pacing(), _part_rule=RULE
    ) as made:
        yield made


@pytest.mark.parametrize("size", [0, 1, 4 * PART])
def test_a_small_one_is_a_file_like_any_other(
    person: wideload.Client, files_server: FilesService, size: int
) -> None:
    content = bytes_of(size)

    done = person.files.upload(_stream(content), name="a")

    assert _announced(files_server) == {"name": "a", "size": size, "sha256": sha256(content)}
    assert files_server.content(done.file.file_id) == content


@pytest.mark.parametrize("size", [4 * PART + 1, 8 * PART, MANY])
@pytest.mark.parametrize("parallel", [1, 4])
def test_a_large_one_is_sent_as_it_comes(
    person: wideload.Client, files_server: FilesService, size: int, parallel: int
) -> None:
    content = bytes_of(size)
    told: list[tuple[int, int]] = []

    done = person.files.upload(
        _stream(content), name="a", parallel=parallel, progress=lambda *both: told.append(both)
    )

    assert _announced(files_server) == {"name": "a", "first_sha256": sha256(content[:PART])}
    assert files_server.content(done.file.file_id) == content
    assert (done.file.size, done.file.sha256) == (size, sha256(content))
    assert (done.bytes_sent, done.resumed_bytes, done.duplicate) == (size, 0, False)
    assert files_server.s3.most_at_once <= parallel
    assert told[-1] == (size, size)
    assert all(sent <= read for sent, read in told)


def test_a_named_pipe_is_sent_as_it_comes(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    path = tmp_path / "pipe.bin"
    os.mkfifo(path)
    put = threading.Event()
    files_server.s3.during_put = lambda seen, count: put.set()

    def write() -> None:
        with open(path, "wb") as sink:
            sink.write(content[: 6 * PART])
            sink.flush()
            assert put.wait(60)  # a part is sent before the last has come
            sink.write(content[6 * PART :])

    writer = threading.Thread(target=write)
    writer.start()
    done = person.files.upload(path)
    writer.join()

    assert files_server.content(done.file.file_id) == content
    assert done.file.name == "pipe.bin"


def test_only_the_parts_that_are_not_sent_are_held(
    person: wideload.Client, files_server: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_queue, "_AHEAD", 6 * PART)
    content = bytes_of(60 * PART)
    source = Stream(content)
    ahead: list[int] = []
    held: list[int] = []
    spool = pipe.tempfile.TemporaryFile(buffering=0)
    monkeypatch.setattr(pipe.tempfile, "TemporaryFile", lambda **options: spool)

    def during_put(seen: Seen, count: int) -> None:
        if count == PART:
            ahead.append(source.given - (len(files_server.requests(_PUT)) - 1) * PART)
            held.append(os.fstat(spool.fileno()).st_size)

    files_server.s3.during_put = during_put

    done = person.files.upload(cast("IO[bytes]", source), name="a", parallel=2)

    assert files_server.content(done.file.file_id) == content
    # Those that wait or are being sent, and the one that is being read.
    assert max(ahead) <= (6 + 1 + 2) * PART
    assert max(held) <= (6 + 1) * PART


def test_a_duplicate_is_found_when_it_has_been_sent(
    person: wideload.Client, files_server: FilesService
) -> None:
    content = bytes_of(MANY)
    first = person.files.upload(io.BytesIO(content), name="a")

    again = person.files.upload(_stream(content), name="b")

    assert (again.duplicate, again.file.name, again.bytes_sent) == (True, "b", MANY)
    assert again.file.sha256 == first.file.sha256
    assert (len(files_server.files), len(files_server.s3.objects)) == (2, 1)


def test_bytes_that_were_damaged_on_the_way_are_sent_again(
    person: wideload.Client, files_server: FilesService
) -> None:
    content = bytes_of(MANY)
    files_server.fail(_PUT, s3_error(400, "BadDigest"), s3_error(503, "SlowDown"))

    done = person.files.upload(_stream(content), name="a")

    assert files_server.content(done.file.file_id) == content
    assert done.bytes_sent == MANY + 2 * PART


@pytest.mark.parametrize("fault", [s3_error(400, "InvalidRequest"), s3_error(404, "NoSuchUpload")])
def test_an_upload_that_fails_is_aborted(
    person: wideload.Client, files_server: FilesService, fault: Fault
) -> None:
    files_server.fail(_PUT, fault)

    with pytest.raises(wideload.UploadError) as raised:
        person.files.upload(_stream(bytes_of(MANY)), name="a")

    assert raised.value.upload_id is None
    check_nothing_is_stored(files_server)


def test_a_part_that_s3_lost_ends_it(person: wideload.Client, files_server: FilesService) -> None:
    lost: list[int] = []

    def during_put(seen: Seen, count: int) -> None:
        (multipart,) = files_server.bucket.multiparts.values()
        if len(multipart.parts) == 10 and not lost:
            lost.append(min(multipart.parts))
            del multipart.parts[min(multipart.parts)]

    files_server.s3.during_put = during_put

    with pytest.raises(wideload.ConflictError, match="parts_missing"):
        person.files.upload(_stream(bytes_of(MANY)), name="a")

    assert lost
    check_nothing_is_stored(files_server)


def test_a_cancelled_one_is_aborted_though_nothing_comes(
    person: wideload.Client, files_server: FilesService
) -> None:
    cancel = wideload.Cancel()
    reading, writing = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError):  # it isn't read to its end
            os.write(writing, bytes_of(6 * PART))

    writer = threading.Thread(target=write)
    files_server.s3.during_put = lambda seen, count: cancel.cancel()

    with open(reading, "rb", buffering=0) as source:
        writer.start()
        with pytest.raises(wideload.CancelledError, match="nothing of it is kept") as raised:
            person.files.upload(source, name="a", cancel=cancel)  # the pipe stays open
    writer.join()
    os.close(writing)

    assert raised.value.upload_id is None
    check_nothing_is_stored(files_server)


def test_an_error_of_the_source_comes_out(
    person: wideload.Client, files_server: FilesService
) -> None:
    class Broken(Stream):
        def read(self, amount: int) -> bytes:
            if self.given >= 9 * PART:
                raise OSError(5, "the tape is torn")
            return super().read(amount)

    with pytest.raises(OSError, match="the tape is torn"):
        person.files.upload(cast("IO[bytes]", Broken(bytes_of(MANY))), name="a")

    check_nothing_is_stored(files_server)


def test_a_quota_that_it_outgrows_ends_it(
    person: wideload.Client, files_server: FilesService
) -> None:
    files_server.quota = 10 * PART

    with pytest.raises(wideload.QuotaError) as raised:
        person.files.upload(_stream(bytes_of(MANY)), name="a")

    assert raised.value.code == "quota_exceeded"
    check_nothing_is_stored(files_server)


def test_the_expected_size_is_told(person: wideload.Client, files_server: FilesService) -> None:
    content = bytes_of(MANY)

    done = person.files.upload(_stream(content), name="a", expected_size=10**12)

    assert _announced(files_server)["expected_size"] == 10**12
    assert files_server.content(done.file.file_id) == content
    assert len(files_server.requests(_PUT)) == 1  # the API chose parts of 96 MiB


def test_a_file_has_no_expected_size(person: wideload.Client, files_server: FilesService) -> None:
    person.files.upload(io.BytesIO(bytes_of(MANY)), name="a", expected_size=10**12)

    assert "expected_size" not in _announced(files_server)
    for wrong in (-1, 0, 1.5):
        with pytest.raises(wideload.ConfigurationError, match="expected_size"):
            person.files.upload(io.BytesIO(b"a"), name="a", expected_size=cast(int, wrong))


def test_more_than_10_000_parts_need_an_expected_size(
    person: wideload.Client, files_server: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "_MOST_PARTS", 12)

    with pytest.raises(wideload.DocumentError, match="expected_size"):
        person.files.upload(_stream(bytes_of(MANY)), name="a")
    check_nothing_is_stored(files_server)

    person.files.upload(_stream(bytes_of(12 * PART)), name="a")


@pytest.mark.parametrize("enough", [True, False])
def test_a_deployment_that_needs_the_size_gets_a_copy(
    person: wideload.Client, files_server: FilesService, enough: bool
) -> None:
    content = bytes_of(MANY)
    error = {"code": "invalid_request", "title": "x", "status": 400, "detail": "no size"}
    body = {**error, "type": "x", "request_id": "req-1", "files": [{"error": error}]}
    files_server.fail(_CREATE, Fault(400, json.dumps(body).encode()))

    if enough:
        done = person.files.upload(_stream(content), name="a", spool_limit=MANY)

        assert _announced(files_server) == {"name": "a", "size": MANY, "sha256": sha256(content)}
        assert files_server.content(done.file.file_id) == content
    else:
        with pytest.raises(wideload.DocumentError, match=f"{MANY - 1} bytes that spool_limit"):
            person.files.upload(_stream(content), name="a", spool_limit=MANY - 1)
        assert files_server.uploads == {}


def test_several_at_once(person: wideload.Client, files_server: FilesService) -> None:
    contents = [bytes_of(MANY), bytes_of(MANY), bytes_of(10, seed=3)]
    sources = [_stream(content) for content in contents]
    for number, source in enumerate(sources):
        cast(Any, source).name = f"{number}"

    outcomes = {outcome.index: outcome.result for outcome in person.files.upload_many(sources)}

    for index, content in enumerate(contents):
        result = outcomes[index]
        assert result is not None
        assert files_server.content(result.file.file_id) == content


def test_an_upload_of_a_pipe_has_no_size_yet(
    person: wideload.Client, files_server: FilesService
) -> None:
    shown: list[list[wideload.UploadInfo]] = []

    def during_put(seen: Seen, count: int) -> None:
        # Several parts are sent at once.
        if not shown:
            with wideload.Client(files_server.url, token=TOKEN) as another:
                shown.append(list(another.files.uploads()))

    files_server.s3.during_put = during_put

    person.files.upload(_stream(bytes_of(MANY)), name="a")

    (upload,) = shown[0]
    assert (upload.size, upload.part_count, upload.sha256) == (None, None, None)
    assert upload.part_size == PART


def test_slots_are_used_again() -> None:
    content = bytes_of(10 * PART + 7)
    held = Pipe(_stream(content), close=lambda: None)
    scope = CancelScope(Cancel(), Clock().pacing())
    view = memoryview(bytearray(PART))
    assert held.spool(2 * PART + 5, scope)
    held.divide(PART)

    for number in range(11):
        at, end = number * PART, min(len(content), (number + 1) * PART)
        while at < end:
            count = held.read_next(at, view[: end - at])
            assert bytes(view[:count]) == content[at : at + count]
            at += count
        if number >= 2:
            earlier = (number - 2) * PART
            held.read_into(earlier, view)
            assert bytes(view) == content[earlier:][:PART]
            held.release(earlier)

    assert held.read_next(10 * PART + 7, view) == 0
    assert held.size == len(content)
    assert os.fstat(held._spool.fileno()).st_size <= 3 * PART
    held.close()


def _announced(server: FilesService) -> dict[str, Any]:
    """The file of the last request that announces one."""
    (file,) = json.loads(
        [seen for seen in server.requests(_CREATE) if seen.path == "/stage/files"][-1].body
    )["files"]
    del file["content_type"]
    return cast("dict[str, Any]", file)
