"""Reconcile the table with the bucket: what fell between two steps is taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Protocol

from ulid import ULID

from wideload_runtime.core.ingest.ingest import Queue
from wideload_runtime.core.ingest.payloads import (
    MAX_KNOWN,
    OPEN_SHARDS,
    Payload,
    PayloadTable,
    parse_object_key,
)
from wideload_runtime.core.ingest.processing import Processor
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import iso

GRACE_SECONDS = 15 * 60
"""What is younger may still be on its way: an upload that started just before its URL expired, a
message in the queue."""
ORPHAN_SECONDS = 3 * 3600
"""How far back objects are held against the table; the sweep runs hourly."""
PREFIXES = ("transit/", "archive/")
NAMED = 20
"""Keys of orphans in a report, for whoever looks after them."""


class Listing(Protocol):
    def tenants(self, prefix: str) -> Iterator[str]:
        """Those with objects under a prefix."""

    def keys(self, prefix: str, tenant: str, *, after: str, before: str) -> Iterator[str]:
        """Keys of a tenant's objects under a prefix whose payload ids lie between two."""

    def has_upload(self, key: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Report:
    expired: int
    """URLs that were never used."""
    repaired: int
    """Payloads that were put back into the queue."""
    lost: int
    """Payloads whose object was deleted before it could be processed."""
    orphans: int
    """Objects without a record: of uploads, which expire with their prefix, and of archives, whose
    function died before it wrote the record."""
    orphan_keys: tuple[str, ...] = ()
    """The first of them."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    table: PayloadTable
    processor: Processor
    listing: Listing
    queue: Queue
    metrics: Metrics
    upload_url_seconds: int
    now: Callable[[], float]

    def run(self, has_time: Callable[[], bool] = lambda: True) -> Report:
        """Look at all that is unfinished for too long, and at recent objects.

        Args:
            has_time: Asked for each of them; what is left then is for the next run.
        """
        expired = repaired = lost = 0
        old = iso(self.now() - self.upload_url_seconds - GRACE_SECONDS)
        for shard in range(OPEN_SHARDS):
            for payload in takewhile(lambda _: has_time(), self.table.open_before(shard, old)):
                if self._is_leased(payload):
                    continue
                if self.listing.has_upload(payload.s3_key or ""):
                    self.queue.send(payload.s3_key or "", reason="sweep")
                    repaired += 1
                elif payload.state == "issued":
                    expired += self.table.expire(payload.payload_id)
                else:
                    lost += self.processor.lose(payload.s3_key or "", owner="sweep")
        orphans = list(takewhile(lambda _: has_time(), self._orphans()))
        report = Report(expired, repaired, lost, len(orphans), tuple(orphans[:NAMED]))
        self.metrics.add("ExpiredUploadCount", report.expired)
        self.metrics.add("RepairedPayloadCount", report.repaired)
        self.metrics.add("LostUploadCount", report.lost)
        self.metrics.add("OrphanObjectCount", report.orphans)
        return report

    def _is_leased(self, payload: Payload) -> bool:
        return payload.state == "processing" and (payload.lease_until or 0) > self.now() * 1000

    def _orphans(self) -> Iterator[str]:
        """Keys of objects without a record.

        Keys hold ULIDs, which sort by time, so only those of the last hours are listed.
        """
        now = self.now()
        after = str(ULID.from_timestamp(now - ORPHAN_SECONDS))[:10]
        before = str(ULID.from_timestamp(now - GRACE_SECONDS))[:10]
        keys = (
            key
            for prefix in PREFIXES
            for tenant in self.listing.tenants(prefix)
            for key in self.listing.keys(prefix, tenant, after=after, before=before)
        )
        while some := list(islice(keys, MAX_KNOWN)):
            ids = {key: parse_object_key(key) for key in some}
            known = self.table.known({payload_id for payload_id in ids.values() if payload_id})
            yield from (key for key in some if ids[key] not in known)
