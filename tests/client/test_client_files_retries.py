"""Uploads with failing requests: retries, new URLs, and errors."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.conftest import Clock
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.messages import DROP, DROP_AFTER, HALF, Fault, Seen, problem, s3_error

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
    files_server: FilesService,
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
    person: wideload.Client, files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    slow = s3_error(503, "SlowDown")
    files_server.fail(_PUT, slow, slow, s3_error(503, "SlowDown", Retry_After="9"))

    person.files.upload(file_of(tmp_path, bytes_of(ONE)))

    assert sum(clock.slept) == pytest.approx(0.5 + 1 + 9)


@SIZES
def test_trouble_that_stays_ends_it_and_leaves_it_open(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
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
    person: wideload.Client, files_server: FilesService, tmp_path: Path
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
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    files_server.fail(_PUT, *[DROP] * 100)

    with pytest.raises(wideload.TransportError) as raised:
        person.files.upload(file_of(tmp_path, bytes_of(size)))

    assert raised.value.attempts == 6
    assert raised.value.upload_id in files_server.uploads


@SIZES
@pytest.mark.parametrize("refusal", ["late", "early", "hangs up"])
def test_urls_that_expire_under_way_are_signed_anew(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int, refusal: str
) -> None:
    content = bytes_of(size)
    files_server.s3.refuses = refusal
    expired: list[Any] = []

    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        if line in {"POST /files", "POST /files/uploads/{upload_id}/parts"} and len(expired) < 2:
            expired.append(line)
            files_server.time += 2 * 3600  # what was signed until now is too old
        return answer

    files_server.tamper = tamper

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content
    assert len(files_server.uploads) == 1


def test_urls_that_are_too_old_by_this_clock_are_not_tried(
    person: wideload.Client, files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    content = bytes_of(30 * PART)
    files_server.url_seconds = 100
    aged: list[bool] = []
    refused: list[int] = []
    files_server.s3.refused = refused.append

    def age(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) == 6 and not aged:
            aged.append(True)
            clock.time += 120
            files_server.time += 120

    files_server.s3.during_put = age

    done = person.files.upload(file_of(tmp_path, content), parallel=1)

    assert files_server.content(done.file.file_id) == content
    assert aged
    assert refused == []


@SIZES
def test_a_url_that_is_refused_for_good(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    files_server.fail(_PUT, *[s3_error(403, "SignatureDoesNotMatch")] * 100)

    with pytest.raises(wideload.UploadError, match="SignatureDoesNotMatch") as raised:
        person.files.upload(file_of(tmp_path, bytes_of(size)), parallel=1)

    assert len(files_server.requests(_PUT)) == 3
    assert raised.value.status == 403
    assert raised.value.upload_id in files_server.uploads


def test_a_refusal_that_stays_is_not_tried_again(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.fail(_PUT, s3_error(400, "InvalidRequest"))

    with pytest.raises(wideload.UploadError, match="InvalidRequest"):
        person.files.upload(file_of(tmp_path, bytes_of(ONE)))

    assert len(files_server.requests(_PUT)) == 1


def test_progress_goes_back_when_a_part_is_repeated(
    files_server: FilesService, tmp_path: Path
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
