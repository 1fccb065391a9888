"""Alarms that only a `FileTransfer` has: on uploads, leftover objects and verification."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from wideload_cdk.files.construct import FileTransfer
from wideload_cdk.monitoring.alarm_factory import HOUR, ONCE, PERIOD, AlarmFactory
from wideload_cdk.monitoring.alarms import (
    SWEEP,
    add_backlog_alarm,
    add_dead_letter_alarm,
    add_late_alarm,
    add_sweep_alarm,
    add_waiting_alarm,
)

DAY = Duration.days(1)

# Functions with one file per invocation, or one run an hour.
ALONE = ("verifier", SWEEP)

# Alarms on failures that callers notice, or that put stored files at risk.
UNHEALTHY = ("api-errors", "api-latency", "files-corrupt", "files-table-throttles")

# Operations on the files table; new items are put only in transactions.
OPERATIONS = [
    "GetItem",
    "BatchGetItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "TransactWriteItems",
]

# People abandon some uploads; with fewer than this in a day a percentage means nothing.
FEWEST_EXPIRED = 10


def functions(files: FileTransfer) -> dict[str, lambda_.Function]:
    """All functions by their names in alarms and graphs."""
    found: dict[str, lambda_.Function] = {"api": files.api_function, SWEEP: files.sweep_function}
    if files.verifier_function is not None:
        found["verifier"] = files.verifier_function
    if files.events_function is not None:
        found["events"] = files.events_function
    if files.scan_results_function is not None:
        found["scans"] = files.scan_results_function
    return found


def dead_letters(files: FileTransfer) -> dict[str, sqs.IQueue]:
    """Dead-letter queues by their names in graphs."""
    found: dict[str, sqs.IQueue] = {"events": files.event_dead_letter_queue}
    if files.dead_letter_queue is not None:
        found["files"] = files.dead_letter_queue
    return found


def add_file_alarms(
    alarms: AlarmFactory,
    files: FileTransfer,
    *,
    expired_percent: float,
    oldest_message: Duration,
    oldest_event: Duration,
) -> None:
    """Add alarms on expired uploads, leftover objects, the sweep, and corrupt or waiting files."""
    expired = files.metric_expired_upload_count(period=DAY)
    uploaded = files.metric_file_upload_count(period=DAY)
    alarms.add(
        "uploads-expired",
        metric=cloudwatch.MathExpression(
            expression=f"IF(FILL(expired, 0) >= {FEWEST_EXPIRED}, "
            "100 * expired / (expired + FILL(uploaded, 0)), 0)",
            using_metrics={"expired": expired, "uploaded": uploaded},
            label="uploads never completed, %",
            period=DAY,
        ),
        threshold=expired_percent,
        says=f"More than {expired_percent:g} % of uploads are begun and never completed.",
        section="uploads-expired",
        periods=ONCE,
        # Missing: no upload was completed or expired that day.
    )
    alarms.add(
        "objects-left-over",
        metric=files.metric_leftover_object_count(period=HOUR),
        threshold=0,
        says="The sweep goes on finding objects of ended uploads and deleted files.",
        section="objects-left-over",
        # A slow PUT leaves an object now and then, which the sweep has deleted.
        periods=(2, 3),
        # Missing: there was no run, which `sweep-missing` reports.
    )
    add_sweep_alarm(alarms, files.metric_expired_upload_count(statistic="SampleCount", period=HOUR))
    add_backlog_alarm(alarms, files.metric_sweep_backlog_age(period=HOUR))
    add_dead_letter_alarm(
        alarms,
        "event-dead-letters",
        files.event_dead_letter_queue,
        "Events of the schedule or of files could not be passed on.",
    )
    if files.events_function is not None:
        add_late_alarm(
            alarms,
            files.events_function,
            oldest_event,
            f"Events of files are published {oldest_event.to_human_string()} late.",
        )
    if files.scan_results_function is not None:
        alarms.add(
            "files-unscanned",
            metric=files.metric_unscanned_file_count(period=HOUR),
            threshold=0,
            says="Files are quarantined, and no malware scanner has judged them in time.",
            section="files-unscanned",
            periods=ONCE,
            # Missing: there was no run, which `sweep-missing` reports.
        )
    if files.dead_letter_queue is not None:
        add_dead_letter_alarm(
            alarms,
            "file-dead-letters",
            files.dead_letter_queue,
            "Files could not be checked, or scan results not recorded, in five tries.",
        )
    if files.verify_queue is None:
        return
    alarms.add(
        "files-corrupt",
        metric=files.metric_file_corrupt_count(period=PERIOD),
        threshold=0,
        says="A file's content is not what its owner said.",
        section="files-corrupt",
        periods=ONCE,
        # Missing: no file was verified.
    )
    add_waiting_alarm(
        alarms,
        "files-waiting",
        files.verify_queue,
        oldest_message,
        f"A file has been waiting to be checked for {oldest_message.to_human_string()}.",
    )
