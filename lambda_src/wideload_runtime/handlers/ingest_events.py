"""Consumer of the table's stream: publishes events and deletes expired documents.

Every finished payload gets an event at least once, since the stream delivers every write. An
expired payload's document is deleted after its record, never before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import ClientError

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.attributes import read_image
from wideload_runtime.adapters.event_bus import EventBus
from wideload_runtime.adapters.ingest_bucket import IngestBucket
from wideload_runtime.adapters.ingest_table import payload_of
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.adapters.threads import in_parallel
from wideload_runtime.core.ingest.events import detail_type, finished
from wideload_runtime.core.ingest.payloads import Payload
from wideload_runtime.settings import IngestEventsSettings

EXPIRED_BY = "dynamodb.amazonaws.com"
"""Principal of deletions by time to live.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html"""

settings = IngestEventsSettings.from_environment()
bus = EventBus(clients.events(), settings.event_bus, source="wideload.ingest")
# The function signs no URLs.
bucket = IngestBucket(clients.s3(settings.s3_addressing_style), settings.bucket, url_seconds=0)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001
    # On an error the stream delivers the whole batch again; every step can be repeated.
    bus.put(_events(event["Records"]))
    for _ in in_parallel(_delete, _expired(event["Records"])):
        pass


def _delete(key: str) -> None:
    """Delete a document.

    One that can't be deleted, for example under a legal hold, is logged and left: with an error,
    the stream would retry for hours and block the events behind it.
    """
    try:
        bucket.delete(key)
    except ClientError as error:
        if clients.is_passing(error):
            raise
        logger.exception("a document of an expired payload was not deleted", archive_key=key)


def _expired(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the keys of documents whose records have expired."""
    for record in records:
        payload = _payload(record["dynamodb"].get("OldImage"))
        principal = record.get("userIdentity", {}).get("principalId")
        if payload and payload.archive_key and principal == EXPIRED_BY:
            yield payload.archive_key


def _events(records: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for record in records:
        after = _payload(record["dynamodb"].get("NewImage"))
        before = _payload(record["dynamodb"].get("OldImage"))
        detail = after and finished(before, after, settings.environment)
        if after and detail:
            yield detail_type(after), detail


def _payload(image: dict[str, Any] | None) -> Payload | None:
    """Return a payload's record; None without an image, or for an idempotency key."""
    return payload_of(read_image(image)) if image and "tenant" in image else None
