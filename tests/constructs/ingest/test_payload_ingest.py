"""`PayloadIngest`: each default, each override, each refused input.

Policies: `test_ingest_policies`; events: `test_ingest_events`; a `processor`: `test_processor`.
"""

from __future__ import annotations

import json
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
from wideload_cdk import PayloadIngest

FUNCTIONS = ["ApiFunction", "Worker", "Sweep", "Events", "Authorizer"]
PROCESSING = ["ApiFunction", "Worker", "Sweep"]

RUNTIME = Path(__file__).parents[3] / "lambda_src" / "wideload_runtime"

Make = Callable[..., tuple[PayloadIngest, Template]]
TemplateOf = Callable[..., Template]


@pytest.fixture
def make(stack: cdk.Stack, code: lambda_.Code) -> Make:
    """Make a `PayloadIngest` in `stack`, and the stack's template."""

    def run(**arguments: Any) -> tuple[PayloadIngest, Template]:
        ingest = PayloadIngest(stack, "Ingest", **{"code": code, **arguments})
        return ingest, Template.from_stack(stack)

    return run


@pytest.fixture
def default(default_ingest: Template) -> Template:
    return default_ingest


def function(template: Template, name: str) -> dict[str, Any]:
    return only(template, "AWS::Lambda::Function", f"Ingest{name}")


def variables(template: Template, name: str) -> dict[str, Any]:
    found: dict[str, Any] = function(template, name)["Environment"]["Variables"]
    return found


def logical_id(template: Template, kind: str, id_part: str) -> str:
    [found] = [name for name in template.find_resources(kind) if id_part in name]
    return str(found)


# Functions


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_run_on_arm64_and_log_from_info_on(default: Template, name: str) -> None:
    properties = function(default, name)

    assert properties["Architectures"] == ["arm64"]
    assert properties["LoggingConfig"]["ApplicationLogLevel"] == "INFO"


def test_processing_functions_know_what_they_work_with(default: Template) -> None:
    bucket = logical_id(default, "AWS::S3::Bucket", "IngestBucketEDD")
    shared = {
        "WIDELOAD_ENVIRONMENT": "Default",
        "WIDELOAD_BUCKET": {"Ref": bucket},
        "WIDELOAD_PAYLOADS_TABLE": {"Ref": logical_id(default, "AWS::DynamoDB::Table", "Payloads")},
        "WIDELOAD_UPLOAD_URL_TTL": "900",
        "WIDELOAD_IN_REQUEST_LIMIT": "25000000",
        "WIDELOAD_RECORDS_FIELD": "transcript_with_metrics",
        "WIDELOAD_S3_ADDRESSING_STYLE": "virtual",
    }
    queue = {"Ref": logical_id(default, "AWS::SQS::Queue", "IngestQueue")}

    for name, expected in {
        "ApiFunction": {**shared, "WIDELOAD_QUEUE_URL": queue},
        "Worker": {
            **shared,
            "WIDELOAD_QUEUE_URL": queue,
            "WIDELOAD_MAX_RECEIVES": "5",
            "WIDELOAD_TENANT_WORKERS": "8",
        },
        "Sweep": {**shared, "WIDELOAD_QUEUE_URL": queue},
    }.items():
        ours = {key: value for key, value in variables(default, name).items() if "WIDE" in key}
        assert ours == expected, name


def test_values_given_reach_the_functions(make: Make) -> None:
    _, template = make(
        environment_name="blue",
        upload_url_ttl=Duration.hours(12),
        in_request_limit=5_000_000,
        records_field="events",
        log_level="DEBUG",
        architecture=lambda_.Architecture.X86_64,
    )

    for name in PROCESSING:
        found = variables(template, name)
        assert found["WIDELOAD_ENVIRONMENT"] == "blue"
        assert found["WIDELOAD_UPLOAD_URL_TTL"] == "43200"
        assert found["WIDELOAD_IN_REQUEST_LIMIT"] == "5000000"
        assert found["WIDELOAD_RECORDS_FIELD"] == "events"
    for name in FUNCTIONS:
        assert variables(template, name)["POWERTOOLS_LOG_LEVEL"] == "DEBUG"
        # Otherwise Lambda would drop what Powertools writes.
        assert function(template, name)["LoggingConfig"]["ApplicationLogLevel"] == "DEBUG"
        assert function(template, name)["Architectures"] == ["x86_64"]


