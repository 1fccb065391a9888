"""Worker: processes queued payloads, one per message."""

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
from wideload_runtime.core.errors import LeaseHeldError, TenantBusyError
from wideload_runtime.core.ingest.shares import again_seconds
from wideload_runtime.handlers._ingest import make_processor, make_queue, settings

LEASE_MS = 16 * 60 * 1000  # the function ends after 15 minutes
RESERVE_MS = 20_000

batches = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
worker = make_processor(lease_ms=LEASE_MS, tenant_workers=settings.tenant_workers)
queue = make_queue()


def process(record: SQSRecord, lambda_context: LambdaContext) -> None:
    owner = f"{lambda_context.aws_request_id}/{record.message_id}"
    message: dict[str, Any] = {}
    s3_key = ""
    try:
        message = orjson.loads(record.body)
        s3_key = message["s3_key"]
        logger.append_keys(s3_key=s3_key, reason=message.get("reason"))
        if message.get("reason") == "unclaimed" and worker.is_open(s3_key):
            worker.metrics.add("UnclaimedPayloadCount", 1)
        done = worker.work(
            s3_key,
            owner=owner,
            has_time=lambda: lambda_context.get_remaining_time_in_millis() > RESERVE_MS,
        )
    except TenantBusyError:
        # A new message, since each delivery of this one would count as a failure.
        waits = int(message.get("waits", 0))
        queue.send(s3_key, reason="waited", delay_seconds=again_seconds(waits), waits=waits + 1)
        logger.info("the tenant's share of workers is in use")
        return
    except LeaseHeldError:
        logger.info("another function processes it")
        raise
    except Exception:
        logger.exception("processing failed")
        if int(record.attributes.approximate_receive_count) >= settings.max_receives:
            # After the last delivery the message goes to the dead-letter queue: record the failure.
            worker.give_up(s3_key, owner=owner)
        raise
    logger.info("processed", state=done.state if done else "gone")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(
        event=event, record_handler=process, processor=batches, context=context
    )
