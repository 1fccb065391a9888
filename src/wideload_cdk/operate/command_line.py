"""What the programs of this package share. Results go to stdout, explanations to stderr."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from wideload_cdk.operate.restored import RestoreReport

# A wrong endpoint or a missing network should be told within seconds, not minutes.
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})


@dataclasses.dataclass(frozen=True)
class Aws:
    """The account, region and endpoint that a command was pointed to."""

    session: Any
    endpoint_url: str | None

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint_url, config=_CONFIG)

    def resource(self, service: str) -> Any:
        return self.session.resource(service, endpoint_url=self.endpoint_url, config=_CONFIG)

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
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def aws_command(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that lead to AWS, pass `Aws` first, and tell errors in one line."""

    @click.option(
        "--endpoint-url", metavar="URL", help="Custom AWS endpoint, as AWS_ENDPOINT_URL does."
    )
    @click.option(
        "--region",
        metavar="NAME",
        # boto3 itself reads the second alone.
        envvar=["AWS_REGION", "AWS_DEFAULT_REGION"],
        help="AWS region. Default: AWS_REGION, else that of the profile.",
    )
    @functools.wraps(command)
    def wrapper(*, endpoint_url: str | None, region: str | None, **arguments: Any) -> None:
        with _one_line_errors():
            command(Aws(boto3.Session(region_name=region), endpoint_url), **arguments)

    return wrapper


@dataclasses.dataclass(frozen=True)
class Part:
    """Something of a deployment that a command needs: named by an option, or a stack's output."""

    name: str
    """Of the command's argument."""
    option: str
    metavar: str
    output: str
    what: str
    """What the option names, as its help says it."""
    instead: str
    """What to do if the stack has no such output."""
    optional: bool = False
    """Whether the command can do without; then it gets None."""


def deployment_command(
    stack_help: str, *parts: Part
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Have a command's deployment named by --stack, or else each of its parts by an option.

    The command gets `Aws` first, and the parts as arguments. Adds what `aws_command` adds.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @aws_command
        @functools.wraps(command)
        def wrapper(aws: Aws, *, stack: str | None, **arguments: Any) -> None:
            given = {part for part in parts if arguments[part.name] is not None}
            needed = {part for part in parts if not part.optional}
            if given if stack is not None else not needed <= given:
                options = " and ".join(part.option for part in parts)
                raise click.UsageError(f"Give either --stack or {options}.")
            if stack is not None:
                outputs = aws.stack_outputs(stack)
                for part in parts:
                    arguments[part.name] = outputs.get(part.output)
                    if arguments[part.name] is None and not part.optional:
                        raise click.ClickException(
                            f"The stack {stack} has no output {part.output}; {part.instead}."
                        )
            command(aws, **arguments)

        for part in reversed(parts):
            option = click.option(part.option, part.name, metavar=part.metavar, help=part.what)
            wrapper = option(wrapper)
        return click.option("--stack", metavar="NAME", help=stack_help)(wrapper)

    return decorate


def confirm(name: str, *, yes: bool) -> None:
    """Have a person type the name of what is going to be deleted."""
    if not yes and click.prompt("Type the name to delete it", err=True) != name:
        raise click.ClickException("That is another name; nothing was changed.")


def echo_restored(report: RestoreReport, kind: str, *, dry_run: bool, as_json: bool) -> None:
    """Print what was put back of a `kind`, and exit with 1 if something stays lost, or may."""
    if as_json:
        echo_json(report)
    else:
        click.echo(
            f"{'Would put' if dry_run else 'Put'} {report.put_back:,} {kind} back; "
            f"{report.there:,} are there already."
        )
        for each in report.without_object:
            click.echo(f"Without its object: {each}")
        for each in report.waiting:
            click.echo(f"Being uploaded again, so restore it later: {each}")
    if report.without_object or report.waiting:
        raise click.exceptions.Exit(1)


def echo_json(result: Any) -> None:
    """Print a dataclass as one JSON object on one line."""
    click.echo(json.dumps(dataclasses.asdict(result)))


def echo_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as what they hold."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Tell what went wrong in one line, with exit status 1."""
    try:
        yield
    except (ValueError, LookupError, PermissionError) as error:
        raise click.ClickException(str(error)) from None
    except NoRegionError:
        raise click.ClickException("No region: give --region or set AWS_REGION.") from None
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
