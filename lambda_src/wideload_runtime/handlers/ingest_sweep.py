"""Sweep of ingest: every hour, queues payloads again that were left unfinished."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters.telemetry import logger, metrics
from wideload_runtime.handlers._ingest import make_processor, make_sweep

RESERVE_MS = 20_000

sweep = make_sweep(make_processor(lease_ms=60_000))


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    report = asdict(sweep.run(lambda: context.get_remaining_time_in_millis() > RESERVE_MS))
    logger.info("swept", **report)
    return report
