"""Processing of uploaded objects, by one holder of the lease at a time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from wideload_runtime.core.errors import LeaseHeldError, LeaseLostError, Refused
from wideload_runtime.core.ingest.document import Archive, Document, keep
from wideload_runtime.core.ingest.payloads import (
    Payload,
    PayloadTable,
    archive_key,
    parse_transit_key,
    tenant_call,
    tenant_shard,
)
from wideload_runtime.core.ingest.requests import MAX_CALL_ID
from wideload_runtime.core.ingest.shares import TenantShares
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import iso

MAX_DOCUMENT = 16 * 1024**3
"""Bytes of JSON of one document: some 5 minutes of a worker's 15 (docs/adr/0009-one-pass.md)."""


class Upload(Protocol):
    """An object that a client PUT. `chunks` reads it once."""

    size: int
    stored_at: float
    """Epoch seconds."""
    etag: str
    read_seconds: float
    """Time spent waiting for S3 so far."""

    def chunks(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Objects(Protocol):
    def open_upload(self, key: str) -> Upload | None: ...
    def open_archive(self, key: str) -> Archive: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A request's tenant and id, and whether there is time left to answer."""

    tenant: str
    request_id: str
    has_time: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Processor:
    """
    Args:
        records_field: Name of the top-level array whose elements are the records.
        retention_seconds: Seconds for which a finished record is kept; None: for ever.
        lease_ms: Length of a lease: longer than the function that holds it can run.
        tell_failed: Called with each payload that `PayloadFailedCount` counts, to log it.
        shares: Limit of the workers of a tenant. Default: no limit.
        now: Epoch seconds.
    """

    table: PayloadTable
    objects: Objects
    metrics: Metrics
    records_field: str
    retention_seconds: int | None
    lease_ms: int
    tell_failed: Callable[[Payload], None]
    shares: TenantShares | None = None
    now: Callable[[], float] = time.time

    def work(self, s3_key: str, *, owner: str, has_time: Callable[[], bool]) -> Payload | None:
        """Process an uploaded object, outside of any request.

        Returns:
            The record, finished by any worker; None if there is no such payload or object.

        Raises:
            LeaseHeldError: Another function processes it: try again when the lease has ended.
            OutOfTimeError: Try again in a fresh invocation.
            TenantBusyError: The tenant's share of workers is in use.
        """
        parsed = parse_transit_key(s3_key)
        payload = self.table.get(parsed[1]) if parsed else None
        if payload is None or payload.s3_key != s3_key:
            return None
        if payload.done:
            return payload
        # Only unprocessed payloads take a slot: most uploads have been claimed by now.
        share = (
            self.shares.worker_for(payload.tenant, owner=owner) if self.shares else nullcontext()
        )
        with share:
            upload = self.objects.open_upload(s3_key)
            if upload is None:
                return None
            try:
                caller = Caller(payload.tenant, owner, has_time)
                return self.process(caller, payload, upload, payload.upload_duration_ms)
            finally:
                upload.close()

    def is_open(self, s3_key: str) -> bool:
        """Return whether there is such a payload, and it isn't finished."""
        parsed = parse_transit_key(s3_key)
        payload = self.table.get(parsed[1]) if parsed else None
        return payload is not None and not payload.done

    def give_up(self, s3_key: str, *, owner: str) -> None:
        """Fail a payload that could not be processed, for a reason other than its content.

        It is processed again after a claim, or when its message is put back.
        """
        detail = "Processing failed repeatedly on our side; it can be claimed again."
        failed = self._fail(s3_key, owner=owner, code="internal", detail=detail)
        if failed is not None:
            self.count_failed(failed)

    def drop(self, s3_key: str, *, owner: str, repeats: str) -> None:
        """Fail an upload that repeats another one under the same idempotency key."""
        self._fail(s3_key, owner=owner, code="duplicate", detail=f"It is stored as {repeats}.")

    def lose(self, s3_key: str, *, owner: str) -> bool:
        """Fail a payload whose object was deleted; return whether it was still open."""
        detail = "The uploaded object was deleted before it could be processed: send it again."
        lost = self._fail(s3_key, owner=owner, code="upload_lost", detail=detail)
        if lost is None:
            return False
        self.count_failed(lost)
        return True

    def count_failed(self, payload: Payload) -> None:
        self.metrics.add("PayloadFailedCount", 1)
        self.tell_failed(payload)

    def _fail(self, s3_key: str, *, owner: str, code: str, detail: str) -> Payload | None:
        """Return the new record; None if the payload was not open."""
        parsed = parse_transit_key(s3_key)
        if parsed is None:
            return None
        now = int(self.now() * 1000)
        payload = self.table.lease(parsed[1], owner=owner, now=now, until=now + self.lease_ms)
        if payload is None:
            return None
        failed = self._finished(
            replace(payload, state="failed", error_code=code, error_detail=detail)
        )
        self.table.finish(failed, owner=owner)
        return failed

    def process(
        self, caller: Caller, payload: Payload, upload: Upload, reported_ms: int | None
    ) -> Payload:
        """Process an object under a lease.

        Returns:
            The record, finished here or by another function.

        Raises:
            LeaseHeldError: Another function processes it, and will finish it, or its message or the
                sweep will repeat it.
            OutOfTimeError: Try again in a fresh invocation.
        """
        started = self.now()
        now = int(started * 1000)
        owner = caller.request_id
        leased = self.table.lease(
            payload.payload_id, owner=owner, now=now, until=now + self.lease_ms
        )
        if leased is None:
            return self._finished_elsewhere(payload)
        uploaded = replace(
            leased,
            uploaded_size=upload.size,
            upload_duration_ms=upload_ms(leased, upload, reported_ms),
        )
        try:
            done = self._finished(self._read(uploaded, upload, caller.has_time))
            self.table.finish(done, owner=owner)
        except LeaseLostError:
            return self._finished_elsewhere(payload)
        except BaseException:
            self.table.release(payload.payload_id, owner=owner)
            raise
        self.metrics.add("LargePayloadCount", 1)
        self.metrics.add("S3UploadSize", upload.size)
        self.metrics.add("S3UploadDuration", uploaded.upload_duration_ms or 0)
        self.metrics.add("S3DownloadDuration", upload.read_seconds * 1000)
        self.metrics.add("ProcessingDuration", (self.now() - started) * 1000)
        if done.state == "stored":
            self.metrics.add("PayloadStoredCount", 1)
        else:
            self.count_failed(done)
        return done

    def _read(self, payload: Payload, upload: Upload, has_time: Callable[[], bool]) -> Payload:
        try:
            if payload.claimed_etag not in (None, upload.etag):
                raise Refused(
                    "object_changed", "The object was replaced by another after it was claimed."
                )
            chunks = _checked(upload.chunks(), payload.declared_size, payload.declared_sha256)
            return self.store(payload, chunks, max_size=MAX_DOCUMENT, has_time=has_time)
        except Refused as refused:
            return failed_by(payload, refused)

    def store(
        self,
        payload: Payload,
        chunks: Iterable[bytes],
        *,
        max_size: int,
        has_time: Callable[[], bool],
    ) -> Payload:
        """Store a document; return its record, which is yet to be written.

        Raises:
            Refused: The document isn't acceptable.
            OutOfTimeError: In both cases nothing is stored.
        """
        key = archive_key(payload.tenant, payload.payload_id)
        document = keep(
            chunks,
            open_archive=lambda: self.objects.open_archive(key),
            records_field=self.records_field,
            max_size=max_size,
            has_time=has_time,
        )
        archived = document.in_item is None
        stored = replace(
            payload,
            state="stored",
            call_id=_call_id(document) or payload.call_id,
            stored_at=iso(self.now()),
            error_code=None,
            error_detail=None,
            size=document.size,
            sha256=document.sha256,
            records=document.records,
            summary=document.summary,
            summary_complete=document.summary_complete,
            array_lengths=document.array_lengths,
            gzip_size=document.gzip_size,
            document=document.in_item,
            archive_key=key if archived else None,
            prefix_size=document.prefix_size if archived else None,
            member_index=document.member_index if archived else None,
        )
        return self._finished(stored)

    def _finished(self, payload: Payload) -> Payload:
        """Return a finished record: without a lease, no longer open, and in the lists."""
        retention = self.retention_seconds
        return replace(
            payload,
            expires_at=int(self.now()) + retention if retention else None,
            open_shard=None,
            lease_owner=None,
            lease_until=None,
            tenant_call=tenant_call(payload),
            tenant_shard=tenant_shard(payload),
        )

    def _finished_elsewhere(self, payload: Payload) -> Payload:
        known = self.table.get(payload.payload_id)
        if known is None or not known.done:
            raise LeaseHeldError
        return known


def failed_by(payload: Payload, refused: Refused) -> Payload:
    return replace(payload, state="failed", error_code=refused.code, error_detail=refused.detail)


def _checked(chunks: Iterable[bytes], size: int | None, sha256: str | None) -> Iterator[bytes]:
    """Pass an object through; refuse it at its end if size or hash differ from the request's."""
    seen = hashlib.sha256() if sha256 else None
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if seen:
            seen.update(chunk)
        yield chunk
    if (size is not None and length != size) or (seen and seen.hexdigest() != sha256):
        raise Refused(
            "checksum_mismatch",
            f"The object has {length} bytes and is not the one that the URL was made for.",
        )


def _call_id(document: Document) -> str | None:
    named = document.summary.get("call_id")
    if isinstance(named, bool) or not isinstance(named, str | int):
        return None
    return str(named)[:MAX_CALL_ID]


def upload_ms(payload: Payload, upload: Upload, reported_ms: int | None) -> int:
    """Return the duration of the upload: the client's, else from URL to object."""
    if reported_ms is not None:
        return reported_ms
    issued = datetime.fromisoformat(payload.created_at).timestamp()
    return max(0, round((upload.stored_at - issued) * 1000))
