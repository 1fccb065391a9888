"""The page on security names an existing test for each threat."""

from __future__ import annotations

import pytest

from tests.pages import missing_links, missing_paths, missing_tests, named_tests, read_page, tables

PAGE = read_page("security.md")
TABLES = tables(PAGE, "threat", "what stops it", "shown by")
THREATS = {threat: shown_by for table in TABLES for threat, _, shown_by in table}


def test_the_page_has_threats() -> None:
    assert len(TABLES) == 5
    assert len(THREATS) == sum(map(len, TABLES)) > 30


@pytest.mark.parametrize("threat", THREATS)
def test_each_threat_names_tests_that_exist(threat: str) -> None:
    assert named_tests(THREATS[threat])
    assert missing_tests(THREATS[threat]) == []


def test_everything_else_that_the_page_names_exists() -> None:
    assert missing_tests(PAGE) == []
    assert missing_paths(PAGE) == []
    assert missing_links(PAGE) == []
