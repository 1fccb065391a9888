"""The guards of metrics: each fault is found, and named. Needs no cloud."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from tests.integration.emf import Emitted, faults, metrics_of
from tests.integration.watched import (
    Assembly,
    Look,
    Metric,
    not_emitted,
    not_watched,
    undocumented,
)

NOW = 1_795_000_000.0
LINE: dict[str, Any] = {
    "_aws": {
        "Timestamp": 1_795_000_000_000,
        "CloudWatchMetrics": [
            {
                "Namespace": "Wideload",
                "Dimensions": [["environment", "service"]],
                "Metrics": [{"Name": "S3UploadSize", "Unit": "Bytes"}],
            }
        ],
    },
    "environment": "dev",
    "service": "ingest",
    "S3UploadSize": [15_000_000.0, 3],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The line with one member changed, or taken away by `None`."""
    line: Any = copy.deepcopy(LINE)
    *way, last = [int(name) if name.isdigit() else name for name in path.split("/")]
    inner = line
    for name in way:
        inner = inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return dict(line)


DIRECTIVE = "_aws/CloudWatchMetrics/0"
METRIC = f"{DIRECTIVE}/Metrics/0"


def test_a_line_that_cloudwatch_takes() -> None:
    assert faults(LINE, now=NOW) == []
    assert list(metrics_of(LINE)) == [
        Emitted(
            namespace="Wideload",
            name="S3UploadSize",
            unit="Bytes",
            dimensions=({"environment": "dev", "service": "ingest"},),
            values=(15_000_000.0, 3),
        )
    ]


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("_aws", None, "'_aws' is a required property"),
        ("_aws/Timestamp", None, "'Timestamp' is a required property"),
        ("_aws/Timestamp", 1_795_000_000, "is it in milliseconds?"),
        ("_aws/Timestamp", "2026-11-22", "is not of type 'integer'"),
        ("_aws/Other", 1, "'Other' was unexpected"),
        (f"{DIRECTIVE}/Namespace", "", "should be non-empty"),
        (f"{DIRECTIVE}/Dimensions", [], "should be non-empty"),
        (f"{DIRECTIVE}/Dimensions/0", [f"d{n}" for n in range(31)], "is too long"),
        (f"{DIRECTIVE}/Metrics", [{"Name": f"m{n}"} for n in range(101)], "is too long"),
        (f"{METRIC}/Unit", "MB", "'MB' is not one of"),
        (f"{METRIC}/Name", "Renamed", "metric Renamed has the value None"),
        ("S3UploadSize", None, "metric S3UploadSize has the value None"),
        ("S3UploadSize", [1] * 101, "metric S3UploadSize has the value"),
        ("S3UploadSize", [], "metric S3UploadSize has the value []"),
        ("S3UploadSize", float("nan"), "metric S3UploadSize has the value nan"),
        ("S3UploadSize", "3", "metric S3UploadSize has the value '3'"),
        ("S3UploadSize", True, "metric S3UploadSize has the value True"),
        ("service", None, "dimension service has the value None"),
        ("service", 7, "dimension service has the value 7"),
        ("service", "s" * 1_025, "dimension service has the value"),
        ("message", "m" * 1_100_000, "a log event has at most"),
    ],
)
def test_a_line_that_cloudwatch_does_not_take(path: str, value: Any, found: str) -> None:
    [fault] = faults(changed(path, value), now=NOW)

    assert found in fault


# What alarms and widgets look at


def metric_stat(name: str, namespace: str = "Wideload", **dimensions: Any) -> dict[str, Any]:
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }


OURS = {"service": "ingest", "environment": "dev"}
QUEUE = {"Fn::GetStackOutput": {"StackName": "ingest", "OutputName": "Queue"}}
BODY = [
    '{"widgets":[{"type":"text","properties":{"markdown":"# Ingest"}},'
    '{"type":"metric","properties":{"title":"Sizes","metrics":'
    '[[{"expression":"a / b"}],["Wideload","S3UploadSize","service","ingest","environment","dev",'
    '{"period":300}]]}},{"type":"metric","properties":{"title":"Tables","metrics":'
    '[["AWS/DynamoDB","ConsumedReadCapacityUnits","TableName","',
    {"Ref": "Payloads0123ABCD"},
    '"]]}}]}',
]
TEMPLATES: dict[str, Any] = {
    "ingest": {
        "Resources": {
            "Queue0123ABCD": {"Type": "AWS::SQS::Queue"},
            "Bucket0123ABCD": {
                "Type": "AWS::S3::Bucket",
                "Properties": {"MetricsConfigurations": [{"Id": "All"}]},
            },
        },
        "Outputs": {"Queue": {"Value": {"Fn::GetAtt": ["Queue0123ABCD", "QueueName"]}}},
    },
    "monitoring": {
        "Resources": {
            "Payloads0123ABCD": {"Type": "AWS::DynamoDB::Table"},
            "Waiting": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": "payloads-waiting",
                    **metric_stat("ApproximateAgeOfOldestMessage", "AWS/SQS", QueueName=QUEUE),
                },
            },
            "Failed": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "AlarmName": "payloads-failed",
                    "Metrics": [
                        {"Id": "rate", "Expression": "100 * failed"},
                        {
                            "Id": "failed",
                            "MetricStat": {"Metric": metric_stat("PayloadFailedCount", **OURS)},
                        },
                    ],
                },
            },
            "Dashboard": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {"DashboardBody": {"Fn::Join": ["", BODY]}},
            },
        }
    },
}
ASSEMBLY = Assembly(TEMPLATES)
FAILED = Metric("Wideload", "PayloadFailedCount", frozenset(OURS.items()))
SIZE = Metric("Wideload", "S3UploadSize", frozenset(OURS.items()))


