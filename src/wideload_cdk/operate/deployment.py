"""The deployment that a command works on: AWS clients, and the names of its tables and bucket."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import ClientError

from wideload_cdk.operate.command_line import one_line_errors

# So that a wrong endpoint or a missing network is reported within seconds, not minutes.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})


@dataclasses.dataclass(frozen=True)
class Aws:
    """AWS clients for the account, region and endpoint of a command."""

    session: Any
    endpoint_url: str | None

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint_url, config=_CONFIG)

    def table(self, name: str) -> Any:
        """A DynamoDB table as boto3's `Table`."""
        dynamodb = self.session.resource("dynamodb", endpoint_url=self.endpoint_url, config=_CONFIG)
        return dynamodb.Table(name)

    def stack_outputs(self, stack: str) -> dict[str, str]:
        """Outputs of `stack`, by name."""
        client = self.client("cloudformation")
        try:
            found = client.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise click.ClickException(
                f"There is no stack {stack} in {client.meta.region_name}. "
                "Deploy it first, or give another --stack, region or profile."
            ) from None
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


@dataclasses.dataclass(frozen=True)
class Part:
    """A resource of a deployment that a command needs: named by an option, or a stack's output."""

    name: str
    """Name of the command's argument."""
    option: str
    metavar: str
    output: str
    help: str
    """Help text of the option."""
    hint: str = ""
    """Why a stack may lack the output."""
    optional: bool = False
    """Whether the command can do without it; then the command gets None."""


KEYS_TABLE = Part("keys_table", "--table", "NAME", "KeysTableName", "The keys table itself.")
PAYLOADS_TABLE = Part(
    "payloads_table", "--payloads-table", "NAME", "PayloadsTableName", "The payloads table itself."
)
FILES_TABLE = Part("files_table", "--table", "NAME", "TableName", "The files table itself.")
BUCKET = Part("bucket", "--bucket", "NAME", "BucketName", "The bucket itself.")
QUEUE = Part("queue_url", "--queue", "URL", "QueueUrl", "The queue, not its dead-letter queue.")
USER_POOL = Part(
    "pool_id",
    "--user-pool",
    "ID",
    "UserPoolId",
    "The user pool itself.",
    hint="people of another issuer are made there",
)


def deployment_command(
    stack_help: str, *parts: Part
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add options that name a command's deployment: --stack, or one option for each part.

    The command gets `Aws` first, and the names of the parts as arguments. The options
    --endpoint-url and --region are added, too, and errors are reported in one line.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wrapper(
            *, stack: str | None, endpoint_url: str | None, region: str | None, **arguments: Any
        ) -> None:
            _check_names(stack, parts, arguments)
            with one_line_errors():
                aws = Aws(boto3.Session(region_name=region), endpoint_url)
                if stack is not None:
                    arguments |= _read_names(aws, stack, parts)
                command(aws, **arguments)

        options = [
            click.option("--stack", metavar="NAME", help=stack_help),
            *(
                click.option(part.option, part.name, metavar=part.metavar, help=part.help)
                for part in parts
            ),
            click.option(
                "--endpoint-url", metavar="URL", help="Custom AWS endpoint, as AWS_ENDPOINT_URL."
            ),
            click.option(
                "--region",
                metavar="NAME",
                # boto3 itself reads only the second variable.
                envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
                help="AWS region. Default: AWS_REGION, else that of the profile.",
            ),
        ]
        for option in reversed(options):
            wrapper = option(wrapper)
        return wrapper

    return decorate


def _check_names(stack: str | None, parts: tuple[Part, ...], arguments: dict[str, Any]) -> None:
    given = {part for part in parts if arguments[part.name] is not None}
    needed = {part for part in parts if not part.optional}
    if given if stack is not None else not needed <= given:
        options = " and ".join(part.option for part in parts)
        raise click.UsageError(f"Give either --stack or {options}.")


def _read_names(aws: Aws, stack: str, parts: tuple[Part, ...]) -> dict[str, str | None]:
    outputs = aws.stack_outputs(stack)
    for part in parts:
        if part.output not in outputs and not part.optional:
            hint = f"{part.hint}, or " if part.hint else ""
            options = " ".join(f"{part.option} {part.metavar}" for part in parts)
            raise click.ClickException(
                f"The stack {stack} has no output {part.output}; {hint}give {options} instead."
            )
    return {part.name: outputs.get(part.output) for part in parts}
