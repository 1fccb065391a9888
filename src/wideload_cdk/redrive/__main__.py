"""The program `python -m wideload_cdk.redrive`."""

from __future__ import annotations

import json

import click

from wideload_cdk.operate.command_line import Aws, Part, deployment_command
from wideload_cdk.redrive import redrive

QUEUE = Part(
    name="queue_url",
    option="--queue",
    metavar="URL",
    output="QueueUrl",
    what="The queue itself, not its dead letters.",
    instead="give the URL of its queue by --queue",
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@deployment_command("Stack that made the queue.", QUEUE)
def cli(aws: Aws, *, queue_url: str, as_json: bool) -> None:
    """Put the dead letters of a Wideload deployment back into its queue.

    The deployment is named by --stack or --queue. Credentials and profile come from where the
    AWS CLI takes them, such as AWS_PROFILE. Interrupted, SQS goes on moving.
    """
    moved = redrive(aws.client("sqs"), queue_url)
    if as_json:
        click.echo(json.dumps({"moved": moved}))
    elif moved:
        click.echo(f"Put {moved} message{'' if moved == 1 else 's'} back into the queue.")
    else:
        click.echo("The dead-letter queue is empty.")


if __name__ == "__main__":
    cli(prog_name="wideload-redrive")
