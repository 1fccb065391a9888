"""Consumer of scan results: records verdicts of malware scanners, one per message."""

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
from wideload_runtime.adapters.files_scans import FileScans
from wideload_runtime.adapters.telemetry import EmfMetrics, logger, metrics
from wideload_runtime.core.files.scanning import Scanning, read_verdict
from wideload_runtime.settings import required

batches = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
scanning = Scanning(
    scans=FileScans(clients.table(required("WIDELOAD_FILES_TABLE"))),
    metrics=EmfMetrics(required("WIDELOAD_ENVIRONMENT")),
)


def process(record: SQSRecord) -> None:
    try:
        verdict = read_verdict(orjson.loads(record.body))
        is_recorded = scanning.record(verdict)
    except Exception:
        logger.exception("a scan result was not recorded")
        raise
    logger.info("scanned", key=verdict.key, result=verdict.result, recorded=is_recorded)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return process_partial_response(
        event=event, record_handler=process, processor=batches, context=context
    )
