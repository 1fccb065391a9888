"""`FileTransfer`: each default, each override, each refused input.

Tokens, CORS and user pool: `test_sign_in`; policies: `test_files_policies`; verifier:
`test_verifier`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Match, Template

from tests.constructs.conftest import only
from wideload_cdk import FileTransfer

FUNCTIONS = ["ApiFunction", "Sweep", "Verifier"]
BUCKET = "FilesBucket7C17EE2E"

Make = Callable[..., tuple[FileTransfer, Template]]
TemplateOf = Callable[..., Template]


@pytest.fixture
def make(stack: cdk.Stack, code: lambda_.Code) -> Make:
    """Make a `FileTransfer` in `stack`, and the stack's template."""

    def run(**arguments: Any) -> tuple[FileTransfer, Template]:
        files = FileTransfer(stack, "Files", **{"code": code, **arguments})
        return files, Template.from_stack(stack)

    return run


@pytest.fixture
def default(default_files: Template) -> Template:
    return default_files


@pytest.fixture
def verifying(verifying_files: Template) -> Template:
    return verifying_files


def function(template: Template, name: str) -> dict[str, Any]:
    return only(template, "AWS::Lambda::Function", f"Files{name}")


def variables(template: Template, name: str) -> dict[str, Any]:
    found: dict[str, Any] = function(template, name)["Environment"]["Variables"]
    return found


def logical_id(template: Template, kind: str, id_part: str) -> str:
    [found] = [name for name in template.find_resources(kind) if id_part in name]
    return str(found)


# Functions


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_run_on_arm64_and_log_from_info_on(verifying: Template, name: str) -> None:
    properties = function(verifying, name)

    assert properties["Architectures"] == ["arm64"]
    assert properties["LoggingConfig"]["ApplicationLogLevel"] == "INFO"


def test_functions_know_what_they_work_with(default: Template) -> None:
    shared = {
        "WIDELOAD_ENVIRONMENT": "Default",
        "WIDELOAD_BUCKET": {"Ref": BUCKET},
        "WIDELOAD_FILES_TABLE": {"Ref": logical_id(default, "AWS::DynamoDB::Table", "")},
        "WIDELOAD_FILE_URL_TTL": "3600",
        "WIDELOAD_UPLOAD_SESSION_TTL": "604800",
        "WIDELOAD_MAX_FILE_SIZE": "53687091200000",
        "WIDELOAD_QUOTA_BYTES": "10995116277760",
        "WIDELOAD_QUOTA_FILES": "100000",
        "WIDELOAD_MAX_OPEN_UPLOADS": "100",
        "WIDELOAD_VERIFY_QUEUE_URL": {"Ref": logical_id(default, "AWS::SQS::Queue", "VerifyQueue")},
        "WIDELOAD_VERIFY_MOST": "34359738368",
        "WIDELOAD_SCAN_SECONDS": "",
        "WIDELOAD_S3_ADDRESSING_STYLE": "virtual",
    }

    for name, more in {"ApiFunction": {"WIDELOAD_SIGN_IN"}, "Sweep": set[str]()}.items():
        ours = {key: value for key, value in variables(default, name).items() if "WIDE" in key}
        assert ours.items() >= shared.items(), name
        assert ours.keys() - shared.keys() == more, name


