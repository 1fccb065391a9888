"""The program `wideload-payloads`."""

from __future__ import annotations

import click

from wideload_cdk import payloads
from wideload_cdk.operate.command_line import (
    CONTEXT_SETTINGS,
    dry_run_option,
    echo_json,
    echo_restored,
    json_option,
)
from wideload_cdk.operate.deployment import BUCKET, PAYLOADS_TABLE, Aws, deployment_command


@click.group(context_settings=CONTEXT_SETTINGS)
def cli() -> None:
    """Look at the payloads of a Wideload ingest deployment, and put lost ones back.

    The deployment is named by --stack, or by its table and bucket. Credentials and profile are
    found as by the AWS CLI, for example in AWS_PROFILE.
    """


@cli.command()
@click.argument("payload_id")
@json_option
@deployment_command("Stack that made the table.", PAYLOADS_TABLE)
def show(aws: Aws, *, payload_id: str, payloads_table: str, as_json: bool) -> None:
    """Show the tenant, state and sizes of a payload, and why it failed; never its document."""
    found = payloads.find_payload(aws.client("dynamodb"), payloads_table, payload_id)
    if as_json:
        echo_json(found)
        return
    width = max(map(len, found))
    for name, value in found.items():
        click.echo(f"{name:{width}}  {value}")


@cli.command()
@click.option("--from", "restored", required=True, metavar="NAME", help="The restored table.")
@click.option("--tenant", metavar="T", help="Only this tenant's payloads.")
@dry_run_option
@json_option
@deployment_command("Stack that made table and bucket.", PAYLOADS_TABLE, BUCKET)
def restore(
    aws: Aws,
    *,
    restored: str,
    tenant: str | None,
    dry_run: bool,
    payloads_table: str,
    bucket: str,
    as_json: bool,
) -> None:
    """Put payloads back that are in a restored table and not in the live one.

    Payloads whose document is gone are left out, and listed. Exit status 1 if there are any.
    """
    report = payloads.put_back(
        aws.client("dynamodb"),
        aws.client("s3"),
        restored=restored,
        table=payloads_table,
        bucket=bucket,
        tenant=tenant,
        dry_run=dry_run,
    )
    echo_restored(report, "payloads", dry_run=dry_run, as_json=as_json)


if __name__ == "__main__":
    cli(prog_name="wideload-payloads")
