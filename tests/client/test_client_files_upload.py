"""Uploading one file: requests to the API and S3, and the result."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import MIB, TOKEN, FilesService
from tests.fake_aws.messages import problem
from wideload._files import part_queue
from wideload._files.digest import Hashing, PartRule

_CREATE = "POST /stage/files"
_COMPLETE = "POST /stage/files/uploads/ID/complete"
_PARTS = "POST /stage/files/uploads/ID/parts"


@pytest.mark.parametrize("size", [0, 1, 5000, PART])
def test_a_file_of_one_put_needs_two_requests_of_the_api(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    content = bytes_of(size)

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.api_requests == [_CREATE, _COMPLETE]
    assert files_server.content(done.file.file_id) == content
    assert (done.file.name, done.file.size) == ("film.bin", size)
    assert done.file.sha256 == hashlib.sha256(content).hexdigest()
    assert (done.duplicate, done.bytes_sent, done.resumed_bytes) == (False, size, 0)
    assert done.upload_id == done.file.file_id


@pytest.mark.parametrize("size", [PART + 1, 2 * PART, 7 * PART + 123])
@pytest.mark.parametrize("parallel", [1, 4])
def test_a_larger_file_goes_in_parts(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int, parallel: int
) -> None:
    content = bytes_of(size)

    done = person.files.upload(file_of(tmp_path, content), parallel=parallel)

    assert files_server.content(done.file.file_id) == content
    assert done.bytes_sent == files_server.s3.bytes_put == size
    assert len(files_server.requests("PUT /s3/")) == -(-size // PART)
    assert files_server.s3.most_at_once <= parallel


def test_parts_of_the_contracts_own_size(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.one_put, files_server.smallest_part = 64 * MIB, 8 * MIB
    content = bytes_of(1 * MIB) * 64 + b"and a byte"

    done = person.files.upload(file_of(tmp_path, content))

    assert files_server.content(done.file.file_id) == content
    assert len(files_server.requests("PUT /s3/")) == 9


def test_a_duplicate_is_one_request_and_nothing_is_sent(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(3 * PART)
    first = person.files.upload(file_of(tmp_path, content))
    del files_server.seen[:]

    again = person.files.upload(file_of(tmp_path, content, "other.bin"))

    assert [f"{seen.method} {seen.path}" for seen in files_server.seen] == [_CREATE]
    assert (again.duplicate, again.bytes_sent, again.upload_id) == (True, 0, None)
    assert (again.file.name, again.file.sha256) == ("other.bin", first.file.sha256)


def test_parts_are_signed_in_batches_just_ahead_of_need(
    person: wideload.Client,
    files_server: FilesService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(part_queue, "_AHEAD", 16 * PART)
    content = bytes_of(60 * PART)
    put: list[int] = []
    ahead: list[int] = []

    def count(seen: Any, count: int) -> None:
        if count == PART:
            put.append(1)
            ahead.append(files_server.bucket.signed_count - len(put))
            time.sleep(0.03)  # hashing is faster

    files_server.s3.during_put = count

    person.files.upload(file_of(tmp_path, content), parallel=4)

    assert len(files_server.requests(f"{_CREATE}/uploads")) - 1 <= 15
    assert max(ahead) < 16
    assert files_server.bucket.signed_count == 60


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Größe.pdf", "application/pdf"),
        ("データ📁.tar.gz", "application/gzip"),
        ("اسم الملف.txt", "text/plain"),
        ("no extension", "application/octet-stream"),
        ("-rf ; $(x) 'quote\".csv", "text/csv"),
        ("x" * 255, "application/octet-stream"),
    ],
)
def test_names_in_any_script_and_their_types(
    person: wideload.Client, files_server: FilesService, name: str, kind: str
) -> None:
    done = person.files.upload(io.BytesIO(name.encode()), name=name)

    assert (done.file.name, done.file.content_type) == (name, kind)


def test_name_and_type_may_be_given(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    path = file_of(tmp_path, b"x")

    done = person.files.upload(path, name="b.txt", content_type="application/x-own; v=1")

    assert (done.file.name, done.file.content_type) == ("b.txt", "application/x-own; v=1")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "a\\b", "a\nb", "a\0b", "\ud800", "a\u202eb", "a\u2028b", "x" * 256, 7],
)  # fmt: skip
def test_a_name_that_no_file_can_have_is_refused_before_anything_is_read(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, name: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError):
        person.files.upload(tmp_path / "nowhere", name=name)

    assert files_server.seen == []


def test_of_a_path_whose_name_is_no_text_the_rest_is_the_name(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(path, "wb") as file:
        file.write(b"content")
    source = os.fsdecode(path)

    with pytest.raises(wideload.ConfigurationError, match="no text"):
        person.files.upload(source, name=os.fsdecode(b"caf\xe9.txt"))
    done = person.files.upload(source)

    assert done.file.name == "caf\ufffd.txt"


@pytest.mark.parametrize("kind", ["text", "a/b; c", "a/b\n", "ü/b", "a/" + "b" * 254, 7])
def test_a_type_that_no_file_can_have_is_refused_before_anything_is_read(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, kind: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="content_type"):
        person.files.upload(tmp_path / "nowhere", content_type=kind)

    assert files_server.seen == []


@pytest.mark.parametrize("size", [10, 12 * PART + 5])
def test_progress_counts_bytes_in_the_callers_thread(
    files_server: FilesService, tmp_path: Path, size: int
) -> None:
    told: list[tuple[int, int]] = []
    hashed: list[tuple[int, int]] = []
    threads = set()

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        threads.add(threading.get_ident())

    files_server.s3.during_put = lambda seen, count: time.sleep(0.15)

    with wideload.Client(files_server.url, token=TOKEN) as person:
        path = file_of(tmp_path, bytes_of(size))
        person.files.upload(
            path, progress=progress, hashing=lambda done, total: hashed.append((done, total))
        )

    assert told[0] == hashed[0] == (0, size)
    assert told[-1] == hashed[-1] == (size, size)
    assert threads == {threading.get_ident()}


def test_progress_of_a_duplicate_is_complete_at_once(
    person: wideload.Client, files_server: FilesService
) -> None:
    person.files.upload(io.BytesIO(b"content"), name="a")
    told: list[tuple[int, int]] = []

    person.files.upload(io.BytesIO(b"content"), name="a", progress=lambda *both: told.append(both))

    assert told == [(7, 7)]


@pytest.mark.parametrize("size", [10, 5 * PART])
def test_an_error_of_the_callback_comes_out_and_leaves_the_upload_open(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    def progress(done: int, total: int) -> None:
        raise BrokenPipeError("of the callback")

    with pytest.raises(BrokenPipeError, match="of the callback"):
        person.files.upload(file_of(tmp_path, bytes_of(size)), progress=progress)

    assert [upload.state for upload in person.files.uploads()] == ["open"]


def test_the_recorded_content_is_compared_with_the_sent_one(
    person: wideload.Client, files_server: FilesService
) -> None:
    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        if line.endswith("complete"):
            answer["file"]["sha256"] = "0" * 64
        return answer

    files_server.tamper = tamper

    with pytest.raises(wideload.IntegrityError, match="0000") as raised:
        person.files.upload(io.BytesIO(b"content"), name="a")

    assert raised.value.file_id is not None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"files": []},
        {"files": [{}]},
        {"files": [{"duplicate": True}]},
        {"files": [{"duplicate": True, "file": {"file_id": "a"}}]},
        {"files": [{"upload_id": "a/../b"}]},
        {"files": [{"upload_id": "a", "part_size": 0, "part_count": 1, "parts": []}]},
        {"files": [{"upload_id": "a", "part_size": 9, "part_count": 1, "parts": [{}]}]},
        {"files": [{"upload_id": "a", "action": {"method": "PUT", "href": "file:///etc"}}]},
        {
            "files": [
                {
                    "upload_id": "a",
                    "action": {
                        "method": "PUT",
                        "href": "http://a/",
                        "headers": {"a": "b\r\nEvil: 1"},
                        "expires_in": 1,
                    },
                }
            ]
        },
        {"files": [{"error": {}}]},
    ],
)
def test_an_answer_that_is_none_of_this_api(
    person: wideload.Client, files_server: FilesService, answer: dict[str, Any]
) -> None:
    files_server.tamper = lambda line, real: answer

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        person.files.upload(io.BytesIO(b"content"), name="a")

    assert files_server.requests("PUT") == []


def test_quotas_say_so_at_once(person: wideload.Client, files_server: FilesService) -> None:
    files_server.quota = 5
    with pytest.raises(wideload.QuotaError) as raised:
        person.files.upload(io.BytesIO(b"content"), name="a")
    assert (raised.value.status, raised.value.code) == (413, "quota_exceeded")
    assert raised.value.request_id == "req-1"

    files_server.quota, files_server.most_open = None, 0
    with pytest.raises(wideload.QuotaError) as raised:
        person.files.upload(io.BytesIO(b"content"), name="a")
    assert (raised.value.status, raised.value.code) == (429, "too_many_uploads")
    assert raised.value.retry_after == 30
    assert files_server.api_requests == [_CREATE, _CREATE]


def test_a_refusal_of_the_api_is_not_repeated(
    person: wideload.Client, files_server: FilesService
) -> None:
    files_server.fail(_CREATE, problem(413, "file_too_large"))

    with pytest.raises(wideload.FileRefusedError) as raised:
        person.files.upload(io.BytesIO(b"content"), name="a")

    assert raised.value.code == "file_too_large"
    assert len(files_server.seen) == 1


@pytest.mark.parametrize("parallel", [0, 65, 1.5, "4"])
def test_a_parallel_that_cannot_be(
    person: wideload.Client, files_server: FilesService, parallel: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="parallel"):
        person.files.upload(io.BytesIO(b"content"), name="a", parallel=parallel)
    with pytest.raises(wideload.ConfigurationError, match="parallel"):
        person.files.upload_many([], parallel=parallel)
    with pytest.raises(wideload.ConfigurationError, match="parallel"):
        person.files.download("a", parallel=parallel)


def test_files_need_a_token_and_documents_a_key(files_server: FilesService) -> None:
    program = wideload.Client(files_server.url, api_key="wl_a_b")
    person = wideload.Client(files_server.url, token=TOKEN)

    with program, pytest.raises(wideload.ConfigurationError, match="token"):
        _ = program.files
    with person, pytest.raises(wideload.ConfigurationError, match="api_key"):
        person.send({"a": 1})


def test_files_may_have_an_api_of_their_own(files_server: FilesService) -> None:
    with wideload.Client(
        "https://elsewhere.example", api_key="k", token=TOKEN, files_url=files_server.url + "/"
    ) as client:
        assert list(client.files.list()) == []
        assert repr(client.files) == f"<wideload.Files {files_server.url}>"


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (0, 0),
        (64 * MIB, 0),
        (64 * MIB + 1, 8 * MIB),
        (80_000 * MIB, 8 * MIB),
        (80_000 * MIB + 1, 9 * MIB),
        (5 * 1024**4, 525 * MIB),
        (10_000 * 5120 * MIB, 5120 * MIB),
    ],
)
def test_the_contracts_formula_for_parts(size: int, part_size: int) -> None:
    assert PartRule().part_size(size) == part_size
    assert not part_size or -(-size // part_size) <= 10_000


@pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB, 5 * MIB + 7])
@pytest.mark.parametrize("part_size", [0, 1 * MIB, 2 * MIB, 64 * 1024, 1_500_001])
def test_one_reading_hashes_the_whole_and_the_parts(size: int, part_size: int) -> None:
    content = bytes_of(size)
    read: list[int] = []

    class Content:
        def __init__(self) -> None:
            self.size = size

        def read_next(self, offset: int, view: memoryview) -> int:
            block = content[offset : offset + len(view)]
            read.append(len(block))
            view[: len(block)] = block
            return len(block)

        def check_unchanged(self) -> None: ...

    hashing = Hashing(Content(), part_size)  # type: ignore[arg-type]
    found = hashing.finish(lambda count: None)

    slices = range(0, size, part_size) if part_size else []
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    digests = [hashlib.sha256(content[at : at + part_size]) for at in slices]
    parts = list(hashing.parts(lambda count: None))
    assert [part.sha256 for part in parts] == [digest.hexdigest() for digest in digests]
    assert [part.offset for part in parts] == list(slices)
    assert sum(part.size for part in parts) == (size if part_size else 0)
    together = b"".join(digest.digest() for digest in digests)
    assert found.parts_sha256 == hashlib.sha256(together).hexdigest()
    assert sum(read) == size
