"""Each role of `PayloadIngest` holds exactly the permissions on the list below."""

from __future__ import annotations

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
from wideload_cdk import PayloadIngest

ITEM_ACTIONS = ["BatchGetItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"]

API = {
    **TRACING,
    "<ApiFunctionLogs>": LOGGING,
    "<Bucket>/transit/*": {"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
    "<Bucket>/archive/*": {
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:PutObject",
    },
    "<Bucket> if s3:prefix like transit/*": {"s3:ListBucket"},
    "<Bucket> if s3:prefix like archive/*": {"s3:ListBucket"},
    "<Payloads>": {f"dynamodb:{action}" for action in ITEM_ACTIONS},
    "<Payloads>/index/by_call": {"dynamodb:Query"},
    "<Payloads>/index/by_tenant": {"dynamodb:Query"},
    "<Queue>": {"sqs:SendMessage"},
}
WORKER = {
    **TRACING,
    "<WorkerLogs>": LOGGING,
    "<Bucket>/transit/*": {"s3:GetObject"},
    "<Bucket>/archive/*": {"s3:AbortMultipartUpload", "s3:PutObject"},
    "<Bucket> if s3:prefix like transit/*": {"s3:ListBucket"},
    "<Payloads>": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    "<Queue>": {
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    },
}
SWEEP = {
    **TRACING,
    "<SweepLogs>": LOGGING,
    "<Bucket> if s3:prefix like transit/*": {"s3:ListBucket"},
    "<Bucket> if s3:prefix like archive/*": {"s3:ListBucket"},
    "<Payloads>": {"dynamodb:BatchGetItem", "dynamodb:UpdateItem"},
    "<Payloads>/index/by_open": {"dynamodb:Query"},
    "<Queue>": {"sqs:SendMessage"},
}
EVENTS = {
    **TRACING,
    "<EventsLogs>": LOGGING,
    "<Bucket>/archive/*": {"s3:DeleteObject"},
    "<Payloads.StreamArn>": {
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    },
    "<EventDeadLetterQueue>": {"sqs:SendMessage"},
    "event-bus/default": {"events:PutEvents"},
}
AUTHORIZER = {
    **TRACING,
    "<AuthorizerLogs>": LOGGING,
    "<Keys>": {"dynamodb:GetItem"},
}
ROLES = {
    "ApiFunction": API,
    "Worker": WORKER,
    "Sweep": SWEEP,
    "Events": EVENTS,
    "Authorizer": AUTHORIZER,
}


@pytest.fixture
def default(default_ingest: Template) -> Template:
    return default_ingest


@pytest.mark.parametrize("role", ROLES)
def test_role_has_exactly_its_permissions(default: Template, role: str) -> None:
    assert permissions(default, role) == ROLES[role]


@pytest.mark.parametrize("role", ROLES)
def test_role_is_for_lambda_and_has_no_other_policy(default: Template, role: str) -> None:
    default.resource_count_is("AWS::IAM::Policy", len(ROLES))
    properties = only(default, "AWS::IAM::Role", f"{role}Role")

    assert set(properties) == {"AssumeRolePolicyDocument"}
    [statement] = properties["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_only_this_schedule_may_invoke_the_sweep(default: Template) -> None:
    invocation = only(default, "AWS::Lambda::Permission", "IngestSweepSchedule")

    [rule] = [name for name in default.find_resources("AWS::Events::Rule") if "Schedule" in name]
    [sweep] = [name for name in default.find_resources("AWS::Lambda::Function") if "Sweep" in name]
    assert invocation == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Fn::GetAtt": [sweep, "Arn"]},
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": [rule, "Arn"]},
    }


def test_only_the_rule_of_uploads_may_send_to_the_queue(default: Template) -> None:
    assert senders(default, "IngestQueue") == [by_rule(default, "UnclaimedUploads")]


def test_only_rules_made_here_may_send_dead_events(default: Template) -> None:
    assert senders(default, "IngestEventDeadLetterQueue") == [
        by_rule(default, "UnclaimedUploads"),
        by_rule(default, "SweepSchedule"),
    ]
    assert senders(default, "IngestDeadLetterQueue") == []


def test_key_given_may_be_used_by_every_rule(stack: cdk.Stack, code: lambda_.Code) -> None:
    PayloadIngest(stack, "Ingest", code=code, encryption_key=kms.Key(stack, "Data"))

    template = Template.from_stack(stack)
    statements = only(template, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
    for_events = [
        statement
        for statement in statements
        if statement["Principal"].get("Service") == "events.amazonaws.com"
    ]
    assert for_events
    for statement in for_events:
        assert statement["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
        # EventBridge names neither rule nor account where a target's key is used.
        assert "Condition" not in statement
    # The queues stay narrowed to the rules, key or not.
    assert senders(template, "IngestQueue") == [by_rule(template, "UnclaimedUploads")]


def test_only_this_api_may_invoke_the_functions_behind_it(default: Template) -> None:
    invocations = [
        invocation
        for name, invocation in default.find_resources("AWS::Lambda::Permission").items()
        if "Schedule" not in name
    ]

    api = next(iter(default.find_resources("AWS::ApiGatewayV2::Api")))
    assert len(invocations) == 2
    for invocation in invocations:
        properties = invocation["Properties"]
        assert properties["Principal"] == "apigateway.amazonaws.com"
        assert {"Ref": api} in properties["SourceArn"]["Fn::Join"][1]


def test_key_given_is_granted_for_what_it_encrypts(stack: cdk.Stack, code: lambda_.Code) -> None:
    PayloadIngest(stack, "Ingest", code=code, encryption_key=kms.Key(stack, "Data"))

    template = Template.from_stack(stack)
    key = {
        role: permissions(template, role)[where]
        for role in ROLES
        for where in permissions(template, role)
        if where.startswith("<Data")
    }
    assert key == {
        "ApiFunction": {"kms:Decrypt", "kms:GenerateDataKey"},
        "Worker": {"kms:Decrypt", "kms:GenerateDataKey"},
        "Sweep": {"kms:Decrypt", "kms:GenerateDataKey"},
        "Events": {"kms:Decrypt", "kms:GenerateDataKey"},
        "Authorizer": {"kms:Decrypt"},
    }


def test_keys_of_what_is_given_are_granted(stack: cdk.Stack, code: lambda_.Code) -> None:
    bucket = s3.Bucket(stack, "Mine", encryption_key=kms.Key(stack, "BucketKey"))
    table = dynamodb.Table(
        stack,
        "Table",
        partition_key=dynamodb.Attribute(name="key_id", type=dynamodb.AttributeType.STRING),
        encryption_key=kms.Key(stack, "TableKey"),
    )

    PayloadIngest(stack, "Ingest", code=code, bucket=bucket, keys_table=table)

    template = Template.from_stack(stack)
    assert permissions(template, "Worker")["<BucketKey>"] == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert permissions(template, "Authorizer")["<TableKey>"] == {"kms:Decrypt"}
    assert "<TableKey>" not in permissions(template, "Worker")


def test_bucket_given_is_granted_by_prefix_too(stack: cdk.Stack, code: lambda_.Code) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Mine", "mine")

    PayloadIngest(stack, "Ingest", code=code, bucket=bucket)

    policy = only(Template.from_stack(stack), "AWS::IAM::Policy", "WorkerRole")
    resources = str([statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]])
    assert ":s3:::mine/transit/*" in resources
    assert ":s3:::mine/archive/*" in resources
    assert ":s3:::mine/*" not in resources


class TestGrants:
    """What a team's own function gets."""

    @pytest.fixture
    def reader(self, stack: cdk.Stack) -> iam.Role:
        return iam.Role(stack, "Reader", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))

    def test_documents_of_all_tenants(
        self, stack: cdk.Stack, code: lambda_.Code, reader: iam.Role
    ) -> None:
        PayloadIngest(stack, "Ingest", code=code).grant_read_documents(reader)

        assert granted(Template.from_stack(stack)) == {
            "<Bucket>/archive/*": {"s3:GetObject"},
            "<Payloads>": {"dynamodb:GetItem"},
        }

    def test_documents_of_one_tenant_with_the_key(
        self, stack: cdk.Stack, code: lambda_.Code, reader: iam.Role
    ) -> None:
        key = kms.Key(stack, "Key")
        ingest = PayloadIngest(stack, "Ingest", code=code, encryption_key=key)

        ingest.grant_read_documents(reader, tenant="acme")

        assert granted(Template.from_stack(stack)) == {
            "<Bucket>/archive/acme/*": {"s3:GetObject"},
            "<Payloads>": {"dynamodb:GetItem"},
            "<Key>": {"kms:Decrypt"},
        }

    def test_keys(self, stack: cdk.Stack, code: lambda_.Code, reader: iam.Role) -> None:
        PayloadIngest(stack, "Ingest", code=code).grant_manage_keys(reader)

        assert granted(Template.from_stack(stack)) == {
            "<Keys>": {
                f"dynamodb:{action}" for action in ("GetItem", "PutItem", "Scan", "UpdateItem")
            }
        }


def granted(template: Template) -> dict[str, set[str]]:
    return permissions(template, "Reader", policy="ReaderDefaultPolicy")
