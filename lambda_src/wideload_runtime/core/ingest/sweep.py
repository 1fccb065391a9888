"""Reconcile the table with the bucket: what fell between two steps is taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ulid import ULID

from wideload_runtime.core.ingest.ingest import Queue
from wideload_runtime.core.ingest.payloads import (
    OPEN_SHARDS,
    Payload,
    PayloadTable,
    iso,
    parse_transit_key,
)
from wideload_runtime.core.ingest.processing import Metrics, Processor

GRACE_SECONDS = 15 * 60
"""What is younger may still be on its way: an upload that started just before its URL expired, a
message in the queue."""
ORPHAN_SECONDS = 3 * 3600
"""How far back objects are held against the table; the sweep runs hourly."""


class Listing(Protocol):
    def tenants(self) -> Iterator[str]:
        """Those with objects under the transit prefix."""

    def uploads(self, tenant: str, *, after: str, before: str) -> Iterator[str]:
        """Keys of a tenant's uploads whose payload ids lie between two."""

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
    """Objects without a record, which expire with the transit prefix."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    table: PayloadTable
    processor: Processor
    listing: Listing
    queue: Queue
    metrics: Metrics
    upload_url_seconds: int
    now: Callable[[], float]

    def run(self) -> Report:
        """Look at all that is unfinished for too long, and at recent objects."""
        expired = repaired = lost = 0
        old = iso(self.now() - self.upload_url_seconds - GRACE_SECONDS)
        for shard in range(OPEN_SHARDS):
            for payload in self.table.open_before(shard, old):
                if self._is_leased(payload):
                    continue
                if self.listing.has_upload(payload.s3_key or ""):
                    self.queue.send(payload.s3_key or "", reason="sweep")
                    repaired += 1
                elif payload.state == "issued":
                    expired += self.table.expire(payload.payload_id)
                else:
                    lost += self.processor.lose(payload.s3_key or "", owner="sweep")
        report = Report(expired, repaired, lost, self._orphans())
        self.metrics.add("ExpiredUploadCount", report.expired)
        self.metrics.add("RepairedPayloadCount", report.repaired)
        self.metrics.add("LostUploadCount", report.lost)
        self.metrics.add("OrphanObjectCount", report.orphans)
        return report

    def _is_leased(self, payload: Payload) -> bool:
        return payload.state == "processing" and (payload.lease_until or 0) > self.now() * 1000

    def _orphans(self) -> int:
        """Count objects without a record.

        Keys hold ULIDs, which sort by time, so only those of the last hours are listed.
        """
        now = self.now()
        after = str(ULID.from_timestamp(now - ORPHAN_SECONDS))[:10]
        before = str(ULID.from_timestamp(now - GRACE_SECONDS))[:10]
        keys = (
            key
            for tenant in self.listing.tenants()
            for key in self.listing.uploads(tenant, after=after, before=before)
        )
        return sum(self._is_orphan(key) for key in keys)

    def _is_orphan(self, key: str) -> bool:
        parsed = parse_transit_key(key)
        return parsed is None or self.table.get(parsed[1]) is None