def test_environment_given_wins_where_payloads_are_processed(make: Make) -> None:
    _, template = make(environment={"WIDELOAD_S3_ADDRESSING_STYLE": "path", "EXTRA": "1"})

    for name in PROCESSING:
        found = variables(template, name)
        assert (found["WIDELOAD_S3_ADDRESSING_STYLE"], found["EXTRA"]) == ("path", "1")
    assert variables(template, "Events")["WIDELOAD_S3_ADDRESSING_STYLE"] == "path"
    assert "EXTRA" not in variables(template, "Authorizer")


# Bucket


def test_bucket_deletes_what_is_in_transit_and_keeps_the_archive(default: Template) -> None:
    bucket = only(default, "AWS::S3::Bucket", "IngestBucketEDD")

    [_, expire] = bucket["LifecycleConfiguration"]["Rules"]
    assert expire == {
        "Id": "Expire",
        "Status": "Enabled",
        "ExpirationInDays": 7,
        "Prefix": "transit/",
    }


def test_transit_expiration_can_be_set(make: Make) -> None:
    _, template = make(transit_expiration=Duration.days(3))

    bucket = only(template, "AWS::S3::Bucket", "IngestBucketEDD")
    assert bucket["LifecycleConfiguration"]["Rules"][1]["ExpirationInDays"] == 3


def archive_rules(template: Template) -> list[dict[str, Any]]:
    bucket = only(template, "AWS::S3::Bucket", "IngestBucketEDD")
    rules = bucket["LifecycleConfiguration"]["Rules"]
    return [rule for rule in rules if rule["Id"] == "Archive"]


def test_keeps_everything_for_ever(default: Template) -> None:
    assert archive_rules(default) == []
    for name in PROCESSING:
        assert "WIDELOAD_RETENTION_DAYS" not in variables(default, name)


def test_retention_is_no_lifecycle_rule(make: Make) -> None:
    _, template = make(retention=Duration.days(365))

    # A rule would apply a change of retention to documents whose records keep their time.
    assert archive_rules(template) == []
    for name in PROCESSING:
        assert variables(template, name)["WIDELOAD_RETENTION_DAYS"] == "365"


@pytest.mark.parametrize(
    ("arguments", "transitions"),
    [
        ({"archive_infrequent_access_after": 30}, [("STANDARD_IA", 30)]),
        ({"archive_glacier_after": 1}, [("GLACIER_IR", 1)]),
        (
            {"archive_infrequent_access_after": 30, "archive_glacier_after": 60},
            [("STANDARD_IA", 30), ("GLACIER_IR", 60)],
        ),
        (
            {"archive_infrequent_access_after": 364, "retention": 365},
            [("STANDARD_IA", 364)],
        ),
    ],
)
def test_archive_moves_to_cheaper_classes(
    make: Make, arguments: dict[str, int], transitions: list[tuple[str, int]]
) -> None:
    _, template = make(**{name: Duration.days(days) for name, days in arguments.items()})

    [rule] = archive_rules(template)
    assert rule["Prefix"] == "archive/"
    assert "ExpirationInDays" not in rule
    assert rule["Transitions"] == [
        {"StorageClass": name, "TransitionInDays": days} for name, days in transitions
    ]


def test_retention_of_a_bucket_given_is_for_records_alone(stack: cdk.Stack, make: Make) -> None:
    bucket = s3.Bucket(stack, "Mine", versioned=True)

    _, template = make(bucket=bucket, retention=Duration.days(30))

    assert "LifecycleConfiguration" not in only(template, "AWS::S3::Bucket")
    assert variables(template, "Worker")["WIDELOAD_RETENTION_DAYS"] == "30"


