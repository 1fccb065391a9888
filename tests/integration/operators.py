"""Runs a program as an IAM user who may do what `docs/operators.md` says it needs, and no more."""

from __future__ import annotations

import secrets

import click
from click.testing import CliRunner, Result

from local.cloud import Cloud
from tests.integration.test_exposure import user
from tests.pages import read_page, tables


def documented(command: str) -> list[str]:
    """Actions that the page gives a command, and what `--stack` needs."""
    [rows] = tables(read_page("operators.md"), "command", "actions", "on")
    actions, commands = ["cloudformation:DescribeStacks"], ""
    for named, listed, _ in rows:
        commands = named or commands
        if f"`{command}`" in commands:
            # The service stands before the first action alone.
            service, _, names = listed.replace("`", "").partition(":")
            actions += [f"{service}:{name}" for name in names.split(", ")]
    assert len(actions) > 1, command
    return actions


def run_program(
    cloud: Cloud,
    cli: click.Command,
    command: str,
    *arguments: str,
    stack: str = "wideload-local-ingest",
) -> Result:
    """Run `command`, such as `wideload-keys list`, whose group is `cli`."""
    program, subcommand = command.split()
    with user(cloud.client, f"{program}-{secrets.token_hex(4)}", *documented(command)) as key:
        environment = {
            **cloud.settings,
            "AWS_ACCESS_KEY_ID": key[0],
            "AWS_SECRET_ACCESS_KEY": key[1],
        }
        return CliRunner(env=environment).invoke(cli, [subcommand, "--stack", stack, *arguments])
