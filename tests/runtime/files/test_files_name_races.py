"""Names of files when requests meet, in every order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.fake_aws.s3 import Body
from tests.runtime.files.files_world import FilesWorld, Film, small, wish
from tests.runtime.files.test_files_races import Work, at_once, small_world
from wideload_runtime.core.files.requests import Change

pytestmark = pytest.mark.exhaustive


def announced(world: FilesWorld, body: Body, name: str, **options: Any) -> str:
    """An upload by a single PUT that only remains to be completed; its id."""
    (answer,) = world.ann.uploads.create([wish(body, name, **options)])
    if "action" in answer:
        world.s3.send(answer["action"], body)
    return str(answer["upload_id"])


def names(world: FilesWorld) -> list[str]:
    return sorted(item["name"] for item in world.items("FILE#"))


def told_and_names(
    prepare: Callable[[], tuple[FilesWorld, list[Work]]], *, switches: int = 3
) -> tuple[set[str], set[tuple[str, ...]]]:
    """What the clients were told, and the names that there were in the end, in every order."""
    ends: set[tuple[str, ...]] = set()
    told = at_once(prepare, switches=switches, then=lambda world: ends.add(tuple(names(world))))
    return told, ends


@pytest.mark.parametrize(("first", "second"), [("b", "c"), ("b", "b")])
def test_two_names_of_one_content_at_once(first: str, second: str) -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        world.ann.upload(small())
        return world, [
            lambda: world.ann.name(small(), first),
            lambda: world.ann.name(small(), second),
        ]

    told, ends = told_and_names(prepare)

    assert told == {"ok ok"}
    assert ends == {tuple(sorted({"a.bin", first, second}))}


def test_two_contents_under_one_name_at_once() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        first = announced(world, small("1"), "a")
        second = announced(world, small("2"), "a")
        return world, [
            lambda: world.ann.complete(first),
            lambda: world.ann.complete(second),
        ]

    told, ends = told_and_names(prepare)

    assert told == {"ok ok"}
    assert ends == {("a", "a (2)")}


def test_a_name_is_deleted_while_another_is_added() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        file_id = world.ann.upload(small())["file_id"]

        def add() -> None:
            (answer,) = world.ann.uploads.create([wish(small(), "b")])
            assert "duplicate" in answer or "action" in answer

        return world, [lambda: world.ann.files.delete(file_id), add]

    assert at_once(prepare) == {"ok ok"}


def test_both_names_of_an_object_are_deleted_at_once() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        first = world.ann.upload(small())["file_id"]
        second = world.ann.name(small(), "b")["file_id"]
        return world, [
            lambda: world.ann.files.delete(first),
            lambda: world.ann.files.delete(second),
        ]

    def no_object_stays(world: FilesWorld) -> None:
        assert world.s3.objects == {}

    assert at_once(prepare, then=no_object_stays) == {"ok ok"}


def test_replacing_meets_deleting() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        old = world.ann.complete(announced(world, small("old"), "a"))["file_id"]
        new = announced(world, small("new"), "a", if_exists="replace")
        return world, [
            lambda: world.ann.complete(new),
            lambda: world.ann.files.delete(old),
        ]

    told, ends = told_and_names(prepare)

    assert told == {
        "ok ok",
        "ok unknown_file",
    }
    assert ends == {("a",)}


def test_replacing_twice() -> None:
    """The completion whose file is replaced before its answer says so."""

    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        world.ann.complete(announced(world, small("old"), "a"))
        works = [
            announced(world, small(content), "a", if_exists="replace") for content in ("1", "2")
        ]
        return world, [lambda upload_id=one: world.ann.complete(upload_id) for one in works]

    told, ends = told_and_names(prepare)

    assert told == {
        "ok ok",
        "ok upload_gone",
        "upload_gone ok",
    }
    assert ends == {("a",)}


def test_completing_meets_the_announcement_of_a_further_name() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        upload_id = announced(world, small(), "a")
        return world, [
            lambda: world.ann.complete(upload_id),
            lambda: world.ann.uploads.create([wish(small(), "b")]),
        ]

    told, ends = told_and_names(prepare)

    assert told == {"ok ok"}
    # The name either waited for the upload, or was made over its object.
    assert ends == {("a", "b")}


def test_two_completions_make_each_further_name_once() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        upload_id = announced(world, small(), "a")
        announced(world, small(), "b")

        def complete() -> None:
            files = world.ann.uploads.complete(upload_id)["files"]
            assert [file["name"] for file in files] == ["a", "b"]

        return world, [complete, complete]

    told, ends = told_and_names(prepare)

    assert told == {"ok ok"}
    assert ends == {("a", "b")}


def test_an_abort_meets_the_announcement_of_a_further_name() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        upload_id = announced(world, small(), "a")
        return world, [
            lambda: world.ann.uploads.abort(upload_id),
            lambda: world.ann.uploads.create([wish(small(), "b")]),
        ]

    assert at_once(prepare) == {"ok ok"}


def test_two_renames_of_one_file_and_to_one_name() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        first = world.ann.complete(announced(world, small("1"), "a"))["file_id"]
        second = world.ann.complete(announced(world, small("2"), "b"))["file_id"]
        return world, [
            lambda: world.ann.files.change(first, Change("c")),
            lambda: world.ann.files.change(second, Change("c")),
            lambda: world.ann.files.change(first, Change("d")),
        ]

    told, ends = told_and_names(prepare, switches=2)

    assert told <= {"ok ok ok", "conflict ok ok", "ok conflict ok", "ok ok conflict"}
    assert ends <= {
        ("c", "c (2)"), ("c", "d"), ("c (2)", "d"),
    }  # fmt: skip


def test_the_quota_of_files_holds_for_names_at_once() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world(quota_files=2)
        world.ann.upload(small())
        return world, [
            lambda: world.ann.name(small(), "b"),
            lambda: world.ann.name(small(), "c"),
        ]

    assert at_once(prepare) == {"ok quota_exceeded", "quota_exceeded ok"}


def test_the_quotas_hold_for_uploads_at_once() -> None:
    for options in ({"quota_files": 1}, {"max_open": 1}, {"quota_bytes": 15}):

        def prepare(options: dict[str, int] = options) -> tuple[FilesWorld, list[Work]]:
            world = small_world(**options)
            return world, [
                lambda: world.ann.create(small("1"), name="a"),
                lambda: world.ann.create(small("2"), name="b"),
            ]

        code = "too_many_uploads" if "max_open" in options else "quota_exceeded"
        assert at_once(prepare) == {f"ok {code}", f"{code} ok"}


def test_held_bytes_are_given_back_once() -> None:
    """By two sweeps at once."""

    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        world.ann.uploads.abort(world.ann.create(small("1"))["upload_id"])
        world.ann.files.delete(world.ann.upload(small("2"))["file_id"])
        world.clock.time += 2 * 3600
        return world, [world.sweep, world.sweep]

    assert at_once(prepare) == {"ok ok"}


def test_giving_way_meets_a_name_of_the_same_content() -> None:
    film = Film()

    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = FilesWorld()
        upload_id = world.ann.create_unhashed(film)["upload_id"]
        world.ann.send_film(upload_id, film)
        other = world.ann.create(film.body, name="b")["upload_id"]
        world.ann.send_film(other, film)
        world.ann.complete(other)
        return world, [
            lambda: world.ann.complete(upload_id, film.claim),
            lambda: world.ann.name(film.body, "a.bin"),
        ]

    assert at_once(prepare, switches=2) == {"ok ok"}
