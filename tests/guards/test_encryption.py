"""Unencrypted storage is found, and the finding names it."""

from __future__ import annotations

from tests.guards.encryption import unencrypted


def test_what_is_not_encrypted_is_named() -> None:
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": False}},
        "Encrypted": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"KmsMasterKeyId": "alias/aws/sqs"},
        },
    }

    assert unencrypted({"Resources": resources}) == [
        "AWS::S3::Bucket Bucket is not encrypted: it has no BucketEncryption.",
        "AWS::SNS::Topic Topic is not encrypted: it has no KmsMasterKeyId.",
        "AWS::SQS::Queue Queue is not encrypted: it has no SqsManagedSseEnabled or KmsMasterKeyId.",
    ]
