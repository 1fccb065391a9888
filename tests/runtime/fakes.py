"""Stand-ins for AWS that refuse what AWS refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace

from ulid import ULID

from tests.fake_aws.dynamo_values import read_again
from wideload_runtime.adapters.payload_table import item_of, payload_of
from wideload_runtime.core.errors import LeaseLostError
from wideload_runtime.core.ingest.ingest import Ingest
from wideload_runtime.core.ingest.payloads import (
    MAX_KNOWN,
    IdRange,
    Listed,
    Payload,
    Reservation,
    open_shard,
)
from wideload_runtime.core.ingest.processing import Caller, Processor
from wideload_runtime.core.ingest.reading import Reader
from wideload_runtime.core.ingest.shares import TenantShares
from wideload_runtime.core.ingest.sweep import Sweep

WORKER_SLOTS = 2
IDLE = ("issued", "expired", "uploaded")


class FakeTable:
    """The payloads table; `tests/integration/test_payload_table.py` holds it against DynamoDB."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.items: dict[str, Payload] = {}
        self.reservations: dict[str, Reservation] = {}
        self.reservations_end: dict[str, int] = {}
        self.slots: dict[tuple[str, int], tuple[str, int]] = {}
        self.swept: str | None = None
        self._now = now

    def create(self, payload: Payload) -> None:
        held = self.items.get(payload.payload_id)
        if held is None or self._is_over(held.expires_at):
            self._write(payload)

    def _write(self, payload: Payload) -> Payload:
        """Keep a record as its item is read again."""
        kept = payload_of(read_again(item_of(payload)))
        self.items[payload.payload_id] = kept
        return kept

    def get(self, payload_id: str) -> Payload | None:
        payload = self.items.get(payload_id)
        return None if payload is None or self._is_over(payload.expires_at) else payload

    def _is_over(self, expires_at: int | None) -> bool:
        return expires_at is not None and expires_at <= int(self._now())

    def mark_uploaded(
        self, payload_id: str, *, size: int, etag: str, upload_duration_ms: int
    ) -> None:
        payload = self.items.get(payload_id)
        if payload and payload.state in IDLE:
            self._write(
                replace(
                    payload,
                    state="uploaded",
                    uploaded_size=size,
                    claimed_etag=etag,
                    open_shard=open_shard(payload_id),
                    upload_duration_ms=upload_duration_ms,
                )
            )

    def lease(self, payload_id: str, *, owner: str, now: int, until: int) -> Payload | None:
        payload = self.items.get(payload_id)
        if payload is None:
            return None
        over = payload.state == "processing" and (
            (payload.lease_until or 0) < now or payload.lease_owner == owner
        )
        retry = payload.state == "failed" and payload.error_code == "internal"
        if payload.state not in IDLE and not over and not retry:
            return None
        return self._write(
            replace(
                payload,
                state="processing",
                lease_owner=owner,
                lease_until=until,
                open_shard=open_shard(payload_id),
            )
        )

    def release(self, payload_id: str, *, owner: str) -> None:
        payload = self.items.get(payload_id)
        if payload and payload.state == "processing" and payload.lease_owner == owner:
            self.items[payload_id] = replace(
                payload, state="uploaded", lease_owner=None, lease_until=None
            )

    def finish(self, payload: Payload, *, owner: str) -> None:
        held = self.items.get(payload.payload_id)
        if held is None or held.state != "processing" or held.lease_owner != owner:
            raise LeaseLostError(payload.payload_id)
        self._write(replace(payload, lease_owner=None, lease_until=None))

    def reserve(
        self, key: str, *, payload_id: str, fingerprint: str, until: int, expires_at: int
    ) -> Reservation:
        if self._is_over(self.reservations_end.get(key)):
            del self.reservations[key]
        if key not in self.reservations:
            self.reservations[key] = Reservation(payload_id, fingerprint, until)
            self.reservations_end[key] = expires_at
        return self.reservations[key]

    def unreserve(self, key: str, *, payload_id: str) -> None:
        held = self.reservations.get(key)
        if held and held.payload_id == payload_id:
            del self.reservations[key]

    def surrender(self, key: str, *, payload_id: str) -> None:
        held = self.reservations.get(key)
        if held and held.payload_id == payload_id:
            self.reservations[key] = replace(held, lease_until=0)

    def take_slot(self, tenant: str, *, owner: str, now: int, until: int, slots: int) -> int | None:
        for slot in range(slots):
            holder, ends = self.slots.get((tenant, slot), (owner, 0))
            if holder == owner or ends < now:
                self.slots[tenant, slot] = (owner, until)
                return slot
        return None

    def free_slot(self, tenant: str, slot: int, *, owner: str) -> None:
        if self.slots.get((tenant, slot), ("", 0))[0] == owner:
            del self.slots[tenant, slot]

    def delete(self, payload: Payload) -> bool:
        held = self.items.get(payload.payload_id)
        if held and held.state != payload.state:
            return False
        self.items.pop(payload.payload_id, None)
        return True

    def known(self, payload_ids: Collection[str]) -> set[str]:
        assert len(payload_ids) <= MAX_KNOWN
        return set(payload_ids) & set(self.items)

    def unfinished(self, partition: str, *, since: str, before: str) -> Iterator[Payload]:
        found = [
            payload
            for payload in self.items.values()
            if payload.open_shard == partition and since <= payload.created_at <= before
        ]
        yield from sorted(found, key=lambda payload: payload.created_at)

    def swept_until(self) -> str | None:
        return self.swept

    def keep_swept_until(self, time: str) -> None:
        self.swept = time

    def list_call(self, tenant: str, call_id: str, ids: IdRange, limit: int) -> Listed:
        return self._newest(ids, limit, lambda item: item.tenant_call == f"{tenant}#{call_id}")

    def list_tenant(self, tenant: str, ids: IdRange, limit: int) -> Listed:
        return self._newest(
            ids, limit, lambda item: (item.tenant_shard or "").startswith(f"{tenant}#")
        )

    def _newest(self, ids: IdRange, limit: int, wanted: Callable[[Payload], bool]) -> Listed:
        newest = sorted(self.items.values(), key=lambda payload: payload.payload_id, reverse=True)
        found = [
            payload
            for payload in newest
            if wanted(payload) and ids.after < payload.payload_id < ids.before
        ][:limit]
        return Listed(
            [payload for payload in found if not self._is_over(payload.expires_at)],
            found[-1].payload_id if len(found) == limit else None,
        )


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
        for start in range(0, len(self.body), 1000):
            assert not self.closed
            yield self.body[start : start + 1000]

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
