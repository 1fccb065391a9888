"""`FileTransfer.from_file_transfer_attributes`: a deployment as another stack sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from wideload_cdk import FileTransfer, IFileTransfer

Import = Callable[..., IFileTransfer]

MANAGE_USERS = {
    "cognito-idp:AdminCreateUser",
    "cognito-idp:ListUsers",
    "cognito-idp:AdminGetUser",
    "cognito-idp:AdminDisableUser",
    "cognito-idp:AdminEnableUser",
    "cognito-idp:AdminUserGlobalSignOut",
}


@pytest.fixture
def imported(stack: cdk.Stack) -> Import:
    """Import a deployment with a bucket, a table and a user pool, as `arguments` change it."""

    def run(**arguments: Any) -> IFileTransfer:
        key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111111111111:key/1")
        given = {
            "environment_name": "prod",
            "bucket": s3.Bucket.from_bucket_attributes(
                stack, "Bucket", bucket_name="films", encryption_key=key
            ),
            "files_table": dynamodb.Table.from_table_name(stack, "Table", "records"),
            "user_pool": cognito.UserPool.from_user_pool_id(stack, "Pool", "eu-west-1_people"),
        }
        return FileTransfer.from_file_transfer_attributes(stack, "Files", **{**given, **arguments})

    return run


def allowed(stack: cdk.Stack) -> tuple[set[str], str]:
    """Actions of the only policy, and its resources as text."""
    policy = only(Template.from_stack(stack), "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    actions = {
        name
        for statement in policy
        for name in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    return actions, json.dumps([statement["Resource"] for statement in policy])


def test_a_reference_makes_no_resources(stack: cdk.Stack, imported: Import) -> None:
    imported()

    assert "Resources" not in Template.from_stack(stack).to_json()


def test_files_can_be_read_by_bucket_table_and_key(
    stack: cdk.Stack, imported: Import, role: iam.Role
) -> None:
    imported().grant_read_files(role)

    actions, resources = allowed(stack)
    assert actions == {"dynamodb:GetItem", "dynamodb:Query", "s3:GetObject", "kms:Decrypt"}
    assert ":s3:::films/files/*" in resources
    assert ":table/records" in resources


def test_people_can_be_managed_by_the_user_pool(
    stack: cdk.Stack, imported: Import, role: iam.Role
) -> None:
    imported().grant_manage_users(role)

    actions, resources = allowed(stack)
    assert actions == MANAGE_USERS
    assert ":userpool/eu-west-1_people" in resources


def test_people_of_another_issuer_cannot_be_managed(
    stack: cdk.Stack, code: lambda_.Code, role: iam.Role
) -> None:
    made = FileTransfer(
        stack, "Files", code=code, issuer="https://login.example.com/", audience="files"
    )

    with pytest.raises(ValueError, match="Stack/Files has no user pool, since an issuer was given"):
        made.grant_manage_users(role)


def test_a_rule_matches_the_events_of_one_deployment(stack: cdk.Stack, imported: Import) -> None:
    bus = events.EventBus.from_event_bus_name(stack, "Bus", "transfers")
    target = targets.SqsQueue(sqs.Queue(stack, "Theirs"))

    imported(event_bus=bus).on_file_verified("Verified", target=target)

    rule = only(Template.from_stack(stack), "AWS::Events::Rule")
    assert rule["EventBusName"] == "transfers"
    assert rule["EventPattern"] == {
        "source": ["wideload"],
        "detail-type": ["FileVerified"],
        "detail": {"environment": ["prod"]},
    }


def test_metrics_are_those_of_the_deployment(imported: Import) -> None:
    metric = imported().metric_file_upload_count()

    assert metric.dimensions == {"service": "files", "environment": "prod"}


def test_imported_and_made_have_the_same_surface(
    stack: cdk.Stack, code: lambda_.Code, imported: Import
) -> None:
    made: IFileTransfer = FileTransfer(stack, "Made", code=code)

    surface = {name for name in dir(FileTransfer) if name.startswith(("grant_", "metric", "on_"))}
    assert {"grant_read_files", "grant_manage_users", "on_file_verified"} <= surface
    for each in (made, imported()):
        assert isinstance(each, IFileTransfer)
        assert surface <= set(dir(IFileTransfer)) <= set(dir(each))


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        ("bucket", "grant_read_files"),
        ("files_table", "grant_read_files"),
        ("user_pool", "grant_manage_users"),
    ],
)
def test_a_grant_names_the_attribute_that_it_needs(
    imported: Import, role: iam.Role, missing: str, call: str
) -> None:
    files = imported(**{missing: None})

    expected = rf"{missing} was not given to from_file_transfer_attributes of Stack/Files"
    with pytest.raises(AttributeError, match=expected):
        getattr(files, call)(role)


def test_a_wrong_environment_name_is_refused(imported: Import) -> None:
    with pytest.raises(ValueError, match="environment_name is ' prod'"):
        imported(environment_name=" prod")


def test_the_example_reads_files_and_follows_one_deployment(
    synthesize_example: Callable[[str], Template],
) -> None:
    template = synthesize_example("files_reader_app.py")

    rule = only(template, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"] == {"environment": ["prod"]}
    template.resource_count_is("AWS::DynamoDB::Table", 0)
    template.resource_count_is("AWS::S3::Bucket", 0)
    template.resource_count_is("AWS::IAM::Policy", 1)
