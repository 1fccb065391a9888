"""Payload ingest over AWS in memory, and two tenants who call it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ulid import ULID

from tests.fake_aws.dynamo import PAYLOADS, FakeDynamoTable
from tests.fake_aws.wire import Wire
from wideload_runtime.adapters.ingest_table import IngestTable, item_of, payload_of
from wideload_runtime.core.ingest.ingest import Ingest
from wideload_runtime.core.ingest.payloads import Payload, Reservation
from wideload_runtime.core.ingest.processing import Caller, Processor
from wideload_runtime.core.ingest.reading import Reader
from wideload_runtime.core.ingest.shares import TenantShares
from wideload_runtime.core.ingest.sweep import Sweep

WORKER_SLOTS = 2
V = TypeVar("V")


class FakeTable(IngestTable):
    """The payloads table over DynamoDB in memory, with views of its items for tests."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.dynamo = FakeDynamoTable(Wire(), "payloads", PAYLOADS)
        super().__init__(self.dynamo, sleep=lambda seconds: None, now=now)

    @property
    def items(self) -> MutableMapping[str, Payload]:
        """Records of payloads by id, also those that are over."""
        return _Items(self.dynamo, "tenant", payload_of, lambda _, payload: item_of(payload))

    @property
    def reservations(self) -> MutableMapping[str, Reservation]:
        """Idempotency keys that are held."""
        return _Items(self.dynamo, "held_by", _reservation_of, _reserved_item_of)

    @property
    def slots(self) -> dict[tuple[str, int], str]:
        """Owners of the slots of tenants' workers, by tenant and slot."""
        return {
            (key.removeprefix("workers#"), int(name.removeprefix("owner_"))): owner
            for (key,), item in self.dynamo.items.items()
            for name, owner in item.items()
            if name.startswith("owner_")
        }


class _Items(MutableMapping[str, V]):
    """Those items of a table that have an attribute, as values."""

    def __init__(
        self,
        table: FakeDynamoTable,
        attribute: str,
        value_of: Callable[[dict[str, Any]], V],
        item_of: Callable[[str, V], dict[str, Any]],
    ) -> None:
        self._table = table
        self._attribute = attribute
        self._value_of = value_of
        self._item_of = item_of

    def __getitem__(self, key: str) -> V:
        item = self._table.items[key,]
        if self._attribute not in item:
            raise KeyError(key)
        return self._value_of(item)

    def __setitem__(self, key: str, value: V) -> None:
        self._table.put_item(Item=self._item_of(key, value))

    def __delitem__(self, key: str) -> None:
        del self._table.items[key,]

    def __iter__(self) -> Iterator[str]:
        held = list(self._table.items.items())
        return (key for (key,), item in held if self._attribute in item)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _reservation_of(item: dict[str, Any]) -> Reservation:
    return Reservation(item["held_by"], item["fingerprint"], int(item["lease_until"]))


def _reserved_item_of(key: str, held: Reservation) -> dict[str, Any]:
    return {
        "payload_id": key,
        "held_by": held.payload_id,
        "fingerprint": held.fingerprint,
        "lease_until": held.lease_until,
        "expires_at": 2_000_000_000,
    }


CHUNK = 1000
"""Bytes of an upload that are read at once; few, so that small documents come in pieces."""


@dataclass
class FakeUpload:
    body: bytes
    stored_at: float
    etag: str
    read_seconds: float = 0.25
    closed: bool = False

    @property
    def size(self) -> int:
        return len(self.body)

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.body), CHUNK):
            assert not self.closed
            yield self.body[start : start + CHUNK]

    def close(self) -> None:
        self.closed = True


class FakeArchive:
    def __init__(self, objects: dict[str, bytes], key: str, opened: list[str]) -> None:
        self._objects = objects
        self._key = key
        self._data = b""
        self._opened = opened
        opened.append(key)

    def write(self, data: bytes) -> None:
        assert self._key in self._opened
        self._data += data

    def commit(self) -> None:
        self._opened.remove(self._key)
        self._objects[self._key] = self._data

    def abort(self) -> None:
        self._opened.remove(self._key)


