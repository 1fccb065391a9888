"""Least privilege, proven both ways: every call was allowed, and every permission was needed.

Runs when all other tests of this folder have run. What judges is in `permissions`, and tested in
`test_permission_findings`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from tests.integration.conftest import Refusals
from tests.integration.permission_page import page
from tests.integration.permissions import (
    Call,
    Deployment,
    Permission,
    Provoked,
    Unused,
    name_of,
    outside,
    refused,
    too_wide,
    unused,
)

PAGE = Path(__file__).parents[2] / "docs/permissions.md"
# Those whose physical ids, or the ends of them, stand in ARNs.
NAMED = {
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
}

UNUSED = (
    Unused(
        "Lambda writes the function's log under its role; the embedded cloud needs no role for it.",
        frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}),
        frozenset({"log-group:{function}Logs"}),
    ),
    Unused(
        "Lambda sends traces under the function's role; X-Ray has no resource-level permissions "
        "for it. The embedded cloud sends none.",
        frozenset({"xray:PutTelemetryRecords", "xray:PutTraceSegments"}),
        frozenset({"*"}),
    ),
    Unused(
        "Lambda takes messages from the queue under the function's role; the embedded cloud needs "
        "no role for it.",
        frozenset({"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}),
        frozenset({"FilesScanQueue", "FilesVerifyQueue", "IngestQueue"}),
    ),
    Unused(
        "Lambda reads the table's stream under the function's role; the embedded cloud needs no "
        "role for it.",
        frozenset(
            {
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
            }
        ),
        frozenset({"table/FilesTable/stream", "table/IngestPayloads/stream"}),
    ),
    Unused(
        "Only for files that an earlier version recorded, which each function brings over.",
        frozenset({"dynamodb:ConditionCheckItem", "dynamodb:PutItem"}),
        frozenset({"table/FilesTable"}),
        "FilesVerifier",
    ),
    Unused(
        "Only when the sweep completes an upload into a folder.",
        frozenset({"dynamodb:ConditionCheckItem"}),
        frozenset({"table/FilesTable"}),
        "FilesSweep",
    ),
    Unused(
        "Lambda sends there, under the function's role, the records that the function failed to "
        "publish for six hours.",
        frozenset({"sqs:SendMessage"}),
        frozenset({"FilesEventDeadLetterQueue", "IngestEventDeadLetterQueue"}),
    ),
)

PROVOKED = (
    Provoked(
        "test_canary has functions ask for a table that isn't there.",
        "dynamodb:*",
        "table/elsewhere*",
    ),
    Provoked(
        "test_canary forbids the API's function to have anything uploaded.",
        "s3:PutObject",
        "IngestBucket/transit/canary/*",
    ),
)


@dataclass(frozen=True)
class Record:
    """All that was allowed, and all that was done."""

    permissions: list[Permission]
    calls: list[Call]
    descriptions: dict[str, str]


@pytest.fixture(scope="module")
def record(cloud: Cloud, whole_suite: None) -> Record:
    deployment, descriptions = _deployment(cloud)
    iam = cloud.client("iam")
    permissions: list[Permission] = []
    for role in deployment.functions:
        assert not iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"], role
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            permissions += deployment.permissions(role, policy)
    lines = map(json.loads, cloud.calls_path.read_text().splitlines())
    calls = [call for line in lines if (call := deployment.call(line))]
    return Record(permissions, calls, descriptions)


def _deployment(cloud: Cloud) -> tuple[Deployment, dict[str, str]]:
    """Names of what the deployed stacks hold; descriptions of their functions."""
    formation, functions = cloud.client("cloudformation"), cloud.client("lambda")
    names: dict[str, str] = {}
    made: list[str] = []
    stacks = formation.describe_stacks()["Stacks"]
    for stack in (one["StackName"] for one in stacks if one["StackName"].startswith("wideload-")):
        answer = formation.describe_stack_resources(StackName=stack)
        for resource in answer["StackResources"]:
            name = name_of(resource["LogicalResourceId"])
            physical_id = resource["PhysicalResourceId"]
            if resource["ResourceType"] == "AWS::SQS::Queue":
                physical_id = physical_id.rpartition("/")[2]
            if resource["ResourceType"] in NAMED:
                names[physical_id] = name
            if resource["ResourceType"] == "AWS::Lambda::Function":
                names[physical_id] = name
                made.append(physical_id)
    settings: list[dict[str, Any]] = [
        functions.get_function_configuration(FunctionName=name) for name in made
    ]
    deployment = Deployment(
        functions={one["Role"].rpartition("/")[2]: names[one["FunctionName"]] for one in settings},
        resources=names,
    )
    return deployment, {names[one["FunctionName"]]: one["Description"] for one in settings}


def test_every_call_was_allowed(record: Record, refusals: Refusals) -> None:
    assert record.calls
    assert refused(record.calls, [*PROVOKED, *refusals.provoked]) == []
    assert outside(record.permissions, record.calls) == []


def test_every_permission_was_needed(record: Record) -> None:
    assert too_wide(record.permissions, UNUSED) == []
    assert unused(record.permissions, record.calls, UNUSED) == []


def test_the_page_says_what_is_so(record: Record, pytestconfig: pytest.Config) -> None:
    now = page(record.permissions, record.calls, UNUSED, record.descriptions)
    if pytestconfig.getoption("update_permissions", default=False):
        PAGE.write_text(now)

    assert PAGE.read_text() == now, "pytest tests/integration --update-permissions writes it anew"