def test_values_given_reach_the_functions(make: Make) -> None:
    _, template = make(
        environment_name="blue",
        url_ttl=Duration.hours(12),
        session_ttl=Duration.days(30),
        max_file_size=10_000_000_000,
        quota_bytes=50_000_000_000,
        quota_files=30,
        max_open_uploads=7,
        verify_multipart=True,
        expiration=Duration.days(365),
        log_level="DEBUG",
        architecture=lambda_.Architecture.X86_64,
    )

    queue = {"Ref": logical_id(template, "AWS::SQS::Queue", "VerifyQueue")}
    for name in FUNCTIONS:
        found = variables(template, name)
        assert found["WIDELOAD_ENVIRONMENT"] == "blue"
        assert found["WIDELOAD_FILE_URL_TTL"] == "43200"
        assert found["WIDELOAD_UPLOAD_SESSION_TTL"] == str(30 * 24 * 3600)
        assert found["WIDELOAD_MAX_FILE_SIZE"] == "10000000000"
        assert found["WIDELOAD_QUOTA_BYTES"] == "50000000000"
        assert found["WIDELOAD_QUOTA_FILES"] == "30"
        assert found["WIDELOAD_MAX_OPEN_UPLOADS"] == "7"
        assert found["WIDELOAD_VERIFY_QUEUE_URL"] == queue
        assert found["WIDELOAD_FILE_EXPIRATION_DAYS"] == "365"
        assert found["POWERTOOLS_LOG_LEVEL"] == "DEBUG"
        # Otherwise Lambda would drop what Powertools writes.
        assert function(template, name)["LoggingConfig"]["ApplicationLogLevel"] == "DEBUG"
        assert function(template, name)["Architectures"] == ["x86_64"]


def test_quotas_can_be_left_out(make: Make) -> None:
    _, template = make(quota_bytes=None, quota_files=None)

    found = variables(template, "ApiFunction")
    assert (found["WIDELOAD_QUOTA_BYTES"], found["WIDELOAD_QUOTA_FILES"]) == ("", "")


def test_environment_given_wins(make: Make) -> None:
    _, template = make(
        environment={"WIDELOAD_S3_ADDRESSING_STYLE": "path", "EXTRA": "1"}, verify_multipart=True
    )

    for name in FUNCTIONS:
        found = variables(template, name)
        assert (found["WIDELOAD_S3_ADDRESSING_STYLE"], found["EXTRA"]) == ("path", "1")


# Bucket


def rules(template: Template) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = only(template, "AWS::S3::Bucket", BUCKET)[
        "LifecycleConfiguration"
    ]["Rules"]
    return found


@pytest.mark.parametrize(("arguments", "days"), [({}, 8), ({"session_ttl": Duration.days(30)}, 31)])
def test_incomplete_uploads_are_aborted_a_day_after_their_session(
    template_of: TemplateOf, arguments: dict[str, Any], days: int
) -> None:
    template = template_of(FileTransfer, **arguments)

    assert rules(template) == [
        {
            "Id": "AbortIncompleteMultipartUploads",
            "Status": "Enabled",
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
        }
    ]


def test_files_are_kept_for_ever_by_default(default: Template) -> None:
    assert [rule for rule in rules(default) if "ExpirationInDays" in rule] == []
    for name in ("ApiFunction", "Sweep"):
        assert "WIDELOAD_FILE_EXPIRATION_DAYS" not in variables(default, name)


def test_files_expire_by_the_sweep_alone(make: Make) -> None:
    _, template = make(expiration=Duration.days(365))

    # A rule would apply a change of expiration to files whose records keep their time.
    assert [rule for rule in rules(template) if "ExpirationInDays" in rule] == []
    for name in ("ApiFunction", "Sweep"):
        assert variables(template, name)["WIDELOAD_FILE_EXPIRATION_DAYS"] == "365"


@pytest.mark.parametrize(
    ("arguments", "transitions"),
    [
        ({"infrequent_access_after": 30}, [("STANDARD_IA", 30)]),
        ({"glacier_after": 1}, [("GLACIER_IR", 1)]),
        (
            {"infrequent_access_after": 30, "glacier_after": 60},
            [("STANDARD_IA", 30), ("GLACIER_IR", 60)],
        ),
    ],
)
def test_files_move_to_cheaper_classes(
    make: Make, arguments: dict[str, int], transitions: list[tuple[str, int]]
) -> None:
    _, template = make(**{name: Duration.days(days) for name, days in arguments.items()})

    [_, rule] = rules(template)
    assert rule["Prefix"] == "files/"
    assert "ExpirationInDays" not in rule
    assert rule["Transitions"] == [
        {"StorageClass": name, "TransitionInDays": days} for name, days in transitions
    ]


