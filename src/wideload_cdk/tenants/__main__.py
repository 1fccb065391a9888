"""The program `wideload-tenants`."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import click

from wideload_cdk.keys.__main__ import KEYS_TABLE
from wideload_cdk.operate.backups import backups_of, sentences
from wideload_cdk.operate.command_line import Aws, confirm, deployment_command
from wideload_cdk.payloads.__main__ import BUCKET, PAYLOADS_TABLE
from wideload_cdk.tenants import TenantDeletion


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Delete all that a tenant of a Wideload ingest deployment has.

    The deployment is named by --stack, or by its tables and bucket. Credentials and profile come
    from where the AWS CLI takes them, such as AWS_PROFILE.
    """


@cli.command()
@click.argument("tenant")
@click.option("--dry-run", is_flag=True, help="Count what there is, and delete nothing.")
@click.option("--yes", is_flag=True, help="Don't ask for the tenant's name first.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@deployment_command(
    "Stack that made tables and bucket.",
    dataclasses.replace(KEYS_TABLE, option="--keys-table"),
    PAYLOADS_TABLE,
    BUCKET,
)
def delete(
    aws: Aws,
    *,
    tenant: str,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    keys_table: str,
    payloads_table: str,
    bucket: str,
) -> None:
    """Delete a tenant's keys, payloads and documents, for good.

    It can be interrupted and run again. Run it again 20 minutes later in any case: until then the
    API may accept the tenant's keys from its cache, and a worker may end what it was at. That run
    finds nothing if nothing is left. What backups still hold is told in the end.
    """
    dynamodb = aws.resource("dynamodb")
    deletion = TenantDeletion(
        payloads=dynamodb.Table(payloads_table),
        keys=dynamodb.Table(keys_table),
        s3=aws.client("s3"),
        bucket=bucket,
        tell=lambda told: click.echo(told, err=True),
    )
    if not dry_run:
        confirm(tenant, yes=yes)
    client = aws.client("dynamodb")
    now = dt.datetime.now(dt.UTC)
    # Before anything is deleted: who may not list backups would delete all and see no report.
    backups = [backups_of(client, table, now) for table in (payloads_table, keys_table)]
    report = deletion.run(tenant, dry_run=dry_run)
    if as_json:
        told = {**dataclasses.asdict(report), "deleted": not dry_run}
        click.echo(json.dumps(told | {"backups": [dataclasses.asdict(each) for each in backups]}))
        return
    click.echo(
        f"{'There are' if dry_run else 'Deleted'} of tenant {tenant}: {report.keys:,} keys, "
        f"{report.records:,} records, {report.objects:,} objects with {report.bytes:,} bytes, "
        f"{report.uploads:,} unfinished uploads."
    )
    for each in backups:
        for sentence in sentences(each):
            click.echo(sentence)


if __name__ == "__main__":
    cli(prog_name="wideload-tenants")
