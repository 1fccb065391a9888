"""Pages of `docs/`: tables that say by which tests each thing is shown, and shell scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from local.paths import ROOT

# `integration/test_ingest.py::test_name`, from `tests/` on; of a test of the web, whose name is a
# sentence, `web/packages/page/tests/session.test.ts::its name`.
_NAMED = re.compile(r"`([\w/.-]+\.(?:py|tsx?))::([^`]+)`")


WITH_EXAMPLES = [
    ROOT / "README.md",
    ROOT / "client/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def read_page(name: str) -> str:
    """The text of a page of `docs/`."""
    return (ROOT / "docs" / name).read_text()


def tables(page: str, *header: str) -> list[list[list[str]]]:
    """Each table under such a header: its rows, each a list of cells."""
    heading = re.escape(f"| {' | '.join(header)} |")
    found = re.findall(rf"^{heading}\n.*\n((?:\|.*\n)+)", page, re.M)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
        for table in found
    ]


def shell_scripts(page: Path) -> Iterator[str]:
    """Scripts of a page, without their indentation."""
    blocks = re.findall(r"^( *)```(\w*)\n(.*?)^ *```", page.read_text(), re.S | re.M)
    for indent, language, text in blocks:
        if language in ("sh", "bash") or (not language and re.match(r" *(aws|wideload) ", text)):
            yield re.sub(rf"^{indent}", "", text, flags=re.M)


def named_tests(cell: str) -> list[tuple[str, str]]:
    """File and name of each test that a cell names."""
    return _NAMED.findall(cell)


def missing_tests(cell: str) -> list[str]:
    """Of the tests that a cell names, those that there are not."""
    return [f"{file}::{test}" for file, test in named_tests(cell) if not _exists(file, test)]


def missing_paths(page: str) -> list[str]:
    """Of the files that a page names, from `tests/` or the root on, those that there are not."""
    named = re.findall(r"`(?:tests/)?((?:[\w.-]+/)+[\w.-]+\.(?:json|md|py|tsx?))[:`]", page)
    return [
        path
        for path in named
        if not any((ROOT / folder / path).exists() for folder in ("", "tests"))
    ]


def missing_links(page: str) -> list[str]:
    """Of the pages that a page of `docs/` links to, those that there are not."""
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", page)
    return [path for path in linked if not (ROOT / "docs" / path).exists()]


def _exists(file: str, test: str) -> bool:
    if file.endswith(".py"):
        path, begins = ROOT / "tests" / file, rf"^(def {test}\(|class {test}\b)"
    else:
        path, begins = ROOT / file, rf"^ *(it|test)(\.each)?\(.*{re.escape(test)}"
    return path.exists() and re.search(begins, path.read_text(), re.M) is not None
