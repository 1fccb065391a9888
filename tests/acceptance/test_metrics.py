"""Metrics of what this run did, and alarms, as CloudWatch has them."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.conftest import needs
from tests.acceptance.deployment import Deployment, until
from tests.acceptance.run import Run

MINUTES = 10
"""Within which all metrics are there, and alarms that have data say so."""
AT_ONCE = 100
"""Alarms that CloudWatch tells about in one answer."""
METRICS = {
    "ingest": (
        "InlinePayloadCount",
        "LargePayloadCount",
        "PayloadStoredCount",
        "ProcessingDuration",
        "S3DownloadDuration",
        "S3UploadDuration",
        "S3UploadSize",
        "UnclaimedPayloadCount",
    ),
    "files": ("BytesSaved", "DuplicateFileCount", "FileUploadCount", "FileUploadSize"),
}
"""Those of what a run does: nothing fails in it."""

Seen = Callable[[str], None]


@pytest.fixture(scope="module")
def deadline() -> float:
    """When CloudWatch has had its time for all metrics, on the clock of `time.monotonic`."""
    return time.monotonic() + MINUTES * 60


@pytest.mark.parametrize(
    ("service", "metric"), [(service, name) for service in METRICS for name in METRICS[service]]
)
def test_the_metric_is_in_cloudwatch(
    run: Run, deployment: Deployment, deadline: float, service: str, metric: str, seen: Seen
) -> None:
    needs(deployment, service)

    def points() -> list[dict[str, Any]]:
        answer = deployment.client("cloudwatch").get_metric_statistics(
            Namespace="Wideload",
            MetricName=metric,
            Dimensions=[
                {"Name": "service", "Value": service},
                {"Name": "environment", "Value": deployment.environment},
            ],
            StartTime=dt.datetime.fromtimestamp(run.began - 60, dt.UTC),
            EndTime=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1),
            Period=60,
            Statistics=["Sum", "SampleCount"],
        )
        found: list[dict[str, Any]] = answer["Datapoints"]
        return found

    found = until(points, seconds=deadline - time.monotonic(), pause=10)
    assert found, f"{metric} of {service} isn't in CloudWatch after {MINUTES} minutes"
    values, total = (sum(one[name] for one in found) for name in ("SampleCount", "Sum"))
    seen(f"{values:g} values, sum {total:,.0f}")


def test_no_alarm_sounds(deployment: Deployment, seen: Seen) -> None:
    needs(deployment, "monitoring")
    found = alarms(deployment)
    assert found
    assert [
        f"{one['AlarmName']}: {one['StateReason']}" for one in found if one["StateValue"] == "ALARM"
    ] == []
    seen(f"{len(found)} alarms")


def test_no_alarm_lacks_data(deployment: Deployment, seen: Seen) -> None:
    """Without data an alarm is `OK` or `ALARM`, as it says; a new one takes some minutes to."""
    needs(deployment, "monitoring")

    def without() -> list[str]:
        return [
            one["AlarmName"]
            for one in alarms(deployment)
            if one["StateValue"] == "INSUFFICIENT_DATA"
        ]

    until(lambda: not without(), seconds=MINUTES * 60, pause=10)
    assert without() == []


def alarms(deployment: Deployment) -> list[dict[str, Any]]:
    """All of the environment, composite ones too."""
    # Of some CloudFormation knows the ARN, which ends with the name.
    names = [
        one.id.rpartition(":")[2]
        for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for one in deployment.of_type(kind)
    ]
    found = []
    for first in range(0, len(names), AT_ONCE):
        answer = deployment.client("cloudwatch").describe_alarms(
            AlarmNames=names[first : first + AT_ONCE], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        found += answer["MetricAlarms"] + answer["CompositeAlarms"]
    return found
