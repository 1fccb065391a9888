"""The widgets of the dashboard: what callers feel first, what could explain it below."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from wideload_cdk.monitoring.alarms import PERIOD, bucket_requests

if TYPE_CHECKING:
    from wideload_cdk.files.metrics import FilesMetrics
    from wideload_cdk.ingest.metrics import IngestMetrics

Row = Sequence[cloudwatch.IWidget]

# A dashboard is 24 columns wide.
_THIRD = 8
_FULL = 24


def heading(title: str, text: str, alarms: Sequence[cloudwatch.IAlarm]) -> list[Row]:
    """A title, and the state of every alarm."""
    return [
        [cloudwatch.TextWidget(markdown=f"# {title}\n{text}", width=_FULL, height=2)],
        [cloudwatch.AlarmStatusWidget(alarms=list(alarms), title="Alarms", width=_FULL, height=4)],
    ]


def api_row(stage: apigateway.HttpStage) -> Row:
    """Requests, errors and latency of an API."""
    return [
        graph("Requests", stage.metric_count(statistic="Sum", period=PERIOD)),
        graph(
            "Errors",
            stage.metric_server_error(statistic="Sum", period=PERIOD, label="5xx"),
            right=[stage.metric_client_error(statistic="Sum", period=PERIOD, label="4xx")],
        ),
        graph(
            "Latency, ms",
            *(
                stage.metric_latency(statistic=statistic, period=PERIOD, label=statistic)
                for statistic in ("p50", "p90", "p99")
            ),
        ),
    ]


def ingest_rows(metrics: IngestMetrics) -> list[Row]:
    """What became of payloads, how long it took, and how much it was."""
    return [
        [
            graph(
                "Payloads",
                metrics.metric_inline_payload_count(label="inline"),
                metrics.metric_large_payload_count(label="through S3"),
            ),
            graph(
                "Outcome",
                metrics.metric_payload_stored_count(label="stored"),
                right=[metrics.metric_payload_failed_count(label="failed")],
            ),
            graph(
                "Found by the sweep",
                metrics.metric_expired_upload_count(label="URLs never used"),
                metrics.metric_repaired_payload_count(label="repaired"),
                metrics.metric_lost_upload_count(label="lost"),
                metrics.metric_orphan_object_count(label="orphans"),
                right=[metrics.metric_sweep_backlog_age(label="seconds behind")],
            ),
        ],
        [
            graph(
                "Durations, ms",
                metrics.metric_s3_upload_duration(label="upload"),
                metrics.metric_s3_download_duration(label="download"),
                metrics.metric_processing_duration(label="processing"),
                metrics.metric_processing_duration(statistic="p99", label="processing p99"),
            ),
            graph(
                "Size of uploads, bytes",
                metrics.metric_s3_upload_size(label="average"),
                metrics.metric_s3_upload_size(statistic="Maximum", label="largest"),
            ),
            graph("Uploads nobody claimed", metrics.metric_unclaimed_payload_count()),
        ],
    ]


def files_rows(metrics: FilesMetrics, *, verifying: bool) -> list[Row]:
    """What people up- and downloaded, what that saved, and what was found to be wrong."""
    found = [
        metrics.metric_expired_upload_count(label="uploads expired"),
        metrics.metric_leftover_object_count(label="leftover objects"),
    ]
    if verifying:
        found += [
            metrics.metric_file_verified_count(label="verified"),
            metrics.metric_file_corrupt_count(label="corrupt"),
            metrics.metric_file_unverifiable_count(label="too large to verify"),
        ]
    return [
        [
            graph(
                "Files",
                metrics.metric_file_upload_count(label="uploaded"),
                metrics.metric_duplicate_file_count(label="duplicates"),
                metrics.metric_file_download_count(label="downloads"),
            ),
            graph(
                "Bytes",
                metrics.metric_file_upload_size(statistic="Sum", label="uploaded"),
                metrics.metric_bytes_saved(label="saved by duplicates"),
            ),
            graph(
                "Found by sweep and verifier" if verifying else "Found by sweep",
                *found,
                right=[metrics.metric_sweep_backlog_age(label="sweep, seconds behind")],
            ),
        ],
    ]


def function_row(functions: Mapping[str, lambda_.IFunction]) -> Row:
    """Errors, durations and concurrency, of each function."""
    each = functions.items()
    return [
        graph(
            "Function errors, throttles",
            *(f.metric_errors(statistic="Sum", period=PERIOD, label=name) for name, f in each),
            right=[
                f.metric_throttles(statistic="Sum", period=PERIOD, label=f"{name} throttled")
                for name, f in each
            ],
        ),
        graph(
            "Slowest invocation, ms",
            *(
                f.metric_duration(statistic="Maximum", period=PERIOD, label=name)
                for name, f in each
            ),
        ),
        graph(
            "Running at once",
            *(
                f.metric("ConcurrentExecutions", statistic="Maximum", period=PERIOD, label=name)
                for name, f in each
            ),
        ),
    ]


def queue_row(queue: sqs.IQueue | None, dead_letters: Mapping[str, sqs.IQueue]) -> Row:
    """What waits, for how long, and what was given up."""
    row = [] if queue is None else _waiting(queue)
    row.append(
        graph(
            "Dead letters",
            *(
                dead.metric_approximate_number_of_messages_visible(period=PERIOD, label=name)
                for name, dead in dead_letters.items()
            ),
        )
    )
    return row


def _waiting(queue: sqs.IQueue) -> list[cloudwatch.GraphWidget]:
    return [
        graph(
            "Queue",
            queue.metric_approximate_number_of_messages_visible(period=PERIOD, label="waiting"),
            queue.metric_approximate_number_of_messages_not_visible(period=PERIOD, label="at work"),
            queue.metric_approximate_number_of_messages_delayed(period=PERIOD, label="delayed"),
        ),
        graph(
            "Oldest message, s",
            queue.metric_approximate_age_of_oldest_message(period=PERIOD, label="age"),
        ),
    ]


def storage_row(
    tables: Mapping[str, dynamodb.ITable], bucket: s3.IBucket, filter_id: str | None
) -> Row:
    """Capacity that tables use, and what the bucket answers (with request metrics alone)."""
    row = [
        graph(
            "Write units",
            *(
                table.metric_consumed_write_capacity_units(period=PERIOD, label=name)
                for name, table in tables.items()
            ),
        ),
        graph(
            "Read units",
            *(
                table.metric_consumed_read_capacity_units(period=PERIOD, label=name)
                for name, table in tables.items()
            ),
        ),
    ]
    if filter_id is not None:
        row.append(
            graph(
                "S3 requests",
                bucket_requests(bucket, "PutRequests", filter_id, statistic="Sum"),
                bucket_requests(bucket, "GetRequests", filter_id, statistic="Sum"),
                right=[
                    bucket_requests(bucket, "4xxErrors", filter_id, statistic="Sum"),
                    bucket_requests(bucket, "5xxErrors", filter_id, statistic="Sum"),
                ],
            )
        )
    return row


def graph(
    title: str, *left: cloudwatch.IMetric, right: Iterable[cloudwatch.IMetric] = ()
) -> cloudwatch.GraphWidget:
    """A third of a row. `right` has an axis of its own."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        right_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        width=_THIRD,
        height=6,
    )
