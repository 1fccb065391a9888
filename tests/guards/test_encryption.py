"""What is stored as it is, is found, and the finding names it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from tests.guards.conftest import template_of
from tests.guards.encryption import unencrypted


def test_what_is_not_encrypted_is_named(app: cdk.App) -> None:
    stack = cdk.Stack(app, "Stack")
    s3.CfnBucket(stack, "Bucket")
    sns.CfnTopic(stack, "Topic")
    sqs.CfnQueue(stack, "Queue", sqs_managed_sse_enabled=False)
    sqs.CfnQueue(stack, "Encrypted", kms_master_key_id="alias/aws/sqs")

    assert unencrypted(template_of(stack)) == [
        "AWS::S3::Bucket Bucket is not encrypted: it has no BucketEncryption.",
        "AWS::SNS::Topic Topic is not encrypted: it has no KmsMasterKeyId.",
        "AWS::SQS::Queue Queue is not encrypted: it has no SqsManagedSseEnabled or KmsMasterKeyId.",
    ]
