"""Tells EventBridge of finished payloads, from the table's stream: so that none is lost between
the write and the event, and each is told at least once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from boto3.dynamodb.types import TypeDeserializer

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.event_bus import EventBus
from wideload_runtime.adapters.payload_table import payload_of
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.events import detail_type, finished
from wideload_runtime.core.payloads import Payload
from wideload_runtime.settings import required

bus = EventBus(clients.events(), required("WIDELOAD_EVENT_BUS"))
environment = required("WIDELOAD_ENVIRONMENT")
_deserialize = TypeDeserializer().deserialize


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001
    # All or nothing: on an error the stream delivers the batch again, and events are repeatable.
    bus.put(_events(event["Records"]))


def _events(records: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for record in records:
        after = _image(record, "NewImage")
        detail = after and finished(_image(record, "OldImage"), after, environment)
        if after and detail:
            yield detail_type(after), detail


def _image(record: dict[str, Any], name: str) -> Payload | None:
    """A payload's record; None where there was none, or for an idempotency key."""
    image = record["dynamodb"].get(name)
    if not image or "tenant" not in image:
        return None
    return payload_of({key: _deserialize(value) for key, value in image.items()})
