"""Reconcile the table with the bucket: swept uploads are queued again.

No tenant can delay the sweep of another's payloads. First it finds out which uploads are stuck,
which costs a request for `BATCH` payloads; then each tenant has one of its own put back into the
queue before any tenant has a second one. A URL that was never used costs no write: its record stays
`issued` until DynamoDB deletes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from ulid import ULID

from wideload_runtime.core.ingest.ingest import Queue
from wideload_runtime.core.ingest.payloads import (
    ISSUED_PARTITIONS,
    MAX_KNOWN,
    OPEN_PARTITIONS,
    Payload,
    PayloadTable,
    parse_object_key,
)
from wideload_runtime.core.ingest.processing import Processor
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import epoch, iso
from wideload_runtime.core.turns import Mapping, in_turns

GRACE_SECONDS = 15 * 60
"""Younger payloads may still be in progress: by an upload that started just before its URL
expired, or a message in the queue."""
WINDOW_SECONDS = 3 * 3600
"""Age up to which issued URLs and objects are checked, at least; the sweep runs hourly. Longer than
an hour because of uploads that continue long after their URL expired."""
TRANSIT = "transit/"
PREFIXES = (TRANSIT, "archive/")
BATCH = MAX_KNOWN
"""Payloads of a tenant whose objects one listing finds."""
SLICE = 50_000
"""Payloads held in memory at a time: some 30 MB."""
OLDEST = 1000
"""Issued URLs of each partition, older than the window, that are checked again."""
NAMED = 20
"""Keys of orphans in a report, for the operator."""


T = TypeVar("T")


class Listing(Protocol):
    def tenants(self, prefix: str) -> Iterator[str]:
        """Tenants with objects under a prefix."""

    def keys(self, prefix: str, tenant: str, *, after: str, before: str) -> Iterator[str]:
        """Keys of a tenant's objects under a prefix whose payload ids lie between two."""


