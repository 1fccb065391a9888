"""How many requests there are at once, and what is signed for them."""

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
from wideload._files import parts
from wideload._files.cancel import Cancel
from wideload._files.control import Control, Gate
from wideload._files.put import Piece
from wideload._files.session import Action

MANY = 6 * PART + 1
_PUT = "PUT /s3/"


@pytest.mark.parametrize(
    ("fault", "narrows"),
    [
        (s3_error(503, "SlowDown"), True),
        (DROP, True),
        (s3_error(403, "AccessDenied"), False),
    ],
)
def test_trouble_of_s3_narrows_the_gate(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    narrows: bool,
) -> None:
    failed: list[bool] = []
    monkeypatch.setattr(Gate, "failed", lambda gate: failed.append(True))
    files_server.fail(_PUT, fault)
    files_server.fail("GET /s3/", fault)

    done = person.files.upload(file_of(tmp_path, bytes_of(MANY)))
    assert bool(failed) is narrows
    del failed[:]
    person.files.download(done.file.file_id, io.BytesIO())
    assert bool(failed) is narrows


def test_the_gate_narrows_under_trouble_and_opens_again() -> None:
    gate = Gate(8)
    entered: list[int] = []

    def places() -> int:
        """How many get in at once."""
        control = Control(Cancel(), Clock().pacing())
        inside = threading.Semaphore(0)
        leave = threading.Event()

        def enter() -> None:
            try:
                with gate.entered(control):
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
        control.stop()
        leave.set()
        for thread in threads:
            thread.join()
        entered.append(count)
        return count

    assert places() == 8
    gate.failed()
    assert places() == 4
    for _ in range(10):
        gate.failed()
    assert places() == 1
    for _ in range(3):
        gate.worked()
    assert 2 <= places() <= 3
    for _ in range(100):
        gate.worked()
    assert places() == 8


class _Signing:
    """A session that signs, and counts."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def sign(self, upload_id: str, parts: list[tuple[int, str]]) -> dict[int, Action]:
        self.batches.append([number for number, _ in parts])
        return {number: Action("PUT", f"{number}", {}, 10.0**9) for number, _ in parts}


def test_parts_that_threads_have_taken_are_signed_together() -> None:
    session = _Signing()
    pieces = {number: Piece(0, 1, "") for number in range(1, 41)}
    control = Control(Cancel(), Clock().pacing())
    queue = parts._Queue(session, "u", pieces, ahead=4, control=control)  # type: ignore[arg-type]
    taken = [queue.take() for _ in range(4)]
    assert taken == [1, 2, 3, 4]

    actions = [queue.action(number) for number in (3, 1, 2, 4)]

    assert [action.href for action in actions] == ["3", "1", "2", "4"]
    assert sorted(session.batches[0]) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(session.batches) == 1

    while (number := queue.take()) is not None:
        assert queue.action(number).href == f"{number}"
    assert [len(batch) for batch in session.batches] == [8, 16, 16]
    assert queue.action(40).href == "40"  # it was refused
    assert session.batches[-1] == [40]
