"""Acknowledgements of rule-pack findings travel with the constructs into other apps."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from cdk_nag import (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NIST80053R5Checks,
    PCIDSS321Checks,
    ServerlessChecks,
)
from constructs import IConstruct

from wideload_cdk import FileTransfer, PayloadIngest, TransferBucket

PACKS = (
    AwsSolutionsChecks,
    HIPAASecurityChecks,
    NIST80053R5Checks,
    PCIDSS321Checks,
    ServerlessChecks,
)


def acknowledged(construct: IConstruct) -> set[str]:
    """Rules accepted at `construct` or in it, without their packs."""
    return {
        rule.split("::")[1].split("-", 1)[1]
        for each in construct.node.find_all()
        for entry in each.node.metadata
        if entry.type == cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule in entry.data
    }


def test_rule_packs_find_nothing_with_given_resources(stack: cdk.Stack, code: lambda_.Code) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Theirs", "theirs")
    payloads = dynamodb.Table.from_table_attributes(
        stack,
        "Payloads",
        table_name="payloads",
        table_stream_arn="arn:aws:dynamodb:eu-central-1:111111111111:table/payloads/stream/1",
    )
    table = dynamodb.Table.from_table_name(stack, "Table", "table")
    PayloadIngest(stack, "Ingest", bucket=bucket, table=payloads, keys_table=table, code=code)
    FileTransfer(stack, "Files", bucket=bucket, table=table, code=code)
    TransferBucket(stack, "Bucket")
    cdk.Validations.of(stack).add_plugins(*(pack(stack) for pack in PACKS))

    assertions.Template.from_stack(stack)  # fails when a pack finds what is not explained

    for given in (bucket, payloads, table):
        assert acknowledged(given) == set()


def test_findings_that_an_option_fixes_are_not_acknowledged(
    stack: cdk.Stack, code: lambda_.Code
) -> None:
    options: dict[str, tuple[Any, dict[str, str]]] = {
        "encryption_key": (
            kms.Key(stack, "Key"),
            {"Bucket": "S3DefaultEncryptionKMS", "WorkerLogs": "CloudWatchLogGroupEncrypted"},
        ),
        "api_reserved_concurrency": (10, {"ApiFunction": "LambdaConcurrency"}),
        "vpc": (ec2.Vpc(stack, "Vpc"), {"Worker": "LambdaInsideVPC"}),
    }
    without = PayloadIngest(stack, "Without", code=code)

    for name, (value, rules) in options.items():
        with_it = PayloadIngest(stack, f"With-{name}", code=code, **{name: value})
        for where, rule in rules.items():
            assert rule in acknowledged(without.node.find_child(where)), name
            assert rule not in acknowledged(with_it.node.find_child(where)), name


def test_all_findings_of_a_resource_take_one_call(
    stack: cdk.Stack, code: lambda_.Code, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[set[str]] = []
    acknowledge = cdk.Validations.acknowledge

    def recorded(self: cdk.Validations, *rules: cdk.Acknowledgment) -> None:
        calls.append({rule.id for rule in rules})
        acknowledge(self, *rules)

    monkeypatch.setattr(cdk.Validations, "acknowledge", recorded)
    PayloadIngest(stack, "Ingest", code=code)

    functions = [call for call in calls if "AwsSolutions::AwsSolutions-L1" in call]
    assert len(functions) == 5
    assert all(len(call) == 10 for call in functions), functions


@pytest.mark.parametrize(("recovery", "told"), [(True, "Point-in-time"), (False, "may be lost")])
def test_reason_tells_whether_a_table_can_be_restored(
    stack: cdk.Stack, code: lambda_.Code, recovery: bool, told: str
) -> None:
    ingest = PayloadIngest(stack, "Ingest", code=code, point_in_time_recovery=recovery)

    table = ingest.payloads_table.node.find_child("Resource")
    [reason] = {
        reason
        for entry in table.node.metadata
        if entry.type == cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
        for rule, reason in entry.data.items()
        if rule.endswith("-DynamoDBInBackupPlan")
    }
    assert told in reason
