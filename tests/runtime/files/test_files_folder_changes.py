"""Folders of file transfer: moving and deleting them, in every order of requests."""

from __future__ import annotations

from contextlib import suppress

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws.wire import AtOnce, Choose, every_order
from tests.runtime.files.files_world import DAY, FilesWorld, audit, refusal, said, small, wish
from tests.runtime.files.test_files_races import Work, at_once
from wideload_runtime.core.files import emptying, sweep
from wideload_runtime.core.files.lists import FolderQuery
from wideload_runtime.core.files.records import Usage
from wideload_runtime.core.files.requests import Change
from wideload_runtime.core.times import iso


def names_in(world: FilesWorld, folder: str) -> list[str]:
    return [file["name"] for file in world.ann.listed({"folder": folder, "sort": "name"})["items"]]


def subfolders(world: FilesWorld, folder: str = "", **query: str) -> list[str]:
    page = world.ann.folders.listed(FolderQuery.parse({"folder": folder, **query}))
    return [each["folder"] for each in page["items"]]


def test_a_folder_is_moved_with_everything_in_it_by_one_transaction() -> None:
    world = FilesWorld()
    file_id = world.ann.put("a/b/c/offer.txt")
    made = world.ann.folders.make("x")
    world.wire.requests.clear()

    moved = world.ann.folders.move("a/b", "x/y")

    assert moved == {"folder": "x/y", "name": "y", "created_at": made["created_at"]}
    assert world.wire.requests.count("TransactWriteItems") == 1
    assert world.ann.shown(file_id)["folder"] == "x/y/c"
    assert names_in(world, "x/y/c") == ["offer.txt"]
    assert names_in(world, "a/b/c") == []
    assert subfolders(world, "a") == []
    assert audit(world) == []


def test_moving_a_folder_is_refused_with_the_reason() -> None:
    world = FilesWorld()
    for path in ("a/b", "x"):
        world.ann.folders.make(path)
    move = world.ann.folders.move

    assert refusal(lambda: move("a", "a/b/c")).code == "invalid_request"
    assert refusal(lambda: move("a", "x")).code == "name_exists"
    assert refusal(lambda: move("unknown", "y")).code == "unknown_folder"
    assert refusal(lambda: move("a/c", "y")).code == "unknown_folder"
    assert move("a", "a")["folder"] == "a"
    assert move("a", "A")["folder"] == "A"
    assert audit(world) == []


def test_a_folder_is_not_moved_so_deep_that_its_subfolders_have_no_path() -> None:
    world = FilesWorld()
    world.ann.folders.make("/".join(["a"] * 30))
    world.ann.folders.make("x/y/z")

    assert refusal(lambda: world.ann.folders.move("a", "x/y/z/a")).code == "invalid_name"
    assert world.ann.folders.move("a", "x/y/a")["folder"] == "x/y/a"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "moves", [[("a", "b/a"), ("b", "a/b")], [("a", "b/a"), ("b", "c/b"), ("c", "a/c")]]
)
def test_moves_at_once_never_put_folders_into_each_other(moves: list[tuple[str, str]]) -> None:
    told = set()

    def run(choose: Choose) -> None:
        world = FilesWorld()
        ids = {source: world.ann.put(f"{source}/offer.txt") for source, _ in moves}
        works = [lambda move=move: world.ann.folders.move(*move) for move in moves]
        outcomes = AtOnce(world.wire, choose, world.state).run(*works)
        told.update(map(said, outcomes))
        assert audit(world) == []
        shown = {world.ann.shown(file_id)["folder"] for file_id in ids.values()}
        assert len(shown) == len(moves)

    every_order(run, switches=2)
    assert "ok" in told
    assert told <= {"ok", "unknown_folder", "conflict", "invalid_request"}


def test_a_deleted_folder_leaves_nothing() -> None:
    world = FilesWorld()
    for number in range(25):
        world.ann.put(f"a/{number}")
    world.ann.put("a/b/c/deep", small("a/1"))  # content of another
    kept = world.ann.put("kept", small("a/2"))

    folder_id = world.ann.folders.delete("a")

    assert world.ann.listed({})["items"] == [world.ann.shown(kept)]
    assert subfolders(world) == []
    assert audit(world) == []
    assert world.ann.empty(folder_id)
    assert audit(world) == []
    assert world.items("DIR#") == world.items("FOLDER#") == []
    world.end_urls()
    assert world.ann.usage == Usage(11, 1, 0)
    assert [item["item"] for item in world.items("FILE#")] == [f"FILE#{kept}"]


