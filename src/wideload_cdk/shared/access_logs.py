"""Buckets for the access logs of a bucket or a distribution."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct

from wideload_cdk.shared.findings import ACCESS_LOGS_BUCKET, acknowledge_bucket

ACCESS_LOG_EXPIRATION = Duration.days(90)


def new_access_logs_bucket(
    scope: Construct,
    id: str,
    removal_policy: RemovalPolicy,
    *,
    object_ownership: s3.ObjectOwnership = s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
) -> s3.Bucket:
    """Make a private bucket that deletes logs after 90 days.

    `object_ownership` is for services that need an ACL to write, such as CloudFront.
    """
    # In an app without this feature flag the CDK makes S3 write by an ACL, which buckets with
    # enforced ownership don't have, and synthesis fails.
    parent = Construct(scope, id)
    parent.node.set_context("@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy", True)
    bucket = s3.Bucket(
        parent,
        "Default",
        # Log delivery cannot write to a bucket whose default is a KMS key:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
        encryption=s3.BucketEncryption.S3_MANAGED,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=object_ownership,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        lifecycle_rules=[
            s3.LifecycleRule(id="ExpireAccessLogs", expiration=ACCESS_LOG_EXPIRATION),
        ],
        removal_policy=removal_policy,
    )
    acknowledge_bucket(bucket, ACCESS_LOGS_BUCKET)
    return bucket
