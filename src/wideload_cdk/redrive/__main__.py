"""The program `wideload-redrive`."""

from __future__ import annotations

import click

from wideload_cdk.operate.command_line import CONTEXT_SETTINGS, echo_json, json_option
from wideload_cdk.operate.deployment import QUEUE, Aws, deployment_command
from wideload_cdk.redrive import redrive


@click.command(context_settings=CONTEXT_SETTINGS)
@json_option
@deployment_command("Stack that made the queue.", QUEUE)
def cli(aws: Aws, *, queue_url: str, as_json: bool) -> None:
    """Move the messages of a Wideload deployment's dead-letter queue back into its queue.

    The deployment is named by --stack or --queue. Credentials and profile are found as by the AWS
    CLI, for example in AWS_PROFILE. If you interrupt the command, SQS goes on moving.
    """
    moved = redrive(aws.client("sqs"), queue_url)
    if as_json:
        echo_json({"moved": moved})
    elif moved:
        click.echo(f"Put {moved} message{'' if moved == 1 else 's'} back into the queue.")
    else:
        click.echo("The dead-letter queue is empty.")


if __name__ == "__main__":
    cli(prog_name="wideload-redrive")
