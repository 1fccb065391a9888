"""What the programs of this package share. Results go to stdout, explanations to stderr."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import click
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

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

    def stack_output(self, stack: str, output: str, instead: str) -> str:
        """Value of an output of `stack`. `instead` says what to do if it hasn't got it."""
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
        for known in found.get("Outputs", []):
            if known["OutputKey"] == output:
                return str(known["OutputValue"])
        raise click.ClickException(f"The stack {stack} has no output {output}; {instead}.")


def aws_command(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that lead to AWS, pass `Aws` first, and tell errors in one line."""

    @click.option(
        "--endpoint-url", metavar="URL", help="Another AWS than AWS, as AWS_ENDPOINT_URL does."
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


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Tell what went wrong in one line, with exit status 1."""
    try:
        yield
    except (ValueError, LookupError) as error:
        raise click.ClickException(str(error)) from None
    except NoRegionError:
        raise click.ClickException("No region: give --region or set AWS_REGION.") from None
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