def test_deleted_files_are_gone(default: Template) -> None:
    assert "VersioningConfiguration" not in only(default, "AWS::S3::Bucket", BUCKET)


def test_bucket_given_is_used(stack: cdk.Stack, make: Make) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Mine", "my-bucket")

    files, template = make(bucket=bucket, expiration=Duration.days(30))

    assert files.bucket is bucket
    template.resource_count_is("AWS::S3::Bucket", 0)
    assert variables(template, "ApiFunction")["WIDELOAD_BUCKET"] == "my-bucket"
    assert variables(template, "Sweep")["WIDELOAD_FILE_EXPIRATION_DAYS"] == "30"


def test_access_logs_bucket_given_is_used(stack: cdk.Stack, make: Make) -> None:
    access_logs = s3.Bucket(stack, "Logs")

    _, template = make(access_logs_bucket=access_logs)

    template.resource_count_is("AWS::S3::Bucket", 2)
    bucket = only(template, "AWS::S3::Bucket", BUCKET)
    assert bucket["LoggingConfiguration"]["DestinationBucketName"] == stack.resolve(
        access_logs.bucket_name
    )


# Table


def test_table_is_kept_protected_and_restorable(default: Template) -> None:
    default.all_resources(
        "AWS::DynamoDB::Table",
        {
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": Match.object_like(
                {
                    "DeletionProtectionEnabled": True,
                    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                }
            ),
        },
    )


def test_table_can_be_disposable(make: Make) -> None:
    _, template = make(
        point_in_time_recovery=False,
        deletion_protection=False,
        removal_policy=RemovalPolicy.DESTROY,
    )

    template.all_resources(
        "AWS::DynamoDB::Table",
        {
            "DeletionPolicy": "Delete",
            "Properties": Match.object_like(
                {
                    "DeletionProtectionEnabled": False,
                    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
                }
            ),
        },
    )


def test_table_given_is_used(stack: cdk.Stack, make: Make) -> None:
    table = dynamodb.Table.from_table_name(stack, "Mine", "my-files")

    files, template = make(table=table)

    assert files.files_table is table
    template.resource_count_is("AWS::DynamoDB::Table", 0)
    assert variables(template, "Sweep")["WIDELOAD_FILES_TABLE"] == "my-files"


def test_key_given_encrypts_all_that_is_made(stack: cdk.Stack, make: Make) -> None:
    key = kms.Key(stack, "Key")

    _, template = make(encryption_key=key, verify_multipart=True)

    arn = stack.resolve(key.key_arn)
    [rule] = only(template, "AWS::S3::Bucket", BUCKET)["BucketEncryption"][
        "ServerSideEncryptionConfiguration"
    ]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == arn
    template.all_resources_properties(
        "AWS::DynamoDB::Table",
        {"SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn}},
    )
    template.resource_count_is("AWS::SQS::Queue", 3)
    template.all_resources_properties("AWS::SQS::Queue", {"KmsMasterKeyId": arn})


# API


def test_routes_are_the_contract(default: Template) -> None:
    routes = default.find_resources("AWS::ApiGatewayV2::Route").values()

    assert {route["Properties"]["RouteKey"] for route in routes} == {
        "POST /files/check",
        "POST /files",
        "GET /files",
        "POST /files/move",
        "POST /files/delete",
        "GET /files/folders",
        "POST /files/folders",
        "PATCH /files/folders",
        "DELETE /files/folders",
        "GET /files/uploads",
        "POST /files/uploads/{upload_id}/parts",
        "GET /files/uploads/{upload_id}",
        "DELETE /files/uploads/{upload_id}",
        "POST /files/uploads/{upload_id}/complete",
        "GET /files/{file_id}",
        "PATCH /files/{file_id}",
        "DELETE /files/{file_id}",
        "GET /files/{file_id}/download",
        "GET /sign-in",
    }


@pytest.mark.parametrize(
    ("arguments", "rate", "burst"),
    [({}, 100, 200), ({"rate_limit": 5, "burst_limit": 7}, 5, 7)],
)
def test_api_is_throttled(
    template_of: TemplateOf, arguments: dict[str, Any], rate: int, burst: int
) -> None:
    template = template_of(FileTransfer, **arguments)

    stage = only(template, "AWS::ApiGatewayV2::Stage")
    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": rate,
        "ThrottlingBurstLimit": burst,
    }


