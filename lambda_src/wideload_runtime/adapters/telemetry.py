"""Logs and metrics, as Powertools writes them: JSON lines, and EMF within them.

Nothing here or in the handlers logs a body, a key, a token or a URL, which is a credential; nor a
file's name, which is personal.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

UNITS = {
    "LargePayloadCount": MetricUnit.Count,
    "InlinePayloadCount": MetricUnit.Count,
    "PayloadStoredCount": MetricUnit.Count,
    "PayloadFailedCount": MetricUnit.Count,
    "UnclaimedPayloadCount": MetricUnit.Count,
    "ExpiredUploadCount": MetricUnit.Count,
    "RepairedPayloadCount": MetricUnit.Count,
    "LostUploadCount": MetricUnit.Count,
    "OrphanObjectCount": MetricUnit.Count,
    "SweepBacklogAge": MetricUnit.Seconds,
    "S3UploadDuration": MetricUnit.Milliseconds,
    "S3UploadSize": MetricUnit.Bytes,
    "S3DownloadDuration": MetricUnit.Milliseconds,
    "ProcessingDuration": MetricUnit.Milliseconds,
    "FileUploadCount": MetricUnit.Count,
    "FileUploadSize": MetricUnit.Bytes,
    "FileDownloadCount": MetricUnit.Count,
    "DuplicateFileCount": MetricUnit.Count,
    "BytesSaved": MetricUnit.Bytes,
    "FileVerifiedCount": MetricUnit.Count,
    "FileCorruptCount": MetricUnit.Count,
    "FileUnverifiableCount": MetricUnit.Count,
    "LeftoverObjectCount": MetricUnit.Count,
    "FileCleanCount": MetricUnit.Count,
    "FileMalwareCount": MetricUnit.Count,
    "FileNotScannedCount": MetricUnit.Count,
    "UnscannedFileCount": MetricUnit.Count,
}

_handler = logging.StreamHandler(sys.stdout)
# The handler filters: Powertools gives the logger the level that Lambda filters by, which is never
# above INFO, even if POWERTOOLS_LOG_LEVEL is.
_handler.setLevel(os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO").upper())

# At DEBUG, Lambda has libraries log as well, and these log what they sign and send.
for library in ("botocore", "urllib3"):
    logging.getLogger(library).setLevel(max(logging.INFO, _handler.level))

# Most requests for a URL or a status have no metric, and each would log a warning.
warnings.filterwarnings("ignore", "No application metrics to publish")

# Lambda treats a line as INFO if its timestamp isn't RFC 3339.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
logger = Logger(utc=True, use_rfc3339=True, logger_handler=_handler)
metrics = Metrics()  # namespace and service come from POWERTOOLS_*, which the construct sets


class EmfMetrics:
    """Metrics of `UNITS`; `metrics.log_metrics` on the handler writes them out."""

    def __init__(self, environment: str) -> None:
        metrics.set_default_dimensions(environment=environment)

    def add(self, name: str, value: float) -> None:
        metrics.add_metric(name=name, unit=UNITS[name], value=value)
