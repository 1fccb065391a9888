"""Files as names over stored objects: further names, taken names, renaming and moving, removal."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws.s3 import Body
from tests.runtime.files.files_world import (
    DAY,
    FilesWorld,
    Film,
    Person,
    audit,
    large,
    new_name,
    refusal,
    small,
    wish,
)
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.names import numbered
from wideload_runtime.core.files.records import IfExists, Usage
from wideload_runtime.core.files.requests import Change, UploadRequest
from wideload_runtime.core.files.uploads import MOST_NAMES


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld()


def announce(person: Person, body: Body, name: str, **options: Any) -> dict[str, Any]:
    (answer,) = person.uploads.create([wish(body, name, **options)])
    return answer


def upload(person: Person, body: Body, name: str, **options: Any) -> dict[str, Any]:
    """All of a single PUT, or of a name over known content; the file."""
    answer = announce(person, body, name, **options)
    if "file" in answer:
        file: dict[str, Any] = answer["file"]
        return file
    person.world.s3.send(answer["action"], body)
    return person.complete(answer["upload_id"])


def places(world: FilesWorld) -> dict[tuple[str, str], str]:
    """SHA-256 of each file, by folder and name."""
    shown = [world.ann.shown(item["item"].removeprefix("FILE#")) for item in world.items("FILE#")]
    return {(file["folder"], file["name"]): file["sha256"] for file in shown}


# Several names


def test_another_name_of_known_content_is_a_file_of_its_own(world: FilesWorld) -> None:
    first = upload(world.ann, small(), "offer.txt")

    answer = announce(
        world.ann, small(), "copy.txt", folder="a/b", modified_at="2026-01-02T03:04:05.000Z"
    )

    assert answer["duplicate"] is True
    second = answer["file"]
    assert second["file_id"] != first["file_id"]
    assert (second["folder"], second["name"]) == ("a/b", "copy.txt")
    assert second["modified_at"] == "2026-01-02T03:04:05.000Z"
    assert "modified_at" not in first
    assert world.ann.usage == Usage(small().size, 2, 0)
    assert len(world.s3.objects) == 1
    assert audit(world) == []


def test_the_same_folder_name_and_content_is_the_same_file(world: FilesWorld) -> None:
    first = upload(world.ann, small(), "a", folder="x")

    for how in ("keep_both", "replace", "skip", "fail"):
        answer = announce(world.ann, small(), "a", folder="x", if_exists=how)
        assert answer == {"duplicate": True, "file": first}
    assert world.ann.usage == Usage(small().size, 1, 0)
    assert audit(world) == []


def test_deleting_one_name_leaves_the_other_and_the_last_takes_the_content(
    world: FilesWorld,
) -> None:
    first = upload(world.ann, small(), "a")
    second = upload(world.ann, small(), "b")

    world.ann.files.delete(first["file_id"])

    assert world.ann.files.download(second["file_id"])[0].name == "b"
    assert world.ann.usage == Usage(small().size, 1, 0)
    assert len(world.s3.objects) == 1
    assert audit(world) == []

    world.ann.files.delete(second["file_id"])

    assert world.s3.objects == {}
    world.end_urls()
    assert world.ann.usage == Usage()
    assert "action" in announce(world.ann, small(), "a")
    assert audit(world) == []


def test_names_count_towards_the_quota_of_files_and_content_once() -> None:
    world = FilesWorld(quota_bytes=15, quota_files=2)
    upload(world.ann, small(), "a")
    upload(world.ann, small(), "b")

    refused = refusal(lambda: announce(world.ann, small(), "c"))

    assert refused.code == "quota_exceeded"
    assert refused.detail.startswith("2 files are there")
    assert world.ann.usage == Usage(small().size, 2, 0)
    assert audit(world) == []


# Several names of one upload


@pytest.mark.parametrize("body", [small(), large()], ids=["one PUT", "parts"])
def test_names_announced_while_an_upload_is_open_become_files_with_it(
    world: FilesWorld, body: Body
) -> None:
    wishes = [wish(body, "a"), wish(body, "b", folder="x"), wish(body, "a")]
    answers = world.ann.uploads.create(wishes)
    upload_id = answers[0]["upload_id"]
    assert {answer["upload_id"] for answer in answers} == {upload_id}
    assert world.ann.usage == Usage(body.size, 2, 1)
    if "action" in answers[0]:
        world.s3.send(answers[0]["action"], body)
    else:
        world.ann.send_parts(upload_id)
    assert announce(world.ann, body, "c")["upload_id"] == upload_id

    answer = world.ann.uploads.complete(upload_id)

    assert answer["file"]["file_id"] == upload_id
    assert [(file["folder"], file["name"]) for file in answer["files"]] == [
        ("", "a"), ("x", "b"), ("", "c"),
    ]  # fmt: skip
    assert world.ann.uploads.complete(upload_id) == answer
    assert world.ann.usage == Usage(body.size, 3, 0)
    assert world.ann.record(upload_id).due_at is None
    assert audit(world) == []
    world.ann.files.delete(upload_id)
    assert [file["name"] for file in world.ann.uploads.complete(upload_id)["files"]] == ["b", "c"]
    assert audit(world) == []


def test_an_aborted_upload_gives_all_its_names_back(world: FilesWorld) -> None:
    for name in ("a", "b", "c"):
        upload_id = announce(world.ann, large(), name)["upload_id"]
    assert world.ann.usage.files == 3

    world.ann.uploads.abort(upload_id)

    assert world.ann.usage == Usage()
    assert audit(world) == []


def test_an_upload_takes_a_bounded_number_of_names(world: FilesWorld) -> None:
    for number in range(MOST_NAMES):
        announce(world.ann, small(), f"{number}", folder="é" * 255)
    refused = refusal(lambda: announce(world.ann, small(), "one more"))

    assert (refused.code, refused.retry_after) == ("unavailable", 30)
    assert "is completed" in refused.detail
    assert audit(world) == []


def test_names_of_an_open_upload_count_towards_the_quota() -> None:
    world = FilesWorld(quota_files=2)
    announce(world.ann, small(), "a")
    announce(world.ann, small(), "b")

    assert refusal(lambda: announce(world.ann, small(), "c")).code == "quota_exceeded"
    assert audit(world) == []


def test_another_name_with_the_same_first_part_is_hashed_first(world: FilesWorld) -> None:
    film = Film()
    world.unhashed = True
    (first,) = world.ann.uploads.create([UploadRequest(new_name("a"), film.announced)])
    (same,) = world.ann.uploads.create([UploadRequest(new_name("a"), film.announced)])
    (other,) = world.ann.uploads.create([UploadRequest(new_name("b"), film.announced)])

    assert same["upload_id"] == first["upload_id"]
    assert other == {"hash_first": True}


def test_the_sweep_makes_the_further_names_of_an_interrupted_completion(
    world: FilesWorld,
) -> None:
    number = 0
    while True:
        world = FilesWorld()
        answer = announce(world.ann, small(), "a")
        announce(world.ann, small(), "b")
        announce(world.ann, small(), "c")
        world.s3.send(answer["action"], small())
        first = len(world.wire.requests)
        world.wire.refused = lambda _, at, begin=first + number: (  # type: ignore[misc]
            "Interrupted" if at == begin else None
        )
        interrupted = True
        with suppress(ClientError):
            world.ann.complete(answer["upload_id"])
            interrupted = False
        world.wire.refused = lambda *_: None
        assert audit(world) == [], number
        state = world.ann.record(answer["upload_id"]).state
        world.clock.time += DAY
        world.sweep()
        assert audit(world) == [], number
        if state == "completed":
            assert {name for _, name in places(world)} == {"a", "b", "c"}
        if not interrupted:
            break
        number += 1
    assert number > 8


def test_a_first_name_deleted_before_the_others_are_made_loses_nothing(world: FilesWorld) -> None:
    answer = announce(world.ann, small(), "a")
    announce(world.ann, small(), "b")
    world.s3.send(answer["action"], small())
    world.wire.refused = lambda name, at: (
        "Interrupted" if name == "TransactWriteItems" and transactions(world) > 3 else None
    )
    with pytest.raises(ClientError, match="Interrupted"):
        world.ann.complete(answer["upload_id"])
    world.wire.refused = lambda *_: None
    assert list(places(world)) == [("", "a")]

    world.ann.files.delete(answer["upload_id"])
    assert audit(world) == []
    world.clock.time += DAY
    world.sweep()

    assert list(places(world)) == [("", "b")]
    assert world.ann.usage == Usage(small().size, 1, 0)
    assert audit(world) == []


def transactions(world: FilesWorld) -> int:
    return world.wire.requests.count("TransactWriteItems")


# Taken names


def test_both_are_kept_under_the_first_free_number(world: FilesWorld) -> None:
    names = [upload(world.ann, small(str(n)), "offer.txt")["name"] for n in range(3)]
    upload(world.ann, small("x"), "offer (4).txt")

    assert names == ["offer.txt", "offer (2).txt", "offer (3).txt"]
    assert upload(world.ann, small("y"), "offer.txt")["name"] == "offer (5).txt"
    assert upload(world.ann, small("y"), "offer.txt", folder="x")["name"] == "offer.txt"
    assert audit(world) == []


def test_a_request_whose_answer_was_lost_makes_no_further_copy(world: FilesWorld) -> None:
    upload(world.ann, small("a"), "offer.txt")
    second = upload(world.ann, small("b"), "b")
    made = announce(world.ann, small("b"), "offer.txt")["file"]

    assert announce(world.ann, small("b"), "offer.txt")["file"] == made
    assert made["name"] == "offer (2).txt"
    assert world.ann.files.change(made["file_id"], Change("offer.txt")).name == "offer (2).txt"
    moved = world.ann.files.change(second["file_id"], Change("offer.txt"))
    assert moved.name == "offer (3).txt"
    assert audit(world) == []


def test_the_other_file_is_replaced_in_the_transaction_that_makes_the_new_one(
    world: FilesWorld,
) -> None:
    old = upload(world.ann, small("old"), "a")

    new = upload(world.ann, small("new"), "a", if_exists="replace")

    assert places(world) == {("", "a"): small("new").sha256}
    assert new["file_id"] != old["file_id"]
    assert refusal(lambda: world.ann.files.get(old["file_id"])).code == "unknown_file"
    assert len(world.s3.objects) == 1
    world.end_urls()
    assert world.ann.usage == Usage(small().size, 1, 0)
    assert audit(world) == []


def test_a_replaced_name_leaves_its_content_to_other_names(world: FilesWorld) -> None:
    upload(world.ann, small("old"), "a")
    upload(world.ann, small("old"), "b")
    upload(world.ann, small("new"), "c")

    file = upload(world.ann, small("new"), "a", if_exists="replace")

    assert file["name"] == "a"
    assert places(world) == {
        ("", "a"): small("new").sha256,
        ("", "b"): small("old").sha256,
        ("", "c"): small("new").sha256,
    }
    assert audit(world) == []


@pytest.mark.parametrize("known", [True, False])
def test_a_taken_name_is_skipped_or_refused_when_announced(world: FilesWorld, known: bool) -> None:
    there = upload(world.ann, small("old"), "a", folder="x")
    if known:
        upload(world.ann, small("new"), "b")
    usage = world.ann.usage

    assert announce(world.ann, small("new"), "a", folder="x", if_exists="skip") == {
        "skipped": True, "file": there,
    }  # fmt: skip
    refused = refusal(lambda: announce(world.ann, small("new"), "a", folder="x", if_exists="fail"))

    assert (refused.code, refused.status) == ("name_exists", 409)
    (error,) = refused.members["files"]
    assert error["error"]["file"] == there
    assert world.ann.usage == usage
    assert audit(world) == []


@pytest.mark.parametrize("how", ["skip", "fail"])
def test_a_name_taken_while_the_content_was_sent_keeps_both(
    world: FilesWorld, how: IfExists
) -> None:
    answer = announce(world.ann, small("new"), "a", if_exists=how)
    upload(world.ann, small("old"), "a")
    world.s3.send(answer["action"], small("new"))

    assert world.ann.complete(answer["upload_id"])["name"] == "a (2)"
    assert audit(world) == []


def test_names_are_the_same_only_by_their_exact_characters(world: FilesWorld) -> None:
    for name in ("é.txt", "e\u0301.txt", "É.txt", "e.txt"):
        assert upload(world.ann, small(name), name)["name"] == name
    assert len(places(world)) == 4
    assert audit(world) == []


@pytest.mark.parametrize(
    ("name", "with_number"),
    [
        ("offer.txt", "offer (2).txt"),
        (".bashrc", ".bashrc (2)"),
        ("README", "README (2)"),
        ("a." + "x" * 17, "a." + "x" * 17 + " (2)"),
        ("a" * 251 + ".txt", "a" * 247 + " (2).txt"),
        ("a" * 246 + "e\u0301" + ".txt", "a" * 246 + " (2).txt"),
    ],
)
def test_numbered_names(name: str, with_number: str) -> None:
    assert numbered(name, 2) == with_number
    assert len(with_number) <= 255


# Rename and move


def test_a_file_is_renamed_and_moved(world: FilesWorld) -> None:
    file = upload(world.ann, small(), "a", modified_at="2026-01-02T03:04:05.000Z")

    world.ann.files.change(file["file_id"], Change("b", "x/y"))

    assert world.ann.shown(file["file_id"]) == {**file, "name": "b", "folder": "x/y"}
    assert audit(world) == []
    world.ann.files.change(file["file_id"], Change(folder=""))
    assert places(world) == {("", "b"): small().sha256}
    world.ann.files.change(file["file_id"], Change("b"))
    assert audit(world) == []
    assert world.ann.usage == Usage(small().size, 1, 0)


@pytest.mark.parametrize(
    ("how", "left"),
    [("keep_both", {"b": "b", "b (2)": "a"}), ("replace", {"b": "a"})],
)
def test_a_file_that_is_renamed_to_a_taken_name(
    world: FilesWorld, how: IfExists, left: dict[str, str]
) -> None:
    first, _ = upload(world.ann, small("a"), "a"), upload(world.ann, small("b"), "b")

    world.ann.files.change(first["file_id"], Change("b", if_exists=how))

    assert places(world) == {("", name): small(content).sha256 for name, content in left.items()}
    world.end_urls()
    assert world.ann.usage.files == len(left)
    assert audit(world) == []


@pytest.mark.parametrize("how", ["skip", "fail"])
def test_a_file_is_not_renamed_to_a_taken_name(world: FilesWorld, how: IfExists) -> None:
    first, other = upload(world.ann, small("a"), "a"), upload(world.ann, small("b"), "b")

    refused = refusal(lambda: world.ann.files.change(first["file_id"], Change("b", if_exists=how)))

    assert (refused.code, refused.members) == ("name_exists", {"file": other})
    assert audit(world) == []


@pytest.mark.parametrize("how", ["keep_both", "fail"])
def test_the_same_name_and_content_moved_together_is_one_file(
    world: FilesWorld, how: IfExists
) -> None:
    first = upload(world.ann, small(), "a")
    upload(world.ann, small(), "a", folder="x")

    world.ann.files.change(first["file_id"], Change(folder="x", if_exists=how))

    assert places(world) == {("x", "a"): small().sha256}
    assert world.ann.usage == Usage(small().size, 1, 0)
    assert audit(world) == []


def test_giving_way_makes_a_name_of_its_own(world: FilesWorld) -> None:
    film = Film()
    world.unhashed = True
    (begun,) = world.ann.uploads.create([UploadRequest(new_name("a"), film.announced)])
    world.ann.send_film(begun["upload_id"], film)
    (other,) = world.ann.uploads.create([wish(film.body, "b")])
    world.ann.send_film(other["upload_id"], film)
    first = world.ann.complete(other["upload_id"])

    second = world.ann.complete(begun["upload_id"], film.claim)

    assert (first["name"], second["name"]) == ("b", "a")
    assert second["file_id"] not in (first["file_id"], begun["upload_id"])
    assert world.ann.complete(begun["upload_id"], film.claim) == second
    assert world.ann.usage == Usage(film.size, 2, 0)
    assert len(world.s3.objects) == 1
    assert audit(world) == []


def test_refusals_of_an_upload_request_stay_alone(world: FilesWorld) -> None:
    refused = Refused("not_allowed", "No films.")

    answers = world.ann.uploads.create([refused, wish(small(), "a")])

    assert answers[0]["error"]["code"] == "not_allowed"
    assert "upload_id" in answers[1]


# Requests


def test_requests_and_items_of_an_upload(world: FilesWorld) -> None:
    """`tools/costs` counts them; each item of a transaction is two write units."""
    items: list[int] = []
    client = world.dynamo.meta.client
    write = client.transact_write_items

    def counting(*, TransactItems: list[Any]) -> Any:  # noqa: N803 - as boto3 names it
        items.append(len(TransactItems))
        return write(TransactItems=TransactItems)

    client.transact_write_items = counting

    answer = announce(world.ann, small(), "a")
    world.s3.send(answer["action"], small())
    world.ann.complete(answer["upload_id"])

    assert world.wire.requests == [
        "BatchGetItem", "TransactWriteItems",
        "GetItem", "HeadObject", "BatchGetItem", "TransactWriteItems", "BatchGetItem",
    ]  # fmt: skip
    assert items == [3, 9]
    world.wire.requests.clear()
    world.ann.name(small(), "b")
    assert world.wire.requests == [
        "BatchGetItem", "BatchGetItem", "BatchGetItem", "TransactWriteItems",
    ]  # fmt: skip
    assert items == [3, 9, 7]
