"""Uploads through trouble: what is tried again, signed anew, begun anew, or given up."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.conftest import Clock
from tests.client.fake_files import HALF, TOKEN, FakeFiles
from tests.client.fake_server import DROP, DROP_AFTER, Fault, Seen, problem, s3_error
from tests.client.test_client_files_upload import PART, bytes_of, file_of
from wideload._files import parts
from wideload._files.cancel import Cancel
from wideload._files.control import Control, Gate
from wideload._files.put import Piece
from wideload._files.session import Action

ONE = PART // 2
MANY = 6 * PART + 1
SIZES = pytest.mark.parametrize("size", [ONE, MANY])
_CREATE = "POST /stage/files"
_UPLOADS = "POST /stage/files/uploads"
_PUT = "PUT /s3/"


@SIZES
@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (_CREATE, Fault(503)),
        (_CREATE, Fault(429, b'{"message":"Too Many Requests"}')),
        (_CREATE, problem(409, "conflict", Retry_After="1")),
        (_CREATE, DROP),
        (_CREATE, DROP_AFTER),
        (_UPLOADS, Fault(500)),
        (_UPLOADS, DROP),
        (_UPLOADS, DROP_AFTER),
        (_PUT, s3_error(503, "SlowDown")),
        (_PUT, s3_error(500, "InternalError")),
        (_PUT, s3_error(400, "RequestTimeout")),
        (_PUT, s3_error(400, "IncompleteBody")),
        (_PUT, s3_error(409, "ConditionalRequestConflict")),
        (_PUT, s3_error(403, "AccessDenied")),
        (_PUT, s3_error(400, "ExpiredToken")),
        (_PUT, DROP),
        (_PUT, DROP_AFTER),
        (_PUT, HALF),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
def test_trouble_that_passes(
    person: wideload.Client,
    files_server: FakeFiles,
    tmp_path: Path,
    size: int,
    what: str,
    fault: Fault,
    times: int,
) -> None:
    content = bytes_of(size)
    files_server.fail(what, *[fault] * times)

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content
    assert len(files_server.s3.objects) == len(files_server.uploads) == 1
    assert not any(files_server.faults.values())


def test_waits_grow_and_retry_after_is_the_least(
    person: wideload.Client, files_server: FakeFiles, clock: Clock, tmp_path: Path
) -> None:
    slow = s3_error(503, "SlowDown")
    files_server.fail(_PUT, slow, slow, s3_error(503, "SlowDown", Retry_After="9"))

    person.files.upload(file_of(tmp_path, bytes_of(ONE)))

    assert sum(clock.slept) == pytest.approx(0.5 + 1 + 9)


@SIZES
def test_trouble_that_stays_ends_it_and_leaves_it_open(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, size: int
) -> None:
    path = file_of(tmp_path, bytes_of(size))
    files_server.fail(_PUT, *[s3_error(503, "SlowDown")] * 100)

    with pytest.raises(wideload.UploadError, match="SlowDown") as raised:
        person.files.upload(path)

    assert raised.value.upload_id in files_server.uploads
    assert len(files_server.requests(_PUT)) <= 6 * (1 if size == ONE else 4)
    files_server.faults.clear()
    assert person.files.upload(path).upload_id == raised.value.upload_id


def test_each_part_has_the_retries_anew(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    slow = [s3_error(503, "SlowDown")] * 5
    files_server.fail(_PUT, *slow)

    def more(seen: Seen, count: int) -> None:
        if count == PART and len(files_server.requests(_PUT)) == 6:  # the first part got through
            files_server.fail(_PUT, *slow)

    files_server.s3.during_put = more

    person.files.upload(file_of(tmp_path, bytes_of(MANY)), parallel=1)

    assert len(files_server.requests(_PUT)) == 7 + 10


@SIZES
def test_no_network_is_a_transport_error(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, size: int
) -> None:
    files_server.fail(_PUT, *[DROP] * 100)

    with pytest.raises(wideload.TransportError) as raised:
        person.files.upload(file_of(tmp_path, bytes_of(size)))

    assert raised.value.attempts == 6
    assert raised.value.upload_id in files_server.uploads


@SIZES
@pytest.mark.parametrize("refusal", ["late", "early", "hangs up"])
def test_urls_that_expire_under_way_are_signed_anew(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, size: int, refusal: str
) -> None:
    content = bytes_of(size)
    files_server.s3.refuses = refusal
    expired: list[Any] = []

    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        if line in {"POST /files", "POST /files/uploads/{upload_id}/parts"} and len(expired) < 2:
            expired.append(line)
            files_server.s3.hours += 2  # what was signed until now is too old
        return answer

    files_server.tamper = tamper

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content
    assert len(files_server.uploads) == 1


def test_urls_that_are_too_old_by_this_clock_are_not_tried(
    person: wideload.Client, files_server: FakeFiles, clock: Clock, tmp_path: Path
) -> None:
    content = bytes_of(30 * PART)
    files_server.s3.url_ttl = 100
    aged: list[bool] = []
    refused: list[int] = []
    files_server.s3.refused = refused.append

    def age(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) == 6 and not aged:
            aged.append(True)
            clock.time += 120
            files_server.s3.hours += 120 / 3600

    files_server.s3.during_put = age

    done = person.files.upload(file_of(tmp_path, content), parallel=1)

    assert files_server.content(done.file.file_id) == content
    assert aged
    assert refused == []


@SIZES
def test_a_url_that_is_refused_for_good(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, size: int
) -> None:
    files_server.fail(_PUT, *[s3_error(403, "SignatureDoesNotMatch")] * 100)

    with pytest.raises(wideload.UploadError, match="SignatureDoesNotMatch") as raised:
        person.files.upload(file_of(tmp_path, bytes_of(size)), parallel=1)

    assert len(files_server.requests(_PUT)) == 3
    assert raised.value.status == 403
    assert raised.value.upload_id in files_server.uploads


def test_a_refusal_that_stays_is_not_tried_again(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    files_server.fail(_PUT, s3_error(400, "InvalidRequest"))

    with pytest.raises(wideload.UploadError, match="InvalidRequest"):
        person.files.upload(file_of(tmp_path, bytes_of(ONE)))

    assert len(files_server.requests(_PUT)) == 1


@SIZES
def test_completing_may_take_a_while(
    person: wideload.Client, files_server: FakeFiles, clock: Clock, tmp_path: Path, size: int
) -> None:
    files_server.tries_to_complete, files_server.retry_after = 20, "30"

    person.files.upload(file_of(tmp_path, bytes_of(size)))

    assert sum(clock.slept) == pytest.approx(600)


def test_completing_that_never_ends(
    person: wideload.Client, files_server: FakeFiles, clock: Clock, tmp_path: Path
) -> None:
    files_server.tries_to_complete, files_server.retry_after = 10**6, "30"

    with pytest.raises(wideload.ServerError, match="completing") as raised:
        person.files.upload(file_of(tmp_path, bytes_of(ONE)))

    assert 900 < sum(clock.slept) < 1200
    assert raised.value.upload_id in files_server.uploads


def test_other_trouble_with_completing_is_given_up_sooner(
    person: wideload.Client, files_server: FakeFiles, clock: Clock, tmp_path: Path
) -> None:
    files_server.fail(_UPLOADS, *[problem(503, "unavailable", Retry_After="2")] * 100)

    with pytest.raises(wideload.ServerError, match="unavailable"):
        person.files.upload(file_of(tmp_path, bytes_of(ONE)))

    assert sum(clock.slept) < 60


@SIZES
def test_another_upload_of_the_same_that_is_being_completed_is_waited_for(
    person: wideload.Client, files_server: FakeFiles, clock: Clock, tmp_path: Path, size: int
) -> None:
    files_server.fail(_CREATE, *[_refused_as_completing()] * 30)

    person.files.upload(file_of(tmp_path, bytes_of(size)))

    assert sum(clock.slept) >= 150


def test_parts_of_an_upload_that_another_is_completing(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    busy = problem(503, "completing", Retry_After="5")
    files_server.fail(_UPLOADS, *[busy] * 6, problem(409, "parts_missing"))

    done = person.files.upload(file_of(tmp_path, content), parallel=1)

    assert files_server.content(done.file.file_id) == content


@SIZES
@pytest.mark.parametrize("when", ["first", "last"])
def test_an_upload_that_is_aborted_by_another_is_begun_anew(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path, size: int, when: str
) -> None:
    content = bytes_of(size)
    count = -(-size // PART)

    def abort(seen: Seen, bytes_so_far: int) -> None:
        at = len(files_server.requests(_PUT))
        if len(files_server.uploads) == 1 and at >= (1 if when == "first" else count):
            (upload,) = files_server.uploads.values()
            upload.state = "aborted"
            files_server.s3.multiparts.pop(upload.upload_id, None)

    files_server.s3.during_put = abort

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content
    assert len(files_server.uploads) == 2


def test_an_upload_that_vanishes_every_time_is_given_up(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    def abort(seen: Seen, count: int) -> None:
        for upload in files_server.uploads.values():
            upload.state = "expired"
        files_server.s3.multiparts.clear()

    files_server.s3.during_put = abort

    with pytest.raises(wideload.NotFoundError, match="upload_gone"):
        person.files.upload(file_of(tmp_path, bytes_of(MANY)))

    assert len(files_server.uploads) == 3


@SIZES
def test_an_upload_that_another_completes(
    files_server: FakeFiles, tmp_path: Path, size: int
) -> None:
    content = bytes_of(size)
    path = file_of(tmp_path, content)
    together = threading.Barrier(2)
    done: list[wideload.UploadResult] = []

    def upload() -> None:
        with wideload.Client(files_server.url, token=TOKEN) as person:
            together.wait()
            done.append(person.files.upload(path))

    threads = [threading.Thread(target=upload) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(done) == 2
    assert done[0].file == done[1].file
    assert files_server.content(done[0].file.file_id) == content
    assert len(files_server.files) == len(files_server.s3.objects) == 1


def test_completed_by_another_while_parts_are_under_way(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    path = file_of(tmp_path, content)
    other = wideload.Client(files_server.url, token=TOKEN)
    once: list[bool] = []

    def complete(seen: Seen, count: int) -> None:
        if not once:
            once.append(True)
            other.files.upload(path, parallel=1)

    files_server.s3.during_put = complete

    done = person.files.upload(path, parallel=2)
    other.close()

    assert files_server.content(done.file.file_id) == content
    assert len(files_server.uploads) == 1


def test_parts_that_s3_lost_are_sent_again(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    lost: list[int] = []

    def lose(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        return answer

    files_server.tamper = lose

    def during_put(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) == 7 and not lost:
            (parts,) = files_server.s3.multiparts.values()
            lost.append(min(parts))
            del parts[min(parts)]

    files_server.s3.during_put = during_put

    done = person.files.upload(file_of(tmp_path, content), parallel=1)

    assert lost == [1]
    assert files_server.content(done.file.file_id) == content
    assert done.bytes_sent == MANY + PART
    assert done.resumed_bytes == MANY - PART


def test_a_part_that_s3_holds_with_other_bytes_is_sent(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    path = file_of(tmp_path, content)
    _leave_open(person, files_server, path)
    (parts,) = files_server.s3.multiparts.values()
    parts[next(iter(parts))] = bytes(PART)

    done = person.files.upload(path)

    assert files_server.content(done.file.file_id) == content


def test_an_object_that_was_lost_before_it_is_completed(
    person: wideload.Client, files_server: FakeFiles, tmp_path: Path
) -> None:
    content = bytes_of(ONE)
    files_server.fail(_UPLOADS, problem(409, "not_uploaded"))

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content


def test_progress_goes_back_when_a_part_is_repeated(
    files_server: FakeFiles, tmp_path: Path
) -> None:
    told: list[int] = []
    files_server.fail(_PUT, HALF)
    content = bytes_of(8 * 1024 * 1024)
    files_server.smallest_part = len(content) - 1
    files_server.s3.during_put = lambda seen, count: time.sleep(0.005)

    with wideload.Client(files_server.url, token=TOKEN) as person:
        done = person.files.upload(
            file_of(tmp_path, content), progress=lambda sent, total: told.append(sent), parallel=1
        )

    assert any(after < before for before, after in pairwise(told))
    assert told[-1] == len(content)
    assert done.bytes_sent > len(content)


def test_a_token_that_expires_is_asked_for_again(files_server: FakeFiles) -> None:
    tokens = iter(["old", "old", TOKEN, TOKEN, TOKEN])

    with wideload.Client(files_server.url, token=lambda: next(tokens)) as person:
        with pytest.raises(wideload.AuthenticationError, match="still valid"):
            person.files.get("a")
        with pytest.raises(wideload.NotFoundError):
            person.files.get("a")

    assert [seen.headers["authorization"] for seen in files_server.seen] == [
        "Bearer old",
        f"Bearer {TOKEN}",
    ]


class _Renewing:
    """A source of tokens that knows how to renew them."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.refused: list[str] = []

    def __call__(self) -> str:
        return self.tokens[0]

    def renew(self, refused: str) -> str:
        self.refused.append(refused)
        if len(self.tokens) > 1:
            del self.tokens[0]
        return self.tokens[0]


