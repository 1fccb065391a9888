"""Sweep of file transfer: every hour, ends overdue uploads and removes leftovers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters.telemetry import logger, metrics
from wideload_runtime.core.files.limits import Limits
from wideload_runtime.core.files.ports import Due
from wideload_runtime.core.files.records import Quota
from wideload_runtime.handlers._files import make_transfer

RESERVE_SECONDS = 35
"""Enough to finish an item that was begun in time."""

# The sweep begins no upload and signs no URL.
transfer = make_transfer(
    Limits(url_seconds=0, session_seconds=0, max_file_size=0, quota=Quota(0, 0))
)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001
    sweep = transfer.sweep(
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS,
        tell=_tell,
    )
    report = asdict(sweep.run())
    logger.info("swept", **report)
    if report["failed"]:
        # Lambda retries, and counts the error for the alarm.
        raise RuntimeError(f"{report['failed']} items could not be dealt with")
    return report


def _tell(due: Due) -> None:
    logger.exception("an item could not be dealt with", kind=due.kind, id=due.id)
