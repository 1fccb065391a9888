"""The program `wideload-payloads`."""

from __future__ import annotations

import json

import click

from wideload_cdk import payloads
from wideload_cdk.operate.command_line import Aws, Part, deployment_command, echo_restored

PAYLOADS_TABLE = Part(
    name="payloads_table",
    option="--payloads-table",
    metavar="NAME",
    output="PayloadsTableName",
    what="The payloads table itself.",
    instead="give the names of its tables and bucket",
)
BUCKET = Part(
    name="bucket",
    option="--bucket",
    metavar="NAME",
    output="BucketName",
    what="The bucket itself.",
    instead="give the names of its tables and bucket",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Look at the payloads of a Wideload ingest deployment, and put lost ones back.

    The deployment is named by --stack, or by its table and bucket. Credentials and profile come
    from where the AWS CLI takes them, such as AWS_PROFILE.
    """


@cli.command()
@click.argument("payload_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@deployment_command("Stack that made the table.", PAYLOADS_TABLE)
def show(aws: Aws, *, payload_id: str, payloads_table: str, as_json: bool) -> None:
    """Show whose a payload is and what became of it: nothing of its document."""
    found = payloads.find_payload(aws.client("dynamodb"), payloads_table, payload_id)
    if as_json:
        click.echo(json.dumps(found))
        return
    width = max(map(len, found))
    for name, value in found.items():
        click.echo(f"{name:{width}}  {value}")


@cli.command()
@click.option("--from", "restored", required=True, metavar="NAME", help="The restored table.")
@click.option("--tenant", metavar="T", help="Only this tenant's payloads.")
@click.option("--dry-run", is_flag=True, help="Count, and put nothing back.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
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

    Those whose document is gone are left out, and named. Exit status 1 if there are any.
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