def test_bucket_given_is_used(stack: cdk.Stack, make: Make) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Mine", "my-bucket")

    ingest, template = make(bucket=bucket)

    assert ingest.bucket is bucket
    template.resource_count_is("AWS::S3::Bucket", 0)
    assert variables(template, "ApiFunction")["WIDELOAD_BUCKET"] == "my-bucket"


def test_access_logs_bucket_given_is_used(stack: cdk.Stack, make: Make) -> None:
    access_logs = s3.Bucket(stack, "Logs")

    _, template = make(access_logs_bucket=access_logs)

    template.resource_count_is("AWS::S3::Bucket", 2)
    bucket = only(template, "AWS::S3::Bucket", "IngestBucketEDD")
    assert bucket["LoggingConfiguration"]["DestinationBucketName"] == stack.resolve(
        access_logs.bucket_name
    )


# Tables


def test_tables_are_kept_protected_and_restorable(default: Template) -> None:
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


def test_tables_can_be_disposable(make: Make) -> None:
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


def test_tables_given_are_used(stack: cdk.Stack, make: Make) -> None:
    stream = "arn:aws:dynamodb:eu-central-1:123456789012:table/my-payloads/stream/1"
    table = dynamodb.Table.from_table_attributes(
        stack, "MyPayloads", table_name="my-payloads", table_stream_arn=stream
    )
    keys = dynamodb.Table.from_table_name(stack, "MyKeys", "my-keys")

    ingest, template = make(table=table, keys_table=keys)

    assert ingest.payloads_table is table
    assert ingest.keys_table is keys
    template.resource_count_is("AWS::DynamoDB::Table", 0)
    assert variables(template, "Worker")["WIDELOAD_PAYLOADS_TABLE"] == "my-payloads"
    assert variables(template, "Authorizer")["WIDELOAD_KEYS_TABLE"] == "my-keys"
    mapping = only(template, "AWS::Lambda::EventSourceMapping", "EventsStream")
    assert mapping["EventSourceArn"] == stream


@pytest.mark.parametrize("imported", [True, False])
def test_refuses_a_table_without_a_stream(stack: cdk.Stack, make: Make, imported: bool) -> None:
    key = dynamodb.Attribute(name="payload_id", type=dynamodb.AttributeType.STRING)
    table = (
        dynamodb.Table.from_table_name(stack, "Mine", "mine")
        if imported
        else dynamodb.Table(stack, "Mine", partition_key=key)
    )

    with pytest.raises(ValueError, match=r"table has no stream.*table_stream_arn"):
        make(table=table)


# Queues


def test_message_stays_hidden_longer_than_a_worker_has_its_lease(default: Template) -> None:
    queue = only(default, "AWS::SQS::Queue", "IngestQueue")
    handler = (RUNTIME / "handlers" / "ingest_worker.py").read_text()

    [minutes] = re.findall(r"^LEASE_MS = (\d+) \* 60 \* 1000\b", handler, re.MULTILINE)
    assert int(minutes) * 60 > function(default, "Worker")["Timeout"]
    assert queue["VisibilityTimeout"] >= (int(minutes) + 2) * 60


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [({}, 60), ({"unclaimed_delay": Duration.minutes(15)}, 900)],
)
def test_queue_delays_messages_by_default(
    template_of: TemplateOf, arguments: dict[str, Any], seconds: int
) -> None:
    template = template_of(PayloadIngest, **arguments)

    assert only(template, "AWS::SQS::Queue", "IngestQueue")["DelaySeconds"] == seconds


def test_no_delay_is_possible(make: Make) -> None:
    _, template = make(unclaimed_delay=Duration.seconds(0))

    assert only(template, "AWS::SQS::Queue", "IngestQueue").get("DelaySeconds", 0) == 0


