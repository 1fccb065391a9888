"""Role of the function that copies the page's files into the bucket of a `WebApp`."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge_role, acknowledge_wildcard
from wideload_cdk.shared.grants import grant_objects


def new_publisher_role(
    scope: Construct,
    id: str,
    *,
    bucket: s3.IBucket,
    distribution: cloudfront.Distribution,
    log_group: logs.ILogGroup,
) -> iam.Role:
    """Make a role that may copy assets into `bucket` and invalidate `distribution`."""
    role = iam.Role(scope, id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    log_group.grant_write(role)
    grant_objects(bucket, role, "", "s3:PutObject")
    assets = s3.Bucket.from_bucket_name(scope, "Assets", _assets_bucket_name(Stack.of(scope)))
    grant_objects(assets, role, "", "s3:GetObject")
    for listed in (bucket, assets):
        iam.Grant.add_to_principal(
            grantee=role, actions=["s3:ListBucket"], resource_arns=[listed.bucket_arn]
        )
    distribution.grant(role, "cloudfront:CreateInvalidation", "cloudfront:GetInvalidation")
    for objects, which in (
        (bucket.arn_for_objects("*"), "the page's own bucket"),
        (assets.arn_for_objects("*"), "the bootstrap bucket, to read"),
    ):
        acknowledge_wildcard(
            role, objects, f"Deployments copy files whose names vary; this is {which}."
        )
    acknowledge_role(role)
    return role


def _assets_bucket_name(stack: Stack) -> str:
    qualifier = stack.synthesizer.bootstrap_qualifier or "hnb659fds"
    return f"cdk-{qualifier}-assets-{stack.account}-{stack.region}"
