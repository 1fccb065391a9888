"""Alarms of a file transfer: with and without the verifier, thresholds and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from tests.constructs.monitoring.conftest import (
    alarms,
    alarms_in,
    monitor,
    new_files,
    operations_of,
)
from wideload_cdk import FileTransfer, TransferMonitoring
from wideload_cdk.monitoring.construct import FILES_LATENCY
from wideload_runtime.core.files.completing import WAIT_SECONDS

OF_VERIFIER = {
    "files-verifier-function-errors",
    "files-verifier-function-duration",
    "files-files-corrupt",
    "files-files-waiting",
    "files-file-dead-letters",
}
VERIFIER_METRICS = ("FileVerifiedCount", "FileCorruptCount", "FileUnverifiableCount")


@pytest.fixture(scope="module")
def with_verifier(code_folder: Path) -> Template:
    return monitor(new_files(code_folder, verify_multipart=True))


@pytest.fixture(scope="module")
def without_verifier(code_folder: Path) -> Template:
    return monitor(new_files(code_folder, verify_multipart=False))


@pytest.fixture(scope="module")
def unmonitored(code_folder: Path) -> tuple[TransferMonitoring, FileTransfer]:
    """A monitoring and a file transfer that it doesn't monitor yet."""
    files = new_files(code_folder)
    return TransferMonitoring(cdk.Stack.of(files), "Watch"), files


# The verifier


def test_the_verifier_adds_its_alarms(with_verifier: Template, without_verifier: Template) -> None:
    assert set(alarms(with_verifier)) - set(alarms(without_verifier)) == OF_VERIFIER
    assert set(alarms(without_verifier)) < set(alarms(with_verifier))


@pytest.mark.parametrize(
    ("name", "threshold", "periods"),
    [
        ("verifier-function-errors", 1, (2, 3)),
        ("verifier-function-duration", 810_000, (1, 1)),
        ("files-corrupt", 0, (1, 1)),
        ("files-waiting", 3_600, (1, 1)),
        ("file-dead-letters", 0, (1, 1)),
    ],
)
def test_thresholds_of_the_verifiers_alarms(
    with_verifier: Template, name: str, threshold: float, periods: tuple[int, int]
) -> None:
    properties = alarms(with_verifier)[f"files-{name}"]

    assert properties["Threshold"] == pytest.approx(threshold)
    assert (properties["DatapointsToAlarm"], properties["EvaluationPeriods"]) == periods
    assert properties["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize(
    ("name", "namespace", "metric", "statistic"),
    [
        ("files-corrupt", "Wideload", "FileCorruptCount", "Sum"),
        ("files-waiting", "AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum"),
        ("file-dead-letters", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum"),
    ],
)
def test_metrics_of_the_verifiers_alarms(
    with_verifier: Template, name: str, namespace: str, metric: str, statistic: str
) -> None:
    properties = alarms(with_verifier)[f"files-{name}"]

    assert (properties["Namespace"], properties["MetricName"]) == (namespace, metric)
    assert (properties["Statistic"], properties["Period"]) == (statistic, 300)


def test_corrupt_files_make_file_transfer_unhealthy(
    with_verifier: Template, without_verifier: Template
) -> None:
    always = {"files-api-errors", "files-api-latency", "files-files-table-throttles"}

    for template, expected in (
        (with_verifier, always | {"files-files-corrupt"}),
        (without_verifier, always),
    ):
        rule = json.dumps(only(template, "AWS::CloudWatch::CompositeAlarm")["AlarmRule"])
        assert alarms_in(rule, template) == expected
        assert rule.count("OR") == len(expected) - 1


@pytest.mark.parametrize(
    "metric",
    [
        "FileUploadCount",
        "FileUploadSize",
        "DuplicateFileCount",
        "BytesSaved",
        "FileDownloadCount",
        "ExpiredUploadCount",
        "LeftoverObjectCount",
        *VERIFIER_METRICS,
    ],
)
def test_every_metric_of_files_is_on_the_dashboard(
    with_verifier: Template, without_verifier: Template, metric: str
) -> None:
    shown = f'\\"Wideload\\",\\"{metric}\\"'

    for template, expected in (
        (with_verifier, True),
        (without_verifier, metric not in VERIFIER_METRICS),
    ):
        body = json.dumps(only(template, "AWS::CloudWatch::Dashboard")["DashboardBody"])
        assert (shown in body) == expected


# Relations


def test_the_table_is_watched_for_every_operation_that_functions_use(
    with_verifier: Template,
) -> None:
    for kind in ("throttles", "errors"):
        assert operations_of(alarms(with_verifier)[f"files-files-table-{kind}"]) == {
            "GetItem",
            "BatchGetItem",
            "UpdateItem",
            "DeleteItem",
            "Query",
            "TransactWriteItems",
        }


def test_waiting_for_s3_stays_below_the_alarm_on_latency() -> None:
    """A request of a large upload lists up to 10,000 parts besides."""
    assert FILES_LATENCY.to_seconds() > 2 * WAIT_SECONDS


# Thresholds


def test_thresholds_given(code_folder: Path) -> None:
    template = monitor(
        new_files(code_folder, verify_multipart=True),
        {
            "server_error_percent": 2,
            "latency": Duration.seconds(1),
            "function_error_percent": 3,
            "function_duration_percent": 50,
            "expired_upload_percent": 10,
            "oldest_message": Duration.hours(3),
            "oldest_event": Duration.hours(1),
            "table_system_errors": 100,
            "bucket_error_percent": 4,
        },
    )

    found = {name: properties["Threshold"] for name, properties in alarms(template).items()}
    assert (
        found
        | {
            "files-api-errors": 2,
            "files-api-latency": 1_000,
            "files-verifier-function-errors": 3,
            "files-verifier-function-duration": 450_000,
            "files-uploads-expired": 10,
            "files-files-waiting": 10_800,
            "files-events-late": 3_600_000,
            "files-files-table-errors": 100,
            "files-bucket-errors": 0.04,
        }
        == found
    )


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("server_error_percent", 0, "server_error_percent is 0; give more than 0"),
        ("expired_upload_percent", 0, "expired_upload_percent is 0"),
        ("latency", Duration.seconds(30), "latency is 30 seconds"),
        ("oldest_message", Duration.days(2), "oldest_message is 2 days"),
        ("table_system_errors", -1, "table_system_errors is -1"),
    ],
)
def test_thresholds_refused(
    unmonitored: tuple[TransferMonitoring, FileTransfer], argument: str, value: Any, message: str
) -> None:
    monitoring, files = unmonitored

    with pytest.raises(ValueError, match=message):
        monitoring.monitor_files(files, **{argument: value})