@pytest.mark.parametrize(
    ("arguments", "rate", "burst"),
    [
        ({}, 10, 20),
        ({"rate_limit": 1_000, "burst_limit": 2_000}, 100, 200),
        ({"rate_limit": 5, "burst_limit": 7}, 1, 1),
    ],
)
def test_open_route_gets_a_tenth_of_the_requests(
    template_of: TemplateOf, arguments: dict[str, Any], rate: int, burst: int
) -> None:
    template = template_of(FileTransfer, **arguments)

    [stage] = template.find_resources("AWS::ApiGatewayV2::Stage").values()
    assert stage["Properties"]["RouteSettings"] == {
        "GET /sign-in": {"ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst}
    }
    routes = template.find_resources("AWS::ApiGatewayV2::Route")
    [open_route] = [
        name for name, route in routes.items() if route["Properties"]["RouteKey"] == "GET /sign-in"
    ]
    assert open_route in stage["DependsOn"]


def test_api_url_has_no_slash_at_its_end(stack: cdk.Stack, make: Make) -> None:
    files, template = make()

    api = logical_id(template, "AWS::ApiGatewayV2::Api", "")
    assert stack.resolve(files.api_url) == {"Fn::GetAtt": [api, "ApiEndpoint"]}


# Queues


def test_queues_are_encrypted_and_refuse_plain_http(verifying: Template) -> None:
    verifying.resource_count_is("AWS::SQS::Queue", 3)
    verifying.all_resources_properties("AWS::SQS::Queue", {"SqsManagedSseEnabled": True})
    verifying.resource_count_is("AWS::SQS::QueuePolicy", 3)
    for policy in verifying.find_resources("AWS::SQS::QueuePolicy").values():
        first = policy["Properties"]["PolicyDocument"]["Statement"][0]
        assert (first["Effect"], first["Action"]) == ("Deny", "sqs:*")
        assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


# Logs


@pytest.mark.parametrize(
    ("arguments", "days", "policy"),
    [
        ({}, 90, "Retain"),
        (
            {
                "log_retention": logs.RetentionDays.ONE_WEEK,
                "removal_policy": RemovalPolicy.DESTROY,
            },
            7,
            "Delete",
        ),
    ],
)
def test_logs_are_kept_for_a_while(
    template_of: TemplateOf, arguments: dict[str, Any], days: int, policy: str
) -> None:
    template = template_of(FileTransfer, **arguments)

    template.resource_count_is("AWS::Logs::LogGroup", 5)
    template.all_resources(
        "AWS::Logs::LogGroup",
        {
            "Properties": Match.object_like({"RetentionInDays": days}),
            "DeletionPolicy": Match.string_like_regexp(policy),
            "UpdateReplacePolicy": policy,
        },
    )


# Metrics


@pytest.fixture(scope="module")
def blue(code_folder: Path) -> FileTransfer:
    """A construct that is not synthesized."""
    code = lambda_.Code.from_asset(str(code_folder))
    stack = cdk.Stack(cdk.App(), "Stack")
    return FileTransfer(stack, "Files", code=code, environment_name="blue")


@pytest.mark.parametrize(
    ("method", "name", "statistic", "unit"),
    [
        ("file_upload_count", "FileUploadCount", "Sum", "Count"),
        ("file_upload_size", "FileUploadSize", "Average", "Bytes"),
        ("duplicate_file_count", "DuplicateFileCount", "Sum", "Count"),
        ("bytes_saved", "BytesSaved", "Sum", "Bytes"),
        ("file_download_count", "FileDownloadCount", "Sum", "Count"),
        ("expired_upload_count", "ExpiredUploadCount", "Sum", "Count"),
        ("leftover_object_count", "LeftoverObjectCount", "Sum", "Count"),
        ("sweep_backlog_age", "SweepBacklogAge", "Maximum", "Seconds"),
        ("file_verified_count", "FileVerifiedCount", "Sum", "Count"),
        ("file_corrupt_count", "FileCorruptCount", "Sum", "Count"),
        ("file_unverifiable_count", "FileUnverifiableCount", "Sum", "Count"),
    ],
)
def test_metrics(blue: FileTransfer, method: str, name: str, statistic: str, unit: str) -> None:
    metric = getattr(blue, f"metric_{method}")()
    other = getattr(blue, f"metric_{method}")(statistic="Maximum", period=Duration.minutes(1))

    assert (metric.namespace, metric.metric_name) == ("Wideload", name)
    assert metric.dimensions == {"service": "files", "environment": "blue"}
    assert (metric.statistic, metric.unit.name.title()) == (statistic, unit)
    assert (other.statistic, other.period.to_seconds()) == ("Maximum", 60)


@pytest.mark.parametrize(
    ("arguments", "milliseconds"),
    [({}, 3_600_000), ({"url_ttl": Duration.hours(12)}, 43_200_000)],
)
def test_bucket_refuses_urls_older_than_they_live(
    template_of: TemplateOf, arguments: dict[str, Any], milliseconds: int
) -> None:
    template = template_of(FileTransfer, **arguments)

    [age] = [
        statement["Condition"]["NumericGreaterThan"]["s3:signatureAge"]
        for policy in template.find_resources("AWS::S3::BucketPolicy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "DenyOldUrls"
    ]
    assert age == milliseconds


# Refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url_ttl": Duration.hours(13)}, "url_ttl is 13 hours; give 1 minute to 12 hours"),
        ({"url_ttl": Duration.seconds(59)}, "url_ttl is 59 seconds"),
        ({"session_ttl": Duration.days(31)}, "session_ttl is 31 days; give whole days, from 1 to"),
        ({"session_ttl": Duration.hours(36)}, "session_ttl is 1 day 12 hours; give whole days"),
        ({"max_file_size": 0}, "max_file_size is 0; give 1 to 53,687,091,200,000 bytes"),
        ({"max_file_size": 50_000 * 2**30 + 1}, "max_file_size is 53,687,091,200,001"),
        ({"quota_bytes": 0}, "quota_bytes is 0; give 1 to 1,000,000,000,000,000,000 bytes"),
        ({"quota_files": 0}, "quota_files is 0; give 1 to 1,000,000,000 files"),
        ({"max_open_uploads": 0}, "max_open_uploads is 0; give 1 to 10,000 uploads"),
        ({"max_open_uploads": 10_001}, "max_open_uploads is 10,001"),
        ({"rate_limit": 0}, "rate_limit is 0; give 1 to 100,000 requests per second"),
        ({"burst_limit": 50_001}, "burst_limit is 50,001; give 1 to 50,000 requests"),
        ({"log_level": "debug"}, "log_level is 'debug'; give one of DEBUG, INFO, WARN, ERROR"),
        ({"environment_name": " blue"}, "environment_name is ' blue'; give 1 to 255 printable"),
        ({"expiration": Duration.hours(36)}, "expiration is 1 day 12 hours; give whole days"),
        (
            {"infrequent_access_after": Duration.days(29)},
            "infrequent_access_after is 29 days; give whole days, from 30 to 36,499.",
        ),
        (
            {
                "infrequent_access_after": Duration.days(30),
                "glacier_after": Duration.days(59),
            },
            "glacier_after is 59 days; give at least 30 more than infrequent_access_after",
        ),
        (
            {"glacier_after": Duration.days(90), "expiration": Duration.days(90)},
            "glacier_after is 90 days, but expiration is 90, so it would never come",
        ),
    ],
)
def test_refuses(make: Make, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**arguments)


