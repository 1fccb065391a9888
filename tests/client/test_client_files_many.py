"""Several files at once: announced together, sent in parallel, each with its own outcome."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

import wideload
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.messages import Fault, Seen, problem, s3_error
from wideload._files import upload_batch

_CREATE = "POST /stage/files"
_PUT = "PUT /s3/"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes longer to open files than a batch waits for them."""
    monkeypatch.setattr(upload_batch, "_LONGEST_DELAY", 60)


def _files(folder: Path, count: int, size: int = 1000) -> list[Path]:
    return [file_of(folder, bytes_of(size, seed), f"{seed}.bin") for seed in range(count)]


def _announced(server: FilesService) -> int:
    return server.api_requests.count(_CREATE)


@pytest.mark.parametrize(("count", "requests"), [(1, 1), (25, 1), (26, 2), (60, 3)])
def test_up_to_25_files_are_announced_in_one_request(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, count: int, requests: int
) -> None:
    paths = _files(tmp_path, count)

    outcomes = list(person.files.upload_many(paths))

    assert _announced(files_server) == requests
    assert sorted(outcome.index for outcome in outcomes) == list(range(count))
    for outcome in outcomes:
        assert outcome.source is paths[outcome.index]
        assert outcome.error is None
        assert outcome.result is not None
        content = files_server.content(outcome.result.file.file_id)
        assert content == paths[outcome.index].read_bytes()
        assert outcome.result.file.name == paths[outcome.index].name


def test_large_and_small_ones_share_the_connections(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    paths = [
        *_files(tmp_path, 6),
        *[file_of(tmp_path, bytes_of(6 * PART, seed), f"l{seed}") for seed in range(3)],
    ]
    files_server.s3.during_put = lambda seen, count: time.sleep(0.01)

    outcomes = list(person.files.upload_many(paths, parallel=3))

    assert all(outcome.result for outcome in outcomes)
    assert files_server.s3.most_at_once == 3
    for outcome in outcomes:
        assert outcome.result is not None
        content = files_server.content(outcome.result.file.file_id)
        assert content == paths[outcome.index].read_bytes()


class ChangingFile(io.BytesIO):
    """Has another beginning when it has been read to its end once, as a hash does."""

    name = "changing"

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer)
        if count and self.tell() == len(self.getbuffer()):
            self.getbuffer()[0] ^= 1
        return count


