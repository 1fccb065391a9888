"""`docs/operators.md` lists every command with what it needs; `docs/restore.md` names its tests."""

from __future__ import annotations

import re
import tomllib

import click
import pytest

from local.paths import ROOT
from tests.pages import missing_links, missing_paths, missing_tests, read_page, tables
from wideload_cdk.keys import __main__ as keys_program
from wideload_cdk.payloads import __main__ as payloads_program
from wideload_cdk.redrive import __main__ as redrive_program
from wideload_cdk.tenants import __main__ as tenants_program
from wideload_cdk.users import __main__ as users_program

PROGRAMS: dict[str, click.Command] = {
    "wideload-keys": keys_program.cli,
    "wideload-payloads": payloads_program.cli,
    "wideload-redrive": redrive_program.cli,
    "wideload-tenants": tenants_program.cli,
    "wideload-users": users_program.cli,
}


def test_every_program_is_installed() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    assert scripts.keys() - {"wideload-local"} == PROGRAMS.keys()


def test_the_page_lists_the_actions_of_every_command() -> None:
    [rows] = tables(read_page("operators.md"), "command", "actions", "on")

    commands = {
        f"{program} {name}".strip()
        for program, cli in PROGRAMS.items()
        for name in (cli.commands if isinstance(cli, click.Group) else [""])
    }
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row[0])} == commands
    for _, actions, _ in rows:
        assert re.fullmatch(r"`[a-z0-9-]+:[A-Z]\w+`(, `[A-Z]\w+`)*", actions), actions


@pytest.mark.parametrize("page", ["operators.md", "restore.md"])
def test_tests_paths_and_links_of_the_pages_exist(page: str) -> None:
    text = read_page(page)

    assert missing_tests(text) == []
    assert missing_paths(text) == []
    assert missing_links(text) == []
