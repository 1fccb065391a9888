"""Folders from Python: list, make, move and delete them; move and delete many files."""

from __future__ import annotations

import json
from typing import Any

import pytest

import wideload
from tests.fake_aws.files import FilesService
from tests.fake_aws.messages import DROP_AFTER, Fault, problem
from wideload._files import file_records, folder_records
from wideload._files.models import FileInfo

NOWHERE = "01JDF000000000000000000999"
_FOLDERS = "/stage/files/folders"


def _add(server: FilesService, *paths: str) -> list[str]:
    """Have files at these paths; their ids."""
    added = []
    for path in paths:
        folder, _, name = path.rpartition("/")
        added.append(server.add(path.encode(), name, folder=folder)["file_id"])
    return added


def _paths(found: Any) -> list[str]:
    return [
        f"{one.folder}/" if isinstance(one, wideload.FolderInfo) else f"{one.folder}:{one.name}"
        for one in found
    ]


def test_a_list_of_one_folder_in_an_order(
    person: wideload.Client, files_server: FilesService
) -> None:
    _add(files_server, "f/b", "f/aaa", "f/sub/x", "top")
    files = person.files

    assert _paths(files.list(folder="f")) == ["f:aaa", "f:b"]
    assert _paths(files.list(folder="")) == [":top"]
    assert _paths(files.list(folder="f", sort="-name")) == ["f:b", "f:aaa"]
    assert _paths(files.list(folder="f", sort="size")) == ["f:b", "f:aaa"]
    assert _paths(files.list(folder="f", sort="created_at")) == ["f:b", "f:aaa"]
    assert _paths(files.list(prefix="A")) == ["f:aaa"]
    assert _paths(files.list(folder="f", prefix="b", q="B")) == ["f:b"]
    assert _paths(files.list()) == [":top", "f/sub:x", "f:aaa", "f:b"]


@pytest.mark.parametrize(
    "options",
    [
        {"sort": "size"},
        {"sort": "time"},
        {"prefix": ""},
        {"prefix": "a", "sort": "-created_at"},
        {"folder": "/a"},
        {"folder": 7},
        {"prefix": "\udcff"},
    ],
)
def test_a_list_that_can_not_be_asked_for(
    person: wideload.Client, files_server: FilesService, options: dict[str, Any]
) -> None:
    with pytest.raises(wideload.ConfigurationError):
        person.files.list(**options)

    assert files_server.seen == []


def test_folders_of_a_folder_by_name_over_pages(
    person: wideload.Client, files_server: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_records, "LONGEST_PAGE", 2)
    for name in ("c", "a", "B", "d"):
        person.files.create_folder(f"f/{name}")

    found = list(person.files.folders("f"))

    assert [folder.name for folder in found] == ["a", "B", "c", "d"]
    assert found[0].folder == "f/a"
    assert [folder.folder for folder in person.files.folders(limit=1)] == ["f"]
    with pytest.raises(wideload.NotFoundError, match="No folder of yours") as raised:
        list(person.files.folders("none"))
    assert raised.value.code == "unknown_folder"


def test_a_folder_is_made_with_those_above_it_and_can_be_made_again(
    person: wideload.Client, files_server: FilesService
) -> None:
    made = person.files.create_folder("a/b/c")

    assert (made.folder, made.name) == ("a/b/c", "c")
    assert person.files.create_folder("a/b/c") == made
    assert _paths(person.files.walk()) == ["a/", "a/b/", "a/b/c/"]


def test_everything_in_a_folder(person: wideload.Client, files_server: FilesService) -> None:
    _add(files_server, "f/z", "f/b/2", "f/a", "f/b/c/3", "other/4")
    person.files.create_folder("f/empty")

    assert _paths(person.files.walk("f")) == [
        "f:a",
        "f:z",
        "f/b/",
        "f/b:2",
        "f/b/c/",
        "f/b/c:3",
        "f/empty/",
    ]
    with pytest.raises(wideload.NotFoundError):
        list(person.files.walk("none"))


def test_a_folder_that_goes_while_all_is_listed_is_left_out(
    person: wideload.Client, files_server: FilesService
) -> None:
    _add(files_server, "f/1", "g/2", "h/3")
    found = []

    for one in person.files.walk():
        found.append(one)
        if _paths([one]) == ["f/"]:
            person.files.delete_folder("g")

    assert _paths(found) == ["f/", "f:1", "g/", "h/", "h:3"]


