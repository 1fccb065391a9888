"""The program `wideload-keys`."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from typing import Any

import click

from wideload_cdk import keys
from wideload_cdk.operate.command_line import (
    CONTEXT_SETTINGS,
    echo_json,
    echo_table,
    explain,
    json_option,
)
from wideload_cdk.operate.deployment import KEYS_TABLE, Aws, deployment_command

CACHED = "The API may accept it for up to 5 minutes more, while its answer is cached."


@click.group(context_settings=CONTEXT_SETTINGS)
def cli() -> None:
    """Make, list, rotate and revoke the API keys of a Wideload deployment.

    The deployment is named by --stack or --table. Credentials and profile are found as by the AWS
    CLI, for example in AWS_PROFILE.
    """


def _deployment(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that all commands share, and pass the keys table as first argument."""

    @json_option
    @deployment_command("Stack that made the keys table.", KEYS_TABLE)
    @functools.wraps(command)
    def wrapper(aws: Aws, *, keys_table: str, **arguments: Any) -> None:
        command(aws.table(keys_table), **arguments)

    return wrapper


@cli.command()
@click.option("--tenant", required=True, metavar="T", help="Tenant: a-z, 0-9 and hyphens.")
@click.option("--label", metavar="TEXT", help="Name of the key's user.")
@_deployment
def create(table: keys.KeysTable, *, tenant: str, label: str | None, as_json: bool) -> None:
    """Make a key and print it, once: only its hash is stored."""
    _echo_new(keys.create_key(table, tenant, label=label), as_json=as_json)


@cli.command("list")
@click.option("--tenant", metavar="T", help="Only this tenant's keys.")
@_deployment
def list_(table: keys.KeysTable, *, tenant: str | None, as_json: bool) -> None:
    """List keys, oldest first, without their secrets."""
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
        explain(f"There are no keys{f' of tenant {tenant}' if tenant else ''}.")


@cli.command()
@click.argument("key_id")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="When the old key ends, in UTC. Default: in 7 days.",
)
@_deployment
def rotate(table: keys.KeysTable, *, key_id: str, until: dt.datetime | None, as_json: bool) -> None:
    """Make a key that replaces the key with this id, and print it.

    Both keys work until the old one ends. Give clients the new key before that.
    """
    ends_at = until.replace(tzinfo=dt.UTC) if until else None
    new, old = keys.rotate_key(table, key_id, ends_at=ends_at)
    _echo_new(new, as_json=as_json)
    explain(f"Key {old.key_id} ends at {old.ends_at}. {CACHED}")


@cli.command()
@click.argument("key_id")
@_deployment
def revoke(table: keys.KeysTable, *, key_id: str, as_json: bool) -> None:
    """Revoke the key with this id, for good."""
    revoked = keys.revoke_key(table, key_id)
    if as_json:
        echo_json(revoked)
    explain(f"Revoked key {revoked.key_id} of tenant {revoked.tenant}. {CACHED}")


def _echo_new(new: keys.NewKey, *, as_json: bool) -> None:
    if as_json:
        echo_json(new)
    else:
        click.echo(new.api_key)
    explain(f"Made key {new.key_id} for tenant {new.tenant}. It is shown this once; keep it safe.")


if __name__ == "__main__":
    cli(prog_name="wideload-keys")