def test_a_source_of_tokens_is_told_which_one_was_refused(files_server: FakeFiles) -> None:
    source = _Renewing("old", TOKEN)
    with wideload.Client(files_server.url, token=source) as person:
        done = person.files.upload(io.BytesIO(b"content"), name="a")

    assert source.refused == ["old"]
    assert files_server.content(done.file.file_id) == b"content"


def test_a_token_is_renewed_once_for_a_request(files_server: FakeFiles) -> None:
    source = _Renewing("old", "older", "oldest")
    with (
        wideload.Client(files_server.url, token=source) as person,
        pytest.raises(wideload.AuthenticationError) as raised,
    ):
        person.files.get("a")

    assert source.refused == ["old"]
    assert len(files_server.seen) == 2
    assert raised.value.status == 401


def test_a_request_is_not_repeated_with_the_token_that_was_refused(
    files_server: FakeFiles,
) -> None:
    for source in (_Renewing("old"), lambda: "old", "old"):
        with (
            wideload.Client(files_server.url, token=source) as person,
            pytest.raises(wideload.AuthenticationError),
        ):
            person.files.get("a")

    assert len(files_server.seen) == 3


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "ü", 7])
def test_a_token_that_cannot_be_one_is_not_shown(files_server: FakeFiles, token: Any) -> None:
    with pytest.raises(wideload.ConfigurationError, match="token") as raised:
        wideload.Client(files_server.url, token=token)
    assert str(token) not in str(raised.value) or not token

    with (
        wideload.Client(files_server.url, token=lambda: token) as person,
        pytest.raises(wideload.ConfigurationError, match="token"),
    ):
        list(person.files.list())
    assert files_server.seen == []


