"""Folders and taken names of uploads, and several names of one content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.transfer_samples import PART, bytes_of, file_of
from tests.fake_aws.files import FilesService
from tests.fake_aws.messages import Seen, problem

_CREATE = "POST /stage/files"


def _names(server: FilesService) -> list[tuple[str, str]]:
    return sorted((file["folder"], file["name"]) for file in server.files.values())


def _announced(server: FilesService) -> list[dict[str, Any]]:
    return [
        file
        for seen in server.requests(_CREATE)
        if seen.path == "/stage/files"
        for file in json.loads(seen.body)["files"]
    ]


@pytest.mark.parametrize("size", [10, 5 * PART])
def test_an_upload_into_a_folder(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    done = person.files.upload(file_of(tmp_path, bytes_of(size)), folder="films/2026 界")

    assert (done.file.folder, done.file.name) == ("films/2026 界", "film.bin")
    assert person.files.get(done.file.file_id) == done.file
    assert files_server.content(done.file.file_id) == bytes_of(size)


def test_defaults_are_not_sent_since_earlier_deployments_do_not_know_them(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    person.files.upload(file_of(tmp_path, b"content"))

    assert _announced(files_server)[0].keys() == {
        "name",
        "content_type",
        "modified_at",
        "size",
        "sha256",
    }


@pytest.mark.parametrize(
    "folder", ["/a", "a/", "a//b", "a/../b", ".", "a\\b", "a\0", "x/" * 32 + "x", "a" * 256, 7]
)
def test_a_folder_that_can_not_be_is_refused_before_anything_is_sent(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, folder: Any
) -> None:
    path = file_of(tmp_path, b"content")

    with pytest.raises(wideload.ConfigurationError):
        person.files.upload(path, folder=folder)
    with pytest.raises(wideload.ConfigurationError):
        person.files.upload_many([path], folder=folder)

    assert files_server.seen == []


def test_what_becomes_of_a_taken_name_must_be_known(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="keep_both, replace, skip, fail"):
        person.files.upload(file_of(tmp_path, b"a"), if_exists="keep-both")  # type: ignore[arg-type]

    assert files_server.seen == []


@pytest.mark.parametrize("size", [10, 5 * PART])
def test_both_files_of_a_name_are_kept_unless_asked_otherwise(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    first = person.files.upload(file_of(tmp_path, bytes_of(size, 1)))
    second = person.files.upload(file_of(tmp_path, bytes_of(size, 2)))

    assert (first.file.name, second.file.name) == ("film.bin", "film (2).bin")
    assert not second.duplicate
    assert len(files_server.files) == 2


@pytest.mark.parametrize("size", [10, 5 * PART])
def test_a_file_of_the_name_is_replaced(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    person.files.upload(file_of(tmp_path, bytes_of(size, 1)))
    second = person.files.upload(file_of(tmp_path, bytes_of(size, 2)), if_exists="replace")

    assert list(files_server.files) == [second.file.file_id]
    assert second.file.name == "film.bin"


@pytest.mark.parametrize("size", [10, 5 * PART])
def test_a_file_whose_name_is_taken_is_skipped(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    first = person.files.upload(file_of(tmp_path, bytes_of(size, 1)))
    sent = files_server.s3.bytes_put

    second = person.files.upload(file_of(tmp_path, bytes_of(size, 2)), if_exists="skip")

    assert (second.skipped, second.duplicate, second.bytes_sent) == (True, False, 0)
    assert second.file == first.file
    assert files_server.s3.bytes_put == sent


@pytest.mark.parametrize("size", [10, 5 * PART])
def test_a_file_whose_name_is_taken_is_refused_with_the_other_file(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, size: int
) -> None:
    first = person.files.upload(file_of(tmp_path, bytes_of(size, 1)))

    with pytest.raises(wideload.ConflictError, match=r"A file of this folder is named") as raised:
        person.files.upload(file_of(tmp_path, bytes_of(size, 2)), if_exists="fail")

    assert raised.value.code == "name_exists"
    assert raised.value.answer["file"]["file_id"] == first.file.file_id
    assert len(files_server.uploads) == 1


def test_the_same_content_under_its_name_is_there_whatever_is_asked(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    first = person.files.upload(file_of(tmp_path, b"content"))

    for how in ("keep_both", "replace", "skip", "fail"):
        again = person.files.upload(file_of(tmp_path, b"content"), if_exists=how)  # type: ignore[arg-type]
        assert (again.duplicate, again.skipped, again.file) == (True, False, first.file)


def test_each_source_has_its_folder(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    paths = [file_of(tmp_path, bytes_of(9, seed), f"{seed}.bin") for seed in range(3)]

    outcomes = list(person.files.upload_many(paths, folder=lambda source: f"f/{source.stem}"))  # type: ignore[union-attr]

    assert [outcome.error for outcome in outcomes] == [None] * 3
    assert _names(files_server) == [("f/0", "0.bin"), ("f/1", "1.bin"), ("f/2", "2.bin")]


def test_many_names_of_one_content_are_sent_once_and_announced_in_batches(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    paths = [file_of(tmp_path, b"same", f"{number}.txt") for number in range(60)]

    outcomes = list(person.files.upload_many(paths))

    assert {outcome.index for outcome in outcomes} == set(range(60))
    for outcome in outcomes:
        assert outcome.result is not None
        assert outcome.result.file.name == paths[outcome.index].name
    assert len(files_server.files) == 60
    assert files_server.s3.bytes_put == 4
    assert sum(1 for seen in files_server.requests(_CREATE) if seen.path == "/stage/files") <= 6


def test_large_copies_are_sent_once(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(5 * PART)
    paths = [file_of(tmp_path, content, name) for name in ("a", "b", "c")]

    outcomes = sorted(person.files.upload_many(paths), key=lambda outcome: outcome.index)

    assert [outcome.result and outcome.result.file.name for outcome in outcomes] == ["a", "b", "c"]
    assert files_server.s3.bytes_put == len(content)


@pytest.mark.parametrize("how", ["skip", "fail"])
def test_a_copy_whose_name_is_taken_leaves_the_others_alone(
    person: wideload.Client, files_server: FilesService, tmp_path: Path, how: Any
) -> None:
    files_server.add(b"other", "a.txt")
    paths = [file_of(tmp_path, b"same", name) for name in ("a.txt", "b.txt", "c.txt")]

    ends = sorted(person.files.upload_many(paths, if_exists=how), key=lambda end: end.index)

    if how == "skip":
        assert ends[0].result is not None
        assert ends[0].result.skipped
    else:
        assert isinstance(ends[0].error, wideload.ConflictError)
    assert [end.result and end.result.file.name for end in ends[1:]] == ["b.txt", "c.txt"]
    assert _names(files_server) == [("", "a.txt"), ("", "b.txt"), ("", "c.txt")]


def test_copies_share_an_error_that_is_not_of_the_name(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.quota = 3
    paths = [file_of(tmp_path, b"same", f"{number}.txt") for number in range(4)]

    ends = list(person.files.upload_many(paths))

    assert [type(end.error) for end in ends] == [wideload.QuotaError] * 4
    assert len(files_server.requests(_CREATE)) == 1


def test_of_the_files_of_an_upload_each_client_gets_its_own(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    """Another client announces the content, too, and this one sends and completes it."""
    path = file_of(tmp_path, bytes_of(1000), "mine.bin")
    announced: list[bool] = []

    def another(seen: Seen, count: int) -> None:
        if not announced:
            announced.append(True)
            copy = file_of(tmp_path, bytes_of(1000), "theirs.bin")
            files_server.s3.during_put = lambda seen, count: None
            person.files.upload(copy, folder="other")

    files_server.s3.during_put = another
    done = person.files.upload(path)

    assert (done.file.folder, done.file.name) == ("", "mine.bin")
    assert _names(files_server) == [("", "mine.bin"), ("other", "theirs.bin")]


def test_a_refusal_by_the_deployments_own_function(
    person: wideload.Client, files_server: FilesService, tmp_path: Path
) -> None:
    files_server.fail(_CREATE, problem(403, "not_allowed"))

    with pytest.raises(wideload.FileRefusedError) as raised:
        person.files.upload(file_of(tmp_path, b"content"))

    assert (raised.value.status, raised.value.code) == (403, "not_allowed")
    assert raised.value.detail == "what not_allowed means"
    assert "token" not in str(raised.value)