def test_files_of_a_deleted_folder_are_removed_nine_in_a_transaction() -> None:
    world = FilesWorld()
    for number in range(18):
        world.ann.put(f"a/{number}")
    folder_id = world.ann.folders.delete("a")
    world.wire.requests.clear()

    world.ann.empty(folder_id)

    assert world.wire.requests.count("TransactWriteItems") == 2
    assert world.wire.requests.count("DeleteObjects") == 2
    assert len(world.wire.requests) < 15


def test_the_sweep_goes_on_with_what_a_request_left() -> None:
    world = FilesWorld()
    for number in range(3):
        world.ann.put(f"a/b{number}/offer.txt")
    folder_id = world.ann.folders.delete("a")
    left = iter([True, True, True])  # time for the subfolders of "a", not for a file

    assert not world.ann.empty(folder_id, lambda: next(left, False))
    report = world.sweep()

    assert report.emptied >= 1
    assert world.failures == []
    assert world.items("DIR#") == world.items("FILE#") == world.items("NAME#") == []
    assert audit(world) == []


def test_a_large_deleted_folder_does_not_delay_others_in_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(emptying, "MOST_READ", 2)
    monkeypatch.setattr(sweep, "FOLDER_BATCHES", 3)
    world = FilesWorld()
    for number in range(20):
        world.ann.put(f"a/{number}")
        world.ann.put(f"a/b{number % 4}/{number}")
    world.ann.folders.delete("a")
    world.clock.time += 1
    upload_id = world.bob.begin(small())
    world.clock.time += 7 * DAY + 3600
    due = sorted(world.table.due(iso(world.clock.now())), key=lambda one: one.kind != "folder")
    monkeypatch.setattr(world.table, "due", lambda now: due)
    looks = iter([True] * 6)  # the folder's turn with its three batches, and the upload's

    swept = world.transfer.sweep(seconds_left=lambda: next(looks, 0), tell=world.failures.append)
    swept.run()

    assert world.bob.record(upload_id).state == "expired"
    assert world.items("FILE#") != []
    monkeypatch.undo()
    assert world.sweep().emptied >= 1
    assert world.failures == []
    assert world.items("DIR#") == world.items("FILE#") == []
    assert audit(world) == []


def test_a_removal_that_is_cut_off_at_any_request_is_completed_by_the_sweep() -> None:
    number, requests = 0, 1
    while number <= requests:
        world = FilesWorld()
        world.ann.put("a/1")
        world.ann.put("a/b/2")
        world.ann.put("a/3", small("a/1"))
        folder_id = world.ann.folders.delete("a")
        first = len(world.wire.requests)
        world.wire.refused = lambda name, seen, at=first + number: (
            "InternalServerError" if seen == at else None
        )
        with suppress(ClientError):
            world.ann.empty(folder_id)
        requests = max(requests, len(world.wire.requests) - first)
        world.wire.refused = lambda name, seen: None
        assert world.ann.listed({})["items"] == [], number
        world.clock.time += 60  # what is known of an owner's items
        world.sweep()
        assert audit(world) == [], number
        assert world.failures == [], number
        assert world.items("DIR#") == world.items("FILE#") == [], number
        number += 1
    assert number > 8


def each_folder_has_a_path(world: FilesWorld) -> None:
    there = {item["folder_id"] for item in world.items("FILE#")} - {"top"}
    for path in world.ann.folders.paths_of(there).values():
        assert path is not None


@pytest.mark.exhaustive
def test_deletion_meets_an_upload_into_the_folder() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = FilesWorld()
        world.ann.put("a/1")
        (answer,) = world.ann.uploads.create([wish(small("new"), "new", folder="a/b")])
        world.s3.send(answer["action"], small("new"))
        return world, [
            lambda: world.ann.empty(world.ann.folders.delete("a")),
            lambda: world.ann.complete(answer["upload_id"]),
        ]

    # A file that is made before the folder is deleted is deleted with it.
    told = at_once(prepare, switches=2, then=each_folder_has_a_path)

    assert told == {"ok ok", "ok upload_gone"}


