"""Lists of files: of folders, sorted, by prefix, and searched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runtime.files.files_world import FilesWorld, refusal, small
from wideload_runtime.core.files.lists import FileQuery

NAMES = ["a", "a b", "B", "é", "Offer.txt", "offer 2.txt"]


@pytest.fixture(scope="module")
def world() -> FilesWorld:
    world = FilesWorld()
    for index, name in enumerate(NAMES):
        world.clock.time += 1
        world.ann.put(f"x/{name}", small(name, 100 - 10 * (index % 4)))
    world.clock.time += 1
    world.ann.put("offer.txt", small("top", 5))
    return world


def pages(world: FilesWorld, **query: str) -> list[list[str]]:
    """The names of each page."""
    found = []
    while True:
        page = world.ann.listed(query)
        found.append([file["name"] for file in page["items"]])
        if page["cursor"] is None:
            return found
        query["cursor"] = page["cursor"]


def listed(world: FilesWorld, **query: str) -> list[str]:
    """All names, which are the same in pages of two."""
    (whole,) = pages(world, **query)
    assert [name for page in pages(world, **query, limit="2") for name in page] == whole
    return whole


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["offer.txt", "offer 2.txt", "Offer.txt", "é", "B", "a b", "a"]),
        ({"sort": "created_at", "folder": "x"}, NAMES),
        ({"folder": "x"}, NAMES[::-1]),
        ({"folder": ""}, ["offer.txt"]),
        ({"folder": "y"}, []),
        ({"folder": "x", "sort": "name"}, ["a", "a b", "B", "offer 2.txt", "Offer.txt", "é"]),
        ({"folder": "x", "sort": "-name"}, ["é", "Offer.txt", "offer 2.txt", "B", "a b", "a"]),
        ({"folder": "x", "sort": "size"}, ["é", "B", "a b", "offer 2.txt", "a", "Offer.txt"]),
        ({"sort": "name", "prefix": "OFFER"}, ["offer 2.txt", "offer.txt", "Offer.txt"]),
        ({"prefix": "offer.", "folder": "x"}, ["Offer.txt"]),
        ({"prefix": "a"}, ["a", "a b"]),
        ({"prefix": "e\u0301"}, ["é"]),
        ({"q": "FFER", "folder": "x"}, ["offer 2.txt", "Offer.txt"]),
        ({"q": "txt", "prefix": "offer", "folder": ""}, ["offer.txt"]),
    ],
)
def test_files_are_listed(world: FilesWorld, query: dict[str, str], names: list[str]) -> None:
    assert sorted(listed(world, **query)) == sorted(names)
    if "size" not in query.get("sort", ""):
        same_title = {"offer.txt", "Offer.txt"} <= set(names)
        assert same_title or listed(world, **query) == names


def test_a_folder_is_sorted_by_size(world: FilesWorld) -> None:
    sizes = [file["size"] for file in world.ann.listed({"folder": "x", "sort": "-size"})["items"]]
    assert sizes == [100, 100, 90, 90, 80, 70]


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "size"},
        {"sort": "type"},
        {"sort": ""},
        {"prefix": "a", "sort": "created_at"},
        {"prefix": "a" * 256},
        {"q": "a" * 256},
        {"cursor": "AAAA"},
        {"cursor": "\u20ac"},
        {"limit": "101"},
    ],
)
def test_a_query_that_is_not_allowed_is_refused(query: dict[str, str]) -> None:
    assert refusal(lambda: FileQuery.parse(query)).code == "invalid_request"


def test_a_cursor_belongs_to_its_query(world: FilesWorld) -> None:
    query = {"folder": "x", "sort": "name", "limit": "2"}
    cursor = world.ann.listed(query)["cursor"]

    for other in (
        {"sort": "name"},
        {"folder": "", "sort": "name"},
        {"folder": "x"},
        {"folder": "x", "sort": "-name"},
        {"folder": "x", "sort": "name", "prefix": "a"},
        {"folder": "x", "sort": "name", "q": "a"},
    ):
        whole = {**other, "cursor": cursor}
        assert refusal(lambda whole=whole: FileQuery.parse(whole)).code == "invalid_request"
    another_limit = FileQuery.parse({**query, "limit": "50", "cursor": cursor})
    assert another_limit.after is not None


def test_a_page_takes_few_requests(world: FilesWorld) -> None:
    counted: dict[str, Any] = {}
    for query in ({}, {"folder": "x", "sort": "name"}, {"prefix": "a"}, {"folder": "x", "q": "a"}):
        world.wire.requests.clear()
        world.ann.listed(query)
        counted[str(query)] = list(world.wire.requests)

    assert list(counted.values()) == [
        ["Query", "BatchGetItem", "BatchGetItem"],  # objects, folders
        ["GetItem", "Query", "BatchGetItem", "BatchGetItem", "BatchGetItem"],
        ["Query", "BatchGetItem", "BatchGetItem", "BatchGetItem"],
        ["GetItem", "Query", "BatchGetItem", "BatchGetItem", "BatchGetItem"],
    ]


def test_a_prefix_is_compared_beyond_what_the_key_holds() -> None:
    world = FilesWorld()
    for end in "ab":
        world.ann.put("\u4e00" * 205 + end)

    assert pages(world, prefix="\u4e00" * 205 + "B") == [["\u4e00" * 205 + "b"]]


def test_files_of_a_deleted_folder_are_not_listed_and_pages_go_on() -> None:
    world = FilesWorld()
    for number in range(3):
        world.ann.put(f"gone/{number}")
    world.ann.put("kept")
    world.ann.folders.delete("gone")

    assert [file for page in pages(world, sort="name", limit="2") for file in page] == ["kept"]
    assert refusal(lambda: world.ann.shown("0" * 26)).code == "unknown_file"
