"""`TransferBucket`: each default, each override, each refused input."""

from __future__ import annotations

import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration, RemovalPolicy, assertions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from tests.constructs.conftest import cdk_json_context, only
from wideload_cdk import TransferBucket

ABORT_RULE = {
    "Id": "AbortIncompleteMultipartUploads",
    "Status": "Enabled",
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}


def synthesize(stack: cdk.Stack, **arguments: Any) -> assertions.Template:
    TransferBucket(stack, "Transit", **arguments)
    return assertions.Template.from_stack(stack)


def bucket(template: assertions.Template) -> dict[str, Any]:
    properties: dict[str, Any] = next(
        resource["Properties"]
        for logical_id, resource in template.find_resources("AWS::S3::Bucket").items()
        if "AccessLogs" not in logical_id
    )
    return properties


def statements(template: assertions.Template, id_part: str) -> list[dict[str, Any]]:
    policy: list[dict[str, Any]] = only(template, "AWS::S3::BucketPolicy", id_part)[
        "PolicyDocument"
    ]["Statement"]
    return policy


@pytest.fixture(scope="module")
def default() -> assertions.Template:
    return synthesize(cdk.Stack(cdk.App(context=cdk_json_context()), "Stack"))


def test_encrypts_with_the_keys_of_s3(default: assertions.Template) -> None:
    rules = bucket(default)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rules == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    default.resource_count_is("AWS::KMS::Key", 0)


def test_encrypts_with_the_key_given_and_few_calls_to_kms(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")

    template = synthesize(stack, encryption_key=key)

    [rule] = bucket(template)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": stack.resolve(key.key_arn),
    }
    assert rule["BucketKeyEnabled"] is True


def test_key_given_leaves_the_access_logs_to_s3(stack: cdk.Stack) -> None:
    template = synthesize(stack, encryption_key=kms.Key(stack, "Key"))

    logs = only(template, "AWS::S3::Bucket", "AccessLogs")
    [rule] = logs["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


@pytest.mark.parametrize("id_part", ["TransitPolicy", "TransitAccessLogsPolicy"])
def test_refuses_plain_http_and_old_tls(default: assertions.Template, id_part: str) -> None:
    denied = [
        (statement["Action"], statement["Principal"], statement["Condition"])
        for statement in statements(default, id_part)
        if statement["Effect"] == "Deny" and "Sid" not in statement
    ]
    assert denied == [
        ("s3:*", {"AWS": "*"}, {"Bool": {"aws:SecureTransport": "false"}}),
        ("s3:*", {"AWS": "*"}, {"NumericLessThan": {"s3:TlsVersion": 1.2}}),
    ]


def test_denials_cover_bucket_and_objects(default: assertions.Template) -> None:
    arn = {"Fn::GetAtt": [assertions_id(default), "Arn"]}
    for statement in statements(default, "TransitPolicy"):
        if statement["Action"] == "s3:*":
            assert statement["Resource"] == [arn, {"Fn::Join": ["", [arn, "/*"]]}]


@pytest.mark.parametrize(
    ("arguments", "milliseconds"),
    [({}, 43_200_000), ({"max_url_age": Duration.minutes(15)}, 900_000)],
)
def test_refuses_urls_that_were_signed_long_ago(
    stack: cdk.Stack, arguments: dict[str, Any], milliseconds: int
) -> None:
    template = synthesize(stack, **arguments)

    arn = {"Fn::GetAtt": [assertions_id(template), "Arn"]}
    assert denial(template, "DenyOldUrls") == {
        "Sid": "DenyOldUrls",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:*",
        "Resource": [arn, {"Fn::Join": ["", [arn, "/*"]]}],
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": milliseconds}},
    }


def denial(template: assertions.Template, sid: str) -> dict[str, Any]:
    [found] = [one for one in statements(template, "TransitPolicy") if one.get("Sid") == sid]
    return found


@pytest.mark.parametrize(
    ("sid", "condition"),
    [
        (
            "DenyStorageClassByUrl",
            {
                "Null": {"s3:x-amz-storage-class": "false"},
                "StringNotEquals": {"s3:x-amz-storage-class": "STANDARD"},
            },
        ),
        (
            "DenyCustomerKeyByUrl",
            {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}},
        ),
        ("DenyRedirectByUrl", {"Null": {"s3:x-amz-website-redirect-location": "false"}}),
    ],
)
def test_presigned_put_sets_no_class_redirect_or_key(
    default: assertions.Template, sid: str, condition: dict[str, Any]
) -> None:
    arn = {"Fn::GetAtt": [assertions_id(default), "Arn"]}
    assert denial(default, sid) == {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "s3:PutObject",
        "Resource": {"Fn::Join": ["", [arn, "/*"]]},
        # Only for presigned URLs: other clients of the team may set these headers.
        "Condition": {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}, **condition},
    }