def test_what_alarms_and_widgets_look_at() -> None:
    assert {(look.by, str(look.metric)) for look in ASSEMBLY.looks()} == {
        ("alarm payloads-waiting", "AWS/SQS ApproximateAgeOfOldestMessage (QueueName=Queue)"),
        ("alarm payloads-failed", "Wideload PayloadFailedCount (environment=dev, service=ingest)"),
        ("widget Sizes", "Wideload S3UploadSize (environment=dev, service=ingest)"),
        ("widget Tables", "AWS/DynamoDB ConsumedReadCapacityUnits (TableName=Payloads)"),
    }
    assert undocumented(ASSEMBLY.looks(), ASSEMBLY, "Wideload") == []
    assert not_emitted(ASSEMBLY.looks(), {FAILED, SIZE}, "Wideload") == []
    assert not_watched(ASSEMBLY.looks(), {FAILED, SIZE}, {}) == []


def test_a_metric_renamed_in_code_alone_is_found() -> None:
    renamed = dataclasses.replace(FAILED, name="PayloadsFailed")

    assert not_emitted(ASSEMBLY.looks(), {renamed, SIZE}, "Wideload") == [
        "alarm payloads-failed looks at Wideload PayloadFailedCount "
        "(environment=dev, service=ingest), which nothing emits"
    ]
    assert not_watched(ASSEMBLY.looks(), {renamed, SIZE}, {}) == [
        "Wideload PayloadsFailed (environment=dev, service=ingest) is emitted, "
        "and nothing looks at it",
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"service": "files", "environment": "dev"},
        {"service": "ingest"},
        {**OURS, "function": "api"},
    ],
)
def test_other_dimensions_are_another_metric(other: dict[str, str]) -> None:
    moved = dataclasses.replace(SIZE, dimensions=frozenset(other.items()))

    [finding] = not_emitted(ASSEMBLY.looks(), {FAILED, moved}, "Wideload")

    assert finding.startswith("widget Sizes looks at Wideload S3UploadSize")


def test_what_nobody_looks_at_needs_a_reason_and_a_reason_a_metric() -> None:
    odd = dataclasses.replace(SIZE, name="Odd")

    assert not_watched(ASSEMBLY.looks(), {FAILED, SIZE, odd}, {"Odd": "For bills alone."}) == []
    assert not_watched(ASSEMBLY.looks(), {FAILED, SIZE}, {"S3UploadSize": "Old."}) == [
        "S3UploadSize is listed as not watched, and is, or is not emitted"
    ]


@pytest.mark.parametrize(
    ("namespace", "name", "dimensions", "found"),
    [
        ("AWS/SQS", "Depth", {"QueueName": "Queue"}, "which AWS doesn't publish: https://docs.aws"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", {}, "which AWS doesn't publish"),
        ("wideload", "S3UploadSize", {}, "in a namespace without a publisher here"),
        (
            "AWS/SQS",
            "ApproximateAgeOfOldestMessage",
            {"QueueName": "Payloads"},
            "but there is no AWS::SQS::Queue Payloads",
        ),
        (
            "AWS/S3",
            "5xxErrors",
            {"BucketName": "Bucket", "FilterId": "Some"},
            "but the bucket has no such metrics configuration",
        ),
    ],
)
def test_a_look_at_what_aws_does_not_publish(
    namespace: str, name: str, dimensions: dict[str, str], found: str
) -> None:
    look = Look("alarm x", Metric(namespace, name, frozenset(dimensions.items())))

    [finding] = undocumented([look], ASSEMBLY, "Wideload")

    assert finding.startswith(f"alarm x looks at {namespace} {name}")
    assert found in finding


def test_a_bucket_that_is_counted() -> None:
    counted = frozenset({"BucketName": "Bucket", "FilterId": "All"}.items())

    assert (
        undocumented(
            [Look("alarm x", Metric("AWS/S3", "5xxErrors", counted))], ASSEMBLY, "Wideload"
        )
        == []
    )