def test_a_folder_is_moved_with_everything_in_it(
    person: wideload.Client, files_server: FilesService
) -> None:
    (file_id,) = _add(files_server, "a/b/x")

    moved = person.files.move_folder("a/b", "c/d")

    assert (moved.folder, moved.name) == ("c/d", "d")
    assert person.files.get(file_id).folder == "c/d"
    with pytest.raises(wideload.NotFoundError):
        person.files.move_folder("a/b", "e")
    person.files.create_folder("a/b")
    with pytest.raises(wideload.ConflictError) as raised:
        person.files.move_folder("a/b", "c/d")
    assert raised.value.code == "name_exists"
    with pytest.raises(wideload.FileRefusedError):
        person.files.move_folder("a", "a/b/c")


def test_a_move_whose_answer_was_lost_is_not_a_failure(
    person: wideload.Client, files_server: FilesService
) -> None:
    _add(files_server, "a/x")
    files_server.fail(f"PATCH {_FOLDERS}", DROP_AFTER)

    moved = person.files.move_folder("a", "b/c")

    assert moved.folder == "b/c"
    assert len(files_server.requests(f"PATCH {_FOLDERS}")) == 2
    files_server.fail(f"PATCH {_FOLDERS}", problem(500, "internal"))
    with pytest.raises(wideload.NotFoundError):
        person.files.move_folder("none", "other")


def test_a_folder_is_deleted_with_everything_in_it(
    person: wideload.Client, files_server: FilesService
) -> None:
    _add(files_server, "a/x", "a/b/y", "z")

    person.files.delete_folder("a")

    assert _paths(person.files.walk()) == [":z"]
    with pytest.raises(wideload.NotFoundError):
        person.files.delete_folder("a")


def test_a_deletion_whose_answer_was_lost_is_not_a_failure(
    person: wideload.Client, files_server: FilesService
) -> None:
    _add(files_server, "a/x")
    files_server.fail(f"DELETE {_FOLDERS}", DROP_AFTER)

    person.files.delete_folder("a")

    assert len(files_server.requests(f"DELETE {_FOLDERS}")) == 2


@pytest.mark.parametrize("method", ["create_folder", "delete_folder"])
def test_the_top_stays(person: wideload.Client, files_server: FilesService, method: str) -> None:
    with pytest.raises(wideload.ConfigurationError, match="the top can't be"):
        getattr(person.files, method)("")
    with pytest.raises(wideload.ConfigurationError, match="the top can't be"):
        person.files.move_folder("", "a")

    assert files_server.seen == []


def test_a_file_gets_another_name_and_folder(
    person: wideload.Client, files_server: FilesService
) -> None:
    one, two = _add(files_server, "a/one", "b/two")

    moved = person.files.rename(one, "two", folder="b")
    with pytest.raises(wideload.ConflictError) as raised:
        person.files.rename(one, "two", folder="b", if_exists="fail")
    replaced = person.files.rename(one, "two", folder="b", if_exists="replace")
    top = person.files.rename(one, "three", folder="")

    assert (moved.folder, moved.name) == ("b", "two (2)")
    assert (raised.value.code, raised.value.answer["file"]["file_id"]) == ("name_exists", two)
    assert (replaced.folder, replaced.name) == ("b", "two")
    assert (top.folder, top.name) == ("", "three")
    assert list(files_server.files) == [one]


def test_many_files_are_moved_each_with_its_own_outcome(
    person: wideload.Client, files_server: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_records, "_MOST_CHANGED", 2)
    one, two, three = _add(files_server, "one", "sub/two", "f/one")

    outcomes = person.files.move([one, NOWHERE, two, three], "f", if_exists="skip")

    assert [outcome.file_id for outcome in outcomes] == [one, NOWHERE, two, three]
    assert [outcome.skipped for outcome in outcomes] == [True, False, False, False]
    assert outcomes[0].file is not None
    assert outcomes[0].file.file_id == three
    assert isinstance(outcomes[1].error, wideload.NotFoundError)
    assert (outcomes[1].error.code, outcomes[1].error.file_id) == ("unknown_file", NOWHERE)
    assert outcomes[2].file is not None
    assert (outcomes[2].file.folder, outcomes[2].error) == ("f", None)
    assert len(files_server.requests("POST /stage/files/move")) == 2


