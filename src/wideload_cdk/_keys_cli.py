"""The program `wideload-keys`."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any

import click

from wideload_cdk import keys
from wideload_cdk._cli import Aws, aws_command

TABLE_OUTPUT = "KeysTableName"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Make, list and revoke the API keys of a Wideload deployment.

    The deployment is named by --stack or --table. Credentials and profile come from where the
    AWS CLI takes them, such as AWS_PROFILE.
    """


def _deployment(command: Callable[..., None]) -> Callable[..., None]:
    """Add what all commands share, and pass the keys table as first argument."""

    @click.option("--stack", metavar="NAME", help="Stack that made the keys table.")
    @click.option("--table", "table_name", metavar="NAME", help="The keys table itself.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object per key.")
    @aws_command
    @functools.wraps(command)
    def wrapper(aws: Aws, *, stack: str | None, table_name: str | None, **arguments: Any) -> None:
        if (stack is None) == (table_name is None):
            raise click.UsageError("Give either --stack or --table.")
        name = table_name or aws.stack_output(
            stack or "", TABLE_OUTPUT, "give the name of its table by --table"
        )
        command(aws.resource("dynamodb").Table(name), **arguments)

    return wrapper


@cli.command()
@click.option("--tenant", required=True, metavar="T", help="Whose payloads: a-z, 0-9 and hyphens.")
@click.option("--label", metavar="TEXT", help="Who or what uses the key.")
@_deployment
def create(table: keys.KeysTable, *, tenant: str, label: str | None, as_json: bool) -> None:
    """Make a key and print it: once, for only its hash is kept."""
    new = keys.create_key(table, tenant, label=label)
    click.echo(_json(new) if as_json else new.api_key)
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
            click.echo(_json(key))
        return
    if not found:
        click.echo(f"There are no keys{f' of tenant {tenant}' if tenant else ''}.", err=True)
        return
    rows = [("KEY ID", "TENANT", "CREATED", "REVOKED", "LABEL")]
    rows += [
        (key.key_id, key.tenant, key.created_at, key.revoked_at or "-", key.label or "-")
        for key in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@cli.command()
@click.argument("key_id")
@_deployment
def revoke(table: keys.KeysTable, *, key_id: str, as_json: bool) -> None:
    """Revoke the key with this id, for good."""
    revoked = keys.revoke_key(table, key_id)
    if as_json:
        click.echo(_json(revoked))
    click.echo(
        f"Revoked key {revoked.key_id} of tenant {revoked.tenant}. "
        "The API may accept it for up to 5 minutes more, while its answer is cached.",
        err=True,
    )


def _json(key: keys.Key) -> str:
    return json.dumps(dataclasses.asdict(key))
