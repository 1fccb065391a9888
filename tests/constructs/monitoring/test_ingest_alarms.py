"""Alarms of an ingest: thresholds, their refusals, and relations to functions and metrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from tests.constructs.monitoring.conftest import (
    alarms,
    alarms_in,
    metrics_of,
    monitor,
    new_code,
    new_ingest,
    new_stack,
    operations_of,
)
from wideload_cdk import PayloadIngest, TransferMonitoring
from wideload_runtime.adapters.telemetry import UNITS

FUNCTIONS = ["api", "worker", "sweep", "events", "authorizer"]


@pytest.fixture(scope="module")
def ingest(code_folder: Path) -> PayloadIngest:
    """The ingest of `default`."""
    return new_ingest(code_folder)


@pytest.fixture(scope="module")
def default(ingest: PayloadIngest) -> Template:
    """Monitoring without arguments."""
    return monitor(ingest)


@pytest.fixture(scope="module")
def imported(code_folder: Path) -> Template:
    """Monitoring of an ingest with an imported bucket and an imported processor."""
    stack = new_stack("Ingest")
    processor = lambda_.Function.from_function_attributes(
        stack,
        "Processor",
        function_arn="arn:aws:lambda:us-east-1:111122223333:function:theirs",
        role=cdk.aws_iam.Role.from_role_name(stack, "Role", "theirs"),
        same_environment=True,
    )
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "imported-bucket")
    return monitor(
        PayloadIngest(
            stack, "Ingest", code=new_code(code_folder), bucket=bucket, processor=processor
        )
    )


@pytest.fixture(scope="module")
def unmonitored(code_folder: Path) -> tuple[TransferMonitoring, PayloadIngest]:
    """A monitoring and an ingest that it doesn't monitor yet."""
    ingest = new_ingest(code_folder)
    return TransferMonitoring(cdk.Stack.of(ingest), "Watch"), ingest


# Relations


def test_every_function_has_an_alarm_on_its_own_errors_and_duration(default: Template) -> None:
    watched = {}
    for name in FUNCTIONS:
        duration = alarms(default)[f"ingest-{name}-function-duration"]["Dimensions"]
        errors = alarms(default)[f"ingest-{name}-function-errors"]
        metrics = [stat["Metric"] for stat in metrics_of(errors).values()] or [errors]
        assert all(metric["Dimensions"] == duration for metric in metrics)
        watched[name] = json.dumps(duration)

    assert len(set(watched.values())) == len(FUNCTIONS)
    throttles = alarms(default)["ingest-function-throttles"]
    assert set(metrics_of(throttles)) == {f"{name}_throttles" for name in FUNCTIONS}


def test_alarms_on_queues_are_not_mixed_up(default: Template) -> None:
    watched = {
        name: json.dumps(alarms(default)[f"ingest-{name}"]["Dimensions"])
        for name in ("payloads-waiting", "payload-dead-letters", "event-dead-letters")
    }

    assert "IngestQueue" in watched["payloads-waiting"]
    assert "IngestDeadLetterQueue" in watched["payload-dead-letters"]
    assert "IngestEventDeadLetterQueue" in watched["event-dead-letters"]


def test_tables_are_watched_for_the_operations_that_functions_may_use(
    ingest: PayloadIngest, default: Template
) -> None:
    template = Template.from_stack(cdk.Stack.of(ingest))
    allowed = {
        action.removeprefix("dynamodb:")
        for policy in template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
        if action.startswith("dynamodb:") and "Stream" not in action and "Records" not in action
    } - {"GetShardIterator"}

    for kind in ("throttles", "errors"):
        payloads = operations_of(alarms(default)[f"ingest-payloads-table-{kind}"])
        keys = operations_of(alarms(default)[f"ingest-keys-table-{kind}"])
        assert payloads | keys == payloads == allowed
        assert keys == {"GetItem"}


def test_own_metrics_are_those_that_functions_emit(default: Template) -> None:
    units = {name: unit.value for name, unit in UNITS.items()}
    used = [
        (metric["MetricName"], unit)
        for properties in alarms(default).values()
        for metric, unit in [
            (properties, properties.get("Unit")),
            *((stat["Metric"], stat.get("Unit")) for stat in metrics_of(properties).values()),
        ]
        if metric.get("Namespace") == "Wideload"
    ]

    assert used
    assert all(unit == units[name] for name, unit in used)


