"""Each kind of public access is found, and the finding names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.guards.policies import Resources
from tests.guards.public_access import public_access

Fault = Callable[[Resources], object]
BUCKET = "IngestBucketEDD8587D"
BUCKET_POLICY = "IngestBucketPolicy550B1752"
QUEUE_POLICY = "IngestQueuePolicy285B1167"
WORKER = {"Fn::GetAtt": ["IngestWorker5318A834", "Arn"]}
BLOCKED = "PublicAccessBlockConfiguration"


def change(logical_id: str, **properties: Any) -> Fault:
    """Set properties of a resource."""
    return lambda resources: resources[logical_id]["Properties"].update(properties)


def add(kind: str, **properties: Any) -> Fault:
    """Add a resource with the logical id `Added`."""
    return lambda resources: resources.update(Added={"Type": kind, "Properties": properties})


def allow(policy: str, *actions: str, **statement: Any) -> Fault:
    """Add a statement to a resource policy."""
    added = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **statement}
    return lambda resources: resources[policy]["Properties"]["PolicyDocument"]["Statement"].append(
        added
    )


EVERYONE = {
    "Principal": {"AWS": "*"},
    # No condition makes up for it: a header can be forged, a network joined.
    "Condition": {"StringEquals": {"aws:Referer": "https://www.example.com/"}},
}

FAULTS: dict[str, tuple[Fault, list[str]]] = {
    "a bucket without its blocks": (
        lambda resources: resources[BUCKET]["Properties"].pop(BLOCKED),
        [
            f"AWS::S3::Bucket {BUCKET} can be made public: BlockPublicAcls, BlockPublicPolicy, "
            "IgnorePublicAcls, RestrictPublicBuckets must be true."
        ],
    ),
    "a bucket without one of them": (
        lambda resources: resources[BUCKET]["Properties"][BLOCKED].update(
            RestrictPublicBuckets=False
        ),
        [f"AWS::S3::Bucket {BUCKET} can be made public: RestrictPublicBuckets must be true."],
    ),
    "a bucket with the defaults of S3": (
        add("AWS::S3::Bucket"),
        [
            "AWS::S3::Bucket Added can be made public: BlockPublicAcls, "
            "BlockPublicPolicy, IgnorePublicAcls, RestrictPublicBuckets must be true.",
            "AWS::S3::Bucket Added takes ACLs: its ownership is not set, not BucketOwnerEnforced.",
        ],
    ),
    "a public ACL": (
        change(BUCKET, AccessControl="PublicRead"),
        [f"AWS::S3::Bucket {BUCKET} is open to strangers: its ACL is PublicRead."],
    ),
    "objects that their writers own": (
        change(BUCKET, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}),
        [
            f"AWS::S3::Bucket {BUCKET} takes ACLs: its ownership is ObjectWriter, "
            "not BucketOwnerEnforced."
        ],
    ),
    "a bucket policy for everyone": (
        allow(BUCKET_POLICY, "s3:GetObject", "s3:ListBucket", **EVERYONE),
        [f"AWS::S3::BucketPolicy {BUCKET_POLICY} lets everyone do s3:GetObject, s3:ListBucket."],
    ),
    "a queue policy for everyone": (
        allow(QUEUE_POLICY, "sqs:SendMessage", **EVERYONE),
        [f"AWS::SQS::QueuePolicy {QUEUE_POLICY} lets everyone do sqs:SendMessage."],
    ),
    "a queue policy for a service on behalf of any account": (
        allow(QUEUE_POLICY, "sqs:SendMessage", Principal={"Service": "events.amazonaws.com"}),
        [
            f"AWS::SQS::QueuePolicy {QUEUE_POLICY} lets events.amazonaws.com do "
            "sqs:SendMessage for any account: it has no condition."
        ],
    ),
    "a role for everyone": (
        add(
            "AWS::IAM::Role",
            AssumeRolePolicyDocument={
                "Statement": [
                    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
                ]
            },
        ),
        ["AWS::IAM::Role Added lets everyone do sts:AssumeRole."],
    ),
    "a function that any API may invoke": (
        add(
            "AWS::Lambda::Permission",
            Action="lambda:InvokeFunction",
            FunctionName=WORKER,
            Principal="apigateway.amazonaws.com",
        ),
        [
            "AWS::Lambda::Permission Added lets apigateway.amazonaws.com "
            "invoke for any account: no SourceArn."
        ],
    ),
    "a function with a URL of its own": (
        add("AWS::Lambda::Url", AuthType="NONE", TargetFunctionArn=WORKER),
        ["AWS::Lambda::Url Added answers everyone: its AuthType is NONE."],
    ),
    "a route without an authorizer": (
        add("AWS::ApiGatewayV2::Route", AuthorizationType="NONE", RouteKey="GET /peek"),
        ["AWS::ApiGatewayV2::Route Added answers everyone: GET /peek has no authorizer."],
    ),
}


def test_without_a_fault_nothing_is_found(ingest: Resources) -> None:
    assert public_access({"Resources": ingest}) == []


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_open_is_named(ingest: Resources, name: str) -> None:
    fault, findings = FAULTS[name]

    fault(ingest)

    assert public_access({"Resources": ingest}) == findings
