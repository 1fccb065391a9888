"""The commands that pages show are there, with the options and targets that are given.

Those of the client run in `tests/client/test_client_shell_examples.py`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import botocore.session
import click
import pytest
from botocore import xform_name

from local.paths import ROOT
from tests.pages import WITH_EXAMPLES, shell_scripts
from wideload._cli.app import wideload
from wideload_cdk.keys.__main__ import cli as keys
from wideload_cdk.payloads.__main__ import cli as payloads
from wideload_cdk.tenants.__main__ import cli as tenants
from wideload_cdk.users.__main__ import cli as users

PROGRAMS: dict[str, click.Command] = {
    "wideload": wideload,
    "wideload-keys": keys,
    "wideload-payloads": payloads,
    "wideload-tenants": tenants,
    "wideload-users": users,
}
OF_ANY_AWS_COMMAND = {"--output", "--query", "--region"}
# Commands of the AWS CLI that are no operations, and their options.
OF_THE_AWS_CLI = {
    ("s3", "cp"): set(),
    ("cloudformation", "deploy"): {
        "--stack-name", "--template-file", "--parameter-overrides", "--capabilities",
    },
}  # fmt: skip


def commands(script: str) -> Iterator[list[str]]:
    """The words of each simple command."""
    text = re.sub(r"<\(|\$\(|\(|\)", " ; ", script.replace("\\\n", " "))
    for line in re.split(r"\n(?=\S)", text):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&<>")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set(";|&"):
                if words:
                    yield words
                words = []
            elif not set(word) <= set("<>"):
                words.append(word)


SCRIPTS = [
    pytest.param(script, id=f"{page.relative_to(ROOT)} {number}")
    for page in WITH_EXAMPLES
    for number, script in enumerate(shell_scripts(page))
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_one_of_bash(script: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)

    assert done.stderr == ""


def shown(*programs: str) -> list[Any]:
    """Commands of these programs that pages show, with the page."""
    return [
        pytest.param(words, id=f"{page.relative_to(ROOT)}: {shlex.join(words)[:80]}")
        for page in WITH_EXAMPLES
        for script in shell_scripts(page)
        for words in commands(script)
        if words[0] in programs
    ]


@pytest.mark.parametrize("words", shown(*PROGRAMS))
def test_a_program_has_the_command_and_its_options(words: list[str]) -> None:
    program, *arguments = words
    command, context = PROGRAMS[program], click.Context(PROGRAMS[program])
    while isinstance(command, click.Group):
        name, found, arguments = command.resolve_command(context, arguments)
        assert found, words
        command, context = found, click.Context(found, info_name=name, parent=context)

    command.make_parser(context).parse_args(arguments)  # raises NoSuchOption


@pytest.mark.parametrize("words", shown("make"))
def test_make_has_the_target_and_knows_the_variables(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = [word for word in words[1:] if "=" not in word]

    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.M), target
    for word in words[1:]:
        name, given, _ = word.partition("=")
        assert not given or f"$({name})" in makefile, name


@pytest.mark.parametrize("words", shown("aws"))
def test_aws_has_the_operation_and_its_parameters(words: list[str]) -> None:
    _, service, operation, *arguments = words
    options = {word for word in arguments if word.startswith("--")} - OF_ANY_AWS_COMMAND
    if (service, operation) in OF_THE_AWS_CLI:
        assert options <= OF_THE_AWS_CLI[service, operation]
        return
    service = {"s3api": "s3"}.get(service, service)
    session = botocore.session.get_session()
    if operation == "wait":
        waiters = session.get_waiter_model(service)
        waiter = {xform_name(name, "-"): name for name in waiters.waiter_names}[arguments[0]]
        name = waiters.get_waiter(waiter).operation
    else:
        names = session.get_service_model(service).operation_names
        name = {xform_name(name, "-"): name for name in names}[operation]
    model = session.get_service_model(service).operation_model(name).input_shape
    assert model
    given = {option.removeprefix("--").removeprefix("no-") for option in options}

    assert given <= {xform_name(member, "-") for member in model.members}
    assert given >= {xform_name(member, "-") for member in model.required_members}
