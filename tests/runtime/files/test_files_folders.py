"""Folders of file transfer: paths, names that are unique, and index items."""

from __future__ import annotations

import itertools
import unicodedata
from dataclasses import dataclass, field

import pytest

from tests.fake_aws.dynamo import FakeDynamoTable
from tests.fake_aws.wire import AtOnce, Wire, every_order
from tests.runtime.fakes import FakeClock
from tests.runtime.files.files_world import refusal
from wideload_runtime.adapters.files_folders import OwnFolders
from wideload_runtime.adapters.files_index import folder_item, index_items, name_item
from wideload_runtime.core.files.folders import Folders
from wideload_runtime.core.files.names import begins, parse_folder
from wideload_runtime.core.files.records import TOP, File


@dataclass
class Tree:
    """One person's folders over a table in memory."""

    wire: Wire = field(default_factory=Wire)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.dynamo = FakeDynamoTable(self.wire)
        self.records = OwnFolders(
            self.dynamo, "ann", sleep=lambda seconds: None, now=self.clock.now
        )
        numbers = itertools.count(1)
        self.folders = Folders(
            records=self.records, new_id=lambda: f"{next(numbers):026}", now=self.clock.now
        )


def test_a_folder_is_made_with_its_parents_in_one_transaction() -> None:
    tree = Tree()

    folder_id = tree.folders.ensure("a/b/c")

    assert tree.wire.requests == ["GetItem", "TransactWriteItems"]
    assert folder_id == f"{3:026}"
    assert tree.folders.resolve("a/b/c") == folder_id
    assert tree.folders.resolve("a/b") == f"{2:026}"
    assert tree.folders.resolve("a/c") is None
    assert tree.folders.resolve("") == TOP
    assert tree.folders.ensure("a/b/c") == folder_id


def test_paths_are_read_level_by_level() -> None:
    tree = Tree()
    ids = {path: tree.folders.ensure(path) for path in ("a/b/c", "a/b/d", "x")}
    tree.wire.requests.clear()

    paths = tree.folders.paths_of([*ids.values(), TOP, "unknown"])

    assert paths == {
        **{folder_id: path for path, folder_id in ids.items()},
        TOP: "",
        "unknown": None,
    }
    assert tree.wire.requests == ["BatchGetItem"] * 3


def test_two_requests_at_once_make_one_folder() -> None:
    def run(choose: object) -> None:
        tree = Tree()
        outcomes = AtOnce(tree.wire, choose).run(  # type: ignore[arg-type]
            lambda: tree.folders.ensure("a/b"), lambda: tree.folders.ensure("a/c")
        )
        assert [outcome.error for outcome in outcomes] == [None, None]
        made = [outcome.result for outcome in outcomes]
        assert tree.folders.paths_of(made) == {made[0]: "a/b", made[1]: "a/c"}
        assert len([item for _, item in tree.dynamo.items if item.startswith("DIR#")]) == 3

    assert every_order(run, switches=3) > 4


@pytest.mark.parametrize(
    "path",
    ["/", "/a", "a/", "a//b", "a/./b", "a/../b", "a\\b", "a/\n", "/".join("a" * 33), "a" * 256],
)
def test_a_path_that_is_not_one_of_a_folder_is_refused(path: str) -> None:
    assert refusal(lambda: parse_folder(path)).code == "invalid_name"


def test_a_path_has_up_to_32_names_and_1024_characters() -> None:
    longest = "/".join(["a" * 255] * 4)
    assert parse_folder("/".join("a" * 32)) == "/".join("a" * 32)
    assert parse_folder(longest) == longest
    assert refusal(lambda: parse_folder(f"{longest}/a")).code == "invalid_name"


def file(name: str, *, folder_id: str = TOP, size: int = 1) -> File:
    return File(
        file_id="01ARZ3NDEKTSV4RRFFQ69G5FAV",
        folder_id=folder_id,
        name=name,
        content_type="text/plain",
        created_at="2026-01-01T00:00:00Z",
        object_id="01ARZ3NDEKTSV4RRFFQ69G5FAV",
        size=size,
        sha256="0" * 64,
        key="files/x",
    )


def test_index_items_name_the_file() -> None:
    items = index_items(file("Offer.TXT", folder_id="F", size=11))

    assert items == [
        {"item": key, "file_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
        for key in (
            "NAME#F#offer.txt\t05dc8d861c9d4b87",
            "SIZE#F#000000000000011#01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "DATE#F#01ARZ3NDEKTSV4RRFFQ69G5FAV",
            "TITLE#offer.txt\t01ARZ3NDEKTSV4RRFFQ69G5FAV",
        )
    ]


def test_names_are_unique_by_code_points_and_sorted_without_case() -> None:
    composed = "É.txt"
    decomposed = unicodedata.normalize("NFD", composed)

    keys = {name_item(TOP, name) for name in (composed, decomposed, "é.txt")}

    assert len(keys) == 3
    assert len({key.partition("\t")[0] for key in keys}) == 1
    names = ["a", "a b", "a.txt", "B", "É"]
    assert sorted(names, key=lambda name: name_item(TOP, name)) == names


@pytest.mark.parametrize("name", ["\U0001f600" * 255, "\ufdfa" * 255, "a" * 255])
def test_keys_of_long_names_are_within_dynamodbs_limit(name: str) -> None:
    parent = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

    keys = [item["item"] for item in index_items(file(name, folder_id=parent))]

    assert max(len(key.encode()) for key in [*keys, folder_item(parent, name)]) <= 1024
    assert name_item(parent, name) != name_item(parent, name[:-1] + "b")


def test_a_name_begins_with_a_text_without_case_and_unicode_form() -> None:
    assert begins("STRASSE 5.txt", "straße")
    assert begins(unicodedata.normalize("NFD", "Été.mp4"), "éT")
    assert not begins("my offer", "offer")
