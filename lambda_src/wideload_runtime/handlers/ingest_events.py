"""Tells EventBridge of finished payloads, from the table's stream: so that none is lost between
the write and the event, and each is told at least once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.attributes import read_image
from wideload_runtime.adapters.event_bus import EventBus
from wideload_runtime.adapters.payload_table import payload_of
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.ingest.events import detail_type, finished
from wideload_runtime.core.ingest.payloads import Payload
from wideload_runtime.settings import required

bus = EventBus(clients.events(), required("WIDELOAD_EVENT_BUS"), source="wideload.ingest")
environment = required("WIDELOAD_ENVIRONMENT")


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001
    # All or nothing: on an error the stream delivers the batch again, and events are repeatable.
    bus.put(_events(event["Records"]))


def _events(records: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for record in records:
        after = _payload(record["dynamodb"].get("NewImage"))
        before = _payload(record["dynamodb"].get("OldImage"))
        detail = after and finished(before, after, environment)
        if after and detail:
            yield detail_type(after), detail


def _payload(image: dict[str, Any] | None) -> Payload | None:
    """A payload's record; None where there was none, or for an idempotency key."""
    return payload_of(read_image(image)) if image and "tenant" in image else None