@pytest.mark.parametrize(
    "metric",
    [
        "LargePayloadCount",
        "InlinePayloadCount",
        "PayloadStoredCount",
        "PayloadFailedCount",
        "UnclaimedPayloadCount",
        "ExpiredUploadCount",
        "RepairedPayloadCount",
        "LostUploadCount",
        "OrphanObjectCount",
        "S3UploadDuration",
        "S3UploadSize",
        "S3DownloadDuration",
        "ProcessingDuration",
    ],
)
def test_every_metric_of_ingest_is_on_the_dashboard(default: Template, metric: str) -> None:
    body = json.dumps(only(default, "AWS::CloudWatch::Dashboard")["DashboardBody"])

    assert f'\\"Wideload\\",\\"{metric}\\"' in body
    assert metric in UNITS


def test_ingest_is_unhealthy_when_callers_notice_a_failure(default: Template) -> None:
    rule = json.dumps(only(default, "AWS::CloudWatch::CompositeAlarm")["AlarmRule"])

    assert alarms_in(rule, default) == {
        "ingest-api-errors",
        "ingest-api-latency",
        "ingest-payloads-failed",
        "ingest-payloads-waiting",
        "ingest-payloads-lost",
        "ingest-payload-dead-letters",
        "ingest-payloads-table-throttles",
    }
    assert rule.count("OR") == 6
    assert "NOT" not in rule


# Thresholds


def test_thresholds_given(code_folder: Path) -> None:
    template = monitor(
        new_ingest(code_folder),
        {
            "server_error_percent": 0.5,
            "latency": Duration.millis(800),
            "function_error_percent": 10,
            "function_duration_percent": 50,
            "failed_payload_percent": 60,
            "oldest_message": Duration.hours(2),
            "oldest_event": Duration.hours(1),
            "table_system_errors": 0,
            "bucket_error_percent": 4,
        },
    )

    found = {name: properties["Threshold"] for name, properties in alarms(template).items()}
    assert (
        found
        | {
            "ingest-api-errors": 0.5,
            "ingest-api-latency": 800,
            "ingest-worker-function-errors": 10,
            "ingest-api-function-duration": 14_500,
            "ingest-payloads-failed": 60,
            "ingest-payloads-waiting": 7_200,
            "ingest-events-late": 3_600_000,
            "ingest-keys-table-errors": 0,
            "ingest-bucket-errors": 0.04,
        }
        == found
    )


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("server_error_percent", 0, "server_error_percent is 0; give more than 0, at most 100"),
        ("server_error_percent", 101, "server_error_percent is 101; give more than 0"),
        ("function_error_percent", -1, "function_error_percent is -1"),
        ("function_duration_percent", 200, "function_duration_percent is 200"),
        ("failed_payload_percent", 0, "failed_payload_percent is 0"),
        ("bucket_error_percent", 0, "bucket_error_percent is 0"),
        ("latency", Duration.seconds(30), "latency is 30 seconds; give more than 0, at most 29"),
        ("latency", Duration.seconds(0), "latency is "),
        ("oldest_message", Duration.seconds(30), "oldest_message is 30 seconds; give 1 minute to"),
        ("oldest_message", Duration.days(2), "oldest_message is 2 days"),
        ("oldest_event", Duration.hours(7), "oldest_event is 7 hours; give 1 minute to 6 hours"),
        ("table_system_errors", -1, "table_system_errors is -1; give 0 to"),
    ],
)
def test_thresholds_refused(
    unmonitored: tuple[TransferMonitoring, PayloadIngest],
    argument: str,
    value: Any,
    message: str,
) -> None:
    monitoring, ingest = unmonitored

    with pytest.raises(ValueError, match=message):
        monitoring.monitor_ingest(ingest, **{argument: value})


# Imported resources


def test_an_imported_bucket_is_watched_as_it_is(imported: Template) -> None:
    dimensions = alarms(imported)["ingest-bucket-errors"]["Dimensions"]

    assert {"Name": "BucketName", "Value": "imported-bucket"} in dimensions


def test_an_imported_processor_has_no_alarm_on_its_timeout(imported: Template) -> None:
    found = alarms(imported)

    assert "ingest-worker-function-errors" in found
    assert "ingest-worker-function-duration" not in found
    assert "theirs" not in json.dumps(imported.find_resources("AWS::Logs::QueryDefinition"))
