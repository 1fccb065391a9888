"""File transfer on AWS, made once per function."""

from __future__ import annotations

import time

from ulid import ULID

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.files_bucket import FilesBucket
from wideload_runtime.adapters.files_queue import VerificationQueue
from wideload_runtime.adapters.files_table import FilesTable
from wideload_runtime.adapters.telemetry import EmfMetrics
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.transfer import FileTransfer
from wideload_runtime.settings import FilesSettings

settings = FilesSettings.from_environment()
metrics = EmfMetrics(settings.environment)
table = FilesTable(clients.table(settings.table))
bucket = FilesBucket(clients.s3(settings.s3_addressing_style), settings.bucket)


def make_transfer(limits: Limits) -> FileTransfer:
    url = settings.verify_queue_url
    return FileTransfer(
        table=table,
        bucket=bucket,
        verifications=VerificationQueue(
            clients.Sqs() if url else None, url, most=settings.verify_most
        ),
        metrics=metrics,
        limits=limits,
        life_seconds=settings.life_seconds,
        scan_seconds=settings.scan_seconds,
        new_id=lambda: str(ULID()),
        now=time.time,
    )
