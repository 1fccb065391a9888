"""The number of requests to S3 at once, and the signing of parts ahead of them."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

import wideload
from tests.client.conftest import Clock
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import FilesService
from tests.fake_aws.messages import DROP, Fault, s3_error
from wideload._files import multipart
from wideload._files.cancel import Cancel
from wideload._files.cancel_scope import CancelScope
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.part_upload import Part
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
        while inside.acquire(timeout=0.3):
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


class _Signing:
    """Signs parts, and records the numbers of each request."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def sign(self, upload_id: str, parts: list[tuple[int, str]]) -> dict[int, PresignedRequest]:
        self.batches.append([number for number, _ in parts])
        return {number: PresignedRequest("PUT", f"{number}", {}, 10.0**9) for number, _ in parts}


def test_parts_that_threads_have_taken_are_signed_together() -> None:
    files_api = _Signing()
    parts = {number: Part(0, 1, "") for number in range(1, 41)}
    scope = CancelScope(Cancel(), Clock().pacing())
    queue = multipart._PartQueue(files_api, "u", parts, ahead=4, scope=scope)  # type: ignore[arg-type]
    taken = [queue.take() for _ in range(4)]
    assert taken == [1, 2, 3, 4]

    actions = [queue.action(number) for number in (3, 1, 2, 4)]

    assert [action.url for action in actions] == ["3", "1", "2", "4"]
    assert sorted(files_api.batches[0]) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(files_api.batches) == 1

    while (number := queue.take()) is not None:
        assert queue.action(number).url == f"{number}"
    assert [len(batch) for batch in files_api.batches] == [8, 16, 16]
    assert queue.action(40).url == "40"  # it was refused
    assert files_api.batches[-1] == [40]
