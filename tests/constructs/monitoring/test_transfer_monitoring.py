"""`TransferMonitoring` itself and what it makes for ingest: each default, override and refusal.
The runbook: `test_runbook`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cdk_nag
import pytest
from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Match, Template

from tests.constructs.conftest import cdk_json_context, name_prefix, only
from wideload_cdk import PayloadIngest, TransferMonitoring
from wideload_runtime.adapters.telemetry import UNITS

Make = Callable[..., tuple[TransferMonitoring, Template]]

FUNCTIONS = ["api", "worker", "sweep", "events", "authorizer"]
OFTEN_INVOKED = [name for name in FUNCTIONS if name != "sweep"]
OK = "notBreaching"


@pytest.fixture
def ingest(code: lambda_.Code) -> PayloadIngest:
    """What is watched, in a stack of its own."""
    app = cdk.App(context=cdk_json_context())
    return PayloadIngest(cdk.Stack(app, "Ingest"), "Ingest", code=code, environment_name="blue")


@pytest.fixture
def make(ingest: PayloadIngest) -> Make:
    """Watch `ingest`: with arguments of the construct, and thresholds of `monitor_ingest`."""

    def run(
        watched: PayloadIngest = ingest, thresholds: dict[str, Any] | None = None, **arguments: Any
    ) -> tuple[TransferMonitoring, Template]:
        stack = cdk.Stack(cdk.Stack.of(watched).node.root, "Monitoring")  # type: ignore[arg-type]
        monitoring = TransferMonitoring(stack, "Watch", **arguments)
        monitoring.monitor_ingest(watched, **(thresholds or {}))
        return monitoring, Template.from_stack(stack)

    return run


@pytest.fixture(scope="module")
def default(code_folder: Any) -> Template:
    """The template of a construct without arguments, in an app with no feature flags."""
    app = cdk.App()
    watched = PayloadIngest(
        cdk.Stack(app, "Ingest"),
        "Ingest",
        code=lambda_.Code.from_asset(str(code_folder)),
        environment_name="blue",
    )
    stack = cdk.Stack(app, "Monitoring")
    TransferMonitoring(stack, "Watch").monitor_ingest(watched)
    return Template.from_stack(stack)


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Properties of the alarms by their names without the prefix."""
    prefix = name_prefix(template) + "-"
    return {
        resource["Properties"]["AlarmName"].removeprefix(prefix): resource["Properties"]
        for resource in template.find_resources("AWS::CloudWatch::Alarm").values()
    }


def alarm(template: Template, name: str) -> dict[str, Any]:
    [found] = [each for known, each in alarms(template).items() if known.endswith(f"ingest-{name}")]
    return found


