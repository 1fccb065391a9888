"""The ingest service over AWS, made once per function."""

from __future__ import annotations

from ulid import ULID

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.payload_table import DynamoPayloadTable
from wideload_runtime.adapters.queue import SqsQueue
from wideload_runtime.adapters.s3_bucket import S3Bucket
from wideload_runtime.adapters.telemetry import EmfMetrics
from wideload_runtime.core.ingest import Ingest
from wideload_runtime.settings import Settings


def make_ingest(*, lease_ms: int) -> Ingest:
    """
    Args:
        lease_ms: Longer than the function can run, so that nobody works without a lease.
    """
    settings = Settings.from_environment()
    return Ingest(
        table=DynamoPayloadTable(clients.table(settings.payloads_table)),
        bucket=S3Bucket(
            clients.s3(settings.s3_addressing_style),
            settings.bucket,
            url_seconds=settings.upload_url_seconds,
        ),
        queue=SqsQueue(clients.sqs(), settings.queue_url),
        metrics=EmfMetrics(settings.environment),
        bucket_name=settings.bucket,
        upload_url_seconds=settings.upload_url_seconds,
        in_request_limit=settings.in_request_limit,
        records_field=settings.records_field,
        lease_ms=lease_ms,
        new_id=lambda: str(ULID()),
    )
