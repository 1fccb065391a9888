"""The worker: processes what is too large for a request, one payload per message."""

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

from wideload_runtime.adapters.telemetry import logger, metrics
from wideload_runtime.handlers._service import make_ingest

LEASE_MS = 16 * 60 * 1000  # the function ends after 15 minutes
RESERVE_MS = 20_000

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
ingest = make_ingest(lease_ms=LEASE_MS)


def process(record: SQSRecord, lambda_context: LambdaContext) -> None:
    payload_id = orjson.loads(record.body)["payload_id"]
    logger.append_keys(payload_id=payload_id)
    done = ingest.work(
        payload_id,
        owner=f"{lambda_context.aws_request_id}/{record.message_id}",
        has_time=lambda: lambda_context.get_remaining_time_in_millis() > RESERVE_MS,
    )
    logger.info("processed", state=done.state if done else "gone")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(
        event=event, record_handler=process, processor=processor, context=context
    )
