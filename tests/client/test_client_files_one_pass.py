"""Large files, which are hashed while they are sent."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.conftest import Clock
from tests.client.running import sha256
from tests.client.transfer_samples import (
    PART,
    bytes_of,
    change_file,
    check_nothing_is_stored,
    file_of,
)
from tests.fake_aws.files import TOKEN, FilesService
from tests.fake_aws.messages import Fault, Seen, problem, s3_error
from tests.fake_aws.s3 import Body
from wideload._files import part_queue
from wideload._files.digest import PartRule

MANY = 12 * PART + 1
RULE = PartRule(one_put=PART, smallest_part=PART)
_CREATE = "POST /stage/files"
_COMPLETE = "POST /stage/files/uploads/ID/complete"
_PUT = "PUT /s3/"


@pytest.fixture
def person(files_server: FilesService, clock: Clock) -> Iterator[wideload.Client]:
    """A client for which files of over 64 KiB are large, as for the server."""
    with _client(files_server, clock) as made:
        yield made


def _client(server: FilesService, clock: Clock) -> wideload.Client:
    return wideload.Client(server.url, token=TOKEN, _pacing=clock.pacing(), _part_rule=RULE)


@pytest.mark.parametrize("size", [PART + 1, 2 * PART, MANY])
@pytest.mark.parametrize("parallel", [1, 4])
def test_a_large_file_is_announced_by_its_first_part(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int, parallel: int
) -> None:
    content = bytes_of(size)
    told: list[tuple[int, int]] = []
    hashed: list[tuple[int, int]] = []

    done = person.files.upload(
        file_of(tmp_path, content),
        parallel=parallel,
        progress=lambda *both: told.append(both),
        hashing=lambda *both: hashed.append(both),
    )

    assert _announced(files_server) == [{"size": size, "first_sha256": sha256(content[:PART])}]
    assert files_server.content(done.file.file_id) == content
    assert done.file.sha256 == sha256(content)
    assert (done.duplicate, done.bytes_sent, done.resumed_bytes) == (False, size, 0)
    assert files_server.s3.bytes_put == size
    assert files_server.s3.most_at_once <= parallel
    assert (told[0], told[-1]) == ((0, size), (size, size))
    assert hashed == []


def test_parts_are_sent_when_only_some_have_been_hashed(
    person: wideload.Client, files_server: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_queue, "_AHEAD", 8 * PART)
    ahead: list[int] = []

    source = Watched(bytes_of(40 * PART))

    def during_put(seen: Seen, count: int) -> None:
        if count == PART:
            ahead.append(source.furthest // PART - len(files_server.requests(_PUT)))

    files_server.s3.during_put = during_put

    person.files.upload(source, name="film.bin", parallel=2)

    assert len(ahead) == 40
    assert 4 < max(ahead) <= 8 + 1  # the one that is being hashed isn't among the eight


def test_parts_are_signed_many_at_once(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(300 * PART)

    person.files.upload(file_of(tmp_path, content), parallel=4)

    assert len(files_server.requests(f"{_CREATE}/uploads")) - 1 <= 100
    assert files_server.bucket.signed_count == 300


def test_a_duplicate_is_hashed_first_and_not_sent(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    first = person.files.upload(file_of(tmp_path, content))
    sent = files_server.s3.bytes_put
    del files_server.seen[:]
    hashed: list[tuple[int, int]] = []

    again = person.files.upload(
        file_of(tmp_path, content, "other.bin"), hashing=lambda *both: hashed.append(both)
    )

    assert files_server.api_requests == [_CREATE, _CREATE]
    assert files_server.s3.bytes_put == sent
    assert (again.duplicate, again.bytes_sent, again.upload_id) == (True, 0, None)
    assert (again.file.name, again.file.sha256) == ("other.bin", first.file.sha256)
    assert (hashed[0], hashed[-1]) == ((PART, MANY), (MANY, MANY))


def test_only_the_first_part_is_that_of_another_file(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content, other = bytes_of(MANY), bytes_of(PART) + bytes_of(MANY - PART, seed=2)
    person.files.upload(file_of(tmp_path, content))

    done = person.files.upload(file_of(tmp_path, other, "other.bin"))

    assert _announced(files_server)[1:] == [
        {"size": MANY, "first_sha256": sha256(content[:PART])},
        {"size": MANY, "sha256": sha256(other)},
    ]
    assert (done.duplicate, done.bytes_sent) == (False, MANY)
    assert files_server.content(done.file.file_id) == other


@pytest.mark.parametrize("changed", [False, True])
def test_an_interrupted_upload_is_resumed(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, changed: bool
) -> None:
    content = bytes_of(MANY)
    path = file_of(tmp_path, content)
    upload_id = _leave_open(person, files_server, path, parts=5)
    if changed:  # one of the parts that S3 holds isn't the file's any more
        content = content[: 2 * PART] + bytes(PART) + content[3 * PART :]
        path.write_bytes(content)
    held = (4 if changed else 5) * PART
    sent = files_server.s3.bytes_put
    told: list[int] = []

    done = person.files.upload(path, progress=lambda count, total: told.append(count))

    assert done.upload_id == upload_id
    assert files_server.content(done.file.file_id) == content
    assert told[0] == 5 * PART
    assert told[-1] == MANY
    assert done.resumed_bytes == held
    assert done.bytes_sent == files_server.s3.bytes_put - sent == MANY - held


def test_a_deployment_that_knows_only_whole_hashes(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    _knows_only_whole_hashes(files_server)

    done = person.files.upload(file_of(tmp_path, content))

    assert [sorted(file) for file in _announced(files_server)] == [
        ["first_sha256", "size"],
        ["sha256", "size"],
    ]
    assert files_server.content(done.file.file_id) == content
    assert done.bytes_sent == MANY
    assert [seen.body for seen in files_server.requests(_CREATE) if "complete" in seen.path] == [
        b""
    ]


def test_a_refusal_for_another_reason_is_raised(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.largest = MANY - 1

    with pytest.raises(wideload.FileRefusedError) as raised:
        person.files.upload(file_of(tmp_path, bytes_of(MANY)))

    assert raised.value.code == "file_too_large"
    assert files_server.api_requests == [_CREATE]


def test_two_clients_with_the_same_file_at_once(
    files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    done = _at_once(files_server, clock, [file_of(tmp_path, content, name) for name in "ab"])

    assert {result.file.name for result in done} == {"a", "b"}
    for result in done:
        assert files_server.content(result.file.file_id) == content
    assert (len(files_server.files), len(files_server.s3.objects)) == (2, 1)


def test_two_clients_with_files_of_the_same_first_part_at_once(
    files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    contents = [bytes_of(PART) + bytes_of(MANY - PART, seed) for seed in (2, 3)]
    paths = [file_of(tmp_path, content, str(at)) for at, content in enumerate(contents)]

    done = _at_once(files_server, clock, paths)

    for result in done:
        content = files_server.content(result.file.file_id)
        assert result.file.sha256 == sha256(content)
    assert {result.file.sha256 for result in done} == {sha256(content) for content in contents}


def test_parts_that_another_file_replaced_are_sent_again(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    replaced: list[int] = []

    def during_put(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) == 13 and not replaced:
            (multipart,) = files_server.bucket.multiparts.values()
            replaced.append(3)
            multipart.parts[3] = Body.of(bytes(PART))

    files_server.s3.during_put = during_put

    done = person.files.upload(file_of(tmp_path, content), parallel=1)

    assert replaced == [3]
    assert files_server.content(done.file.file_id) == content
    assert done.bytes_sent == MANY + PART
    assert len(files_server.uploads) == 1


def test_an_upload_whose_parts_differ_twice_is_left_for_one_of_its_own(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    differ = [problem(409, "parts_differ")] * 2

    def during_put(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) == 13:  # the next request is to complete
            files_server.fail("POST /stage/files/uploads", *differ)
            differ.clear()

    files_server.s3.during_put = during_put

    done = person.files.upload(file_of(tmp_path, content), parallel=1)

    by_first = {"size": MANY, "first_sha256": sha256(content[:PART])}
    by_whole = {"size": MANY, "sha256": sha256(content)}
    assert _announced(files_server) == [by_first, by_first, by_whole]
    assert files_server.content(done.file.file_id) == content
    assert len(files_server.uploads) == 2


def test_an_upload_that_another_file_completed_is_left_for_one_of_its_own(
    person: wideload.Client, files_server: FilesService, clock: Clock, tmp_path: Path
) -> None:
    contents = [bytes_of(PART) + bytes_of(MANY - PART, seed) for seed in (2, 3)]
    paths = [file_of(tmp_path, content, str(at)) for at, content in enumerate(contents)]
    other: list[wideload.UploadResult] = []

    def during_put(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) == 5 and not other:
            with _client(files_server, clock) as another:
                other.append(another.files.upload(paths[1]))

    files_server.s3.during_put = during_put

    done = person.files.upload(paths[0], parallel=1)

    assert files_server.content(other[0].file.file_id) == contents[1]
    assert files_server.content(done.file.file_id) == contents[0]


@pytest.mark.parametrize("when", ["first", "last"])
def test_an_upload_that_another_aborts_is_begun_anew(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, when: str
) -> None:
    content = bytes_of(MANY)

    def abort(seen: Seen, bytes_so_far: int) -> None:
        at = len(files_server.requests(_PUT))
        if len(files_server.uploads) == 1 and at >= (1 if when == "first" else 13):
            (upload,) = files_server.uploads.values()
            files_server.abort(upload.upload_id)

    files_server.s3.during_put = abort

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content
    assert len(files_server.uploads) == 2


@pytest.mark.parametrize("change", ["grow", "shrink", "touch"])
def test_a_file_that_changes_while_it_is_sent(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, change: str
) -> None:
    path = file_of(tmp_path, bytes_of(MANY))
    changed: list[bool] = []

    def during_put(seen: Seen, count: int) -> None:
        if not changed and len(files_server.requests(_PUT)) == 3:
            changed.append(True)
            change_file(path, change)

    files_server.s3.during_put = during_put

    with pytest.raises(wideload.FileChangedError) as raised:
        person.files.upload(path, parallel=1)

    assert raised.value.upload_id is None  # there is nothing to resume
    check_nothing_is_stored(files_server)


def test_a_part_that_changes_after_it_was_hashed(
    person: wideload.Client, files_server: FilesService
) -> None:
    source = Watched(bytes_of(MANY))

    def during_put(seen: Seen, count: int) -> None:
        if len(files_server.requests(_PUT)) == 3:
            assert source.read_up_to(MANY)
            source.getbuffer()[5 * PART] ^= 1

    files_server.s3.during_put = during_put

    with pytest.raises(wideload.FileChangedError):
        person.files.upload(source, name="film.bin", parallel=1)

    check_nothing_is_stored(files_server)


def test_the_recorded_hash_is_compared_with_that_of_the_bytes_that_were_read(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        if line.endswith("complete"):
            answer["file"]["sha256"] = "0" * 64
        return answer

    files_server.tamper = tamper

    with pytest.raises(wideload.IntegrityError, match="0000"):
        person.files.upload(file_of(tmp_path, bytes_of(MANY)))


@pytest.mark.parametrize(
    "answer",
    [
        {"files": [{"duplicate": True, "file": {}}]},
        {"files": [{"hash_first": False}]},
        {"files": [{"upload_id": "a", "part_size": 0, "parts": []}]},
    ],
)
def test_an_answer_that_is_none_of_this_api(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, answer: dict[str, Any]
) -> None:
    files_server.tamper = lambda line, real: answer

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        person.files.upload(file_of(tmp_path, bytes_of(MANY)))

    assert files_server.requests("PUT") == []


def test_a_hash_of_the_whole_is_asked_for_once(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.tamper = lambda line, real: {"files": [{"hash_first": True}]}

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        person.files.upload(file_of(tmp_path, bytes_of(MANY)))

    assert files_server.api_requests == [_CREATE, _CREATE]


def test_several_with_the_same_first_part_are_sent_one_after_another(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    contents = [bytes_of(MANY), bytes_of(PART) + bytes_of(MANY - PART, seed=2)]
    paths = [file_of(tmp_path, contents[at % 2], f"{at}") for at in range(4)]

    outcomes = {outcome.index: outcome.result for outcome in person.files.upload_many(paths)}

    for index, result in outcomes.items():
        assert result is not None
        assert files_server.content(result.file.file_id) == contents[index % 2]
    assert files_server.s3.bytes_put == 2 * MANY
    assert sorted(bool(result and result.duplicate) for result in outcomes.values()) == [
        False,
        False,
        True,
        True,
    ]


def test_an_upload_that_is_hashed_while_it_is_sent_has_no_hash_yet(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    upload_id = _leave_open(person, files_server, file_of(tmp_path, content), parts=2)

    (listed,) = person.files.uploads()
    upload = person.files.get_upload(upload_id)

    assert (listed.sha256, listed.first_sha256) == (None, sha256(content[:PART]))
    assert (upload.sha256, upload.size, upload.parts) == (None, MANY, (1, 2))


class Watched(io.BytesIO):
    """A file that knows how far it has been read."""

    furthest = 0

    def readinto(self, view: Any) -> int:
        count = super().readinto(view)
        self.furthest = max(self.furthest, self.tell())
        return count

    def read_up_to(self, offset: int) -> bool:
        """Wait until it has been read so far; False after a minute."""
        deadline = time.monotonic() + 60
        while self.furthest < offset and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.furthest >= offset


def _announced(server: FilesService) -> list[dict[str, Any]]:
    """Size and hash of each file of each request that announces files."""
    return [
        {name: file[name] for name in ("size", "first_sha256", "sha256") if name in file}
        for seen in server.requests(_CREATE)
        if seen.path == "/stage/files"
        for file in json.loads(seen.body)["files"]
    ]


def _knows_only_whole_hashes(server: FilesService) -> None:
    """Refuse `first_sha256`, as deployments of earlier versions do."""
    error = {"code": "invalid_request", "title": "x", "status": 400, "detail": "sha256 is missing"}
    body = {**error, "type": "x", "request_id": "req-1", "files": [{"error": error}]}
    server.fail(_CREATE, Fault(400, json.dumps(body).encode()))


def _at_once(server: FilesService, clock: Clock, paths: list[Path]) -> list[wideload.UploadResult]:
    """Results of clients that upload these files at once."""
    together = threading.Barrier(len(paths))
    done: list[wideload.UploadResult] = []

    def upload(path: Path) -> None:
        with _client(server, clock) as client:
            together.wait()
            done.append(client.files.upload(path))

    threads = [threading.Thread(target=upload, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == len(paths)
    return done


def _leave_open(person: wideload.Client, server: FilesService, path: Path, parts: int) -> str:
    """Upload the first parts of a file; the id of the upload."""

    def during_put(seen: Seen, count: int) -> None:
        if count == PART and len(server.requests(_PUT)) == parts:
            server.fail(_PUT, *[s3_error(400, "InvalidRequest")] * 10)

    server.s3.during_put = during_put
    with pytest.raises(wideload.UploadError) as raised:
        person.files.upload(path, parallel=1)
    server.faults.clear()
    server.s3.during_put = lambda seen, count: None
    assert raised.value.upload_id is not None
    return raised.value.upload_id
