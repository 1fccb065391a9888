"""The record of one payload, and the states it goes through.

    issued ──▶ uploaded ──▶ processing ──▶ stored
                                     └───▶ failed
    issued ──▶ expired            (a URL that was never used)

`expired` is written nowhere: a record stays `issued` until DynamoDB deletes it, and is shown as
`expired` once its URL is long over. `uploaded` waits for the worker. `processing` carries a lease,
which expires, so that a payload whose function died is taken up again.
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
    """Where records live. Each method is one conditional request.

    A record or idempotency key whose `expires_at` has passed is neither read nor listed, and gives
    way to a new one, although DynamoDB may take days to delete it.
    """

    def create(self, payload: Payload) -> None: ...
    def get(self, payload_id: str) -> Payload | None: ...
    def mark_uploaded(
        self, payload_id: str, *, size: int, etag: str, upload_duration_ms: int
    ) -> None:
        """To `uploaded`, from a state in which nobody works on it; else nothing happens."""

    def lease(self, payload_id: str, *, owner: str, now: int, until: int) -> Payload | None:
        """To `processing`, unless it is done, not there or leased to another: then None."""

    def release(self, payload_id: str, *, owner: str) -> None:
        """From `processing` back to `uploaded`, if the lease is still the owner's."""

    def finish(self, payload: Payload, *, owner: str) -> None:
        """To `stored` or `failed`.

        Raises:
            LeaseLostError: The lease is another's by now.
        """

    def reserve(
        self, key: str, *, payload_id: str, fingerprint: str, until: int, expires_at: int
    ) -> Reservation:
        """Take an idempotency key, or say who has it."""

    def unreserve(self, key: str, *, payload_id: str) -> None:
        """Give an idempotency key back."""

    def surrender(self, key: str, *, payload_id: str) -> None:
        """Keep an idempotency key, but end the time for which others wait."""

    def delete(self, payload: Payload) -> bool:
        """Remove a record, unless its state has changed since it was read: then False."""

    def known(self, payload_ids: Collection[str]) -> set[str]:
        """Those, of up to `MAX_KNOWN`, that have a record."""

    def unfinished(self, partition: str, *, since: str, before: str) -> Iterator[Payload]:
        """Payloads of one partition of the sweep's index, created in that time, oldest first."""

    def swept_until(self) -> str | None:
        """What `keep_swept_until` kept last."""

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
    """A page of a list, perhaps a short or an empty one though others follow."""

    payloads: list[Payload]
    last: str | None
    """Id below which the next page begins; None: nothing follows."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Who holds an idempotency key."""

    payload_id: str
    fingerprint: str
    lease_until: int
    """Epoch milliseconds until which the holder's work may be going on."""


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
    """Where the sweep finds a payload whose URL was issued, while nobody has claimed it."""
    return ISSUED_PARTITIONS[_shard(payload_id, OPEN_SHARDS)]


def open_shard(payload_id: str) -> str:
    """Where the sweep finds a payload that was claimed or taken up, until it is finished."""
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
