"""The record of one payload, and the states it goes through.

    issued ──▶ uploaded ──▶ processing ──▶ stored
                                     └───▶ failed
    issued ──▶ expired            (a URL that was never used)

`expired` is never written: a record stays `issued` until DynamoDB deletes it, and is shown as
`expired` long after its URL has expired. `uploaded` waits for the worker. `processing` has a lease,
which expires, so that a crashed function's payload is processed again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from wideload_runtime.core import ulids
from wideload_runtime.core.ingest.summary import Scalars

State = Literal["issued", "uploaded", "processing", "stored", "failed", "expired"]

TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_OBJECT_KEY = re.compile(rf"[a-z]+/{TENANT.pattern}/({ulids.PATTERN})(?:\.json\.gz)?")
_TRANSIT_KEY = re.compile(rf"transit/({TENANT.pattern})/({ulids.PATTERN})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """An item of the payloads table. Times are ISO 8601 in UTC unless named otherwise."""

    payload_id: str
    """A ULID: sorts by the time it was made (https://github.com/ulid/spec)."""
    tenant: str
    state: State
    source: Literal["inline", "s3"]
    created_at: str
    expires_at: int | None = None
    """Epoch seconds after which DynamoDB may delete the item; None: never."""
    call_id: str | None = None

    # Keys of the sparse indexes
    open_shard: str | None = None
    """While it is not finished: where the sweep finds it (`issued_shard`, `open_shard`)."""
    tenant_call: str | None = None
    """Once it is finished: `<tenant>#<call_id>`."""
    tenant_shard: str | None = None
    """Once it is finished: `<tenant>#<shard>`."""

    # An upload by URL
    s3_key: str | None = None
    declared_size: int | None = None
    """Bytes that the URL was signed for."""
    declared_sha256: str | None = None
    uploaded_size: int | None = None
    """Bytes of the object, or of the inline body once base64 was undone."""
    upload_duration_ms: int | None = None
    claimed_etag: str | None = None
    """The object as it was when its claim was queued."""
    lease_owner: str | None = None
    lease_until: int | None = None
    """Epoch milliseconds."""

    # Once stored
    stored_at: str | None = None
    size: int | None = None
    """Bytes of the document's JSON."""
    sha256: str | None = None
    """Hex, of the document's JSON."""
    records: int | None = None
    summary: Scalars | None = None
    summary_complete: bool | None = None
    array_lengths: dict[str, int] | None = None
    gzip_size: int | None = None
    document: bytes | None = None
    """The document as gzip, when it is small; else it lies at `archive_key`."""
    archive_key: str | None = None
    prefix_size: int | None = None
    member_index: bytes | None = None

    # Once failed
    error_code: str | None = None
    error_detail: str | None = None

    @property
    def repeats(self) -> bool:
        """Whether it repeats another upload, and so is neither listed nor told."""
        return self.error_code == "duplicate"

    @property
    def done(self) -> bool:
        """Whether its state is final. A failure of ours isn't: it can be tried again."""
        return self.state == "stored" or (self.state == "failed" and self.error_code != "internal")


class PayloadTable(Protocol):
    """Table of payloads. Each method is one conditional request.

    A record or idempotency key whose `expires_at` has passed is neither read nor listed, and a
    new one replaces it, although DynamoDB may take days to delete it.
    """

    def create(self, payload: Payload) -> None: ...
    def get(self, payload_id: str) -> Payload | None: ...
    def mark_uploaded(
        self, payload_id: str, *, size: int, etag: str, upload_duration_ms: int
    ) -> None:
        """Set `uploaded`, unless the payload is being processed or finished."""

    def lease(self, payload_id: str, *, owner: str, now: int, until: int) -> Payload | None:
        """Set `processing`; None if it is finished, missing or leased to another owner."""

    def release(self, payload_id: str, *, owner: str) -> None:
        """Set `uploaded` again, if the owner still has the lease."""

    def finish(self, payload: Payload, *, owner: str) -> None:
        """Set `stored` or `failed`.

        Raises:
            LeaseLostError: Another owner has the lease.
        """

    def reserve(
        self, key: str, *, payload_id: str, fingerprint: str, until: int, expires_at: int
    ) -> Reservation:
        """Reserve an idempotency key, or return its present reservation."""

    def unreserve(self, key: str, *, payload_id: str) -> None:
        """Delete the reservation of an idempotency key."""

    def end_reservation_lease(self, key: str, *, payload_id: str) -> None:
        """Keep an idempotency key reserved, but let other requests for it proceed now."""

    def delete(self, payload: Payload) -> bool:
        """Remove a record, unless its state has changed since it was read: then False."""

    def known(self, payload_ids: Collection[str]) -> set[str]:
        """Return those, of up to `MAX_KNOWN` ids, that have a record."""

    def unfinished(self, partition: str, *, since: str, before: str) -> Iterator[Payload]:
        """Yield payloads of a partition of the sweep's index, by time of creation."""

    def swept_until(self) -> str | None:
        """Return the time last given to `keep_swept_until`."""

    def keep_swept_until(self, time: str) -> None: ...

    def list_call(self, tenant: str, call_id: str, ids: IdRange, limit: int) -> Listed:
        """Finished payloads of a call, newest first, with what the index holds of them."""

    def list_tenant(self, tenant: str, ids: IdRange, limit: int) -> Listed:
        """Finished payloads of a tenant, newest first, with what the index holds of them."""


@dataclass(frozen=True, slots=True)
class IdRange:
    """Payload ids between two, both excluded. ULIDs sort by time."""

    after: str
    before: str

    @property
    def empty(self) -> bool:
        return self.after >= self.before


EVERY_ID = IdRange("", "~")


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list; it may be short or empty even if others follow."""

    payloads: list[Payload]
    last: str | None
    """Id below which the next page begins; None after the last page."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Reservation of an idempotency key by a payload."""

    payload_id: str
    fingerprint: str
    lease_until: int
    """Epoch milliseconds until which the reserving request may be running."""


UNUSED_SECONDS = 2 * 3600
"""After its URL expired, an `issued` payload counts as `expired`: by then the sweep has looked for
its object."""
MAX_KNOWN = 100
"""Keys of one BatchGetItem.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
OPEN_SHARDS = 4
TENANT_SHARDS = 8
"""Partitions of an index over which one tenant's payloads are spread: each takes 1,000 writes a
second. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""


ISSUED_PARTITIONS = tuple(f"issued#{shard}" for shard in range(OPEN_SHARDS))
OPEN_PARTITIONS = tuple(f"open#{shard}" for shard in range(OPEN_SHARDS))


def issued_shard(payload_id: str) -> str:
    """Partition of the sweep's index for a payload whose URL was issued but not claimed."""
    return ISSUED_PARTITIONS[_shard(payload_id, OPEN_SHARDS)]


def open_shard(payload_id: str) -> str:
    """Partition of the sweep's index for a claimed or processing payload, until it is finished."""
    return OPEN_PARTITIONS[_shard(payload_id, OPEN_SHARDS)]


def tenant_call(payload: Payload) -> str | None:
    """Key under which a finished payload is listed by call."""
    listed = payload.call_id and not payload.repeats
    return f"{payload.tenant}#{payload.call_id}" if listed else None


def tenant_shard(payload: Payload) -> str | None:
    """Key under which a finished payload is listed by tenant."""
    shard = _shard(payload.payload_id, TENANT_SHARDS)
    return None if payload.repeats else f"{payload.tenant}#{shard}"


def _shard(payload_id: str, shards: int) -> int:
    return zlib.crc32(payload_id.encode()) % shards


def transit_key(tenant: str, payload_id: str) -> str:
    return f"transit/{tenant}/{payload_id}"


def archive_key(tenant: str, payload_id: str) -> str:
    return f"archive/{tenant}/{payload_id}.json.gz"


def parse_object_key(key: str) -> str | None:
    """Payload id of an object's key under either prefix; None for one that we didn't make."""
    match = _OBJECT_KEY.fullmatch(key)
    return match[1] if match else None


def parse_transit_key(key: str) -> tuple[str, str] | None:
    """Tenant and payload id of a key that we made; None for any other string."""
    match = _TRANSIT_KEY.fullmatch(key)
    return (match[1], match[2]) if match else None