def test_many_files_are_deleted(person: wideload.Client, files_server: FilesService) -> None:
    ids = _add(files_server, *[f"{number}" for number in range(250)])

    outcomes = person.files.delete_many([*ids[:240], NOWHERE])

    assert [outcome.error for outcome in outcomes[:240]] == [None] * 240
    assert isinstance(outcomes[240].error, wideload.NotFoundError)
    assert set(files_server.files) == set(ids[240:])
    assert len(files_server.requests("POST /stage/files/delete")) == 3


def test_the_error_of_one_of_many_has_the_requests_id(
    person: wideload.Client, files_server: FilesService
) -> None:
    answer = {"files": [{"error": {"status": 404, "code": "unknown_file", "detail": "None."}}]}
    files_server.fail(
        "POST /stage/files/delete",
        Fault(200, json.dumps(answer).encode(), {"apigw-requestid": "gw-1"}),
    )

    (outcome,) = person.files.delete_many(["01JUNKNOWN"])

    assert isinstance(outcome.error, wideload.NotFoundError)
    assert (outcome.error.request_id, outcome.error.file_id) == ("gw-1", "01JUNKNOWN")


def test_after_a_request_that_failed_the_rest_has_its_error(
    person: wideload.Client, files_server: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_records, "_MOST_CHANGED", 1)
    ids = _add(files_server, "1", "2", "3")
    files_server.fail("POST /stage/files/delete", problem(200, "x"))

    outcomes = person.files.delete_many(ids)

    assert all(isinstance(outcome.error, wideload.ApiError) for outcome in outcomes)
    assert len(files_server.requests("POST /stage/files/delete")) == 1


def test_a_deletion_of_many_whose_answer_was_lost_is_not_a_failure(
    person: wideload.Client, files_server: FilesService
) -> None:
    ids = _add(files_server, "1", "2")
    files_server.fail("POST /stage/files/delete", DROP_AFTER)

    outcomes = person.files.delete_many(ids)

    assert [outcome.error for outcome in outcomes] == [None, None]
    assert files_server.files == {}


@pytest.mark.parametrize("ids", ["01JDF000000000000000000999", [NOWHERE, "../x"], [7]])
def test_what_is_no_list_of_ids_is_refused(
    person: wideload.Client, files_server: FilesService, ids: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError):
        person.files.delete_many(ids)
    with pytest.raises(wideload.ConfigurationError):
        person.files.move(ids, "f")

    assert files_server.seen == []


def test_what_a_file_says_of_itself(person: wideload.Client, files_server: FilesService) -> None:
    (file_id,) = _add(files_server, "f/x")
    files_server.tamper = lambda line, answer: {
        "file": {
            **answer["file"],
            "quarantined": {"reason": "malware", "detail": "EICAR was found."},
            "metadata": {"project": "apollo"},
            "modified_at": "2020-01-02T03:04:05.678Z",
        }
    }

    file = person.files.get(file_id)

    assert file.folder == "f"
    assert file.verified_by == "s3"
    assert file.modified_at == "2020-01-02T03:04:05.678Z"
    assert file.quarantined == wideload.Quarantine(reason="malware", detail="EICAR was found.")
    assert file.metadata == {"project": "apollo"}


def test_a_file_of_an_earlier_deployment_is_at_the_top() -> None:
    file = FileInfo.of(
        {
            "file_id": "01J",
            "name": "a",
            "size": 1,
            "content_type": "text/plain",
            "sha256": "0" * 64,
            "verified": True,
            "created_at": "2026-11-22T09:00:00Z",
        }
    )

    assert (file.folder, file.modified_at, file.verified_by) == ("", None, None)
    assert (file.quarantined, dict(file.metadata)) == (None, {})


def test_a_quarantined_file_can_not_be_downloaded(
    person: wideload.Client, files_server: FilesService, tmp_path: Any
) -> None:
    (file_id,) = _add(files_server, "x")
    files_server.fail("GET /stage/files/", problem(409, "quarantined"))

    with pytest.raises(wideload.ConflictError, match="what quarantined means") as raised:
        person.files.download(file_id, tmp_path)

    assert (raised.value.code, raised.value.file_id) == ("quarantined", file_id)
    assert len(files_server.seen) == 1
