"""Payload ingest on AWS, made once per function."""

from __future__ import annotations

import time

from ulid import ULID

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.ingest_bucket import IngestBucket
from wideload_runtime.adapters.ingest_queue import IngestQueue
from wideload_runtime.adapters.ingest_table import IngestTable
from wideload_runtime.adapters.telemetry import EmfMetrics, logger
from wideload_runtime.adapters.threads import in_parallel
from wideload_runtime.core.ingest.ingest import Ingest
from wideload_runtime.core.ingest.payloads import Payload
from wideload_runtime.core.ingest.processing import Processor
from wideload_runtime.core.ingest.reading import Reader
from wideload_runtime.core.ingest.shares import TenantShares
from wideload_runtime.core.ingest.sweep import Sweep
from wideload_runtime.settings import IngestSettings

settings = IngestSettings.from_environment()
metrics = EmfMetrics(settings.environment)
_table = IngestTable(clients.table(settings.payloads_table))
_bucket = IngestBucket(
    clients.s3(settings.s3_addressing_style),
    settings.bucket,
    url_seconds=settings.upload_url_seconds,
)


def make_processor(*, lease_ms: int, tenant_workers: int | None = None) -> Processor:
    """
    Args:
        lease_ms: Longer than the function can run, so that it never works without a lease.
        tenant_workers: Functions that may process one tenant's payloads at once.
    """
    shares = None
    if tenant_workers is not None:
        shares = TenantShares(table=_table, slots=tenant_workers, hold_ms=lease_ms, now=time.time)
    return Processor(
        table=_table,
        objects=_bucket,
        metrics=metrics,
        records_field=settings.records_field,
        retention_seconds=settings.retention_seconds,
        lease_ms=lease_ms,
        tell_failed=log_failed,
        shares=shares,
    )


def log_failed(payload: Payload) -> None:
    """Log a failed payload, without its content, so that an operator finds it after an alarm."""
    logger.warning(
        "payload failed",
        payload_id=payload.payload_id,
        tenant=payload.tenant,
        via=payload.source,
        code=payload.error_code,
        detail=payload.error_detail,
    )


def make_ingest(processor: Processor) -> Ingest:
    return Ingest(
        table=_table,
        urls=_bucket,
        processor=processor,
        queue=make_queue(),
        metrics=metrics,
        bucket_name=settings.bucket,
        upload_url_seconds=settings.upload_url_seconds,
        in_request_limit=settings.in_request_limit,
        new_id=lambda: str(ULID()),
        now=time.time,
    )


def make_reader() -> Reader:
    return Reader(
        table=_table,
        archives=_bucket,
        records_field=settings.records_field,
        upload_url_seconds=settings.upload_url_seconds,
    )


def make_sweep(processor: Processor) -> Sweep:
    return Sweep(
        table=_table,
        processor=processor,
        listing=_bucket,
        queue=make_queue(),
        metrics=metrics,
        upload_url_seconds=settings.upload_url_seconds,
        now=time.time,
        in_parallel=in_parallel,
    )


def make_queue() -> IngestQueue:
    return IngestQueue(clients.Sqs(), settings.queue_url)
