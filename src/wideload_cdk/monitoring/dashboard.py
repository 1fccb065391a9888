"""Rows of the dashboard: first what callers notice, below it possible causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from wideload_cdk.files.construct import FileTransfer
from wideload_cdk.ingest.construct import PayloadIngest
from wideload_cdk.monitoring.alarm_factory import PERIOD
from wideload_cdk.monitoring.alarms import bucket_requests

Row = Sequence[cloudwatch.IWidget]

# A dashboard is 24 columns wide.
_THIRD = 8
_FULL = 24


def heading(title: str, text: str, alarms: Sequence[cloudwatch.IAlarm]) -> list[Row]:
    """A title, and the states of all alarms."""
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


def ingest_rows(ingest: PayloadIngest) -> list[Row]:
    """Numbers of payloads by outcome, durations and sizes."""
    return [
        [
            graph(
                "Payloads",
                ingest.metric_inline_payload_count(label="inline"),
                ingest.metric_large_payload_count(label="through S3"),
            ),
            graph(
                "Outcome",
                ingest.metric_payload_stored_count(label="stored"),
                right=[ingest.metric_payload_failed_count(label="failed")],
            ),
            graph(
                "Found by the sweep",
                ingest.metric_expired_upload_count(label="URLs never used"),
                ingest.metric_repaired_payload_count(label="repaired"),
                ingest.metric_lost_upload_count(label="lost"),
                ingest.metric_orphan_object_count(label="orphans"),
                right=[ingest.metric_sweep_backlog_age(label="seconds behind")],
            ),
        ],
        [
            graph(
                "Durations, ms",
                ingest.metric_s3_upload_duration(label="upload"),
                ingest.metric_s3_download_duration(label="download"),
                ingest.metric_processing_duration(label="processing"),
                ingest.metric_processing_duration(statistic="p99", label="processing p99"),
            ),
            graph(
                "Size of uploads, bytes",
                ingest.metric_s3_upload_size(label="average"),
                ingest.metric_s3_upload_size(statistic="Maximum", label="largest"),
            ),
            graph("Uploads nobody claimed", ingest.metric_unclaimed_payload_count()),
        ],
    ]


def files_rows(files: FileTransfer) -> list[Row]:
    """Numbers and bytes of uploads, downloads and duplicates; findings of sweep and verifier."""
    verifying = files.verifier_function is not None
    found = [
        files.metric_expired_upload_count(label="uploads expired"),
        files.metric_leftover_object_count(label="leftover objects"),
    ]
    if verifying:
        found += [
            files.metric_file_verified_count(label="verified"),
            files.metric_file_corrupt_count(label="corrupt"),
            files.metric_file_unverifiable_count(label="too large to verify"),
        ]
    if files.scan_results_function is not None:
        found += [
            files.metric_file_clean_count(label="clean"),
            files.metric_file_malware_count(label="malware"),
            files.metric_file_not_scanned_count(label="not scanned"),
            files.metric_unscanned_file_count(label="without a scan in time"),
        ]
    return [
        [
            graph(
                "Files",
                files.metric_file_upload_count(label="uploaded"),
                files.metric_duplicate_file_count(label="duplicates"),
                files.metric_file_download_count(label="downloads"),
            ),
            graph(
                "Bytes",
                files.metric_file_upload_size(statistic="Sum", label="uploaded"),
                files.metric_bytes_saved(label="saved by duplicates"),
            ),
            graph(
                "Found by sweep and verifier" if verifying else "Found by sweep",
                *found,
                right=[files.metric_sweep_backlog_age(label="sweep, seconds behind")],
            ),
        ],
    ]


def function_row(functions: Mapping[str, lambda_.IFunction]) -> Row:
    """Errors, durations and concurrency of each function."""
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
    """Waiting messages, their age, and dead letters."""
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
    """Consumed capacity of tables, and S3's requests if the bucket has request metrics."""
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
    """A graph over a third of a row; `right` has its own axis."""
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        right_y_axis=cloudwatch.YAxisProps(min=0, show_units=False),
        width=_THIRD,
        height=6,
    )