@SIZES
@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (_CREATE, Fault(401, b'{"message":"Unauthorized"}')),
        (_CREATE, problem(500, "internal")),
        (_UPLOADS, problem(500, "internal")),
        (_PUT, DROP),
        (_PUT, s3_error(403, "AccessDenied")),
        (_PUT, s3_error(503, "SlowDown")),
    ],
)
def test_no_error_holds_a_token_or_a_signature(
    person: wideload.Client,
    files_server: FakeFiles,
    tmp_path: Path,
    size: int,
    what: str,
    fault: Fault,
) -> None:
    files_server.fail(what, *[fault] * 100)

    with pytest.raises(wideload.WideloadError) as raised:
        person.files.upload(file_of(tmp_path, bytes_of(size)))

    for error in _chain(raised.value):
        shown = f"{error!r} {error} {vars(error)}"
        assert TOKEN not in shown
        assert "5ecret" not in shown
        assert "X-Amz" not in shown


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
    files_server: FakeFiles,
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


def _refused_as_completing() -> Fault:
    """What the API says to a file of which S3 is putting another upload together."""
    error = {"code": "completing", "title": "x", "status": 503, "detail": "x", "retry_after": 5}
    body = {**error, "type": "x", "request_id": "req-1", "files": [{"error": error}]}
    return Fault(503, json.dumps(body).encode(), {"Retry-After": "5"})


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _leave_open(person: wideload.Client, server: FakeFiles, path: Path) -> str:
    """Upload some of a file; the id of the upload."""
    sent: list[int] = []

    def during_put(seen: Seen, count: int) -> None:
        if count == PART:
            sent.append(count)
            if len(sent) == 3:
                server.fail(_PUT, *[s3_error(400, "InvalidRequest")] * 10)

    server.s3.during_put = during_put
    with pytest.raises(wideload.UploadError) as raised:
        person.files.upload(path, parallel=1)
    server.faults.clear()
    server.s3.during_put = lambda seen, count: None
    assert raised.value.upload_id is not None
    return raised.value.upload_id
