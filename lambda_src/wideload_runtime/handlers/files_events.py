"""Consumer of the table's stream: publishes an event for each file that was stored or deleted, and
for each verdict of a malware scanner.

The stream delivers every write at least once. A rename or a move changes a file's item, and causes
no event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.attributes import read_image
from wideload_runtime.adapters.event_bus import EventBus
from wideload_runtime.adapters.files_items import FILE, OBJECT, file_of, object_of
from wideload_runtime.adapters.files_table import FilesTable
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.files.events import DELETED, SCANNED, STORED, detail_of, scanned
from wideload_runtime.core.files.records import File
from wideload_runtime.settings import required

environment = required("WIDELOAD_ENVIRONMENT")
bus = EventBus(clients.events(), required("WIDELOAD_EVENT_BUS"), source="wideload")
table = FilesTable(clients.table(required("WIDELOAD_FILES_TABLE")))

Item = dict[str, Any]
Event = tuple[str, dict[str, Any]]


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001
    # On an error the stream delivers the whole batch again; every step can be repeated.
    changes = [_images(record["dynamodb"]) for record in event["Records"]]
    bus.put([*_files(changes), *_verdicts(changes)])


def _files(changes: Sequence[tuple[Item, Item]]) -> Iterator[Event]:
    """Yield an event for each file that was stored or deleted."""
    files = [
        (bool(after), *_file(after or before))
        for before, after in changes
        if (after or before)["item"].startswith(FILE)
    ]
    objects = table.stored({(owner, file.object_id) for is_new, owner, file in files if is_new})
    for is_new, owner, file in files:
        if is_new:
            stored = objects.get((owner, file.object_id))
            yield STORED, detail_of(owner, file, environment, stored)
        else:
            yield DELETED, detail_of(owner, file, environment)


def _verdicts(changes: Sequence[tuple[Item, Item]]) -> Iterator[Event]:
    for before, after in changes:
        if after and after["item"].startswith(OBJECT):
            known = object_of(before) if before else None
            detail = scanned(known, object_of(after), after["owner"], environment)
            if detail:
                yield SCANNED, detail


def _images(change: dict[str, Any]) -> tuple[Item, Item]:
    """Return an item before and after a change; empty if there is none."""
    return read_image(change.get("OldImage", {})), read_image(change.get("NewImage", {}))


def _file(item: Item) -> tuple[str, File]:
    """Return a file and its owner; one of an earlier version is its own object."""
    return item["owner"], file_of({"object_id": item["item"].removeprefix(FILE), **item})