def metrics_of(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The metrics of an expression, by their ids."""
    return {
        each["Id"]: each["MetricStat"] for each in properties["Metrics"] if "MetricStat" in each
    }


def expression_of(properties: dict[str, Any]) -> str:
    [found] = [each["Expression"] for each in properties["Metrics"] if "Expression" in each]
    return str(found)


def dimensions(metric: dict[str, Any]) -> list[str]:
    return sorted(each["Name"] for each in metric["Dimensions"])


# What there is


def test_every_alarm_of_ingest(default: Template) -> None:
    per_function = {
        f"{name}-function-{kind}" for name in FUNCTIONS for kind in ("errors", "duration")
    }
    per_table = {
        f"{name}-table-{kind}" for name in ("payloads", "keys") for kind in ("throttles", "errors")
    }

    expected = {
        "account-concurrency",
        *(
            f"ingest-{name}"
            for name in {
                "api-errors",
                "api-latency",
                *per_function,
                "function-throttles",
                "payloads-failed",
                "payloads-waiting",
                "payload-dead-letters",
                "event-dead-letters",
                "payloads-stuck",
                "payloads-lost",
                "sweep-missing",
                "sweep-behind",
                "events-late",
                *per_table,
                "bucket-errors",
            }
        ),
    }

    assert set(alarms(default)) == expected


@pytest.mark.parametrize(
    ("name", "threshold", "of_these", "all_of", "missing"),
    [
        ("api-errors", 1, 2, 3, OK),
        ("api-latency", 10_000, 3, 3, OK),
        *((f"{name}-function-errors", 1, 2, 3, OK) for name in OFTEN_INVOKED),
        ("sweep-function-errors", 2, 1, 1, OK),
        ("api-function-duration", 26_100, 2, 3, OK),
        ("authorizer-function-duration", 9_000, 2, 3, OK),
        ("events-function-duration", 54_000, 2, 3, OK),
        ("worker-function-duration", 810_000, 1, 1, OK),
        ("sweep-function-duration", 810_000, 1, 1, OK),
        ("function-throttles", 0, 2, 3, OK),
        ("payloads-failed", 5, 2, 3, OK),
        ("payloads-waiting", 1_800, 1, 1, OK),
        ("payload-dead-letters", 0, 1, 1, OK),
        ("event-dead-letters", 0, 1, 1, OK),
        ("payloads-stuck", 0, 2, 3, OK),
        ("payloads-lost", 0, 1, 1, OK),
        ("sweep-missing", 1, 2, 2, "breaching"),
        ("sweep-behind", 7_200, 2, 3, OK),
        ("events-late", 900_000, 1, 1, OK),
        ("payloads-table-throttles", 0, 2, 3, OK),
        ("keys-table-throttles", 0, 2, 3, OK),
        ("payloads-table-errors", 5, 2, 3, OK),
        ("keys-table-errors", 5, 2, 3, OK),
        ("bucket-errors", 0.01, 2, 3, OK),
    ],
)
def test_thresholds_and_how_missing_data_is_treated(
    default: Template, name: str, threshold: float, of_these: int, all_of: int, missing: str
) -> None:
    properties = alarm(default, name)

    assert properties["Threshold"] == pytest.approx(threshold)
    assert (properties["DatapointsToAlarm"], properties["EvaluationPeriods"]) == (of_these, all_of)
    assert properties["TreatMissingData"] == missing
    below = name == "sweep-missing"
    assert properties["ComparisonOperator"] == (
        "LessThanThreshold" if below else "GreaterThanThreshold"
    )


def test_every_alarm_tells_the_topic_when_it_begins_and_ends(default: Template) -> None:
    [topic] = default.find_resources("AWS::SNS::Topic")
    every = [*alarms(default).values(), only(default, "AWS::CloudWatch::CompositeAlarm")]

    for properties in every:
        assert properties["AlarmActions"] == [{"Ref": topic}], properties["AlarmDescription"]
        assert properties["OKActions"] == [{"Ref": topic}], properties["AlarmDescription"]
        assert properties.get("ActionsEnabled", True) is True


# What they watch


def test_errors_are_a_share_of_requests(default: Template) -> None:
    properties = alarm(default, "api-errors")
    metrics = metrics_of(properties)

    assert expression_of(properties) == "100 * FILL(part, 0) / whole"
    assert {name: stat["Metric"]["MetricName"] for name, stat in metrics.items()} == {
        "part": "5xx",
        "whole": "Count",
    }
    for stat in metrics.values():
        assert stat["Metric"]["Namespace"] == "AWS/ApiGateway"
        assert dimensions(stat["Metric"]) == ["ApiId", "Stage"]
        assert (stat["Stat"], stat["Period"]) == ("Sum", 300)


def test_latency_is_the_99th_percentile(default: Template) -> None:
    properties = alarm(default, "api-latency")

    assert (properties["Namespace"], properties["MetricName"]) == ("AWS/ApiGateway", "Latency")
    assert properties["ExtendedStatistic"] == "p99"


@pytest.mark.parametrize("name", OFTEN_INVOKED)
def test_errors_of_functions_are_a_share_of_invocations(default: Template, name: str) -> None:
    errors = metrics_of(alarm(default, f"{name}-function-errors"))

    assert {stat["Metric"]["MetricName"] for stat in errors.values()} == {"Errors", "Invocations"}
    assert [stat["Metric"]["Dimensions"] for stat in errors.values()] == [
        alarm(default, f"{name}-function-duration")["Dimensions"]
    ] * 2


def test_three_errors_of_the_sweep_in_an_hour(default: Template) -> None:
    properties = alarm(default, "sweep-function-errors")

    assert (properties["MetricName"], properties["Statistic"]) == ("Errors", "Sum")
    assert properties["Period"] == 3_600
    assert properties["Dimensions"] == alarm(default, "sweep-function-duration")["Dimensions"]


def test_durations_are_watched_by_function(default: Template) -> None:
    watched = [alarm(default, f"{name}-function-duration") for name in FUNCTIONS]

    assert {(each["MetricName"], each["Statistic"]) for each in watched} == {
        ("Duration", "Maximum")
    }
    assert {each["Dimensions"][0]["Name"] for each in watched} == {"FunctionName"}
    names = {json.dumps(each["Dimensions"][0]["Value"]) for each in watched}
    assert len(names) == len(FUNCTIONS)


def test_throttles_of_all_functions_count_together(default: Template) -> None:
    properties = alarm(default, "function-throttles")
    metrics = metrics_of(properties)

    assert set(metrics) == {f"{name}_throttles" for name in FUNCTIONS}
    assert {stat["Metric"]["MetricName"] for stat in metrics.values()} == {"Throttles"}
    assert expression_of(properties) == " + ".join(
        f"FILL({name}_throttles, 0)" for name in FUNCTIONS
    )


def test_failed_payloads_are_a_share_of_those_that_ended(default: Template) -> None:
    properties = alarm(default, "payloads-failed")
    metrics = metrics_of(properties)

    assert expression_of(properties) == (
        "100 * FILL(failed, 0) / (FILL(failed, 0) + FILL(stored, 0))"
    )
    assert metrics["failed"]["Metric"]["MetricName"] == "PayloadFailedCount"
    assert metrics["stored"]["Metric"]["MetricName"] == "PayloadStoredCount"


@pytest.mark.parametrize(
    ("name", "namespace", "metric", "statistic", "period"),
    [
        ("payloads-waiting", "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 300),
        ("payload-dead-letters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 300),
        ("event-dead-letters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 300),
        ("payloads-stuck", "Wideload", "RepairedPayloadCount", "Sum", 3_600),
        ("payloads-lost", "Wideload", "LostUploadCount", "Sum", 300),
        ("sweep-missing", "Wideload", "ExpiredUploadCount", "SampleCount", 3_600),
        ("sweep-behind", "Wideload", "SweepBacklogAge", "Maximum", 3_600),
        ("events-late", "AWS/Lambda", "IteratorAge", "Maximum", 300),
        ("bucket-errors", "AWS/S3", "5xxErrors", "Average", 300),
    ],
)
def test_plain_metrics(
    default: Template, name: str, namespace: str, metric: str, statistic: str, period: int
) -> None:
    properties = alarm(default, name)

    assert (properties["Namespace"], properties["MetricName"]) == (namespace, metric)
    assert (properties["Statistic"], properties["Period"]) == (statistic, period)


def test_queues_are_not_mixed_up(default: Template) -> None:
    watched = {
        name: json.dumps(alarm(default, name)["Dimensions"])
        for name in ("payloads-waiting", "payload-dead-letters", "event-dead-letters")
    }

    assert "IngestQueue" in watched["payloads-waiting"]
    assert "IngestDeadLetterQueue" in watched["payload-dead-letters"]
    assert "IngestEventDeadLetterQueue" in watched["event-dead-letters"]


@pytest.mark.parametrize(
    ("name", "operations"),
    [
        ("payloads", {"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"}),
        ("keys", {"GetItem"}),
    ],
)
@pytest.mark.parametrize(
    ("kind", "metric"), [("throttles", "ThrottledRequests"), ("errors", "SystemErrors")]
)
def test_tables_are_watched_by_operation(
    default: Template, name: str, operations: set[str], kind: str, metric: str
) -> None:
    properties = alarm(default, f"{name}-table-{kind}")
    metrics = metrics_of(properties).values()

    assert {stat["Metric"]["MetricName"] for stat in metrics} == {metric}
    assert {
        each["Value"]
        for stat in metrics
        for each in stat["Metric"]["Dimensions"]
        if each["Name"] == "Operation"
    } == operations
    assert all(dimensions(stat["Metric"]) == ["Operation", "TableName"] for stat in metrics)
    # Most operations have no data most of the time; a plain sum would have none then.
    assert expression_of(properties).count("FILL(") == len(operations)


def test_functions_may_use_the_operations_that_are_watched(ingest: PayloadIngest) -> None:
    template = Template.from_stack(cdk.Stack.of(ingest))
    used = {
        action.removeprefix("dynamodb:")
        for policy in template.find_resources("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
        if action.startswith("dynamodb:") and "Stream" not in action and "Records" not in action
    } - {"GetShardIterator"}

    assert used == {"GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem", "Query"}


def test_account_concurrency(make: Make) -> None:
    _, template = make(account_concurrency=5_000)

    properties = alarms(template)["account-concurrency"]
    assert properties["MetricName"] == "ClaimedAccountConcurrency"
    assert "Dimensions" not in properties
    assert properties["Threshold"] == 4_000
    assert properties["AlarmName"].startswith("Monitoring-Watch-")


def test_own_metrics_are_those_that_functions_emit(default: Template) -> None:
    units = {name: unit.value for name, unit in UNITS.items()}
    [dashboard] = default.find_resources("AWS::CloudWatch::Dashboard").values()
    body = json.dumps(dashboard["Properties"]["DashboardBody"])
    shown = [name for name in units if f'\\"Wideload\\",\\"{name}\\"' in body]
    alarmed = {
        (metric["MetricName"], metric_unit)
        for properties in alarms(default).values()
        for metric, metric_unit in [
            (properties, properties.get("Unit")),
            *((stat["Metric"], stat.get("Unit")) for stat in metrics_of_all(properties)),
        ]
        if metric.get("Namespace") == "Wideload"
    }

    assert {name for name, _ in alarmed} == {
        "PayloadFailedCount",
        "PayloadStoredCount",
        "RepairedPayloadCount",
        "LostUploadCount",
        "ExpiredUploadCount",
        "SweepBacklogAge",
    }
    assert all(unit == units[name] for name, unit in alarmed)
    # Every metric of ingest is on the dashboard.
    assert body.count('\\"Wideload\\"') >= len(shown)
    assert set(INGEST_METRICS) <= set(shown)


INGEST_METRICS = [
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
]


def metrics_of_all(properties: dict[str, Any]) -> list[dict[str, Any]]:
    return list(metrics_of(properties).values()) if "Metrics" in properties else []


def test_own_metrics_carry_service_and_environment(default: Template) -> None:
    for name in ("payloads-stuck", "payloads-lost", "sweep-missing"):
        assert alarm(default, name)["Dimensions"] == [
            {"Name": "environment", "Value": "blue"},
            {"Name": "service", "Value": "ingest"},
        ]


# Thresholds


@pytest.mark.parametrize(
    ("argument", "value", "name", "threshold"),
    [
        ("server_error_percent", 0.5, "api-errors", 0.5),
        ("latency", Duration.millis(800), "api-latency", 800),
        ("function_error_percent", 10, "worker-function-errors", 10),
        ("function_duration_percent", 50, "api-function-duration", 14_500),
        ("failed_payload_percent", 50, "payloads-failed", 50),
        ("oldest_message", Duration.hours(2), "payloads-waiting", 7_200),
        ("oldest_event", Duration.hours(1), "events-late", 3_600_000),
        ("table_system_errors", 0, "keys-table-errors", 0),
        ("bucket_error_percent", 5, "bucket-errors", 0.05),
    ],
)
def test_thresholds_given(
    make: Make, argument: str, value: Any, name: str, threshold: float
) -> None:
    _, template = make(thresholds={argument: value})

    assert alarm(template, name)["Threshold"] == pytest.approx(threshold)


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
def test_thresholds_refused(make: Make, argument: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(thresholds={argument: value})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name_prefix": "no spaces"}, "name_prefix is 'no spaces'; give 1 to 100 letters"),
        ({"name_prefix": ""}, "name_prefix is ''"),
        ({"account_concurrency": 5}, "account_concurrency is 5; give 10 to"),
        ({"bucket_metrics": "a b"}, "bucket_metrics is 'a b'; give 1 to 64"),
    ],
)
def test_arguments_refused(make: Make, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**arguments)


def test_a_second_ingest_is_refused(make: Make, ingest: PayloadIngest) -> None:
    monitoring, _ = make()

    with pytest.raises(ValueError, match="Ingest is watched here already"):
        monitoring.monitor_ingest(ingest)


# Topic


def test_topic_is_encrypted_by_a_key_that_rotates(default: Template) -> None:
    [key] = default.find_resources("AWS::KMS::Key")
    topic = only(default, "AWS::SNS::Topic")

    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    default.has_resource(
        "AWS::KMS::Key",
        {"Properties": {"EnableKeyRotation": True}, "DeletionPolicy": "Delete"},
    )


FROM_ALARMS = {
    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    "ArnLike": {"aws:SourceArn": Match.any_value()},
}


def test_alarms_of_this_account_may_use_topic_and_key(default: Template) -> None:
    principal = {"Service": "cloudwatch.amazonaws.com"}

    default.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": "sns:Publish",
                                "Effect": "Allow",
                                "Principal": principal,
                                "Condition": FROM_ALARMS,
                            }
                        )
                    ]
                )
            }
        },
    )
    default.has_resource_properties(
        "AWS::KMS::Key",
        {
            "KeyPolicy": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                                "Effect": "Allow",
                                "Principal": principal,
                                "Condition": FROM_ALARMS,
                            }
                        )
                    ]
                )
            }
        },
    )


def test_topic_refuses_plain_http(default: Template) -> None:
    default.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Effect": "Deny",
                                "Principal": "*",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        )
                    ]
                )
            }
        },
    )


def test_a_key_given_is_used(ingest: PayloadIngest, make: Make) -> None:
    keys = cdk.Stack(ingest.node.root, "Keys")  # type: ignore[arg-type]
    _, template = make(encryption_key=kms.Key(keys, "Key"))

    template.resource_count_is("AWS::KMS::Key", 0)
    assert "Keys" in json.dumps(only(template, "AWS::SNS::Topic")["KmsMasterKeyId"])


def test_a_topic_given_is_used_and_left_as_it_is(ingest: PayloadIngest, make: Make) -> None:
    app = ingest.node.root
    topics = cdk.Stack(app, "Topics")  # type: ignore[arg-type]
    topic = sns.Topic(topics, "Topic")
    monitoring, template = make(alarm_topic=topic)

    assert monitoring.alarm_topic is topic
    for kind in ("AWS::SNS::Topic", "AWS::KMS::Key", "AWS::SNS::TopicPolicy"):
        template.resource_count_is(kind, 0)
        assert kind == "AWS::SNS::Topic" or not Template.from_stack(topics).find_resources(kind)
    assert '"Fn::ImportValue": "Topics:' in json.dumps(
        alarm(template, "api-errors")["AlarmActions"]
    )


def test_a_topic_and_a_key_are_refused(ingest: PayloadIngest, make: Make) -> None:
    others = cdk.Stack(ingest.node.root, "Others")  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="alarm_topic and encryption_key are both given"):
        make(alarm_topic=sns.Topic(others, "Topic"), encryption_key=kms.Key(others, "Key"))


# Unhealthy


def test_ingest_is_unhealthy_with_any_of_what_callers_notice(
    default: Template,
) -> None:
    rule = json.dumps(only(default, "AWS::CloudWatch::CompositeAlarm")["AlarmRule"])
    named = {
        logical_id: resource["Properties"]["AlarmName"].partition("ingest-")[2]
        for logical_id, resource in default.find_resources("AWS::CloudWatch::Alarm").items()
    }

    assert {name for logical_id, name in named.items() if logical_id in rule} == {
        "api-errors",
        "api-latency",
        "payloads-failed",
        "payloads-waiting",
        "payloads-lost",
        "payload-dead-letters",
        "payloads-table-throttles",
    }
    assert rule.count("OR") == 6
    assert "NOT" not in rule


PAGER = '"Fn::ImportValue": "Pager:'


def test_unhealthy_tells_the_urgent_topic_alone(ingest: PayloadIngest, make: Make) -> None:
    topic = sns.Topic(cdk.Stack(ingest.node.root, "Pager"), "Topic")  # type: ignore[arg-type]
    monitoring, template = make(urgent_topic=topic)

    composite = only(template, "AWS::CloudWatch::CompositeAlarm")
    assert monitoring.ingest_unhealthy is not None
    assert PAGER in json.dumps(composite["AlarmActions"])
    assert PAGER in json.dumps(composite["OKActions"])
    assert PAGER not in json.dumps(list(alarms(template).values()))


# Leaving out


def test_account_concurrency_can_be_left_out(make: Make) -> None:
    _, template = make(account_concurrency=None)

    assert not [name for name in alarms(template) if "account" in name]


# Bucket


def test_request_metrics_are_turned_on(ingest: PayloadIngest, make: Make) -> None:
    _, template = make(bucket_metrics="Everything")

    watched = Template.from_stack(cdk.Stack.of(ingest))
    watched.has_resource_properties(
        "AWS::S3::Bucket", {"MetricsConfigurations": [{"Id": "Everything"}]}
    )
    assert {"Name": "FilterId", "Value": "Everything"} in alarm(template, "bucket-errors")[
        "Dimensions"
    ]


def test_request_metrics_can_stay_off(ingest: PayloadIngest, make: Make) -> None:
    _, template = make(bucket_metrics=None)

    assert not [name for name in alarms(template) if "bucket" in name]
    for bucket in (
        Template.from_stack(cdk.Stack.of(ingest)).find_resources("AWS::S3::Bucket").values()
    ):
        assert "MetricsConfigurations" not in bucket["Properties"]
    [dashboard] = template.find_resources("AWS::CloudWatch::Dashboard").values()
    assert "AWS/S3" not in json.dumps(dashboard)


def test_an_imported_bucket_is_watched_as_it_is(code_folder: Path, make: Make) -> None:
    code = lambda_.Code.from_asset(str(code_folder))
    stack = cdk.Stack(cdk.App(context=cdk_json_context()), "Own")
    bucket = s3.Bucket.from_bucket_name(stack, "Bucket", "theirs")
    _, template = make(PayloadIngest(stack, "Ingest", code=code, bucket=bucket))

    assert {"Name": "BucketName", "Value": "theirs"} in alarm(template, "bucket-errors")[
        "Dimensions"
    ]


# A function of one's own in the worker's place


def test_an_imported_processor_is_watched_but_its_timeout_is_unknown(
    code_folder: Path, make: Make
) -> None:
    code = lambda_.Code.from_asset(str(code_folder))
    stack = cdk.Stack(cdk.App(context=cdk_json_context()), "Own")
    processor = lambda_.Function.from_function_attributes(
        stack,
        "Processor",
        function_arn="arn:aws:lambda:us-east-1:111122223333:function:theirs",
        role=cdk.aws_iam.Role.from_role_name(stack, "Role", "theirs"),
        same_environment=True,
    )
    _, template = make(PayloadIngest(stack, "Ingest", code=code, processor=processor))

    assert alarm(template, "worker-function-errors")
    assert not [name for name in alarms(template) if name.endswith("worker-function-duration")]
    assert "theirs" not in json.dumps(template.find_resources("AWS::Logs::QueryDefinition"))


# Names


def test_names_begin_with_stack_and_id(default: Template) -> None:
    names = [each["AlarmName"] for each in alarms(default).values()]
    dashboard = name_prefix(default)

    assert dashboard.startswith("Monitoring-Watch-")
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"{dashboard}-") for name in names)


def test_name_prefix_given(make: Make) -> None:
    _, template = make(name_prefix="wideload-prod")

    assert alarm(template, "api-errors")["AlarmName"] == "wideload-prod-ingest-api-errors"
    composite = only(template, "AWS::CloudWatch::CompositeAlarm")
    assert composite["AlarmName"] == "wideload-prod-ingest-unhealthy"
    assert name_prefix(template) == "wideload-prod"
    saved = template.find_resources("AWS::Logs::QueryDefinition").values()
    assert all(each["Properties"]["Name"].startswith("wideload-prod/ingest/") for each in saved)


def test_runbook_given(make: Make) -> None:
    _, template = make(runbook="https://wiki.example.com/wideload")

    for properties in alarms(template).values():
        assert " Runbook: https://wiki.example.com/wideload#" in properties["AlarmDescription"]


def test_alarms_are_told_of(make: Make) -> None:
    monitoring, template = make()

    assert len(monitoring.alarms) == len(alarms(template))


# Rule packs


def test_rule_packs_find_nothing(ingest: PayloadIngest, make: Make) -> None:
    monitoring, _ = make()
    app = monitoring.node.root
    packs = [
        cdk_nag.AwsSolutionsChecks,
        cdk_nag.ServerlessChecks,
        cdk_nag.NIST80053R5Checks,
        cdk_nag.HIPAASecurityChecks,
        cdk_nag.PCIDSS321Checks,
    ]
    assert isinstance(app, cdk.App)
    cdk.Validations.of(app).add_plugins(*[pack(app) for pack in packs])

    # `make` has synthesized it before, without them.
    folder = app.synth(force=True).directory
    report = json.loads((Path(folder) / "validation-report.json").read_text())

    assert len(report["pluginReports"]) == len(packs)
    # The ingest of the same app is not judged here.
    found = [
        (violation["ruleName"], where["constructPath"])
        for each in report["pluginReports"]
        for violation in each["violations"]
        for where in violation["violatingConstructs"]
        if where["constructPath"].startswith("Monitoring/")
    ]
    assert found == []