@dataclass(frozen=True, slots=True)
class Report:
    expired: int
    """URLs that were never used."""
    repaired: int
    """Payloads that were put back into the queue."""
    lost: int
    """Payloads whose object was deleted before it could be processed."""
    orphans: int
    """Objects without a record: uploads, which expire with their prefix, and archives, whose
    function crashed before it wrote the record."""
    orphan_keys: tuple[str, ...] = ()
    """The first of them."""
    backlog_seconds: int = 0
    """Seconds that the oldest payload left by the run has been due."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Some payloads of one tenant, by whether they have an object."""

    stuck: list[Payload]
    """They have an object."""
    gone: list[Payload]
    """They have no object."""
    left: list[Payload]
    """There was no time for these."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """
    Args:
        in_parallel: Runs several turns at once.
    """

    table: PayloadTable
    processor: Processor
    listing: Listing
    queue: Queue
    metrics: Metrics
    upload_url_seconds: int
    now: Callable[[], float]
    in_parallel: Mapping = map

    def run(self, has_time: Callable[[], bool] = lambda: True) -> Report:
        """Check payloads that are unfinished for too long, and recent objects.

        Args:
            has_time: Whether to begin another step; the rest is left to the next run.
        """
        old = iso(self.now() - self.upload_url_seconds - GRACE_SECONDS)
        swept_until = self.table.swept_until() or ""
        expired = lost = 0
        left: list[Payload] = []
        stuck: dict[str, list[Payload]] = {}
        for found in self._find(self._unfinished(swept_until, old), has_time):
            left += found.left
            for payload in found.stuck:
                stuck.setdefault(payload.tenant, []).append(payload)
            for payload in found.gone:
                if payload.state != "issued":
                    lost += self.processor.lose(payload.s3_key or "", owner="sweep")
                elif payload.created_at > swept_until:
                    expired += 1
        repaired = 0
        for payload, sent in self._repair(in_turns(stuck.values()), has_time):
            repaired += sent
            left += [] if sent else [payload]
        orphans = list(self._orphans(has_time))
        oldest = min((payload.created_at for payload in left), default=old)
        self.table.keep_swept_until(oldest)
        report = Report(
            expired,
            repaired,
            lost,
            len(orphans),
            tuple(orphans[:NAMED]),
            round(epoch(old) - epoch(oldest)),
        )
        self.metrics.add("ExpiredUploadCount", report.expired)
        self.metrics.add("RepairedPayloadCount", report.repaired)
        self.metrics.add("LostUploadCount", report.lost)
        self.metrics.add("OrphanObjectCount", report.orphans)
        self.metrics.add("SweepBacklogAge", report.backlog_seconds)
        return report

    def _unfinished(self, swept_until: str, old: str) -> Iterator[Payload]:
        """Return due payloads: claimed ones of any age; of issued URLs those since the last runs,
        and some older ones."""
        since = min(swept_until or old, iso(self.now() - WINDOW_SECONDS))
        parts = [self.table.unfinished(name, since="0", before=old) for name in OPEN_PARTITIONS]
        for name in ISSUED_PARTITIONS:
            parts.append(self.table.unfinished(name, since=since, before=old))
            # Just before `since`, so that nothing is found twice.
            older = self.table.unfinished(name, since="0", before=since[:-1])
            parts.append(islice(older, OLDEST))
        return (payload for payload in in_turns(parts) if not self._is_leased(payload))

    def _find(self, due: Iterator[Payload], has_time: Callable[[], bool]) -> Iterator[_Found]:
        """Find out which payloads have an object."""
        while some := list(islice(due, SLICE)):
            by_tenant: dict[str, list[Payload]] = {}
            for payload in some:
                by_tenant.setdefault(payload.tenant, []).append(payload)
            for theirs in by_tenant.values():
                # Sorted as in the bucket, so that a listing is short.
                theirs.sort(key=lambda payload: payload.payload_id)
            batches = in_turns(_cut(theirs) for theirs in by_tenant.values())
            yield from self.in_parallel(lambda batch: self._look(batch, has_time), batches)

    def _look(self, batch: list[Payload], has_time: Callable[[], bool]) -> _Found:
        if not has_time():
            return _Found([], [], batch)
        keys = self.listing.keys(
            TRANSIT,
            batch[0].tenant,
            after=batch[0].payload_id[:-1],
            before=batch[-1].payload_id + "~",
        )
        uploaded = {payload.s3_key for payload in batch}.intersection(keys)
        return _Found(
            [payload for payload in batch if payload.s3_key in uploaded],
            [payload for payload in batch if payload.s3_key not in uploaded],
            [],
        )

    def _repair(
        self, stuck: Iterable[Payload], has_time: Callable[[], bool]
    ) -> Iterable[tuple[Payload, bool]]:
        """Put payloads back into the queue; yield for each whether there was time for it."""

        def send(payload: Payload) -> tuple[Payload, bool]:
            if not has_time():
                return payload, False
            self.queue.send(payload.s3_key or "", reason="sweep")
            return payload, True

        return self.in_parallel(send, stuck)

    def _is_leased(self, payload: Payload) -> bool:
        return payload.state == "processing" and (payload.lease_until or 0) > self.now() * 1000

    def _orphans(self, has_time: Callable[[], bool]) -> Iterator[str]:
        """Keys of objects without a record.

        Keys hold ULIDs, which sort by time, so only those of the last hours are listed.
        """
        now = self.now()
        after = str(ULID.from_timestamp(now - WINDOW_SECONDS))[:10]
        before = str(ULID.from_timestamp(now - GRACE_SECONDS))[:10]
        turns = in_turns(
            _cut(self.listing.keys(prefix, tenant, after=after, before=before))
            for prefix in PREFIXES
            for tenant in self.listing.tenants(prefix)
        )
        for unknown in self.in_parallel(lambda keys: self._unknown(keys, has_time), turns):
            yield from unknown

    def _unknown(self, keys: list[str], has_time: Callable[[], bool]) -> list[str]:
        if not has_time():
            return []
        ids = {key: parse_object_key(key) for key in keys}
        known = self.table.known({payload_id for payload_id in ids.values() if payload_id})
        return [key for key in keys if ids[key] not in known]


def _cut(items: Iterable[T]) -> Iterator[list[T]]:
    """Lists of up to `BATCH` items."""
    rest = iter(items)
    while batch := list(islice(rest, BATCH)):
        yield batch
