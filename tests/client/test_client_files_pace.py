"""The number of requests to S3 at once, and the signing of parts ahead of them."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

import wideload
from tests.client.conftest import Clock
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import FilesService
from tests.fake_aws.messages import DROP, Fault, s3_error
from wideload._files.cancel import Cancel
from wideload._files.cancel_scope import CancelScope
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.digest import Part
from wideload._files.part_queue import PartQueue
from wideload._presigned import PresignedRequest

MANY = 6 * PART + 1
_PUT = "PUT /s3/"


@pytest.mark.parametrize(
    ("fault", "lowers"),
    [
        (s3_error(503, "SlowDown"), True),
        (DROP, True),
        (s3_error(403, "AccessDenied"), False),
    ],
)
def test_a_failure_of_s3_lowers_the_limit_of_requests(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    lowers: bool,
) -> None:
    failed: list[bool] = []
    monkeypatch.setattr(ConcurrencyLimit, "failed", lambda concurrency: failed.append(True))
    files_server.fail(_PUT, fault)
    files_server.fail("GET /s3/", fault)

    done = person.files.upload(file_of(tmp_path, bytes_of(MANY)))
    assert bool(failed) is lowers
    del failed[:]
    person.files.download(done.file.file_id, io.BytesIO())
    assert bool(failed) is lowers


def test_the_limit_of_requests_falls_with_failures_and_rises_with_successes() -> None:
    concurrency = ConcurrencyLimit(8)
    entered: list[int] = []

    def places() -> int:
        """How many get in at once."""
        scope = CancelScope(Cancel(), Clock().pacing())
        inside = threading.Semaphore(0)
        leave = threading.Event()

        def enter() -> None:
            try:
                with concurrency.slot(scope):
                    inside.release()
                    leave.wait()
            except BaseException:  # noqa: BLE001 - it was stopped
                return

        threads = [threading.Thread(target=enter) for _ in range(12)]
        for thread in threads:
            thread.start()
        count = 0
        while inside.acquire(timeout=1):
            count += 1
        scope.stop()
        leave.set()
        for thread in threads:
            thread.join()
        entered.append(count)
        return count

    assert places() == 8
    concurrency.failed()
    assert places() == 4
    for _ in range(10):
        concurrency.failed()
    assert places() == 1
    for _ in range(3):
        concurrency.succeeded()
    assert 2 <= places() <= 3
    for _ in range(100):
        concurrency.succeeded()
    assert places() == 8


def test_a_request_that_s3_refuses_has_those_that_wait_signed_again() -> None:
    batches: list[list[int]] = []

    def sign(parts: Sequence[Part]) -> dict[int, PresignedRequest]:
        batches.append([part.number for part in parts])
        return {part.number: PresignedRequest("PUT", f"of batch {batches[-1]}") for part in parts}

    scope = CancelScope(Cancel(), Clock().pacing())
    queue = PartQueue(sign, most=4, ready=4, scope=scope)
    for number in range(1, 5):
        queue.put(Part(number, 0, 1, ""))
    queue.close()
    signer = threading.Thread(target=queue.sign)
    signer.start()

    first = queue.take()
    assert first is not None
    again = queue.sign_again(first[0])
    others = [queue.take() for _ in range(3)]
    signer.join(60)

    assert again.url == "of batch [1]"
    assert [taken and (taken[0].number, taken[1].url) for taken in others] == [
        (number, "of batch [2, 3, 4]") for number in (2, 3, 4)
    ]
    assert sorted(batches) == [[1], [1, 2, 3, 4], [2, 3, 4]]
    assert queue.take() is None
