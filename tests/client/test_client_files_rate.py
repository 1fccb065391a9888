"""The limit on bytes per second, in time that passes only by sleeping."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.conftest import Clock
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import FilesService
from wideload._files.cancel import Cancel
from wideload._files.cancel_scope import CancelScope
from wideload._files.rate_limit import RateLimit

RATE = 100_000
MANY = 12 * PART + 1


@pytest.mark.parametrize("size", [MANY, PART])
def test_an_upload_takes_as_long_as_the_limit_says(
    person: wideload.Client, clock: Clock, tmp_path: Path, size: int
) -> None:
    began = clock.now()

    done = person.files.upload(file_of(tmp_path, bytes_of(size)), parallel=1, limit_rate=RATE)

    assert done.bytes_sent == size
    # The last block needs no wait after it.
    assert clock.now() - began == pytest.approx(size / RATE - 0.1, abs=0.1)
    assert max(clock.slept) <= 0.2


def test_several_uploads_share_the_limit(
    person: wideload.Client, clock: Clock, tmp_path: Path
) -> None:
    paths = [file_of(tmp_path, bytes_of(PART, seed), f"{seed}.bin") for seed in range(6)]
    began = clock.now()

    outcomes = list(person.files.upload_many(paths, parallel=1, limit_rate=RATE))

    assert all(outcome.result for outcome in outcomes)
    assert clock.now() - began == pytest.approx(6 * PART / RATE, abs=0.2)


@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("to_file", [False, True])
def test_a_download_takes_as_long_as_the_limit_says(
    person: wideload.Client,
    files_server: FilesService,
    clock: Clock,
    tmp_path: Path,
    to_file: bool,
) -> None:
    content = bytes_of(MANY)
    file = files_server.add(content, "film.bin")
    target: Any = io.BytesIO() if to_file else tmp_path
    began = clock.now()

    done = person.files.download(file["file_id"], target, parallel=1, limit_rate=RATE)

    assert done.bytes_received == MANY
    assert clock.now() - began == pytest.approx(MANY / RATE - 0.1, abs=0.1)


def test_connections_take_turns_of_a_tenth_of_a_second() -> None:
    clock = Clock()
    limit = RateLimit(1_000_000)
    scope = CancelScope(Cancel(), clock.pacing())

    assert limit.block(1024 * 1024) == 100_000
    assert limit.block(5000) == 5000
    began = clock.now()
    for _ in range(50):
        limit.wait(limit.block(1024 * 1024), scope)

    assert clock.now() - began == pytest.approx(4.9)


def test_time_that_was_not_used_is_not_saved_up() -> None:
    clock = Clock()
    limit = RateLimit(1000)
    scope = CancelScope(Cancel(), clock.pacing())
    limit.wait(1, scope)
    clock.time += 3600

    began = clock.now()
    for _ in range(20):
        limit.wait(100, scope)

    assert clock.now() - began == pytest.approx(2.0 - 0.1 - 0.25)


def test_threads_together_are_not_faster_than_one() -> None:
    """Waits that run at once are counted by the time at which each may go on."""
    limit = RateLimit(1000)
    ends: list[float] = []

    def wait() -> None:
        clock = Clock()  # each thread's sleeping leaves the others' time alone
        for _ in range(10):
            limit.wait(100, CancelScope(Cancel(), clock.pacing()))
            ends.append(clock.now())

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert len(ends) == 40
    assert max(ends) - min(ends) == pytest.approx(3.9, abs=0.3)


def test_a_wait_ends_when_the_transfer_is_cancelled() -> None:
    clock = Clock()
    cancel = Cancel()
    scope = CancelScope(cancel, clock.pacing())
    limit = RateLimit(1)
    limit.wait(1000, scope)
    cancel.cancel()

    with pytest.raises(wideload.CancelledError):
        limit.wait(1, scope)


@pytest.mark.parametrize("rate", [0, -1, 0.5, float("nan"), float("inf"), "5M", True])
def test_a_limit_that_is_none_is_refused(
    person: wideload.Client, files_server: FilesService, rate: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="limit_rate must be bytes per second"):
        person.files.upload(io.BytesIO(b"a"), name="a", limit_rate=rate)
    with pytest.raises(wideload.ConfigurationError):
        person.files.download("01J", limit_rate=rate)

    assert files_server.seen == []
