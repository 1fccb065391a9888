"""A payloads table that counts DynamoDB's units, by the sizes of items as AWS counts them:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tests.runtime.fakes import FakeTable
from wideload_cdk.ingest.tables import PAYLOAD_INDEXES
from wideload_runtime.adapters.ingest_table import item_of
from wideload_runtime.core.ingest.payloads import Payload, Reservation

Item = dict[str, Any]


def item_size(item: Item) -> int:
    """Bytes of an item."""
    return sum(len(name.encode()) + _size(value) for name, value in item.items())


def _size(value: Any) -> int:
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode())
        case bytes():
            return len(value)
        case dict():
            return 3 + sum(len(name) + _size(inner) + 1 for name, inner in value.items())
        case _:
            return len(str(value)) // 2 + 2


class CountingTable(FakeTable):
    """
    Attributes:
        writes: Write units, of indexes too.
        reads: Read units, all strongly consistent.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self.writes = 0
        self.reads = 0

    def create(self, payload: Payload) -> None:
        super().create(payload)
        self._wrote({}, item_of(payload))

    def get(self, payload_id: str) -> Payload | None:
        payload = super().get(payload_id)
        self.reads += math.ceil(item_size(item_of(payload)) / 4096) if payload else 1
        return payload

    def lease(self, payload_id: str, *, owner: str, now: int, until: int) -> Payload | None:
        before = self._item(payload_id)
        leased = super().lease(payload_id, owner=owner, now=now, until=until)
        self._wrote(before, self._item(payload_id))
        return leased

    def mark_uploaded(
        self, payload_id: str, *, size: int, etag: str, upload_duration_ms: int
    ) -> None:
        before = self._item(payload_id)
        super().mark_uploaded(
            payload_id, size=size, etag=etag, upload_duration_ms=upload_duration_ms
        )
        self._wrote(before, self._item(payload_id))

    def finish(self, payload: Payload, *, owner: str) -> None:
        before = self._item(payload.payload_id)
        super().finish(payload, owner=owner)
        self._wrote(before, self._item(payload.payload_id))

    def reserve(
        self, key: str, *, payload_id: str, fingerprint: str, until: int, expires_at: int
    ) -> Reservation:
        self.writes += 1
        # The condition fails, which costs the same, and what is there is read.
        self.reads += key in self.reservations
        return super().reserve(
            key,
            payload_id=payload_id,
            fingerprint=fingerprint,
            until=until,
            expires_at=expires_at,
        )

    def _item(self, payload_id: str) -> Item:
        payload = self.items.get(payload_id)
        return item_of(payload) if payload else {}

    def _wrote(self, before: Item, after: Item) -> None:
        self.writes += _units(before, after)
        for partition, sort, projected in PAYLOAD_INDEXES.values():
            held, holds = (
                {name: item[name] for name in {partition, sort, "payload_id", *projected} & {*item}}
                if partition in item
                else {}
                for item in (before, after)
            )
            if held != holds:
                self.writes += _units(held, holds)


def _units(before: Item, after: Item) -> int:
    return math.ceil(max(item_size(before), item_size(after)) / 1024)
