"""Downloads with failing requests, and content that isn't the recorded one."""

from __future__ import annotations

import io
import itertools
import os
from pathlib import Path

import pytest

import wideload
from tests.client.transfer_samples import RANGE, bytes_of, chain
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.messages import DROP, HALF, Fault, Seen, problem, s3_error
from wideload._files.partial_file import PartialFile

pytestmark = pytest.mark.usefixtures("small_ranges")


_GET = "GET /s3/"
_ASK = "GET /stage/files/"


@pytest.mark.parametrize("to_path", [True, False])
@pytest.mark.parametrize(
    ("what", "fault"),
    [
        (_ASK, Fault(503)),
        (_ASK, DROP),
        (_GET, DROP),
        (_GET, HALF),
        (_GET, s3_error(503, "SlowDown")),
        (_GET, s3_error(500, "InternalError")),
        (_GET, s3_error(403, "AccessDenied")),
        (_GET, s3_error(400, "ExpiredToken")),
    ],
)
@pytest.mark.parametrize("times", [1, 2])  # as many new URLs as one range may take
def test_trouble_that_passes(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    what: str,
    fault: Fault,
    times: int,
    to_path: bool,
) -> None:
    file = files_server.add(content := bytes_of(6 * RANGE))
    files_server.fail(what, *[fault] * times)
    target = io.BytesIO()

    done = person.files.download(file["file_id"], tmp_path / "a" if to_path else target)

    assert ((tmp_path / "a").read_bytes() if to_path else target.getvalue()) == content
    assert done.bytes_received == len(content)  # nothing came twice
    assert not any(files_server.faults.values())


def test_a_connection_that_breaks_goes_on_where_it_broke(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(content := bytes_of(RANGE))
    files_server.fail(_GET, *[HALF] * 9)  # each of them gets on, so none is one too many

    done = person.files.download(file["file_id"], tmp_path)

    asked = [seen.headers["range"] for seen in files_server.requests(_GET)]
    assert asked[:3] == ["bytes=0-65535", "bytes=32768-65535", "bytes=49152-65535"]
    assert done.path is not None
    assert done.path.read_bytes() == content


def test_a_url_that_expires_under_way_is_asked_for_again(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(content := bytes_of(20 * RANGE))

    calls = itertools.count(1)  # two come at once, and each has a number of its own

    def expire(seen: Seen, at: int) -> None:
        if next(calls) in {3, 9}:
            files_server.time += 2 * 3600

    files_server.s3.during_get = expire

    done = person.files.download(file["file_id"], tmp_path, parallel=2)

    assert done.path is not None
    assert done.path.read_bytes() == content
    assert 2 <= len(files_server.requests(_ASK)) <= 6


@pytest.mark.parametrize("to_path", [True, False])
def test_a_url_that_is_refused_for_good(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, to_path: bool
) -> None:
    file = files_server.add(bytes_of(100))
    files_server.fail(_GET, *[s3_error(403, "AccessDenied")] * 100)

    with pytest.raises(wideload.UploadError, match="download") as raised:
        person.files.download(file["file_id"], tmp_path / "a" if to_path else io.BytesIO())

    assert len(files_server.requests(_GET)) == 3
    assert raised.value.file_id == file["file_id"]
    for error in chain(raised.value):
        shown = f"{error!r} {error} {vars(error)}"
        assert TOKEN not in shown
        assert "X-Amz-Signature" not in shown


def test_no_such_file(person: wideload.Client, files_server: FilesService, tmp_path: Path) -> None:
    with pytest.raises(wideload.NotFoundError) as raised:
        person.files.download("01JDF000000000000000000009", tmp_path)

    assert (raised.value.code, raised.value.file_id) == (
        "unknown_file",
        "01JDF000000000000000000009",
    )
    assert os.listdir(tmp_path) == []


def test_a_corrupt_file(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(b"content", corrupt=True)

    with pytest.raises(wideload.ConflictError) as raised:
        person.files.download(file["file_id"], tmp_path)

    assert raised.value.code == "corrupt"


@pytest.mark.parametrize("size", [100, 5 * RANGE])
def test_content_that_is_not_what_was_recorded(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    file = files_server.add(bytes_of(size))
    files_server.replace_content(file["file_id"], bytes_of(size, seed=2))

    with pytest.raises(wideload.IntegrityError, match="SHA-256") as raised:
        person.files.download(file["file_id"], tmp_path)
    assert os.listdir(tmp_path) == []
    assert raised.value.file_id == file["file_id"]
    assert len(files_server.requests(_GET)) == -(-size // RANGE)

    with pytest.raises(wideload.IntegrityError, match="SHA-256"):
        person.files.download(file["file_id"], io.BytesIO())


def test_content_of_another_size(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(bytes_of(3 * RANGE))
    files_server.replace_content(file["file_id"], bytes_of(3 * RANGE + 1))

    with pytest.raises(wideload.IntegrityError, match=f"{3 * RANGE} bytes by its record"):
        person.files.download(file["file_id"], tmp_path)


@pytest.mark.parametrize("knows_conditions", [True, False])
def test_content_that_is_replaced_under_way(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, knows_conditions: bool
) -> None:
    files_server.s3.knows_conditions = knows_conditions
    file = files_server.add(bytes_of(9 * RANGE))

    def replace(seen: Seen, at: int) -> None:
        changed = bytes_of(9 * RANGE, len(files_server.seen))
        files_server.replace_content(file["file_id"], changed)

    files_server.s3.during_get = replace

    with pytest.raises(wideload.IntegrityError, match="replaced"):
        person.files.download(file["file_id"], tmp_path, parallel=1)
    with pytest.raises(wideload.IntegrityError, match="replaced"):
        person.files.download(file["file_id"], io.BytesIO(), parallel=2)
    assert os.listdir(tmp_path) == []


def test_a_proxy_that_ignores_ranges(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    file = files_server.add(bytes_of(100))
    files_server.fail(_GET, Fault(200, bytes_of(100)))

    with pytest.raises(wideload.UploadError, match="proxy"):
        person.files.download(file["file_id"], tmp_path)


def test_a_disk_that_is_full(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = files_server.add(bytes_of(5 * RANGE))

    def full(self: PartialFile, offset: int, block: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PartialFile, "write", full)

    with pytest.raises(OSError, match="No space left"):
        person.files.download(file["file_id"], tmp_path)


def test_two_requests_for_a_problem(person: wideload.Client, files_server: FilesService) -> None:
    files_server.fail(_ASK, problem(503, "unavailable", Retry_After="3"))
    file = files_server.add(b"content")

    target = io.BytesIO()
    person.files.download(file["file_id"], target)

    assert target.getvalue() == b"content"
