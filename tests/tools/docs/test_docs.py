"""The documentation site's sources: what is generated, what is linked, what is shown as code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest

from tools.docs.command_line import command_line_page
from tools.docs.openapi import api_page
from tools.docs.pages import copy_pages
from wideload._cli.app import wideload
from wideload_cdk import PayloadIngest

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
GENERATED = {
    "reference/command-line.md",
    "reference/api-ingest.md",
    "reference/api-files.md",
    "changes.md",
    "contributing.md",
}
PAGES = sorted(DOCS.rglob("*.md"))


def listed(nav: list[dict[str, Any]]) -> Iterator[str]:
    for entry in nav:
        for target in entry.values():
            if isinstance(target, str):
                yield target
            else:
                yield from listed(target)


def test_navigation_lists_each_page_once() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text())
    pages = {page.relative_to(DOCS).as_posix() for page in PAGES}
    decisions = {page for page in pages if page.startswith("adr/") and page != "adr/README.md"}

    assert sorted(listed(config["project"]["nav"])) == sorted((pages | GENERATED) - decisions)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_code_that_a_page_shows_is_there_and_imports_what_exists(page: Path) -> None:
    for code in re.findall(r"^ *```(?:python|js)\n(.*?)^ *```", page.read_text(), re.S | re.M):
        included = re.fullmatch(r'--8<-- "(examples/[\w/.]+)"\n', code)
        if included:
            # Other tests run the examples.
            assert (ROOT / included[1]).is_file(), code
        else:
            # Names that a page takes as given. The construct's calls are checked for their form.
            given = {
                "ingest": create_autospec(PayloadIngest, instance=True),
                "targets": Mock(),
                "index_function": Mock(),
            }
            exec(compile(code, page.name, "exec"), given)


def test_command_line_has_a_section_for_each_command() -> None:
    page = command_line_page()

    assert "\n## wideload upload\n\n```text\nUsage: wideload upload " in page
    assert set(re.findall(r"^## wideload (\S+)$", page, re.M)) == set(wideload.commands)


@pytest.mark.parametrize("service", ["ingest", "files"])
def test_api_page_links_to_each_schema(service: str) -> None:
    page = api_page(ROOT / "contract" / f"openapi-{service}.yaml")
    linked = set(re.findall(r"\]\(#([a-z]\w+)\)", page))
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", page, re.M)}

    assert linked
    assert linked <= headings


def test_api_page_shows_parameters_with_bounds_and_members() -> None:
    page = api_page(ROOT / "contract" / "openapi-ingest.yaml")

    assert "\n## GET /call-logs\n\nFinished payloads, newest first.\n" in page
    assert "| `limit` | query | integer | 1 to 100. Default: `50`. |" in page
    assert "| `s3_key` | string | yes | `s3_key` of the answer of `/get-upload-url`. |" in page
    assert "| 202 | [Queued](#queued) | " in page


def test_links_out_of_docs_point_at_copies(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", tmp_path / "site"
    (root / "docs" / "guides").mkdir(parents=True)
    (root / "tools").mkdir()
    (root / "tools" / "prices.toml").write_text("x = 1\n")
    (root / "CHANGELOG.md").write_text("# Changes\n")
    (root / "CONTRIBUTING.md").write_text("[a guide](docs/guides/a.md#b)\n")
    (root / "docs" / "guides" / "a.md").write_text(
        "[prices](../../tools/prices.toml) [tools](../../tools) [changes](../../CHANGELOG.md#new)\n"
        "[b](#b) [web](https://example.com/x.md)\n"
    )

    copy_pages(root, folder)

    assert (folder / "guides" / "a.md").read_text() == (
        "[prices](../repository/tools/prices.toml) tools (`tools`) [changes](../changes.md#new)\n"
        "[b](#b) [web](https://example.com/x.md)\n"
    )
    assert (folder / "repository" / "tools" / "prices.toml").read_text() == "x = 1\n"
    assert (folder / "contributing.md").read_text() == "[a guide](guides/a.md#b)\n"


def test_a_link_to_a_missing_file_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "root" / "docs").mkdir(parents=True)
    (tmp_path / "root" / "docs" / "a.md").write_text("[gone](../gone.txt)\n")
    (tmp_path / "root" / "CHANGELOG.md").touch()
    (tmp_path / "root" / "CONTRIBUTING.md").touch()

    with pytest.raises(FileNotFoundError, match=r"gone\.txt"):
        copy_pages(tmp_path / "root", tmp_path / "site")
