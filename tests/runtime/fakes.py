"""Stand-ins for AWS that refuse what AWS refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ulid import ULID

from wideload_runtime.core.errors import LeaseLostError
from wideload_runtime.core.ingest import Caller, Ingest
from wideload_runtime.core.payloads import Payload, Reservation

IDLE = ("issued", "expired", "uploaded")


class FakeTable:
    """The payloads table; `tests/integration/test_payload_table.py` holds it against DynamoDB."""

    def __init__(self) -> None:
        self.items: dict[str, Payload] = {}
        self.reservations: dict[str, Reservation] = {}

    def create(self, payload: Payload) -> None:
        self.items.setdefault(payload.payload_id, payload)

    def get(self, payload_id: str) -> Payload | None:
        return self.items.get(payload_id)

    def mark_uploaded(self, payload_id: str, *, size: int, upload_duration_ms: int) -> None:
        payload = self.items.get(payload_id)
        if payload and payload.state in IDLE:
            self.items[payload_id] = replace(
                payload, state="uploaded", uploaded_size=size, upload_duration_ms=upload_duration_ms
            )

    def lease(self, payload_id: str, *, owner: str, now: int, until: int) -> Payload | None:
        payload = self.items.get(payload_id)
        if payload is None:
            return None
        over = payload.state == "processing" and (payload.lease_until or 0) < now
        if payload.state not in IDLE and not over:
            return None
        leased = replace(payload, state="processing", lease_owner=owner, lease_until=until)
        self.items[payload_id] = leased
        return leased

    def release(self, payload_id: str, *, owner: str) -> None:
        payload = self.items[payload_id]
        if payload.state == "processing" and payload.lease_owner == owner:
            self.items[payload_id] = replace(
                payload, state="uploaded", lease_owner=None, lease_until=None
            )

    def finish(self, payload: Payload, *, owner: str) -> None:
        held = self.items.get(payload.payload_id)
        if held is None or held.state != "processing" or held.lease_owner != owner:
            raise LeaseLostError(payload.payload_id)
        self.items[payload.payload_id] = replace(payload, lease_owner=None, lease_until=None)

    def reserve(
        self, key: str, *, payload_id: str, fingerprint: str, until: int, expires_at: int
    ) -> Reservation:
        return self.reservations.setdefault(key, Reservation(payload_id, fingerprint, until))

    def unreserve(self, key: str, *, payload_id: str) -> None:
        held = self.reservations.get(key)
        if held and held.payload_id == payload_id:
            del self.reservations[key]


@dataclass
class FakeUpload:
    body: bytes
    stored_at: float
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
        return FakeUpload(self.objects[key], self.stored_at[key])

    def open_archive(self, key: str) -> FakeArchive:
        return FakeArchive(self.objects, key, self.open_archives)


@dataclass
class FakeQueue:
    sent: list[str] = field(default_factory=list)

    def send(self, payload_id: str) -> None:
        self.sent.append(payload_id)


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

    def __init__(self, *, in_request_limit: int = 25_000_000) -> None:
        self.clock = FakeClock()
        self.table = FakeTable()
        self.bucket = FakeBucket(self.clock.now)
        self.queue = FakeQueue()
        self.metrics = FakeMetrics()
        self.ingest = Ingest(
            table=self.table,
            bucket=self.bucket,
            queue=self.queue,
            metrics=self.metrics,
            bucket_name="bucket",
            upload_url_seconds=900,
            in_request_limit=in_request_limit,
            records_field="transcript_with_metrics",
            lease_ms=35_000,
            new_id=lambda: str(ULID()),
            now=self.clock.now,
            sleep=self.clock.sleep,
        )
        self.acme = self.caller("acme")
        self.globex = self.caller("globex")

    def caller(self, tenant: str, request_id: str = "request-1", time: bool = True) -> Caller:
        return Caller(tenant, request_id, lambda: time)