@pytest.mark.exhaustive
def test_deletion_meets_moves_out_of_the_folder_and_a_new_subfolder() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = FilesWorld()
        file_id = world.ann.put("a/1")
        world.ann.put("a/b/2")

        def move() -> None:
            world.ann.files.change(file_id, Change(folder=""))
            assert world.ann.shown(file_id)["folder"] == ""

        return world, [
            lambda: world.ann.empty(world.ann.folders.delete("a")),
            move,
            lambda: world.ann.folders.move("a/b", "b"),
        ]

    told = at_once(prepare, switches=1, then=each_folder_has_a_path)

    assert "ok ok ok" in told
    assert told <= {
        f"ok {moved} {folder}"
        for moved in ("ok", "unknown_file")
        for folder in ("ok", "unknown_folder")
    }


@pytest.mark.exhaustive
def test_a_file_that_was_moved_out_of_a_deleted_folder_stays() -> None:
    ways = set()

    def run(choose: Choose) -> None:
        world = FilesWorld()
        file_id = world.ann.put("a/1")
        moved, deleted = AtOnce(world.wire, choose, world.state).run(
            lambda: world.ann.files.change(file_id, Change(folder="b")),
            lambda: world.ann.empty(world.ann.folders.delete("a")),
        )
        ways.add(said(moved))
        assert said(deleted) == "ok"
        assert names_in(world, "b") == (["1"] if said(moved) == "ok" else [])
        assert audit(world) == []

    every_order(run, switches=2)
    assert ways == {"ok", "unknown_file"}


@pytest.mark.exhaustive
def test_two_runs_remove_a_folder_at_once() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = FilesWorld()
        world.ann.put("a/1")
        world.ann.put("a/b/2")
        world.ann.put("a/3", small("a/1"))
        folder_id = world.ann.folders.delete("a")
        return world, [lambda: world.ann.empty(folder_id)] * 2

    assert at_once(prepare, switches=2, then=each_folder_has_a_path) == {"ok ok"}


def test_subfolders_are_listed_by_name_in_pages() -> None:
    world = FilesWorld()
    for name in ("b", "a b", "a", "É", "C"):
        world.ann.folders.make(f"x/{name}")

    page = world.ann.folders.listed(FolderQuery.parse({"folder": "x", "limit": "2"}))
    query = {"folder": "x", "limit": "2", "cursor": page["cursor"]}

    assert [each["name"] for each in page["items"]] == ["a", "a b"]
    assert subfolders(world, limit="2", folder="x", cursor=page["cursor"]) == [
        "x/b",
        "x/C",
    ]
    assert refusal(lambda: FolderQuery.parse({**query, "folder": "y"})).code == "invalid_request"
    unknown = FolderQuery.parse({"folder": "y"})
    assert refusal(lambda: world.ann.folders.listed(unknown)).code == "unknown_folder"
    assert world.bob.folders.listed(FolderQuery())["items"] == []


def test_many_files_are_moved_and_deleted_by_one_request() -> None:
    world = FilesWorld()
    one, two = world.ann.put("1"), world.ann.put("2")
    unknown = "0" * 26

    moved = world.ann.files.change_all([one, two, unknown], Change(folder="a", if_exists="skip"))

    assert [next(iter(answer)) for answer in moved] == ["file", "file", "error"]
    assert moved[2]["error"]["code"] == "unknown_file"
    assert names_in(world, "a") == ["1", "2"]
    deleted = world.ann.files.delete_all([one, two, unknown, two, "x"])
    assert [answer.get("deleted") for answer in deleted] == [True, True, None, True, None]
    assert audit(world) == []


def test_a_name_that_is_taken_is_skipped_kept_or_refused() -> None:
    world = FilesWorld()
    there = world.ann.put("a/offer")
    other = world.ann.put("offer")

    (skipped,) = world.ann.files.change_all([other], Change(folder="a", if_exists="skip"))
    (refused,) = world.ann.files.change_all([other], Change(folder="a", if_exists="fail"))
    (kept,) = world.ann.files.change_all([other], Change(folder="a"))

    assert skipped == {"skipped": True, "file": world.ann.shown(there)}
    assert refused["error"]["code"] == "name_exists"
    assert refused["error"]["file"] == world.ann.shown(there)
    assert kept["file"]["name"] == "offer (2)"