def assertions_id(template: assertions.Template) -> str:
    [logical_id] = [
        name for name in template.find_resources("AWS::S3::Bucket") if "AccessLogs" not in name
    ]
    return str(logical_id)


def test_blocks_public_access_and_acls_on_both_buckets(default: assertions.Template) -> None:
    default.resource_count_is("AWS::S3::Bucket", 2)
    default.all_resources_properties(
        "AWS::S3::Bucket",
        {
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        },
    )


def test_deletes_objects_after_7_days_and_incomplete_uploads_after_1(
    default: assertions.Template,
) -> None:
    assert bucket(default)["LifecycleConfiguration"]["Rules"] == [
        ABORT_RULE,
        {"Id": "Expire", "Status": "Enabled", "ExpirationInDays": 7},
    ]


def test_deletes_one_prefix_and_aborts_everywhere(stack: cdk.Stack) -> None:
    template = synthesize(stack, expiration=Duration.days(2), expiration_prefix="transit/")

    assert bucket(template)["LifecycleConfiguration"]["Rules"] == [
        ABORT_RULE,
        {"Id": "Expire", "Status": "Enabled", "ExpirationInDays": 2, "Prefix": "transit/"},
    ]


def test_incomplete_uploads_may_take_longer(stack: cdk.Stack) -> None:
    template = synthesize(stack, expiration=None, abort_incomplete_after=Duration.days(8))

    [rule] = bucket(template)["LifecycleConfiguration"]["Rules"]
    assert rule == {**ABORT_RULE, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 8}}


def test_keeps_objects_without_expiration(stack: cdk.Stack) -> None:
    template = synthesize(stack, expiration=None)

    assert bucket(template)["LifecycleConfiguration"]["Rules"] == [ABORT_RULE]


def test_takes_more_lifecycle_rules(stack: cdk.Stack) -> None:
    transfer = TransferBucket(stack, "Transit", expiration=None)

    transfer.add_lifecycle_rule(
        id="Colder",
        transitions=[
            s3.Transition(
                storage_class=s3.StorageClass.INTELLIGENT_TIERING,
                transition_after=Duration.days(30),
            )
        ],
    )

    template = assertions.Template.from_stack(stack)
    rules = bucket(template)["LifecycleConfiguration"]["Rules"]
    assert [rule["Id"] for rule in rules] == ["AbortIncompleteMultipartUploads", "Colder"]


def test_no_origin_may_call_by_default(stack: cdk.Stack) -> None:
    assert "CorsConfiguration" not in bucket(synthesize(stack))


