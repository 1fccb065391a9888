"""Looking files up, listing, renaming, deleting; uploads that aren't finished."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import FilesService
from tests.fake_aws.messages import DROP, DROP_AFTER, Fault, problem, s3_error
from tests.fake_aws.s3 import Body
from wideload_runtime.core.files import listing

NOWHERE = "01JDF000000000000000000999"


def test_files_come_newest_first_in_pages_as_they_are_needed(
    person: wideload.Client, files_server: FilesService
) -> None:
    for number in range(250):
        files_server.add(b"%d" % number, f"{number}.txt")

    found = person.files.list()
    assert files_server.seen == []
    assert [file.name for file in islice(found, 3)] == ["249.txt", "248.txt", "247.txt"]
    assert len(files_server.seen) == 1

    assert len(list(person.files.list())) == 250
    assert [file.name for file in person.files.list(limit=2)] == ["249.txt", "248.txt"]
    assert list(person.files.list(limit=0)) == []


def test_a_search_goes_on_over_pages_with_nothing_in_them(
    person: wideload.Client, files_server: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SCANNED", 10)
    for number in range(95):
        name = f"{number}.txt" if number % 40 else f"Report {number}.pdf"
        files_server.add(name.encode(), name)

    found = person.files.list(q="REPORT")

    assert [file.name for file in found] == ["Report 80.pdf", "Report 40.pdf", "Report 0.pdf"]
    assert len(files_server.seen) == 10
    assert all(seen.query["q"] == "REPORT" for seen in files_server.seen)


def test_a_search_disregards_case_accents_and_kinds_of_space(
    person: wideload.Client, files_server: FilesService
) -> None:
    for name in ("Ma\u0308rz\u202f10.png", "stra\u00dfe.png", "M\u00e4rz10.png"):
        files_server.add(name.encode(), name)

    assert [file.name for file in person.files.list(q="M\u00c4RZ 10")] == ["Ma\u0308rz\u202f10.png"]
    assert [file.name for file in person.files.list(q="STRASSE")] == ["stra\u00dfe.png"]


@pytest.mark.parametrize("options", [{"q": ""}, {"q": "x" * 256}, {"limit": -1}, {"limit": "5"}])
def test_a_list_that_cannot_be_asked_for(
    person: wideload.Client, files_server: FilesService, options: dict[str, Any]
) -> None:
    with pytest.raises(wideload.ConfigurationError):
        person.files.list(**options)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"items": [{}], "cursor": None},
        {"items": [], "cursor": ""},
        {"items": [], "cursor": 7},
        {"items": 7, "cursor": None},
    ],
)
def test_a_list_that_is_none(
    person: wideload.Client, files_server: FilesService, answer: dict[str, Any]
) -> None:
    files_server.tamper = lambda line, real: answer

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        list(person.files.list())


def test_get_and_rename(person: wideload.Client, files_server: FilesService) -> None:
    added = files_server.add(b"content", "a.txt")
    files_server.tamper = lambda line, answer: {"file": {**answer["file"], "answer_of": "tomorrow"}}

    found = person.files.get(added["file_id"])
    renamed = person.files.rename(added["file_id"], "界.txt")

    assert (found.name, found.size, found.verified, found.corrupt) == ("a.txt", 7, True, False)
    assert found.answer["answer_of"] == "tomorrow"
    assert renamed.name == "界.txt"
    assert person.files.get(added["file_id"]) == renamed


def test_a_name_that_no_file_can_have(person: wideload.Client, files_server: FilesService) -> None:
    with pytest.raises(wideload.ConfigurationError):
        person.files.rename(NOWHERE, "a/b")

    assert files_server.seen == []


def test_corrupt_files_say_so(person: wideload.Client, files_server: FilesService) -> None:
    added = files_server.add(b"content", corrupt=True)

    assert person.files.get(added["file_id"]).corrupt


def test_delete(person: wideload.Client, files_server: FilesService) -> None:
    added = files_server.add(b"content")

    person.files.delete(added["file_id"])

    assert files_server.s3.objects == {}
    with pytest.raises(wideload.NotFoundError):
        person.files.delete(added["file_id"])


@pytest.mark.parametrize("fault", [DROP_AFTER, Fault(500, after=True)])
def test_a_file_that_an_attempt_whose_answer_was_lost_has_deleted(
    person: wideload.Client, files_server: FilesService, fault: Fault
) -> None:
    added = files_server.add(b"content")
    files_server.fail("DELETE", fault)

    person.files.delete(added["file_id"])


CALLS = [
    lambda files: files.get(NOWHERE),
    lambda files: files.rename(NOWHERE, "a"),
    lambda files: files.delete(NOWHERE),
    lambda files: files.download(NOWHERE, io.BytesIO()),
]


@pytest.mark.parametrize("call", CALLS)
def test_unknown_ids_are_not_found(
    person: wideload.Client, files_server: FilesService, call: Callable[[wideload.Files], Any]
) -> None:
    with pytest.raises(wideload.NotFoundError) as raised:
        call(person.files)

    assert (raised.value.code, raised.value.file_id) == ("unknown_file", NOWHERE)


@pytest.mark.parametrize("call", CALLS)
def test_trouble_that_passes(
    person: wideload.Client, files_server: FilesService, call: Callable[[wideload.Files], Any]
) -> None:
    troubles = [DROP, Fault(503), problem(409, "conflict", Retry_After="1")]
    for method in ("GET", "PATCH", "DELETE"):
        files_server.fail(method, *troubles)

    with suppress(wideload.NotFoundError):  # once it gets through
        call(person.files)

    assert len(files_server.seen) == 4


@pytest.mark.parametrize("id", ["", "a/b", "..", "a b", "a?b", 7, None])
def test_an_id_that_cannot_be_one(
    person: wideload.Client, files_server: FilesService, id: Any
) -> None:
    files = person.files
    for call in (files.get, files.delete, files.download, files.get_upload, files.abort):
        with pytest.raises(wideload.ConfigurationError, match="id"):
            call(id)
    with pytest.raises(wideload.ConfigurationError, match="id"):
        files.rename(id, "a")

    assert files_server.seen == []


def _left_open(person: wideload.Client, server: FilesService, folder: Path) -> str:
    server.fail("PUT /s3/", *[s3_error(400, "InvalidRequest")] * 4)
    with pytest.raises(wideload.UploadError) as raised:
        person.files.upload(file_of(folder, bytes_of(5 * PART)), parallel=1)
    server.faults.clear()
    assert raised.value.upload_id is not None
    return raised.value.upload_id


def test_uploads_that_are_not_finished(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    upload_id = _left_open(person, files_server, tmp_path)
    files_server.parts(upload_id)[3] = Body.of(bytes(PART))

    (listed,) = person.files.uploads()
    found = person.files.get_upload(upload_id)

    assert (listed.upload_id, listed.state, listed.parts) == (upload_id, "open", ())
    assert (found.name, found.size, found.part_count) == ("film.bin", 5 * PART, 5)
    assert (found.part_size, found.parts, found.file) == (PART, (3,), None)


def test_an_upload_that_is_finished_has_its_file(
    person: wideload.Client, files_server: FilesService
) -> None:
    done = person.files.upload(io.BytesIO(b"content"), name="a")
    assert done.upload_id is not None

    found = person.files.get_upload(done.upload_id)

    assert (found.state, found.file) == ("completed", done.file)
    with pytest.raises(wideload.ConflictError) as raised:
        person.files.abort(done.upload_id)
    assert raised.value.code == "upload_completed"
    assert list(person.files.uploads()) == []


def test_abort(person: wideload.Client, files_server: FilesService, tmp_path: Path) -> None:
    upload_id = _left_open(person, files_server, tmp_path)

    person.files.abort(upload_id)
    person.files.abort(upload_id)

    assert person.files.get_upload(upload_id).state == "aborted"
    assert files_server.bucket.multiparts == {}
    with pytest.raises(wideload.NotFoundError):
        person.files.abort(NOWHERE)


@pytest.mark.parametrize("answer", [{}, {"upload_id": 7}, {"file": {}}])
def test_an_answer_that_is_none(
    person: wideload.Client, files_server: FilesService, answer: dict[str, Any]
) -> None:
    added = files_server.add(b"content")
    done = person.files.upload(io.BytesIO(b"other"), name="a")
    assert done.upload_id is not None
    files_server.tamper = lambda line, real: answer

    for call, of in (
        (person.files.get, added["file_id"]),
        (person.files.get_upload, done.upload_id),
        (person.files.download, added["file_id"]),
    ):
        with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
            call(of)


def test_a_closed_client_says_so(person: wideload.Client, files_server: FilesService) -> None:
    files = person.files
    person.close()

    for call in (
        lambda: files.upload(io.BytesIO(b""), name="a"),
        lambda: files.upload_many([]),
        lambda: files.download(NOWHERE),
        files.list,
        files.uploads,
        lambda: files.get(NOWHERE),
        lambda: files.rename(NOWHERE, "a"),
        lambda: files.delete(NOWHERE),
        lambda: files.get_upload(NOWHERE),
        lambda: files.abort(NOWHERE),
    ):
        with pytest.raises(wideload.ConfigurationError, match="closed"):
            call()
