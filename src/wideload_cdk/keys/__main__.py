"""The program `wideload-keys`."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any

import click

from wideload_cdk import keys
from wideload_cdk.operate.command_line import Aws, Part, deployment_command, echo_json, echo_table

KEYS_TABLE = Part(
    name="keys_table",
    option="--table",
    metavar="NAME",
    output="KeysTableName",
    what="The keys table itself.",
    instead="give the name of its table by --table",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Make, list, rotate and revoke the API keys of a Wideload deployment.

    The deployment is named by --stack or --table. Credentials and profile come from where the
    AWS CLI takes them, such as AWS_PROFILE.
    """


def _deployment(command: Callable[..., None]) -> Callable[..., None]:
    """Add what all commands share, and pass the keys table as first argument."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object per key.")
    @deployment_command("Stack that made the keys table.", KEYS_TABLE)
    @functools.wraps(command)
    def wrapper(aws: Aws, *, keys_table: str, **arguments: Any) -> None:
        command(aws.resource("dynamodb").Table(keys_table), **arguments)

    return wrapper


@cli.command()
@click.option("--tenant", required=True, metavar="T", help="Whose payloads: a-z, 0-9 and hyphens.")
@click.option("--label", metavar="TEXT", help="Who or what uses the key.")
@_deployment
def create(table: keys.KeysTable, *, tenant: str, label: str | None, as_json: bool) -> None:
    """Make a key and print it: once, for only its hash is kept."""
    new = keys.create_key(table, tenant, label=label)
    _echo_new(new, as_json=as_json)
    click.echo(
        f"Made key {new.key_id} for tenant {new.tenant}. It is shown this once; keep it safe.",
        err=True,
    )


@cli.command("list")
@click.option("--tenant", metavar="T", help="Only this tenant's keys.")
@_deployment
def list_(table: keys.KeysTable, *, tenant: str | None, as_json: bool) -> None:
    """List keys, oldest first: never their secrets."""
    found = sorted(keys.list_keys(table, tenant), key=lambda key: key.created_at)
    if as_json:
        for key in found:
            echo_json(key)
    elif found:
        echo_table(
            ("KEY ID", "TENANT", "CREATED", "ENDS", "REVOKED", "LABEL"),
            [
                (
                    key.key_id,
                    key.tenant,
                    key.created_at,
                    key.ends_at or "-",
                    key.revoked_at or "-",
                    key.label or "-",
                )
                for key in found
            ],
        )
    else:
        click.echo(f"There are no keys{f' of tenant {tenant}' if tenant else ''}.", err=True)


@cli.command()
@click.argument("key_id")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When the old key ends, in UTC. Default: in 7 days.",
)
@_deployment
def rotate(table: keys.KeysTable, *, key_id: str, until: dt.datetime | None, as_json: bool) -> None:
    """Make a key that takes the place of the one with this id, and print it.

    Both work until the old one ends. Give clients the new key before that.
    """
    ends_at = until.replace(tzinfo=dt.UTC) if until else None
    new, old = keys.rotate_key(table, key_id, ends_at=ends_at)
    _echo_new(new, as_json=as_json)
    click.echo(
        f"Made key {new.key_id} for tenant {new.tenant}. It is shown this once; keep it safe.\n"
        f"Key {old.key_id} ends at {old.ends_at}. "
        "The API may accept it for up to 5 minutes more, while its answer is cached.",
        err=True,
    )


@cli.command()
@click.argument("key_id")
@_deployment
def revoke(table: keys.KeysTable, *, key_id: str, as_json: bool) -> None:
    """Revoke the key with this id, for good."""
    revoked = keys.revoke_key(table, key_id)
    if as_json:
        echo_json(revoked)
    click.echo(
        f"Revoked key {revoked.key_id} of tenant {revoked.tenant}. "
        "The API may accept it for up to 5 minutes more, while its answer is cached.",
        err=True,
    )


def _echo_new(new: keys.NewKey, *, as_json: bool) -> None:
    if as_json:
        echo_json(new)
    else:
        click.echo(new.api_key)


if __name__ == "__main__":
    cli(prog_name="wideload-keys")
