"""A cloud of these tests' own, on which environments come and go beside each other."""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import urllib3
from click.testing import CliRunner, Result

import app
from local.cloud import Cloud, free_port
from local.deploy import deploy
from local.outputs import Outputs
from local.paths import ROOT
from stacks import destroy
from tests.integration.conftest import Api
from tests.integration.files.conftest import token_of

EMBEDDED = {
    "lambda_code": ".local/lambda",
    "s3_addressing_style": "path",
    "worker_max_concurrency": "3",
    "password_sign_in": "true",
    "publish_page": "false",
    "monitoring": "false",
    "compliance_packs": "false",
}
"""Settings with which an environment for AWS deploys to the embedded cloud."""

RETAINED = {
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
}
"""Resource types that the setting `retain` keeps."""

STATEFUL = RETAINED | {
    "AWS::ApiGatewayV2::Api",
    "AWS::Cognito::UserPoolClient",
    "AWS::SQS::Queue",
}
"""Resource types that clients know by name, or that hold something."""

# A function that still runs when its log group is deleted has the embedded cloud put it up again,
# though not as the template said; in AWS no role of ours may create one.
_MADE = "retentionInDays || !starts_with(logGroupName, '/aws/cloudformation/')"

INVENTORY = {
    "API": ("apigatewayv2", "get_apis", "Items[].ApiId"),
    "alarm": ("cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"),
    "bucket": ("s3", "list_buckets", "Buckets[].Name"),
    "dashboard": ("cloudwatch", "list_dashboards", "DashboardEntries[].DashboardName"),
    "distribution": ("cloudfront", "list_distributions", "DistributionList.Items[].Id"),
    "event source": ("lambda", "list_event_source_mappings", "EventSourceMappings[].UUID"),
    "export": ("cloudformation", "list_exports", "Exports[].Name"),
    "function": ("lambda", "list_functions", "Functions[].FunctionName"),
    "key": ("kms", "list_keys", "Keys[].KeyId"),
    "log group": ("logs", "describe_log_groups", f"logGroups[?{_MADE}].logGroupName"),
    "queue": ("sqs", "list_queues", "QueueUrls[]"),
    "role": ("iam", "list_roles", "Roles[].RoleName"),
    "rule": ("events", "list_rules", "Rules[].Name"),
    "table": ("dynamodb", "list_tables", "TableNames[]"),
    "topic": ("sns", "list_topics", "Topics[].TopicArn"),
    "user pool": ("cognito-idp", "list_user_pools", "UserPools[].Id"),
}
"""Kind to the service and the operation that list it, and where in the answer its names are."""


@dataclass(frozen=True, eq=False)
class Deployment:
    """One environment, as it was when it was deployed."""

    cloud: Cloud
    http: urllib3.PoolManager
    environment: str
    outputs: Outputs
    assembly: Path

    @property
    def acme(self) -> Api:
        """The ingest API, with the key that was made at this deployment."""
        ingest = self.outputs["ingest"]
        return Api(self.http, ingest["api_url"], {ingest["api_key_header"]: ingest["api_key"]})

    def ann(self) -> Api:
        """The files API in the name of a person who signs in now."""
        token = token_of(self.cloud, self.outputs, 0)
        files = self.outputs["files"]
        return Api(self.http, files["api_url"], {"Authorization": f"Bearer {token}"})

    def stack_name(self, service: str) -> str:
        return f"wideload-{self.environment}-{service}"

    def status(self, service: str) -> str:
        found = self.cloud.client("cloudformation").describe_stacks(
            StackName=self.stack_name(service)
        )
        return str(found["Stacks"][0]["StackStatus"])

    def physical_ids(self, services: Iterable[str], kinds: Collection[str]) -> dict[str, str]:
        """By logical id, of resources of these kinds."""
        formation = self.cloud.client("cloudformation")
        pages = formation.get_paginator("list_stack_resources")
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for service in services
            for page in pages.paginate(StackName=self.stack_name(service))
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] in kinds
        }

    def destroy(self, *options: str, answer: str = "") -> Result:
        """Run `stacks.destroy` as `make destroy` does, in this process."""
        program = [self.environment, "--assembly", str(self.assembly), *options]
        variables = self.cloud.settings | {"CDK_DISABLE_VERSION_CHECK": "1"}
        return CliRunner(env=variables).invoke(destroy.cli, program, input=answer)


Build = Callable[[cdk.App], None]
Deploy = Callable[..., Deployment]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with Cloud(directory=tmp_path_factory.mktemp("deployments"), port=free_port()) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def http(cloud: Cloud) -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(ca_certs=str(cloud.ca_bundle), retries=False, timeout=60) as pool:
        yield pool


@pytest.fixture(scope="session")
def deploy_environment(
    cloud: Cloud, http: urllib3.PoolManager, tmp_path_factory: pytest.TempPathFactory
) -> Deploy:
    """Deploy these services of an environment (default: all); keyword arguments are settings.

    The same settings are synthesized once.
    """

    @functools.cache
    def synthesize(build: Build, context: frozenset[tuple[str, str]]) -> Path:
        folder = tmp_path_factory.mktemp("assembly")
        defaults = json.loads((ROOT / "cdk.json").read_text())["context"]
        made = cdk.App(outdir=str(folder), context=defaults | dict(context))
        build(made)
        made.synth()
        return folder

    def run(
        environment: str, *services: str, build: Build = app.build, **settings: str
    ) -> Deployment:
        needed = {} if environment == "local" else EMBEDDED
        # Without the page, file transfer needs no stack before it.
        page = {} if "web" in services else {"web": "false"}
        # Keys and passwords that work are kept, if it is the same environment's that are known.
        known = cloud.directory / f"{environment}.json"
        cloud.outputs_path.unlink(missing_ok=True)
        if known.exists():
            shutil.copy(known, cloud.outputs_path)
        here = {"env": environment, "endpoint_url": cloud.endpoint_url}
        context = {**here, **needed, **page, **settings}
        assembly = synthesize(build, frozenset(context.items()))
        stacks = [f"wideload-{environment}-{service}" for service in services]
        outputs = deploy(cloud, assembly=assembly, stacks=stacks)
        shutil.copy(cloud.outputs_path, known)
        return Deployment(cloud, http, environment, outputs, assembly)

    return run


@pytest.fixture(scope="session")
def local(deploy_environment: Deploy) -> Deployment:
    """Both services as a developer has them; tests update it, and must leave it working."""
    return deploy_environment("local", "ingest", "files")


def inventory(cloud: Cloud) -> set[tuple[str, str]]:
    """All that is in the account: kind and name."""
    found: set[tuple[str, str]] = set()
    for kind, (service, operation, names) in INVENTORY.items():
        options: dict[str, Any] = {"MaxResults": 60} if kind == "user pool" else {}
        pages = cloud.client(service).get_paginator(operation).paginate(**options)
        found |= {(kind, name) for name in pages.search(names) if name}
    return found


def changed_code(folder: Path, addition: str) -> str:
    """A copy of the functions' code whose ingest API has something more, as `lambda_code`."""
    shutil.copytree(ROOT / ".local" / "lambda", folder)
    handlers = folder / "wideload_runtime" / "handlers"
    with (handlers / "ingest_api.py").open("a") as handler:
        handler.write(addition)
    # Python never compares it with its source.
    [bytecode] = (handlers / "__pycache__").glob("ingest_api.*.pyc")
    bytecode.unlink()
    return os.path.relpath(folder, ROOT)