def test_queues_are_encrypted_and_refuse_plain_http(default: Template) -> None:
    default.resource_count_is("AWS::SQS::Queue", 3)
    default.all_resources_properties("AWS::SQS::Queue", {"SqsManagedSseEnabled": True})
    default.resource_count_is("AWS::SQS::QueuePolicy", 3)
    for policy in default.find_resources("AWS::SQS::QueuePolicy").values():
        first = policy["Properties"]["PolicyDocument"]["Statement"][0]
        assert (first["Effect"], first["Action"]) == ("Deny", "sqs:*")
        assert first["Principal"] == {"AWS": "*"}
        assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize(("arguments", "most"), [({}, 10), ({"worker_max_concurrency": 2}, 2)])
def test_worker_takes_one_message_at_a_time(
    template_of: TemplateOf, arguments: dict[str, Any], most: int
) -> None:
    template = template_of(PayloadIngest, **arguments)

    mapping = only(template, "AWS::Lambda::EventSourceMapping", "WorkerQueue")
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": most}
    queue = logical_id(template, "AWS::SQS::Queue", "IngestQueue")
    # One tenant takes four fifths of the workers at most, so one is left at least.
    assert variables(template, "Worker")["WIDELOAD_TENANT_WORKERS"] == str(most * 4 // 5)
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert mapping["FunctionName"] == {
        "Ref": logical_id(template, "AWS::Lambda::Function", "Worker")
    }


def test_key_given_encrypts_all_that_is_made(stack: cdk.Stack, make: Make) -> None:
    key = kms.Key(stack, "Key")

    _, template = make(encryption_key=key)

    arn = stack.resolve(key.key_arn)
    bucket = only(template, "AWS::S3::Bucket", "IngestBucketEDD")
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == arn
    template.all_resources_properties(
        "AWS::DynamoDB::Table",
        {"SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn}},
    )
    template.all_resources_properties("AWS::SQS::Queue", {"KmsMasterKeyId": arn})


# API


def test_routes_are_the_contract_and_all_need_a_key(default: Template) -> None:
    routes = [
        resource["Properties"]
        for resource in default.find_resources("AWS::ApiGatewayV2::Route").values()
    ]
    authorizer = {"Ref": logical_id(default, "AWS::ApiGatewayV2::Authorizer", "")}

    assert {route["RouteKey"] for route in routes} == {
        "GET /get-upload-url",
        "POST /get-upload-url",
        "POST /send-call-log",
        "GET /call-logs",
        "GET /call-logs/{payload_id}",
        "DELETE /call-logs/{payload_id}",
        "GET /call-logs/{payload_id}/records",
    }
    for route in routes:
        assert route["AuthorizationType"] == "CUSTOM", route
        assert route["AuthorizerId"] == authorizer, route


@pytest.mark.parametrize(
    ("arguments", "header"),
    [({}, "x-api-key"), ({"api_key_header": "x-pype-token"}, "x-pype-token")],
)
def test_authorizer_reads_the_key_header(
    make: Make, arguments: dict[str, Any], header: str
) -> None:
    ingest, template = make(**arguments)

    authorizer = only(template, "AWS::ApiGatewayV2::Authorizer")
    assert authorizer["IdentitySource"] == [f"$request.header.{header}"]
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert authorizer["AuthorizerResultTtlInSeconds"] == 300
    assert ingest.api_key_header == header


@pytest.mark.parametrize(
    ("arguments", "rate", "burst"),
    [({}, 100, 200), ({"rate_limit": 5, "burst_limit": 7}, 5, 7)],
)
def test_api_is_throttled(
    template_of: TemplateOf, arguments: dict[str, Any], rate: int, burst: int
) -> None:
    template = template_of(PayloadIngest, **arguments)

    stage = only(template, "AWS::ApiGatewayV2::Stage")
    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": rate,
        "ThrottlingBurstLimit": burst,
    }


def test_access_log_is_json_with_nothing_a_client_writes(default: Template) -> None:
    settings = only(default, "AWS::ApiGatewayV2::Stage")["AccessLogSettings"]

    group = logical_id(default, "AWS::Logs::LogGroup", "AccessLog")
    assert settings["DestinationArn"] == {"Fn::GetAtt": [group, "Arn"]}
    fields = json.loads(settings["Format"])
    assert (
        fields.items()
        >= {
            "request_id": "$context.requestId",
            "route": "$context.routeKey",
            "status": "$context.status",
            "tenant": "$context.authorizer.tenant",
        }.items()
    )
    for value in fields.values():
        assert value.startswith("$context."), value
        assert not re.search(r"header|path|query|userAgent|request\.", value, re.IGNORECASE)


def test_access_log_is_a_vended_log_under_a_name_that_no_other_stack_has(
    default: Template,
) -> None:
    name = only(default, "AWS::Logs::LogGroup", "AccessLog")["LogGroupName"]

    start, end = name["Fn::Join"][1]
    assert start.startswith("/aws/vendedlogs/")
    assert end["Fn::Select"][1]["Fn::Split"][1]["Fn::Select"][1]["Fn::Split"][1] == {
        "Ref": "AWS::StackId"
    }


def test_access_log_is_deleted_if_its_creation_fails(
    default: Template,
) -> None:
    group = logical_id(default, "AWS::Logs::LogGroup", "AccessLog")

    assert default.find_resources("AWS::Logs::LogGroup")[group]["DeletionPolicy"] == (
        "RetainExceptOnCreate"
    )


def test_api_url_has_no_slash_at_its_end(stack: cdk.Stack, make: Make) -> None:
    ingest, template = make()

    api = logical_id(template, "AWS::ApiGatewayV2::Api", "")
    assert stack.resolve(ingest.api_url) == {"Fn::GetAtt": [api, "ApiEndpoint"]}


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
    template = template_of(PayloadIngest, **arguments)

    template.resource_count_is("AWS::Logs::LogGroup", 6)
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
def blue(code_folder: Path) -> PayloadIngest:
    """A construct that is not synthesized."""
    code = lambda_.Code.from_asset(str(code_folder))
    stack = cdk.Stack(cdk.App(), "Stack")
    return PayloadIngest(stack, "Ingest", code=code, environment_name="blue")


@pytest.mark.parametrize(
    ("method", "name", "statistic", "unit"),
    [
        ("large_payload_count", "LargePayloadCount", "Sum", "Count"),
        ("inline_payload_count", "InlinePayloadCount", "Sum", "Count"),
        ("payload_stored_count", "PayloadStoredCount", "Sum", "Count"),
        ("payload_failed_count", "PayloadFailedCount", "Sum", "Count"),
        ("unclaimed_payload_count", "UnclaimedPayloadCount", "Sum", "Count"),
        ("expired_upload_count", "ExpiredUploadCount", "Sum", "Count"),
        ("repaired_payload_count", "RepairedPayloadCount", "Sum", "Count"),
        ("lost_upload_count", "LostUploadCount", "Sum", "Count"),
        ("orphan_object_count", "OrphanObjectCount", "Sum", "Count"),
        ("sweep_backlog_age", "SweepBacklogAge", "Maximum", "Seconds"),
        ("s3_upload_duration", "S3UploadDuration", "Average", "Milliseconds"),
        ("s3_upload_size", "S3UploadSize", "Average", "Bytes"),
        ("s3_download_duration", "S3DownloadDuration", "Average", "Milliseconds"),
        ("processing_duration", "ProcessingDuration", "Average", "Milliseconds"),
    ],
)
def test_metrics(blue: PayloadIngest, method: str, name: str, statistic: str, unit: str) -> None:
    metric = getattr(blue, f"metric_{method}")()
    other = getattr(blue, f"metric_{method}")(statistic="Maximum", period=Duration.minutes(1))

    assert (metric.namespace, metric.metric_name) == ("Wideload", name)
    assert metric.dimensions == {"service": "ingest", "environment": "blue"}
    assert (metric.statistic, metric.unit.name.title()) == (statistic, unit)
    assert (other.statistic, other.period.to_seconds()) == ("Maximum", 60)


def test_metrics_and_functions_agree_on_the_environment(stack: cdk.Stack, make: Make) -> None:
    ingest, template = make()

    dimension = stack.resolve(ingest.metric_payload_stored_count().dimensions)["environment"]
    assert dimension == "Stack"
    assert variables(template, "Worker")["WIDELOAD_ENVIRONMENT"] == dimension


@pytest.mark.parametrize(
    ("arguments", "milliseconds"),
    [({}, 900_000), ({"upload_url_ttl": Duration.hours(12)}, 43_200_000)],
)
def test_bucket_refuses_urls_older_than_they_live(
    template_of: TemplateOf, arguments: dict[str, Any], milliseconds: int
) -> None:
    template = template_of(PayloadIngest, **arguments)

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
        ({"api_key_header": "x api key"}, "api_key_header is 'x api key'; give the name of an"),
        ({"api_key_header": ""}, "api_key_header is ''"),
        ({"upload_url_ttl": Duration.hours(13)}, "upload_url_ttl is 13 hours; give 1 minute to 12"),
        ({"upload_url_ttl": Duration.seconds(59)}, "upload_url_ttl is 59 seconds"),
        ({"in_request_limit": 0}, "in_request_limit is 0; give 1 to 100,000,000 bytes"),
        ({"in_request_limit": 100_000_001}, "in_request_limit is 100,000,001"),
        ({"records_field": ""}, "records_field is ''; give 1 to 255 characters"),
        ({"rate_limit": 0}, "rate_limit is 0; give 1 to 100,000 requests per second"),
        ({"burst_limit": 50_001}, "burst_limit is 50,001; give 1 to 50,000 requests"),
        ({"worker_max_concurrency": 1}, "worker_max_concurrency is 1; give 2 to 1,000 payloads"),
        ({"log_level": "debug"}, "log_level is 'debug'; give one of DEBUG, INFO, WARN, ERROR"),
        ({"environment_name": " blue"}, "environment_name is ' blue'; give 1 to 255 printable"),
        ({"transit_expiration": Duration.hours(1)}, "give whole days"),
        ({"unclaimed_delay": Duration.seconds(901)}, "give 0 seconds to 15 minutes"),
        ({"retention": Duration.hours(36)}, "retention is 1 day 12 hours; give whole days, from 1"),
        ({"retention": Duration.days(0)}, "give whole days, from 1 to 36,499"),
        (
            {"archive_infrequent_access_after": Duration.days(29)},
            "archive_infrequent_access_after is 29 days; give whole days, from 30 to 36,499.",
        ),
        (
            {"archive_glacier_after": Duration.hours(1)},
            "archive_glacier_after is 1 hour; give whol",
        ),
        (
            {
                "archive_infrequent_access_after": Duration.days(30),
                "archive_glacier_after": Duration.days(59),
            },
            "archive_glacier_after is 59 days; give at least 30 more",
        ),
        (
            {"archive_glacier_after": Duration.days(90), "retention": Duration.days(90)},
            "archive_glacier_after is 90 days, but retention is 90, so it would never come",
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


@pytest.mark.parametrize("name", ["archive_infrequent_access_after", "archive_glacier_after"])
def test_refuses_classes_for_a_bucket_it_does_not_make(
    stack: cdk.Stack, make: Make, name: str
) -> None:
    with pytest.raises(ValueError, match=f"bucket and {name} are both given"):
        make(bucket=s3.Bucket(stack, "Mine"), **{name: Duration.days(90)})


def test_two_can_live_in_one_stack(stack: cdk.Stack, code: lambda_.Code) -> None:
    for name in ("Blue", "Green"):
        PayloadIngest(stack, name, code=code, environment_name=name)

    template = Template.from_stack(stack)
    names = [
        api["Properties"]["Name"]
        for api in template.find_resources("AWS::ApiGatewayV2::Api").values()
    ]
    assert len(set(names)) == 2
    assert all(len(name) <= 128 for name in names)


def test_leaves_values_known_only_at_deployment_alone(stack: cdk.Stack, make: Make) -> None:
    def parameter(name: str, kind: str = "String") -> cdk.CfnParameter:
        return cdk.CfnParameter(stack, name, type=kind)

    _, template = make(
        api_key_header=parameter("Header").value_as_string,
        records_field=parameter("Records").value_as_string,
        environment_name=parameter("Environment").value_as_string,
        in_request_limit=parameter("Limit", "Number").value_as_number,
        rate_limit=parameter("Rate", "Number").value_as_number,
        upload_url_ttl=Duration.seconds(parameter("Ttl", "Number").value_as_number),
        unclaimed_delay=Duration.seconds(parameter("Delay", "Number").value_as_number),
        retention=Duration.days(parameter("Retention", "Number").value_as_number),
        archive_glacier_after=Duration.days(parameter("Glacier", "Number").value_as_number),
    )

    found = variables(template, "ApiFunction")
    assert found["WIDELOAD_RECORDS_FIELD"] == {"Ref": "Records"}
    assert found["WIDELOAD_ENVIRONMENT"] == {"Ref": "Environment"}
    assert found["WIDELOAD_IN_REQUEST_LIMIT"] == {"Ref": "Limit"}
    assert found["WIDELOAD_UPLOAD_URL_TTL"] == {"Ref": "Ttl"}
    assert found["WIDELOAD_RETENTION_DAYS"] == {"Ref": "Retention"}
    assert only(template, "AWS::SQS::Queue", "IngestQueue")["DelaySeconds"] == {"Ref": "Delay"}
    [rule] = archive_rules(template)
    assert rule["Transitions"][0]["TransitionInDays"] == {"Ref": "Glacier"}
    stage = only(template, "AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "Rate"}


# Pages of other origins


def test_no_page_may_call_by_default(default: Template) -> None:
    assert "CorsConfiguration" not in only(default, "AWS::ApiGatewayV2::Api")
    assert "CorsConfiguration" not in only(default, "AWS::S3::Bucket", "IngestBucketEDD")


def test_pages_of_the_origins_given_may_call_api_and_bucket(template_of: TemplateOf) -> None:
    origins = ("https://app.example.com", "http://localhost:5173")
    template = template_of(PayloadIngest, cors_origins=origins, api_key_header="X-Pype-Token")

    assert only(template, "AWS::ApiGatewayV2::Api")["CorsConfiguration"] == {
        "AllowOrigins": list(origins),
        "AllowMethods": ["GET", "POST", "DELETE"],
        "AllowHeaders": ["x-pype-token", "content-type", "idempotency-key", "content-digest"],
        "ExposeHeaders": ["retry-after"],
        "MaxAge": 3600,
    }
    [rule] = only(template, "AWS::S3::Bucket", "IngestBucketEDD")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == list(origins)
    assert rule["AllowedMethods"] == ["PUT", "GET", "HEAD"]


def test_an_origin_with_a_path_is_refused(make: Make) -> None:
    expected = "an origin of cors_origins is 'https://app.example.com/x'; give `*`, or scheme, host"
    with pytest.raises(ValueError, match=re.escape(expected)):
        make(cors_origins=["https://app.example.com/x"])


def test_an_origin_is_checked_with_a_given_bucket_too(stack: cdk.Stack, make: Make) -> None:
    bucket = s3.Bucket.from_bucket_name(stack, "Given", "given")
    with pytest.raises(ValueError, match=r"an origin of cors_origins is 'app\.example\.com'"):
        make(bucket=bucket, cors_origins=["app.example.com"])
