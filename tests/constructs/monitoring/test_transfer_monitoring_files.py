"""What `TransferMonitoring` makes for file transfer: each default, override and refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from tests.constructs.conftest import cdk_json_context, name_prefix, only
from wideload_cdk import FileTransfer, PayloadIngest, TransferMonitoring
from wideload_cdk.monitoring.construct import FILES_LATENCY
from wideload_runtime.core.files.completing import WAIT_SECONDS

Make = Callable[..., tuple[TransferMonitoring, Template]]

OK = "notBreaching"


@pytest.fixture
def app() -> cdk.App:
    return cdk.App(context=cdk_json_context())


@pytest.fixture
def make(app: cdk.App, code: lambda_.Code) -> Make:
    """Watch a file transfer; `files` are its arguments, `thresholds` those of `monitor_files`."""

    def run(
        files: dict[str, Any] | None = None,
        thresholds: dict[str, Any] | None = None,
        **arguments: Any,
    ) -> tuple[TransferMonitoring, Template]:
        watched = FileTransfer(
            cdk.Stack(app, "Files"),
            "Files",
            **{"code": code, "environment_name": "blue", "verify_multipart": True, **(files or {})},
        )
        stack = cdk.Stack(app, "Monitoring")
        monitoring = TransferMonitoring(stack, "Watch", **arguments)
        monitoring.monitor_files(watched, **(thresholds or {}))
        return monitoring, Template.from_stack(stack)

    return run


@pytest.fixture(scope="module")
def default(code_folder: Path) -> Template:
    """With the verifier, and otherwise without arguments."""
    app = cdk.App()
    files = FileTransfer(
        cdk.Stack(app, "Files"),
        "Files",
        code=lambda_.Code.from_asset(str(code_folder)),
        environment_name="blue",
        verify_multipart=True,
    )
    stack = cdk.Stack(app, "Monitoring")
    TransferMonitoring(stack, "Watch").monitor_files(files)
    return Template.from_stack(stack)


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """Properties of the alarms of file transfer by their names without prefix and service."""
    prefix = name_prefix(template) + "-files-"
    return {
        resource["Properties"]["AlarmName"].removeprefix(prefix): resource["Properties"]
        for resource in template.find_resources("AWS::CloudWatch::Alarm").values()
        if resource["Properties"]["AlarmName"].startswith(prefix)
    }


WITHOUT_VERIFIER = {
    "api-errors",
    "api-latency",
    "api-function-errors",
    "api-function-duration",
    "sweep-function-errors",
    "sweep-function-duration",
    "function-throttles",
    "uploads-expired",
    "objects-left-over",
    "sweep-missing",
    "sweep-behind",
    "event-dead-letters",
    "files-table-throttles",
    "files-table-errors",
    "bucket-errors",
}
OF_VERIFIER = {
    "verifier-function-errors",
    "verifier-function-duration",
    "files-corrupt",
    "files-waiting",
    "file-dead-letters",
}


def test_every_alarm_with_the_verifier(default: Template) -> None:
    assert set(alarms(default)) == WITHOUT_VERIFIER | OF_VERIFIER


def test_every_alarm_without_the_verifier(make: Make) -> None:
    _, template = make(files={"verify_multipart": False})

    assert set(alarms(template)) == WITHOUT_VERIFIER


@pytest.mark.parametrize(
    ("name", "threshold", "of_these", "all_of", "missing"),
    [
        ("api-errors", 1, 2, 3, OK),
        ("api-latency", 5_000, 3, 3, OK),
        ("api-function-duration", 26_100, 2, 3, OK),
        ("sweep-function-errors", 2, 1, 1, OK),
        ("sweep-function-duration", 810_000, 1, 1, OK),
        ("verifier-function-duration", 810_000, 1, 1, OK),
        ("uploads-expired", 50, 1, 1, OK),
        ("objects-left-over", 0, 2, 3, OK),
        ("sweep-missing", 1, 2, 2, "breaching"),
        ("sweep-behind", 7_200, 2, 3, OK),
        ("event-dead-letters", 0, 1, 1, OK),
        ("files-corrupt", 0, 1, 1, OK),
        ("files-waiting", 3_600, 1, 1, OK),
        ("file-dead-letters", 0, 1, 1, OK),
        ("files-table-throttles", 0, 2, 3, OK),
        ("files-table-errors", 5, 2, 3, OK),
        ("bucket-errors", 0.01, 2, 3, OK),
    ],
)
def test_thresholds_and_how_missing_data_is_treated(
    default: Template, name: str, threshold: float, of_these: int, all_of: int, missing: str
) -> None:
    properties = alarms(default)[name]

    assert properties["Threshold"] == pytest.approx(threshold)
    assert (properties["DatapointsToAlarm"], properties["EvaluationPeriods"]) == (of_these, all_of)
    assert properties["TreatMissingData"] == missing


@pytest.mark.parametrize(
    ("name", "namespace", "metric", "statistic", "period"),
    [
        ("objects-left-over", "Wideload", "LeftoverObjectCount", "Sum", 3_600),
        ("sweep-missing", "Wideload", "ExpiredUploadCount", "SampleCount", 3_600),
        ("sweep-behind", "Wideload", "SweepBacklogAge", "Maximum", 3_600),
        ("files-corrupt", "Wideload", "FileCorruptCount", "Sum", 300),
        ("files-waiting", "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 300),
        ("file-dead-letters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 300),
    ],
)
def test_plain_metrics(
    default: Template, name: str, namespace: str, metric: str, statistic: str, period: int
) -> None:
    properties = alarms(default)[name]

    assert (properties["Namespace"], properties["MetricName"]) == (namespace, metric)
    assert (properties["Statistic"], properties["Period"]) == (statistic, period)
    if namespace == "Wideload":
        assert properties["Dimensions"] == [
            {"Name": "environment", "Value": "blue"},
            {"Name": "service", "Value": "files"},
        ]


def test_a_few_uploads_that_expire_are_no_alarm(default: Template) -> None:
    properties = alarms(default)["uploads-expired"]
    [expression] = [each for each in properties["Metrics"] if "Expression" in each]

    assert expression["Expression"] == (
        "IF(FILL(expired, 0) >= 10, 100 * expired / (expired + FILL(uploaded, 0)), 0)"
    )
    assert {
        each["Id"]: (each["MetricStat"]["Metric"]["MetricName"], each["MetricStat"]["Period"])
        for each in properties["Metrics"]
        if "MetricStat" in each
    } == {"expired": ("ExpiredUploadCount", 86_400), "uploaded": ("FileUploadCount", 86_400)}


def test_the_table_is_watched_for_every_operation_that_functions_may_use(default: Template) -> None:
    operations = {
        each["Value"]
        for metric in alarms(default)["files-table-throttles"]["Metrics"]
        if "MetricStat" in metric
        for each in metric["MetricStat"]["Metric"]["Dimensions"]
        if each["Name"] == "Operation"
    }

    assert operations == {
        "GetItem",
        "BatchGetItem",
        "UpdateItem",
        "DeleteItem",
        "Query",
        "TransactWriteItems",
    }


@pytest.mark.parametrize(
    ("argument", "value", "name", "threshold"),
    [
        ("server_error_percent", 2, "api-errors", 2),
        ("latency", Duration.seconds(1), "api-latency", 1_000),
        ("function_error_percent", 3, "verifier-function-errors", 3),
        ("function_duration_percent", 50, "verifier-function-duration", 450_000),
        ("expired_upload_percent", 10, "uploads-expired", 10),
        ("oldest_message", Duration.hours(3), "files-waiting", 10_800),
        ("table_system_errors", 100, "files-table-errors", 100),
        ("bucket_error_percent", 2, "bucket-errors", 0.02),
    ],
)
def test_thresholds_given(
    make: Make, argument: str, value: Any, name: str, threshold: float
) -> None:
    _, template = make(thresholds={argument: value})

    assert alarms(template)[name]["Threshold"] == pytest.approx(threshold)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("server_error_percent", 0, "server_error_percent is 0; give more than 0"),
        ("function_error_percent", 0, "function_error_percent is 0"),
        ("function_duration_percent", 101, "function_duration_percent is 101"),
        ("expired_upload_percent", 0, "expired_upload_percent is 0"),
        ("bucket_error_percent", 101, "bucket_error_percent is 101"),
        ("latency", Duration.seconds(30), "latency is 30 seconds"),
        ("oldest_message", Duration.days(2), "oldest_message is 2 days"),
        ("table_system_errors", -1, "table_system_errors is -1"),
    ],
)
def test_thresholds_refused(make: Make, argument: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(thresholds={argument: value})


def test_files_are_unhealthy_with_what_callers_notice(default: Template) -> None:
    rule = json.dumps(only(default, "AWS::CloudWatch::CompositeAlarm")["AlarmRule"])
    named = {
        logical_id: resource["Properties"]["AlarmName"].partition("-files-")[2]
        for logical_id, resource in default.find_resources("AWS::CloudWatch::Alarm").items()
    }

    assert {name for logical_id, name in named.items() if logical_id in rule} == {
        "api-errors",
        "api-latency",
        "files-corrupt",
        "files-table-throttles",
    }


def test_without_the_verifier_its_alarm_is_left_out_of_the_rule(make: Make) -> None:
    monitoring, template = make(files={"verify_multipart": False})

    rule = json.dumps(only(template, "AWS::CloudWatch::CompositeAlarm")["AlarmRule"])
    assert rule.count("OR") == 2
    assert monitoring.files_unhealthy is not None
    assert monitoring.ingest_unhealthy is None


def test_queries_are_saved_under_files(default: Template) -> None:
    saved = default.find_resources("AWS::Logs::QueryDefinition").values()
    names = {each["Properties"]["Name"].partition("/files/")[2] for each in saved}

    assert {"answered-5xx", "failures", "refusals", "sweeps"} <= names
    assert "one-file" in names
    assert "one-payload" not in names


def test_every_metric_of_files_is_on_the_dashboard(default: Template) -> None:
    body = json.dumps(only(default, "AWS::CloudWatch::Dashboard")["DashboardBody"])

    for name in (
        "FileUploadCount",
        "FileUploadSize",
        "DuplicateFileCount",
        "BytesSaved",
        "FileDownloadCount",
        "ExpiredUploadCount",
        "LeftoverObjectCount",
        "FileVerifiedCount",
        "FileCorruptCount",
        "FileUnverifiableCount",
    ):
        assert f'\\"Wideload\\",\\"{name}\\"' in body, name


def test_the_verifiers_metrics_are_shown_with_a_verifier_alone(
    make: Make, default: Template
) -> None:
    _, without = make({"verify_multipart": False})

    for template, shown in ((default, True), (without, False)):
        dashboard = json.dumps(only(template, "AWS::CloudWatch::Dashboard"))
        for metric in ("FileVerifiedCount", "FileCorruptCount", "FileUnverifiableCount"):
            assert (metric in dashboard) == shown


def test_ingest_and_files_share_a_dashboard_and_a_bucket(app: cdk.App, code: lambda_.Code) -> None:
    stack = cdk.Stack(app, "Both")
    ingest = PayloadIngest(stack, "Ingest", code=code)
    files = FileTransfer(stack, "Files", code=code, bucket=ingest.bucket)
    monitoring = TransferMonitoring(stack, "Watch")

    monitoring.monitor_ingest(ingest)
    monitoring.monitor_files(files)

    template = Template.from_stack(stack)
    template.resource_count_is("AWS::CloudWatch::Dashboard", 1)
    template.resource_count_is("AWS::SNS::Topic", 1)
    bucket = only(template, "AWS::S3::Bucket", "IngestBucketEDD")
    assert bucket["MetricsConfigurations"] == [{"Id": "EntireBucket"}]
    names = [
        each["Properties"]["AlarmName"]
        for each in template.find_resources("AWS::CloudWatch::Alarm").values()
    ]
    assert len(set(names)) == len(names)


def test_a_second_file_transfer_is_refused(app: cdk.App, code: lambda_.Code) -> None:
    stack = cdk.Stack(app, "Both")
    files = FileTransfer(stack, "Files", code=code)
    monitoring = TransferMonitoring(stack, "Watch")
    monitoring.monitor_files(files)

    with pytest.raises(ValueError, match="Files is watched here already"):
        monitoring.monitor_files(files)


def test_waiting_for_s3_stays_below_the_alarm_on_latency() -> None:
    """A request of a large upload lists up to 10,000 parts besides."""
    assert FILES_LATENCY.to_seconds() > 2 * WAIT_SECONDS
