"""The program `wideload-users`."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any

import click

from wideload_cdk import users
from wideload_cdk._cli import Aws, aws_command

POOL_OUTPUT = "UserPoolId"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Make, list, disable and enable the people of a Wideload file transfer deployment.

    The deployment is named by --stack or --user-pool. Credentials and profile come from where
    the AWS CLI takes them, such as AWS_PROFILE.
    """


def _deployment(command: Callable[..., None]) -> Callable[..., None]:
    """Add what all commands share, and pass Cognito and the user pool's id first."""

    @click.option("--stack", metavar="NAME", help="Stack that made the user pool.")
    @click.option("--user-pool", "pool_id", metavar="ID", help="The user pool itself.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object per person.")
    @aws_command
    @functools.wraps(command)
    def wrapper(aws: Aws, *, stack: str | None, pool_id: str | None, **arguments: Any) -> None:
        if (stack is None) == (pool_id is None):
            raise click.UsageError("Give either --stack or --user-pool.")
        found = pool_id or aws.stack_output(
            stack or "",
            POOL_OUTPUT,
            "people of another issuer are made there; or give the user pool's id by --user-pool",
        )
        command(aws.client("cognito-idp"), found, **arguments)

    return wrapper


@cli.command()
@click.argument("email")
@click.option(
    "--print-password",
    is_flag=True,
    help="Send no e-mail; print the temporary password instead.",
)
@_deployment
def create(
    cognito: users.Cognito, pool_id: str, *, email: str, print_password: bool, as_json: bool
) -> None:
    """Let the person with this e-mail address sign in.

    They get an e-mail with a temporary password, good for 7 days.
    """
    new = users.create_user(cognito, pool_id, email, invite=not print_password)
    if as_json:
        click.echo(_json(new))
    elif new.password is not None:
        click.echo(new.password)
    told = (
        "Cognito has sent them an e-mail"
        if new.password is None
        else "The temporary password is shown this once"
    )
    click.echo(f"Made {new.email}. {told}; they sign in with it within 7 days.", err=True)


@cli.command("list")
@_deployment
def list_(cognito: users.Cognito, pool_id: str, *, as_json: bool) -> None:
    """List everybody, by e-mail address."""
    found = sorted(users.list_users(cognito, pool_id), key=lambda user: user.email)
    if as_json:
        for user in found:
            click.echo(_json(user))
        return
    if not found:
        click.echo("There is nobody.", err=True)
        return
    rows = [("E-MAIL", "STATUS", "CREATED", "ENABLED", "USER ID")]
    rows += [
        (user.email, user.status, user.created_at, "yes" if user.enabled else "no", user.user_id)
        for user in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@cli.command()
@click.argument("email")
@_deployment
def disable(cognito: users.Cognito, pool_id: str, *, email: str, as_json: bool) -> None:
    """Let this person sign in no more. Their files stay."""
    user = users.disable_user(cognito, pool_id, email)
    if as_json:
        click.echo(_json(user))
    click.echo(
        f"Disabled {user.email}. Access tokens that they have may work for up to an hour more.",
        err=True,
    )


@cli.command()
@click.argument("email")
@_deployment
def enable(cognito: users.Cognito, pool_id: str, *, email: str, as_json: bool) -> None:
    """Let this person sign in again."""
    user = users.enable_user(cognito, pool_id, email)
    if as_json:
        click.echo(_json(user))
    click.echo(f"Enabled {user.email}.", err=True)


def _json(user: users.User) -> str:
    return json.dumps(dataclasses.asdict(user))