def test_refuses_access_logs_of_a_bucket_it_does_not_make(stack: cdk.Stack, make: Make) -> None:
    bucket = s3.Bucket(stack, "Mine")

    with pytest.raises(ValueError, match="bucket and access_logs_bucket are both given"):
        make(bucket=bucket, access_logs_bucket=s3.Bucket(stack, "Logs"))


@pytest.mark.parametrize("name", ["infrequent_access_after", "glacier_after"])
def test_refuses_classes_for_a_bucket_it_does_not_make(
    stack: cdk.Stack, make: Make, name: str
) -> None:
    with pytest.raises(ValueError, match=f"bucket and {name} are both given"):
        make(bucket=s3.Bucket(stack, "Mine"), **{name: Duration.days(90)})


def test_two_can_live_in_one_stack(stack: cdk.Stack, code: lambda_.Code) -> None:
    for name in ("Blue", "Green"):
        FileTransfer(stack, name, code=code, environment_name=name)

    template = Template.from_stack(stack)
    for kind, name in (
        ("AWS::ApiGatewayV2::Api", "Name"),
        ("AWS::Cognito::UserPoolDomain", "Domain"),
    ):
        names = [str(each["Properties"][name]) for each in template.find_resources(kind).values()]
        assert len(set(names)) == 2


