"""Uploads that another process completes or aborts, or that expire."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

import wideload
from tests.client.conftest import Clock
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.messages import Fault, Seen, problem, s3_error
from tests.fake_aws.s3 import Body

ONE = PART // 2
MANY = 6 * PART + 1
SIZES = pytest.mark.parametrize("size", [ONE, MANY])
_CREATE = "POST /stage/files"
_UPLOADS = "POST /stage/files/uploads"
_COMPLETE = f"{_UPLOADS}/01M817QNQV0000000000000001/complete"  # of the first upload
_PUT = "PUT /s3/"


def test_completing_may_take_a_while(
    person: wideload.Client, files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    files_server.slow_completions = 20

    person.files.upload(file_of(tmp_path, bytes_of(MANY)))

    assert sum(clock.slept) == pytest.approx(20 * 5)


def test_completing_that_never_ends(
    person: wideload.Client, files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    files_server.slow_completions = 10**6

    with pytest.raises(wideload.ServerError, match="202 completing: S3 is still") as raised:
        person.files.upload(file_of(tmp_path, bytes_of(MANY)))

    assert 900 < sum(clock.slept) < 1200
    assert (raised.value.code, raised.value.retry_after) == ("completing", 5)
    assert raised.value.upload_id in files_server.uploads


def test_a_deployment_that_says_503_while_s3_joins(
    person: wideload.Client, files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    """As deployments of earlier versions do."""
    busy = problem(503, "completing", Retry_After="30")
    files_server.fail(_UPLOADS, *[busy] * 20)

    person.files.upload(file_of(tmp_path, bytes_of(ONE)))

    assert sum(clock.slept) == pytest.approx(600, abs=30)


def test_other_errors_of_completing_are_raised_after_the_retries(
    person: wideload.Client, files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    files_server.fail(_UPLOADS, *[problem(503, "unavailable", Retry_After="2")] * 100)

    with pytest.raises(wideload.ServerError, match="unavailable"):
        person.files.upload(file_of(tmp_path, bytes_of(ONE)))

    assert sum(clock.slept) < 60


@SIZES
def test_another_upload_of_the_same_that_is_being_completed_is_waited_for(
    person: wideload.Client, files_server: FilesService, clock: Clock, tmp_path: Path, size: int
) -> None:
    files_server.fail(_CREATE, *[_refused_as_completing()] * 30)

    person.files.upload(file_of(tmp_path, bytes_of(size)))

    assert sum(clock.slept) >= 149


def test_parts_of_an_upload_that_another_is_completing(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    files_server.fail(_UPLOADS, problem(409, "completing", Retry_After="5"))
    # Not asked for where the file is not hashed by then: it is announced again at once.
    files_server.fail(_COMPLETE, problem(409, "parts_missing"))

    done = person.files.upload(file_of(tmp_path, content), parallel=1)

    assert files_server.content(done.file.file_id) == content


@SIZES
@pytest.mark.parametrize("when", ["first", "last"])
def test_an_upload_that_is_aborted_by_another_is_begun_anew(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int, when: str
) -> None:
    content = bytes_of(size)
    count = -(-size // PART)

    def abort(seen: Seen, bytes_so_far: int) -> None:
        at = len(files_server.requests(_PUT))
        if len(files_server.uploads) == 1 and at >= (1 if when == "first" else count):
            (upload,) = files_server.uploads.values()
            files_server.abort(upload.upload_id)

    files_server.s3.during_put = abort

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content
    assert len(files_server.uploads) == 2


def test_an_upload_that_vanishes_every_time_is_given_up(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    def abort(seen: Seen, count: int) -> None:
        for upload_id in files_server.uploads:
            files_server.abort(upload_id)

    files_server.s3.during_put = abort

    with pytest.raises(wideload.NotFoundError, match="upload_gone"):
        person.files.upload(file_of(tmp_path, bytes_of(MANY)))

    assert len(files_server.uploads) == 3


@SIZES
def test_an_upload_that_another_completes(
    files_server: FilesService, tmp_path: Path, size: int
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
    person: wideload.Client, files_server: FilesService, tmp_path: Path
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
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    lost: list[int] = []

    def during_put(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) == 7 and not lost:
            (multipart,) = files_server.bucket.multiparts.values()
            lost.append(min(multipart.parts))
            del multipart.parts[min(multipart.parts)]

    files_server.s3.during_put = during_put

    done = person.files.upload(file_of(tmp_path, content), parallel=1)

    assert lost == [1]
    assert files_server.content(done.file.file_id) == content
    assert done.bytes_sent == MANY + PART
    assert done.resumed_bytes == MANY - PART


def test_a_part_that_s3_holds_with_other_bytes_is_sent(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    path = file_of(tmp_path, content)
    _leave_open(person, files_server, path)
    (multipart,) = files_server.bucket.multiparts.values()
    multipart.parts[min(multipart.parts)] = Body.of(bytes(PART))

    done = person.files.upload(path)

    assert files_server.content(done.file.file_id) == content


def test_an_object_that_was_lost_before_it_is_completed(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(ONE)
    files_server.fail(_UPLOADS, problem(409, "not_uploaded"))

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content


def _refused_as_completing() -> Fault:
    """Answer for a file while S3 joins the parts of another upload of it."""
    error = {"code": "completing", "title": "x", "status": 409, "detail": "x", "retry_after": 5}
    body = {**error, "type": "x", "request_id": "req-1", "files": [{"error": error}]}
    return Fault(409, json.dumps(body).encode(), {"Retry-After": "5"})


def _leave_open(person: wideload.Client, server: FilesService, path: Path) -> str:
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
