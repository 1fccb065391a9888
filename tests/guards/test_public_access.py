"""Each way to open something up is found, and the finding names it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration

from stacks.ingest_stack import IngestStack
from tests.guards.conftest import resource, template_of
from tests.guards.public_access import public_access

Fault = Callable[[IngestStack], object]
BUCKET = "AWS::S3::Bucket IngestBucketEDD8587D"
BLOCKED = "PublicAccessBlockConfiguration"


def anybody(*actions: str) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=list(actions),
        resources=["*"],
        principals=[iam.AnyPrincipal()],
        # Whatever the condition is: a header can be made up, a network left and entered.
        conditions={"StringEquals": {"aws:Referer": "https://www.example.com/"}},
    )


FAULTS: dict[str, tuple[Fault, list[str]]] = {
    "a bucket without its blocks": (
        lambda stack: resource(stack.ingest.bucket).add_property_deletion_override(BLOCKED),
        [
            f"{BUCKET} can be made public: BlockPublicAcls, BlockPublicPolicy, "
            "IgnorePublicAcls, RestrictPublicBuckets must be true."
        ],
    ),
    "a bucket without one of them": (
        lambda stack: resource(stack.ingest.bucket).add_property_override(
            f"{BLOCKED}.RestrictPublicBuckets", False
        ),
        [f"{BUCKET} can be made public: RestrictPublicBuckets must be true."],
    ),
    "a bucket that somebody adds": (
        lambda stack: s3.Bucket(stack, "Added"),
        [
            "AWS::S3::Bucket Added701B1C67 can be made public: BlockPublicAcls, "
            "BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets must be true.",
            "AWS::S3::Bucket Added701B1C67 takes ACLs: its ownership is not set, "
            "not BucketOwnerEnforced.",
        ],
    ),
    "a public ACL": (
        lambda stack: resource(stack.ingest.bucket).add_property_override(
            "AccessControl", "PublicRead"
        ),
        [f"{BUCKET} is open to strangers: its ACL is PublicRead."],
    ),
    "objects that are their senders' own": (
        lambda stack: resource(stack.ingest.bucket).add_property_override(
            "OwnershipControls.Rules", [{"ObjectOwnership": "ObjectWriter"}]
        ),
        [f"{BUCKET} takes ACLs: its ownership is ObjectWriter, not BucketOwnerEnforced."],
    ),
    "a bucket policy for everybody": (
        lambda stack: stack.ingest.bucket.add_to_resource_policy(
            anybody("s3:GetObject", "s3:ListBucket")
        ),
        [
            "AWS::S3::BucketPolicy IngestBucketPolicy550B1752 lets anybody do "
            "s3:GetObject, s3:ListBucket."
        ],
    ),
    "a queue policy for everybody": (
        lambda stack: stack.ingest.queue.add_to_resource_policy(anybody("sqs:SendMessage")),
        ["AWS::SQS::QueuePolicy IngestQueuePolicy285B1167 lets anybody do sqs:SendMessage."],
    ),
    "a queue policy for a service that acts for whoever asks": (
        lambda stack: stack.ingest.queue.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"],
                resources=["*"],
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
            )
        ),
        [
            "AWS::SQS::QueuePolicy IngestQueuePolicy285B1167 lets events.amazonaws.com do "
            "sqs:SendMessage for any account: it has no condition."
        ],
    ),
    "a role for everybody": (
        lambda stack: iam.Role(stack, "Added", assumed_by=iam.AnyPrincipal()),
        ["AWS::IAM::Role Added701B1C67 lets anybody do sts:AssumeRole."],
    ),
    "a function that any API may invoke": (
        lambda stack: stack.ingest.worker_function.add_permission(
            "Added", principal=iam.ServicePrincipal("apigateway.amazonaws.com")
        ),
        [
            "AWS::Lambda::Permission IngestWorkerAddedCC895564 lets apigateway.amazonaws.com "
            "invoke for any account: no SourceArn."
        ],
    ),
    "a function with a URL of its own": (
        lambda stack: lambda_.CfnUrl(
            stack,
            "Added",
            auth_type="NONE",
            target_function_arn=stack.ingest.worker_function.function_arn,
        ),
        ["AWS::Lambda::Url Added answers anybody: its AuthType is NONE."],
    ),
    "a route without an authorizer": (
        lambda stack: stack.ingest.api.add_routes(
            path="/peek",
            methods=[apigateway.HttpMethod.GET],
            integration=HttpLambdaIntegration("Peek", stack.ingest.api_function),
            authorizer=apigateway.HttpNoneAuthorizer(),
        ),
        [
            "AWS::ApiGatewayV2::Route IngestApiGETpeek2B957B36 answers anybody: "
            "GET /peek has no authorizer."
        ],
    ),
}


def test_without_a_fault_nothing_is_found(ingest: IngestStack) -> None:
    assert public_access(template_of(ingest)) == []


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_open_is_named(ingest: IngestStack, name: str) -> None:
    fault, findings = FAULTS[name]

    fault(ingest)

    assert public_access(template_of(ingest)) == findings
