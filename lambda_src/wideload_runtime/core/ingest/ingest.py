"""Issue upload URLs, and accept inline documents and claims.

Every public method is safe to repeat. An answer is sent only after the record was written, so
that the table holds all that clients were told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

from wideload_runtime.core.errors import LeaseHeldError, OutOfTimeError, Refused
from wideload_runtime.core.ingest.gunzip import PIECE
from wideload_runtime.core.ingest.payloads import (
    Payload,
    PayloadTable,
    Reservation,
    issued_shard,
    parse_transit_key,
    transit_key,
)
from wideload_runtime.core.ingest.processing import (
    Caller,
    Processor,
    Upload,
    failed_by,
    upload_ms,
)
from wideload_runtime.core.ingest.requests import Claim, Inline, UploadRequest
from wideload_runtime.core.metrics import Metrics
from wideload_runtime.core.times import iso

MAX_INLINE_DOCUMENT = 256 * 1024**2
"""Bytes of JSON of an inline document, which must be processed within one request."""
TRANSIT_SECONDS = 8 * 24 * 3600
"""Records of unused URLs expire a day after their objects would."""
IDEMPOTENCY_SECONDS = 24 * 3600
RESERVATION_MS = 35_000
"""Longer than a request can run (30 s), so that its holder has ended."""


class Urls(Protocol):
    def presign_put(
        self, key: str, *, length: int | None, sha256: str | None, content_type: str
    ) -> tuple[str, dict[str, str]]:
        """A URL, and exactly the headers that go with it."""


class Queue(Protocol):
    def send(self, s3_key: str, *, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """
    Args:
        bucket_name: Name in the answers; older clients send it back.
        in_request_limit: Bytes of an uploaded object up to which it is processed in the request.
    """

    table: PayloadTable
    urls: Urls
    processor: Processor
    queue: Queue
    metrics: Metrics
    bucket_name: str
    upload_url_seconds: int
    in_request_limit: int
    new_id: Callable[[], str]
    now: Callable[[], float]

    # Upload URLs

    def issue_upload_url(
        self, tenant: str, request: UploadRequest, idempotency_key: str | None = None
    ) -> Reply:
        """Record a payload and sign a URL for its bytes.

        Under an idempotency key, the same hash gets the same payload again, with a fresh URL:
        a client that crashed and began again uploads to the same object, which is stored once.
        """
        payload_id = self.new_id()
        if idempotency_key and request.sha256:
            held = self._reserve(tenant, idempotency_key, payload_id, request.sha256)
            payload_id = held.payload_id
        key = transit_key(tenant, payload_id)
        now = self.now()
        url, headers = self.urls.presign_put(
            key,
            length=request.content_length,
            sha256=request.sha256,
            content_type=request.content_type,
        )
        self.table.create(
            Payload(
                payload_id=payload_id,
                tenant=tenant,
                state="issued",
                source="s3",
                created_at=iso(now),
                expires_at=int(now) + TRANSIT_SECONDS,
                call_id=request.call_id,
                open_shard=issued_shard(payload_id),
                s3_key=key,
                declared_size=request.content_length,
                declared_sha256=request.sha256,
            )
        )
        return Reply(
            200,
            {
                "payload_id": payload_id,
                "method": "PUT",
                "upload_url": url,
                "headers": headers,
                "s3_key": key,
                "s3_bucket": self.bucket_name,
                "expires_in": self.upload_url_seconds,
                "expires_at": iso(now + self.upload_url_seconds),
            },
        )

    # Documents

    def accept(
        self, caller: Caller, request: Inline | Claim, idempotency_key: str | None = None
    ) -> Reply:
        """Accept a document, inline or claimed.

        Raises:
            Refused: The document, the claim or the idempotency key isn't acceptable.
        """
        if idempotency_key is None:
            return self._accept(caller, request, None)
        return self._accept_once(caller, request, idempotency_key)

    def _accept(self, caller: Caller, request: Inline | Claim, payload_id: str | None) -> Reply:
        if isinstance(request, Claim):
            return self._accept_claim(caller, request)
        return self._accept_inline(caller, request, payload_id or self.new_id())

    def _accept_once(self, caller: Caller, request: Inline | Claim, key: str) -> Reply:
        if isinstance(request, Claim):
            claimed = self._claimed(caller.tenant, request)
            payload_id = claimed.payload_id
            # A client that began again and uploaded the same bytes repeats the same request.
            fingerprint = claimed.declared_sha256 or _sha256(request.s3_key.encode())
        else:
            payload_id = self.new_id()
            fingerprint = _sha256(request.body)
        held = self._reserve(caller.tenant, key, payload_id, fingerprint)
        record = _record_of(caller.tenant, key)
        try:
            if held.payload_id == payload_id:
                return self._accept(caller, request, payload_id)
            return self._accept_again(caller, request, held)
        except Refused as refused:
            # Nothing was stored: a corrected body, or the upload, may have the same key.
            kept = isinstance(request, Claim) or refused.code == "in_progress"
            if not kept or refused.code == "not_uploaded":
                self.table.unreserve(record, payload_id=held.payload_id)
            raise
        except Exception:
            # The payload may be stored, so the key stays; but other requests need not wait.
            self.table.end_reservation_lease(record, payload_id=held.payload_id)
            raise

    def _reserve(self, tenant: str, key: str, payload_id: str, fingerprint: str) -> Reservation:
        """Reserve an idempotency key, or return its reservation by the same request."""
        now = self.now()
        held = self.table.reserve(
            _record_of(tenant, key),
            payload_id=payload_id,
            fingerprint=fingerprint,
            until=int(now * 1000) + RESERVATION_MS,
            expires_at=int(now) + IDEMPOTENCY_SECONDS,
        )
        if held.fingerprint != fingerprint:
            raise Refused(
                "idempotency_key_reused",
                "The Idempotency-Key was used for another request; make a new one for each.",
            )
        return held

    def _accept_again(self, caller: Caller, request: Inline | Claim, held: Reservation) -> Reply:
        """Answer a repeated request as the one that reserved its key was answered."""
        first = self.table.get(held.payload_id)
        if first and first.s3_key:
            reply = self._accept_claim(caller, Claim(first.s3_key))
        else:
            reply = self._accept_inline_again(caller, request, held)
        if isinstance(request, Claim) and reply.body["payload_id"] == held.payload_id:
            self.processor.drop(request.s3_key, owner=caller.request_id, repeats=held.payload_id)
        return reply

    def _accept_inline_again(
        self, caller: Caller, request: Inline | Claim, held: Reservation
    ) -> Reply:
        known = self.table.get(held.payload_id)
        if known and known.done:
            return self._answer(known)
        if self.now() < held.lease_until / 1000:
            raise Refused(
                "in_progress", "The same request is still being processed.", retry_after=2
            )
        return self._accept(caller, request, held.payload_id)  # its holder has ended

    def _accept_inline(self, caller: Caller, request: Inline, payload_id: str) -> Reply:
        started = self.now()
        payload = Payload(
            payload_id=payload_id,
            tenant=caller.tenant,
            state="processing",
            source="inline",
            created_at=iso(started),
            call_id=request.call_id,
            uploaded_size=len(request.body),
        )
        try:
            payload = self.processor.store(
                payload,
                _pieces(request.body),
                max_size=MAX_INLINE_DOCUMENT,
                has_time=caller.has_time,
            )
        except OutOfTimeError as error:
            raise Refused(
                "document_too_large",
                "The document takes longer than one request may: ask /get-upload-url for a URL, "
                "PUT it there and claim it.",
            ) from error
        except Refused as refused:
            self.processor.count_failed(failed_by(payload, refused))
            raise
        self.table.create(payload)
        self.metrics.add("InlinePayloadCount", 1)
        self.metrics.add("PayloadStoredCount", 1)
        self.metrics.add("ProcessingDuration", (self.now() - started) * 1000)
        return self._answer(payload)

    def _accept_claim(self, caller: Caller, claim: Claim) -> Reply:
        payload = self._claimed(caller.tenant, claim)
        if payload.done:
            return self._answer(payload)
        upload = self.processor.objects.open_upload(claim.s3_key)
        if upload is None:
            raise Refused(
                "not_uploaded",
                "No object is there yet: PUT it to the upload URL first, then claim it.",
                retry_after=1,
            )
        try:
            if upload.size <= self.in_request_limit:
                with suppress(OutOfTimeError):
                    return self._answer(
                        self.processor.process(caller, payload, upload, claim.upload_duration_ms)
                    )
            return self._hand_over(payload, upload, claim.upload_duration_ms)
        except LeaseHeldError:
            return self._answer(payload)
        finally:
            upload.close()

    def _hand_over(self, payload: Payload, upload: Upload, reported_ms: int | None) -> Reply:
        """Queue a payload for the worker: one message, even for repeated claims."""
        waits = payload.state == "uploaded" and payload.claimed_etag == upload.etag
        leased = payload.state == "processing" and (payload.lease_until or 0) > self.now() * 1000
        if not waits and not leased:
            self.queue.send(payload.s3_key or "", reason="claimed")
            # After the message, so that every record in state `uploaded` has one.
            self.table.mark_uploaded(
                payload.payload_id,
                size=upload.size,
                etag=upload.etag,
                upload_duration_ms=upload_ms(payload, upload, reported_ms),
            )
        return self._answer(replace(payload, state="uploaded"))

    def _claimed(self, tenant: str, claim: Claim) -> Payload:
        parsed = parse_transit_key(claim.s3_key)
        payload = self.table.get(parsed[1]) if parsed and parsed[0] == tenant else None
        # The record decides, not the text of the key.
        if payload is None or payload.tenant != tenant or payload.s3_key != claim.s3_key:
            raise Refused(
                "unknown_key",
                "No upload of yours has this s3_key: give it exactly as /get-upload-url did.",
            )
        return payload

    # Answers

    def _answer(self, payload: Payload) -> Reply:
        if payload.state == "failed":
            raise Refused(payload.error_code or "internal", payload.error_detail or "")
        if payload.state != "stored":
            return Reply(
                202,
                {
                    "payload_id": payload.payload_id,
                    "state": "queued",
                    "status_url": f"/call-logs/{payload.payload_id}",
                },
            )
        return Reply(
            200,
            {
                "payload_id": payload.payload_id,
                "state": "stored",
                "size": payload.size,
                "sha256": payload.sha256,
                "records": payload.records,
                "created_at": payload.created_at,
            },
        )


def _pieces(body: bytes) -> Iterator[bytes]:
    """Yield a body in S3's chunks, so that it is processed in the same windows."""
    for start in range(0, len(body), PIECE):
        yield body[start : start + PIECE]


def _record_of(tenant: str, key: str) -> str:
    """Return the table's key for a tenant's idempotency key."""
    return "idempotency#" + _sha256(f"{tenant}\n{key}".encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