def test_leaves_values_known_only_at_deployment_alone(stack: cdk.Stack, make: Make) -> None:
    def parameter(name: str, kind: str = "String") -> cdk.CfnParameter:
        return cdk.CfnParameter(stack, name, type=kind)

    _, template = make(
        environment_name=parameter("Environment").value_as_string,
        max_file_size=parameter("Size", "Number").value_as_number,
        quota_bytes=parameter("Quota", "Number").value_as_number,
        quota_files=parameter("Number", "Number").value_as_number,
        max_open_uploads=parameter("Open", "Number").value_as_number,
        rate_limit=parameter("Rate", "Number").value_as_number,
        url_ttl=Duration.seconds(parameter("Ttl", "Number").value_as_number),
        expiration=Duration.days(parameter("Expiration", "Number").value_as_number),
        glacier_after=Duration.days(parameter("Glacier", "Number").value_as_number),
        sign_in_domain_prefix=parameter("Prefix").value_as_string,
    )

    found = variables(template, "ApiFunction")
    assert found["WIDELOAD_ENVIRONMENT"] == {"Ref": "Environment"}
    assert found["WIDELOAD_MAX_FILE_SIZE"] == {"Ref": "Size"}
    assert found["WIDELOAD_QUOTA_BYTES"] == {"Ref": "Quota"}
    assert found["WIDELOAD_QUOTA_FILES"] == {"Ref": "Number"}
    assert found["WIDELOAD_MAX_OPEN_UPLOADS"] == {"Ref": "Open"}
    assert found["WIDELOAD_FILE_URL_TTL"] == {"Ref": "Ttl"}
    assert found["WIDELOAD_FILE_EXPIRATION_DAYS"] == {"Ref": "Expiration"}
    [_, rule] = rules(template)
    assert rule["Transitions"][0]["TransitionInDays"] == {"Ref": "Glacier"}
    stage = only(template, "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "Rate"}
    assert stage["RouteSettings"]["GET /sign-in"]["ThrottlingRateLimit"] == {"Ref": "Rate"}
    assert only(template, "AWS::Cognito::UserPoolDomain")["Domain"] == {"Ref": "Prefix"}
