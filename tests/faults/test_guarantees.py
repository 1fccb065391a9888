"""The page on guarantees names tests that there are."""

from __future__ import annotations

import re

import pytest

from local.paths import ROOT

PAGE = (ROOT / "docs" / "guarantees.md").read_text()
TABLES = re.findall(r"^\| promise \| under \| shown by \|\n.*\n((?:\|.*\n)+)", PAGE, re.M)
ROWS = re.findall(r"^\| ([^|]+) \| [^|]+ \| ([^|]+) \|$", "\n".join(TABLES), re.M)
PROMISES = dict(ROWS)


def test_the_page_has_promises() -> None:
    assert len(TABLES) == 2
    assert len(PROMISES) == len(ROWS) > 20


@pytest.mark.parametrize("promise", PROMISES)
def test_each_promise_names_tests_that_exist(promise: str) -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PROMISES[promise])

    assert named
    for file, test in named:
        assert re.search(
            rf"^(def {test}\(|class {test}\b)", (ROOT / "tests" / file).read_text(), re.M
        ), test


def test_every_path_on_the_page_exists() -> None:
    for path in re.findall(r"`(?:tests/)?((?:\w+/)+\w+\.(?:py|md))[:`]", PAGE):
        assert any((ROOT / folder / path).exists() for folder in ("", "tests")), path
