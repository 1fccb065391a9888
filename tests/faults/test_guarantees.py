"""The page on guarantees names tests that there are."""

from __future__ import annotations

import pytest

from tests.pages import missing_paths, missing_tests, named_tests, read_page, tables

PAGE = read_page("guarantees.md")
TABLES = tables(PAGE, "promise", "under", "shown by")
PROMISES = {promise: shown_by for table in TABLES for promise, _, shown_by in table}


def test_the_page_has_promises() -> None:
    assert len(TABLES) == 2
    assert len(PROMISES) == sum(map(len, TABLES)) > 20


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_names_tests_that_exist(promise: str) -> None:
    assert named_tests(PROMISES[promise])
    assert missing_tests(PROMISES[promise]) == []


def test_every_path_on_the_page_exists() -> None:
    assert missing_paths(PAGE) == []
