"""The program `python -m wideload_cdk.redrive`."""

from __future__ import annotations

import json

import click

from wideload_cdk._cli import Aws, aws_command
from wideload_cdk.redrive import redrive

QUEUE_OUTPUT = "QueueUrl"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--stack", metavar="NAME", help="Stack that made the queue.")
@click.option("--queue", "queue_url", metavar="URL", help="The queue itself, not its dead letters.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@aws_command
def cli(aws: Aws, *, stack: str | None, queue_url: str | None, as_json: bool) -> None:
    """Put the dead letters of a Wideload deployment back into its queue.

    The deployment is named by --stack or --queue. Credentials and profile come from where the
    AWS CLI takes them, such as AWS_PROFILE. Interrupted, SQS goes on moving.
    """
    if (stack is None) == (queue_url is None):
        raise click.UsageError("Give either --stack or --queue.")
    moved = redrive(
        aws.client("sqs"),
        queue_url
        or aws.stack_output(stack or "", QUEUE_OUTPUT, "give the URL of its queue by --queue"),
    )
    if as_json:
        click.echo(json.dumps({"moved": moved}))
    elif moved:
        click.echo(f"Put {moved} message{'' if moved == 1 else 's'} back into the queue.")
    else:
        click.echo("The dead-letter queue is empty.")
