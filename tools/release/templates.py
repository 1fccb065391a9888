"""CloudFormation templates of both services with the functions' code, for teams without the CDK."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from wideload_cdk.files.construct import FileTransfer
from wideload_cdk.ingest.construct import PayloadIngest

BUCKET = "AssetsBucket"
PREFIX = "AssetsPrefix"
"""Parameters of each template: where the functions' code is."""

_PARAMETERS = {
    BUCKET: {
        "Type": "String",
        "Description": "Bucket with the functions' code, in the region of the stack.",
        "AllowedPattern": "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    },
    PREFIX: {
        "Type": "String",
        "Default": "",
        "Description": "What the code's key begins with, such as wideload/; may be empty.",
    },
}


@dataclass(frozen=True)
class Templates:
    ingest: Path
    files: Path
    code: Path
    """Code of all functions. Its name holds its hash: functions are updated when it changes."""

    @property
    def all(self) -> list[Path]:
        return [self.ingest, self.files, self.code]


def write_templates(folder: Path, archive: Path, version: str) -> Templates:
    """Write the templates and the code into `folder`.

    Args:
        archive: The functions' code, built for arm64.
        version: In the name of the code.

    Raises:
        ValueError: A template needs another asset than that code.
    """
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    code = folder / f"wideload-functions-{version}-{digest[:12]}.zip"
    shutil.copyfile(archive, code)
    paths = {}
    for name, make in (("ingest", _ingest), ("files", _files)):
        template = _synthesize(f"wideload-{name}", make, lambda_.Code.from_asset(str(archive)))
        paths[name] = folder / f"wideload-{name}.template.json"
        # Compact: CloudFormation takes 51,200 bytes in a request, more only from S3.
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
        text = json.dumps(_parametrized(template, code.name), separators=(",", ":"))
        paths[name].write_text(text + "\n")
    return Templates(paths["ingest"], paths["files"], code)


def _synthesize(
    name: str, make: Callable[[cdk.Stack, lambda_.Code], None], code: lambda_.Code
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as out:
        app = cdk.App(outdir=out, analytics_reporting=False, tree_metadata=False)
        synthesizer = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
        stack = cdk.Stack(app, name, synthesizer=synthesizer, description=f"Wideload: {name}")
        make(stack, code)
        app.synth()
        template: dict[str, Any] = json.loads(Path(out, f"{name}.template.json").read_text())
    return template


def _ingest(stack: cdk.Stack, code: lambda_.Code) -> None:
    header = cdk.CfnParameter(
        stack,
        "ApiKeyHeader",
        default="x-api-key",
        allowed_pattern="[A-Za-z0-9-]{1,128}",
        description="Header that carries the API key.",
    ).value_as_string
    ingest = PayloadIngest(
        stack, "Ingest", code=code, api_key_header=header, environment_name=cdk.Aws.STACK_NAME
    )
    _output(stack, "ApiUrl", ingest.api_url)
    _output(stack, "BucketName", ingest.bucket.bucket_name)
    _output(stack, "PayloadsTableName", ingest.payloads_table.table_name)
    _output(stack, "KeysTableName", ingest.keys_table.table_name)
    _output(stack, "QueueUrl", ingest.queue.queue_url)
    _output(stack, "DeadLetterQueueUrl", ingest.dead_letter_queue.queue_url)
    _output(stack, "EventDeadLetterQueueUrl", ingest.event_dead_letter_queue.queue_url)


def _files(stack: cdk.Stack, code: lambda_.Code) -> None:
    page = cdk.CfnParameter(
        stack,
        "PageUrl",
        default="http://localhost:5173",
        description="Address of the page where people transfer files, without a slash at its end.",
    ).value_as_string
    files = FileTransfer(
        stack, "Files", code=code, web_urls=[page], environment_name=cdk.Aws.STACK_NAME
    )
    _output(stack, "ApiUrl", files.api_url)
    _output(stack, "BucketName", files.bucket.bucket_name)
    _output(stack, "TableName", files.files_table.table_name)
    _output(stack, "Issuer", files.issuer)
    _output(stack, "ClientId", files.client_id)
    if files.user_pool is not None:
        _output(stack, "UserPoolId", files.user_pool.user_pool_id)


def _output(stack: cdk.Stack, name: str, value: str) -> None:
    cdk.CfnOutput(stack, name, value=value)


def _parametrized(template: dict[str, Any], code: str) -> dict[str, Any]:
    """Take the functions' code from the bucket that a parameter names, not from a bootstrap's."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"]["Code"] = {
                "S3Bucket": {"Ref": BUCKET},
                "S3Key": {"Fn::Sub": f"${{{PREFIX}}}{code}"},
            }
        if "cdk-hnb659fds-assets" in json.dumps(resource):
            raise ValueError(f"{name} needs an asset that isn't part of the release.")
    parameters = {**_PARAMETERS, **template.get("Parameters", {})}
    return {**template, "Parameters": parameters}
