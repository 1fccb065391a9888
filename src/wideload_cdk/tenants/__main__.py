"""The program `wideload-tenants`."""

from __future__ import annotations

import dataclasses
import datetime as dt

import click

from wideload_cdk.operate.backups import find_backups
from wideload_cdk.operate.command_line import (
    CONTEXT_SETTINGS,
    confirm,
    dry_run_option,
    echo_deletion,
    explain,
    json_option,
    yes_option,
)
from wideload_cdk.operate.deployment import (
    BUCKET,
    KEYS_TABLE,
    PAYLOADS_TABLE,
    Aws,
    deployment_command,
)
from wideload_cdk.tenants import TenantDeletion


@click.group(context_settings=CONTEXT_SETTINGS)
def cli() -> None:
    """Delete everything that a tenant of a Wideload ingest deployment has.

    The deployment is named by --stack, or by its tables and bucket. Credentials and profile are
    found as by the AWS CLI, for example in AWS_PROFILE.
    """


@cli.command()
@click.argument("tenant")
@dry_run_option
@yes_option
@json_option
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

    The command can be interrupted and run again. Run it again 20 minutes later in any case: until
    then the API may accept the tenant's keys from its cache, and a worker may still be processing
    a payload. The report ends with the backups that still hold what was deleted.
    """
    deletion = TenantDeletion(
        payloads=aws.table(payloads_table),
        keys=aws.table(keys_table),
        s3=aws.client("s3"),
        bucket=bucket,
        tell=explain,
    )
    if not dry_run:
        confirm(tenant, yes=yes)
    client = aws.client("dynamodb")
    now = dt.datetime.now(dt.UTC)
    # Before anything is deleted: without permission to list backups there would be no report.
    backups = [find_backups(client, table, now) for table in (payloads_table, keys_table)]
    report = deletion.run(tenant, dry_run=dry_run)
    sentence = (
        f"{'There are' if dry_run else 'Deleted'} of tenant {tenant}: {report.keys:,} keys, "
        f"{report.records:,} records, {report.objects:,} objects with {report.bytes:,} bytes, "
        f"{report.uploads:,} unfinished uploads."
    )
    echo_deletion(dataclasses.asdict(report), [sentence], backups, dry_run=dry_run, as_json=as_json)


if __name__ == "__main__":
    cli(prog_name="wideload-tenants")