def test_one_that_fails_does_not_stop_the_others(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    changing = ChangingFile(bytes_of(5 * PART, 77))
    sources: list[Any] = [
        tmp_path / "nowhere",
        *_files(tmp_path, 3),
        io.BytesIO(b"no name"),
        b"no source",
        changing,
    ]

    ends = {outcome.index: outcome for outcome in person.files.upload_many(sources)}

    assert isinstance(ends[0].error, FileNotFoundError)
    assert isinstance(ends[4].error, wideload.ConfigurationError)
    assert isinstance(ends[5].error, wideload.ConfigurationError)
    assert isinstance(ends[6].error, wideload.FileChangedError)
    assert all(ends[index].result for index in (1, 2, 3))
    assert len(files_server.files) == 3


def test_one_that_the_api_refuses_does_not_stop_the_others(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.quota = 3500
    paths = [*_files(tmp_path, 3), file_of(tmp_path, bytes_of(3000), "large")]

    outcomes = {outcome.index: outcome for outcome in person.files.upload_many(paths)}

    assert _announced(files_server) == 1
    assert isinstance(outcomes[3].error, wideload.QuotaError)
    assert all(outcomes[index].result for index in range(3))


def test_all_refused_each_has_its_own_error(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.quota, files_server.largest = 10, 1000
    paths = [*_files(tmp_path, 2), file_of(tmp_path, bytes_of(1001), "large")]

    outcomes = {outcome.index: outcome.error for outcome in person.files.upload_many(paths)}

    kinds = [type(outcomes[index]) for index in range(3)]
    assert kinds == [wideload.QuotaError, wideload.QuotaError, wideload.FileRefusedError]
    assert _announced(files_server) == 1


def test_when_they_cannot_be_announced_all_have_that_error(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.token = "another"

    outcomes = list(person.files.upload_many(_files(tmp_path, 4)))

    assert [type(outcome.error) for outcome in outcomes] == [wideload.AuthenticationError] * 4
    assert _announced(files_server) == 1


def test_one_that_is_refused_for_the_moment_is_announced_again(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    refused: list[bool] = []

    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        if line == "POST /files" and not refused:
            refused.append(True)
            conflict = {"code": "conflict", "title": "x", "status": 409, "detail": "x"}
            answer["files"][1] = {"error": {**conflict, "retry_after": 1}}
        return answer

    files_server.tamper = tamper

    outcomes = list(person.files.upload_many(_files(tmp_path, 3)))

    assert all(outcome.result for outcome in outcomes)
    assert _announced(files_server) == 2


@pytest.mark.parametrize("most", [1, 2, 7])
def test_places_for_open_uploads_are_waited_for(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, most: int
) -> None:
    files_server.most_open = most

    outcomes = list(person.files.upload_many(_files(tmp_path, 20)))

    assert [outcome.error for outcome in outcomes] == [None] * 20


def test_places_that_others_hold_are_not_waited_for(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.most_open = 0

    outcomes = list(person.files.upload_many(_files(tmp_path, 5)))

    assert [type(outcome.error) for outcome in outcomes] == [wideload.QuotaError] * 5


def test_the_same_content_is_sent_once_and_becomes_a_file_of_each_name(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(4 * PART)
    paths = [file_of(tmp_path, content, name) for name in ("a", "b", "c")]
    told: dict[int, int] = {}

    def progress(index: int, done: int, total: int) -> None:
        told[index] = done

    outcomes = {o.index: o.result for o in person.files.upload_many(paths, progress=progress)}

    assert files_server.s3.bytes_put == len(content)
    assert [r and r.file.name for _, r in sorted(outcomes.items())] == ["a", "b", "c"]
    assert {file["name"] for file in files_server.files.values()} == {"a", "b", "c"}
    assert [bool(r and r.duplicate) for _, r in sorted(outcomes.items())] == [False, True, True]
    assert told == dict.fromkeys(range(3), len(content))


def test_duplicates_are_one_request_for_all(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    paths = _files(tmp_path, 9)
    list(person.files.upload_many(paths))
    del files_server.seen[:]

    outcomes = list(person.files.upload_many(paths))

    assert files_server.api_requests == [_CREATE]
    assert all(outcome.result and outcome.result.duplicate for outcome in outcomes)


def test_progress_of_each_comes_in_the_callers_thread_before_its_outcome(
    files_server: FilesService, tmp_path: Path
) -> None:
    told: dict[int, list[tuple[int, int]]] = {}
    hashed: dict[int, tuple[int, int]] = {}
    threads: set[int] = set()
    paths = _files(tmp_path, 3, 3 * PART)
    files_server.s3.during_put = lambda seen, count: time.sleep(0.15)

    def progress(index: int, done: int, total: int) -> None:
        told.setdefault(index, []).append((done, total))
        threads.add(threading.get_ident())

    def hashing(index: int, done: int, total: int) -> None:
        hashed[index] = done, total

    with wideload.Client(files_server.url, token=TOKEN) as person:
        for outcome in person.files.upload_many(paths, progress=progress, hashing=hashing):
            assert told[outcome.index][-1] == (3 * PART, 3 * PART)

    assert hashed == dict.fromkeys(range(3), (3 * PART, 3 * PART))
    assert threads == {threading.get_ident()}


def test_sources_are_taken_as_they_are_needed(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    taken: list[int] = []

    def endless() -> Iterator[IO[bytes]]:
        while True:
            taken.append(1)
            source = io.BytesIO(str(len(taken)).encode())
            source.name = "a"  # type: ignore[attr-defined]
            yield source

    outcomes = person.files.upload_many(endless())
    for _ in range(60):
        assert next(outcomes).error is None
    outcomes.close()  # type: ignore[attr-defined]

    assert 60 <= len(taken) <= 60 + 50


def test_an_error_of_the_iterable_comes_out(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    def sources() -> Iterator[Path]:
        yield from _files(tmp_path, 2)
        raise RuntimeError("of the iterable")

    with pytest.raises(RuntimeError, match="of the iterable"):
        list(person.files.upload_many(sources()))


def test_an_error_of_the_callback_comes_out(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    def progress(*told: int) -> None:
        raise RuntimeError("of the callback")

    with pytest.raises(RuntimeError, match="of the callback"):
        list(person.files.upload_many(_files(tmp_path, 2), progress=progress))


def test_cancelling_ends_those_that_were_begun(files_server: FilesService, tmp_path: Path) -> None:
    cancel = wideload.Cancel()

    def during_put(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) >= 6:
            cancel.cancel()

    files_server.s3.during_put = during_put
    paths = _files(tmp_path, 40, 5 * PART)

    with wideload.Client(files_server.url, token=TOKEN) as person:
        began = time.monotonic()
        outcomes = list(person.files.upload_many(paths, cancel=cancel))
        assert time.monotonic() - began < 50

    assert len(outcomes) == 40
    cancelled = [o for o in outcomes if isinstance(o.error, wideload.CancelledError)]
    assert len(cancelled) >= 35


def test_closing_the_iterator_stops_what_is_under_way(
    files_server: FilesService, tmp_path: Path
) -> None:
    paths = _files(tmp_path, 10, 5 * PART)
    files_server.s3.during_put = lambda seen, count: time.sleep(0.02)

    with wideload.Client(files_server.url, token=TOKEN) as person:
        outcomes = person.files.upload_many(paths)
        assert next(outcomes).error is None
        outcomes.close()  # type: ignore[attr-defined]
        sent = files_server.s3.bytes_put
        time.sleep(0.3)

    assert files_server.s3.bytes_put - sent <= 8 * PART
    assert len(files_server.files) < 10


def test_nothing_begins_before_the_first_next(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    person.files.upload_many(_files(tmp_path, 2))

    assert files_server.seen == []


def test_no_sources(person: wideload.Client, files_server: FilesService) -> None:
    assert list(person.files.upload_many([])) == []


def test_trouble_of_one_file_is_its_own(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.fail(_PUT, s3_error(400, "InvalidRequest"))
    files_server.fail("POST /stage/files/uploads", problem(500, "internal"), Fault(503))

    outcomes = list(person.files.upload_many(_files(tmp_path, 5)))

    failed = [outcome for outcome in outcomes if outcome.error]
    assert len(failed) == 1
    assert isinstance(failed[0].error, wideload.UploadError)
    assert failed[0].error.upload_id in files_server.uploads


_SCRIPT = """
import sys, wideload
url, token, *paths = sys.argv[1:]
with wideload.Client(url, token=token) as client:
    for outcome in client.files.upload_many(paths):
        print(outcome.index, flush=True)
"""


def test_ctrl_c_ends_it_and_leaves_the_rest_open(
    files_server: FilesService, tmp_path: Path
) -> None:
    files_server.s3.during_put = lambda seen, count: time.sleep(0.05)
    paths = [str(path) for path in _files(tmp_path, 20, 5 * PART)]
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, files_server.url, TOKEN, *paths],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()

    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = process.communicate()

    assert time.monotonic() - began < 50
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert {upload.state for upload in files_server.uploads.values()} == {"open", "completed"}