def test_origins_given_may_call(stack: cdk.Stack) -> None:
    origins = ["https://app.example.com", "http://localhost:5173"]

    template = synthesize(stack, cors_origins=origins)

    [rule] = bucket(template)["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == origins
    assert rule["AllowedMethods"] == ["PUT", "GET", "HEAD"]
    assert rule["ExposedHeaders"] == ["ETag", "x-amz-checksum-sha256"]


def test_logs_access_to_a_bucket_beside_it_for_90_days(default: assertions.Template) -> None:
    [logs_id] = [name for name in default.find_resources("AWS::S3::Bucket") if "AccessLogs" in name]
    assert bucket(default)["LoggingConfiguration"] == {"DestinationBucketName": {"Ref": logs_id}}
    logs = only(default, "AWS::S3::Bucket", "AccessLogs")
    assert logs["LifecycleConfiguration"]["Rules"] == [
        {"Id": "ExpireAccessLogs", "Status": "Enabled", "ExpirationInDays": 90}
    ]
    [allowed] = [
        statement
        for statement in statements(default, "TransitAccessLogsPolicy")
        if statement["Effect"] == "Allow"
    ]
    assert allowed["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert allowed["Condition"]["ArnLike"] == {
        "aws:SourceArn": {"Fn::GetAtt": [assertions_id(default), "Arn"]}
    }


def test_logs_access_to_the_bucket_given(stack: cdk.Stack) -> None:
    logs = s3.Bucket(stack, "Logs")

    transfer = TransferBucket(
        stack, "Transit", access_logs_bucket=logs, access_logs_prefix="transit/"
    )

    template = assertions.Template.from_stack(stack)
    template.resource_count_is("AWS::S3::Bucket", 2)
    assert transfer.access_logs_bucket is logs
    template.has_resource_properties(
        "AWS::S3::Bucket",
        {
            "LoggingConfiguration": {
                "DestinationBucketName": stack.resolve(logs.bucket_name),
                "LogFilePrefix": "transit/",
            }
        },
    )


def test_sends_events_without_a_custom_resource(default: assertions.Template) -> None:
    assert bucket(default)["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    default.resource_count_is("AWS::Lambda::Function", 0)
    default.resource_count_is("Custom::S3BucketNotifications", 0)


@pytest.mark.parametrize(
    ("arguments", "policy"),
    [({}, "Retain"), ({"removal_policy": RemovalPolicy.DESTROY}, "Delete")],
)
def test_removal_policy_is_for_both_buckets(
    stack: cdk.Stack, arguments: dict[str, Any], policy: str
) -> None:
    template = synthesize(stack, **arguments)

    template.all_resources(
        "AWS::S3::Bucket", {"DeletionPolicy": policy, "UpdateReplacePolicy": policy}
    )
    template.resource_count_is("Custom::S3AutoDeleteObjects", 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"expiration": Duration.hours(36)}, "expiration is 1 day 12 hours; give whole days"),
        ({"expiration": Duration.days(0)}, "give whole days, from 1 to 36,500"),
        ({"expiration": Duration.days(36_501)}, "give whole days, from 1 to 36,500"),
        (
            {"abort_incomplete_after": Duration.hours(36)},
            "abort_incomplete_after is 1 day 12 hours; give whole days",
        ),
        (
            {"expiration": None, "expiration_prefix": "transit/"},
            "expiration_prefix is 'transit/', but expiration is None",
        ),
        ({"max_url_age": Duration.hours(13)}, "max_url_age is 13 hours; give 1 minute to 12 hours"),
        ({"cors_origins": ["app.example.com"]}, "'app.example.com'; give `*`, or scheme"),
        ({"cors_origins": ["https://app.example.com/"]}, "give `*`, or scheme"),
    ],
)
def test_refuses(stack: cdk.Stack, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TransferBucket(stack, "Transit", **arguments)


def test_leaves_values_known_only_at_deployment_alone(stack: cdk.Stack) -> None:
    days = cdk.CfnParameter(stack, "Days", type="Number")
    origin = cdk.CfnParameter(stack, "Origin")

    template = synthesize(
        stack,
        expiration=Duration.days(days.value_as_number),
        max_url_age=Duration.days(days.value_as_number),
        cors_origins=[origin.value_as_string],
    )

    [_, rule] = bucket(template)["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == {"Ref": "Days"}
    condition = denial(template, "DenyOldUrls")["Condition"]
    assert condition == {"NumericGreaterThan": {"s3:signatureAge": 43_200_000}}
    [cors] = bucket(template)["CorsConfiguration"]["CorsRules"]
    assert cors["AllowedOrigins"] == [{"Ref": "Origin"}]
