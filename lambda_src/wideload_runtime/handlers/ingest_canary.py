"""Canary of ingest: sends payloads as a client does, on a schedule, and raises if that fails."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.https import connected
from wideload_runtime.adapters.key_table import KeyTable
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.ingest.canary import Canary
from wideload_runtime.settings import IngestCanarySettings

settings = IngestCanarySettings.from_environment()
keys = KeyTable(clients.table(settings.keys_table))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001
    with connected() as http:
        Canary(
            http=http,
            keys=keys,
            api_url=settings.api_url,
            api_key_header=settings.api_key_header,
            key_id=settings.key_id,
            seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
        ).run()
    logger.info("both payloads came back")
