"""Consumer of the table's stream: publishes an event for each file that was stored or deleted.

The stream delivers every write at least once. A rename or a move changes an item, and causes no
event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.attributes import read_image
from wideload_runtime.adapters.event_bus import EventBus
from wideload_runtime.adapters.files_items import FILE, file_of
from wideload_runtime.adapters.files_table import FilesTable
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.files.events import DELETED, STORED, detail_of
from wideload_runtime.core.files.records import File
from wideload_runtime.settings import required

IMAGES = {"INSERT": "NewImage", "REMOVE": "OldImage"}

environment = required("WIDELOAD_ENVIRONMENT")
bus = EventBus(clients.events(), required("WIDELOAD_EVENT_BUS"), source="wideload")
table = FilesTable(clients.table(required("WIDELOAD_FILES_TABLE")))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001
    # On an error the stream delivers the whole batch again; every step can be repeated.
    bus.put(_events(event["Records"]))


def _events(records: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    changes = [
        (record["eventName"], *_file(record["dynamodb"][IMAGES[record["eventName"]]]))
        for record in records
    ]
    stored = table.stored(
        {(owner, file.object_id) for change, owner, file in changes if change == "INSERT"}
    )
    for change, owner, file in changes:
        if change == "INSERT":
            known = stored.get((owner, file.object_id))
            yield STORED, detail_of(owner, file, environment, known)
        else:
            yield DELETED, detail_of(owner, file, environment)


def _file(image: dict[str, Any]) -> tuple[str, File]:
    """Return a file and its owner; one of an earlier version is its own object."""
    item = read_image(image)
    return item["owner"], file_of({"object_id": item["item"].removeprefix(FILE), **item})