class FakeBucket:
    def __init__(self, now: Callable[[], float]) -> None:
        self.objects: dict[str, bytes] = {}
        self.stored_at: dict[str, float] = {}
        self.open_archives: list[str] = []
        self.ranges: list[tuple[str, int, int]] = []
        self._now = now

    def put(self, key: str, body: bytes) -> None:
        self.objects[key] = body
        self.stored_at[key] = self._now()

    def presign_put(
        self, key: str, *, length: int | None, sha256: str | None, content_type: str
    ) -> tuple[str, dict[str, str]]:
        return f"https://bucket.test/{key}?signed", {"Content-Type": content_type}

    def presign_get(self, key: str, *, filename: str) -> str:
        return f"https://bucket.test/{key}?signed&filename={filename}"

    def open_upload(self, key: str) -> FakeUpload | None:
        if key not in self.objects:
            return None
        body = self.objects[key]
        return FakeUpload(body, self.stored_at[key], hashlib.md5(body).hexdigest())

    def open_archive(self, key: str) -> FakeArchive:
        return FakeArchive(self.objects, key, self.open_archives)

    def exists(self, key: str) -> bool:
        return key in self.objects

    def read_range(self, key: str, *, offset: int, size: int) -> bytes | None:
        self.ranges.append((key, offset, size))
        return self.objects[key][offset : offset + size] if key in self.objects else None

    def delete(self, *keys: str) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def tenants(self, prefix: str) -> Iterator[str]:
        yield from sorted({key.split("/")[1] for key in self.objects if key.startswith(prefix)})

    def keys(self, prefix: str, tenant: str, *, after: str, before: str) -> Iterator[str]:
        theirs = f"{prefix}{tenant}/"
        for key in sorted(self.objects):
            if key.startswith(theirs) and theirs + after < key < theirs + before:
                yield key


@dataclass
class FakeQueue:
    sent: list[tuple[str, str]] = field(default_factory=list)

    delays: list[int] = field(default_factory=list)

    def send(self, s3_key: str, *, reason: str, delay_seconds: int = 0, waits: int = 0) -> None:
        self.sent.append((s3_key, reason))
        self.delays.append(delay_seconds)


@dataclass
class FakeMetrics:
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.values.setdefault(name, []).append(value)


class FakeClock:
    def __init__(self) -> None:
        self.time = 1_790_000_000.0
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.on_sleep()


class World:
    """A service over fakes, and two tenants who call it."""

    def __init__(
        self, *, in_request_limit: int = 25_000_000, retention_seconds: int | None = None
    ) -> None:
        self.clock = FakeClock()
        self.table = FakeTable(self.clock.now)
        self.bucket = FakeBucket(self.clock.now)
        self.queue = FakeQueue()
        self.metrics = FakeMetrics()
        self.told_failed: list[Payload] = []
        shares = TenantShares(
            table=self.table, slots=WORKER_SLOTS, hold_ms=960_000, now=self.clock.now
        )
        self.processor = Processor(
            table=self.table,
            objects=self.bucket,
            metrics=self.metrics,
            records_field="transcript_with_metrics",
            retention_seconds=retention_seconds,
            lease_ms=35_000,
            tell_failed=self.told_failed.append,
            now=self.clock.now,
        )
        self.worker = replace(self.processor, shares=shares)
        self.ingest = Ingest(
            table=self.table,
            urls=self.bucket,
            processor=self.processor,
            queue=self.queue,
            metrics=self.metrics,
            bucket_name="bucket",
            upload_url_seconds=900,
            in_request_limit=in_request_limit,
            new_id=lambda: str(ULID.from_timestamp(self.clock.now())),
            now=self.clock.now,
        )
        self.reader = Reader(
            table=self.table,
            archives=self.bucket,
            records_field="transcript_with_metrics",
            upload_url_seconds=900,
            now=self.clock.now,
        )
        self.sweep = Sweep(
            table=self.table,
            processor=self.processor,
            listing=self.bucket,
            queue=self.queue,
            metrics=self.metrics,
            upload_url_seconds=900,
            now=self.clock.now,
        )
        self.acme = self.caller("acme")
        self.globex = self.caller("globex")

    def caller(self, tenant: str, request_id: str = "request-1", time: bool = True) -> Caller:
        return Caller(tenant, request_id, lambda: time)
