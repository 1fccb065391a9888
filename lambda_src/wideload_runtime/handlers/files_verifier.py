"""Verifier: checks the SHA-256 of files that were uploaded in parts, one file per message."""

from __future__ import annotations

from typing import Any

import orjson
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.event_bus import EventBus
from wideload_runtime.adapters.telemetry import logger, metrics
from wideload_runtime.core.files.verifying import Verifier
from wideload_runtime.handlers import _files
from wideload_runtime.settings import required

RESERVE_MS = 20_000

batches = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
verifier = Verifier(
    table=_files.table,
    contents=_files.bucket,
    events=EventBus(clients.events(), required("WIDELOAD_EVENT_BUS"), source="wideload"),
    metrics=_files.metrics,
    environment=_files.settings.environment,
)


def process(record: SQSRecord, lambda_context: LambdaContext) -> None:
    try:
        message = orjson.loads(record.body)
        logger.append_keys(file_id=message["file_id"])
        outcome = verifier.verify(
            message["owner"],
            message["file_id"],
            has_time=lambda: lambda_context.get_remaining_time_in_millis() > RESERVE_MS,
        )
    except Exception:
        logger.exception("verifying failed")
        raise
    logger.info("verified", outcome=outcome)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(
        event=event, record_handler=process, processor=batches, context=context
    )
