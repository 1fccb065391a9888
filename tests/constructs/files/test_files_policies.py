"""Each role of `FileTransfer` holds exactly the permissions on the list below."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from tests.constructs.policies import LOGGING, TRACING, by_rule, permissions, senders
from wideload_cdk import FileTransfer

OBJECTS = {
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
}
ITEMS = {
    "dynamodb:BatchGetItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
}
API = {
    **TRACING,
    "<ApiFunctionLogs>": LOGGING,
    "<Bucket>/files/*": OBJECTS,
    "<Bucket> if s3:prefix like files/*": {"s3:ListBucket"},
    "<Table>": ITEMS,
    "<VerifyQueue>": {"sqs:SendMessage"},
}
SWEEP = {
    **TRACING,
    "<SweepLogs>": LOGGING,
    "<Bucket>/files/*": OBJECTS,
    "<Bucket> if s3:prefix like files/*": {"s3:ListBucket"},
    "<Table>": ITEMS,
    "<Table>/index/by_due": {"dynamodb:Query"},
    "<VerifyQueue>": {"sqs:SendMessage"},
}
VERIFIER = {
    **TRACING,
    "<VerifierLogs>": LOGGING,
    "<Bucket>/files/*": {"s3:GetObject"},
    "<Bucket> if s3:prefix like files/*": {"s3:ListBucket"},
    "<Table>": ITEMS,
    "<VerifyQueue>": {
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    },
    "event-bus/default": {"events:PutEvents"},
}
EVENTS = {
    **TRACING,
    "<EventsLogs>": LOGGING,
    "<Table>": {"dynamodb:BatchGetItem"},
    "<Table.StreamArn>": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    },
    "<EventDeadLetterQueue>": {"sqs:SendMessage"},
    "event-bus/default": {"events:PutEvents"},
}
ROLES = {"ApiFunction": API, "Sweep": SWEEP, "Verifier": VERIFIER, "Events": EVENTS}


@pytest.fixture
def verifying(verifying_files: Template) -> Template:
    return verifying_files


@pytest.mark.parametrize("role", ROLES)
def test_role_has_exactly_its_permissions(verifying: Template, role: str) -> None:
    assert permissions(verifying, role, construct="Files") == ROLES[role]


@pytest.mark.parametrize("role", ["ApiFunction", "Sweep"])
def test_without_a_verifier_there_is_no_queue_to_send_to(
    template_of: Callable[..., Template], role: str
) -> None:
    unverified = template_of(FileTransfer, verify_multipart=False)
    expected = {where: what for where, what in ROLES[role].items() if where != "<VerifyQueue>"}
    assert permissions(unverified, role, construct="Files") == expected


@pytest.mark.parametrize("role", ROLES)
def test_role_is_for_lambda_and_has_no_other_policy(verifying: Template, role: str) -> None:
    verifying.resource_count_is("AWS::IAM::Policy", len(ROLES))
    properties = only(verifying, "AWS::IAM::Role", f"{role}Role")

    assert set(properties) == {"AssumeRolePolicyDocument"}
    [statement] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_only_this_schedule_may_invoke_the_sweep(verifying: Template) -> None:
    invocation = only(verifying, "AWS::Lambda::Permission", "FilesSweepSchedule")

    [rule] = verifying.find_resources("AWS::Events::Rule")
    [sweep] = [
        name for name in verifying.find_resources("AWS::Lambda::Function") if "Sweep" in name
    ]
    assert invocation == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Fn::GetAtt": [sweep, "Arn"]},
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": [rule, "Arn"]},
    }


def test_only_this_api_may_invoke_the_function_behind_it(verifying: Template) -> None:
    [invocation] = [
        each["Properties"]
        for name, each in verifying.find_resources("AWS::Lambda::Permission").items()
        if "Schedule" not in name
    ]

    [api] = verifying.find_resources("AWS::ApiGatewayV2::Api")
    assert invocation["Principal"] == "apigateway.amazonaws.com"
    assert {"Ref": api} in invocation["SourceArn"]["Fn::Join"][1]


def test_only_rules_made_here_may_send_dead_events(verifying: Template) -> None:
    assert senders(verifying, "FilesEventDeadLetterQueue") == [by_rule(verifying, "SweepSchedule")]
    for queue in ("FilesVerifyQueue", "FilesDeadLetterQueue"):
        assert senders(verifying, queue) == []


def test_key_given_is_granted_for_what_it_encrypts(stack: cdk.Stack, code: lambda_.Code) -> None:
    FileTransfer(
        stack,
        "Files",
        code=code,
        encryption_key=kms.Key(stack, "Data"),
        verify_multipart=True,
    )

    template = Template.from_stack(stack)
    for role in ROLES:
        [key] = [
            what
            for where, what in permissions(template, role, construct="Files").items()
            if where.startswith("<Data")
        ]
        assert key == {"kms:Decrypt", "kms:GenerateDataKey"}, role


def test_keys_of_what_is_given_are_granted(stack: cdk.Stack, code: lambda_.Code) -> None:
    table = dynamodb.Table(
        stack,
        "Mine",
        partition_key=dynamodb.Attribute(name="owner", type=dynamodb.AttributeType.STRING),
        sort_key=dynamodb.Attribute(name="item", type=dynamodb.AttributeType.STRING),
        encryption_key=kms.Key(stack, "TableKey"),
    )
    bucket = s3.Bucket(stack, "Bucket", encryption_key=kms.Key(stack, "BucketKey"))

    FileTransfer(stack, "Files", code=code, bucket=bucket, table=table)

    found = permissions(Template.from_stack(stack), "ApiFunction", construct="Files")
    assert found["<BucketKey>"] == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert found["<TableKey>"] == {"kms:Decrypt"}


def test_bucket_given_is_granted_by_prefix_too(stack: cdk.Stack, code: lambda_.Code) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Mine", "mine")

    FileTransfer(stack, "Files", code=code, bucket=bucket)

    policy = only(Template.from_stack(stack), "AWS::IAM::Policy", "ApiFunctionRole")
    resources = str([statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]])
    assert ":s3:::mine/files/*" in resources
    assert ":s3:::mine/*" not in resources


def test_a_teams_own_function_may_read_files(stack: cdk.Stack, code: lambda_.Code) -> None:
    reader = iam.Role(stack, "Reader", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))

    FileTransfer(stack, "Files", code=code).grant_read_files(reader)

    template = Template.from_stack(stack)
    assert permissions(template, "Reader", construct="Files", policy="ReaderDefaultPolicy") == {
        "<Bucket>/files/*": {"s3:GetObject"},
        "<Table>": {"dynamodb:GetItem", "dynamodb:Query"},
    }
