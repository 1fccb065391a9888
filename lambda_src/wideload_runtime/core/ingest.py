"""What the ingest service decides: issue URLs, accept documents, answer for them.

Every public method is safe to repeat. What a client was told is true of the table: an answer
leaves only after the record was written.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from wideload_runtime.core.document import Archive, Document, keep
from wideload_runtime.core.errors import LeaseHeldError, LeaseLostError, OutOfTimeError, Refused
from wideload_runtime.core.gunzip import gunzip
from wideload_runtime.core.payloads import (
    Payload,
    PayloadTable,
    archive_key,
    parse_transit_key,
    transit_key,
)
from wideload_runtime.core.requests import MAX_CALL_ID, Claim, Inline, UploadRequest

MAX_DOCUMENT = 16 * 1024**3
"""Bytes of JSON of one document: some 5 minutes of a worker's 15."""
MAX_INLINE_DOCUMENT = 256 * 1024**2
"""Bytes of JSON of an inline document, which must be done within one request."""
TRANSIT_SECONDS = 8 * 24 * 3600
"""Records of unused URLs go a day after their objects do."""
IDEMPOTENCY_SECONDS = 24 * 3600
RESERVATION_MS = 35_000
"""Longer than a request lives (30 s), so that whoever held it is gone."""
POLL_SECONDS = 0.25


class Upload(Protocol):
    """An object that a client PUT. `chunks` reads it once."""

    size: int
    stored_at: float
    """Epoch seconds."""
    read_seconds: float
    """Time spent waiting for S3 so far."""

    def chunks(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Bucket(Protocol):
    def presign_put(
        self, key: str, *, length: int | None, sha256: str | None, content_type: str
    ) -> tuple[str, dict[str, str]]:
        """A URL, and exactly the headers that go with it."""

    def presign_get(self, key: str, *, filename: str) -> str: ...
    def open_upload(self, key: str) -> Upload | None: ...
    def open_archive(self, key: str) -> Archive: ...


class Queue(Protocol):
    def send(self, payload_id: str) -> None: ...


class Metrics(Protocol):
    def add(self, name: str, value: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and how long there is to answer."""

    tenant: str
    request_id: str
    has_time: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ingest:
    """The service, over what it needs.

    Args:
        in_request_limit: Bytes of an uploaded object up to which it is processed in the request.
        lease_ms: Life of a lease: longer than the function that holds it can run.
        now: Epoch seconds.
    """

    table: PayloadTable
    bucket: Bucket
    queue: Queue
    metrics: Metrics
    bucket_name: str
    upload_url_seconds: int
    in_request_limit: int
    records_field: str
    lease_ms: int
    new_id: Callable[[], str]
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    # Upload URLs

    def issue_upload_url(self, tenant: str, wish: UploadRequest) -> Reply:
        """Record a payload and sign a URL for its bytes."""
        payload_id = self.new_id()
        key = transit_key(tenant, payload_id)
        now = self.now()
        url, headers = self.bucket.presign_put(
            key,
            length=wish.content_length,
            sha256=wish.sha256,
            content_type=wish.content_type,
        )
        self.table.create(
            Payload(
                payload_id=payload_id,
                tenant=tenant,
                state="issued",
                source="s3",
                created_at=_iso(now),
                expires_at=int(now) + TRANSIT_SECONDS,
                call_id=wish.call_id,
                tenant_call=_tenant_call(tenant, wish.call_id),
                s3_key=key,
                declared_size=wish.content_length,
                declared_sha256=wish.sha256,
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
                "expires_at": _iso(now + self.upload_url_seconds),
            },
        )

    # Documents

    def accept(
        self, caller: Caller, request: Inline | Claim, idempotency_key: str | None = None
    ) -> Reply:
        """Take a document, inline or claimed.

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
        record = "idempotency#" + _sha256(f"{caller.tenant}\n{key}".encode())
        if isinstance(request, Claim):
            payload_id = self._claimed(caller.tenant, request).payload_id
            fingerprint = _sha256(request.s3_key.encode())
        else:
            payload_id = self.new_id()
            fingerprint = _sha256(request.body)
        now = self.now()
        held = self.table.reserve(
            record,
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
        if held.payload_id != payload_id:  # somebody was here before, with the same request
            known = self._wait_for(caller, held.payload_id, until=held.lease_until / 1000)
            if known:
                return self._answer(known)
            if self.now() * 1000 < held.lease_until:
                raise Refused(
                    "in_progress", "The same request is still being processed.", retry_after=2
                )
        try:
            return self._accept(caller, request, held.payload_id)
        except Refused:
            if isinstance(request, Inline):  # nothing was kept: a corrected body may come
                self.table.unreserve(record, payload_id=held.payload_id)
            raise

    def _accept_inline(self, caller: Caller, request: Inline, payload_id: str) -> Reply:
        started = self.now()
        key = archive_key(caller.tenant, payload_id)
        try:
            document = self._keep([request.body], key, MAX_INLINE_DOCUMENT, caller.has_time)
        except OutOfTimeError as error:
            raise Refused(
                "document_too_large",
                "The document takes longer than one request may: ask /get-upload-url for a URL, "
                "PUT it there and claim it.",
            ) from error
        except Refused:
            self.metrics.add("PayloadFailedCount", 1)
            raise
        payload = self._stored(
            Payload(
                payload_id=payload_id,
                tenant=caller.tenant,
                state="stored",
                source="inline",
                created_at=_iso(started),
                uploaded_size=len(request.body),
            ),
            document,
        )
        self.table.create(payload)
        self.metrics.add("InlinePayloadCount", 1)
        self.metrics.add("PayloadStoredCount", 1)
        self.metrics.add("ProcessingDuration", (self.now() - started) * 1000)
        return self._answer(payload)

    def _accept_claim(self, caller: Caller, claim: Claim) -> Reply:
        payload = self._claimed(caller.tenant, claim)
        if payload.state in ("stored", "failed"):
            return self._answer(payload)
        upload = self.bucket.open_upload(claim.s3_key)
        if upload is None:
            raise Refused(
                "not_uploaded",
                "No object is there yet: PUT it to the upload URL first, then claim it.",
                retry_after=1,
            )
        try:
            if upload.size > self.in_request_limit:
                return self._hand_over(payload, upload, claim.upload_duration_ms)
            return self._answer(self._process(caller, payload, upload, claim.upload_duration_ms))
        except OutOfTimeError:
            return self._hand_over(payload, upload, claim.upload_duration_ms)
        finally:
            upload.close()

    def _hand_over(self, payload: Payload, upload: Upload, reported_ms: int | None) -> Reply:
        """Leave a payload to the worker."""
        self.table.mark_uploaded(
            payload.payload_id,
            size=upload.size,
            upload_duration_ms=_upload_ms(payload, upload, reported_ms),
        )
        self.queue.send(payload.payload_id)
        return self._answer(replace(payload, state="uploaded"))

    def _claimed(self, tenant: str, claim: Claim) -> Payload:
        parsed = parse_transit_key(claim.s3_key)
        payload = self.table.get(parsed[1]) if parsed and parsed[0] == tenant else None
        # The server's own record decides, never what the key says.
        if payload is None or payload.tenant != tenant or payload.s3_key != claim.s3_key:
            raise Refused(
                "unknown_key",
                "No upload of yours has this s3_key: give it exactly as /get-upload-url did.",
            )
        return payload

    # Uploaded objects

    def work(self, payload_id: str, *, owner: str, has_time: Callable[[], bool]) -> Payload | None:
        """Process an uploaded object, away from any request.

        Returns:
            The record, done, by whomever; None if there is no such payload or object.

        Raises:
            LeaseHeldError: Somebody else is at it: look again when the lease has ended.
            OutOfTimeError: Try again in a fresh invocation.
        """
        payload = self.table.get(payload_id)
        if payload is None or payload.s3_key is None:
            return None
        if payload.state in ("stored", "failed"):
            return payload
        upload = self.bucket.open_upload(payload.s3_key)
        if upload is None:
            return None
        try:
            caller = Caller(payload.tenant, owner, has_time)
            done = self._process(caller, payload, upload, payload.upload_duration_ms, wait=False)
        finally:
            upload.close()
        if done.state not in ("stored", "failed"):
            raise LeaseHeldError
        return done

    def _process(
        self,
        caller: Caller,
        payload: Payload,
        upload: Upload,
        reported_ms: int | None,
        *,
        wait: bool = True,
    ) -> Payload:
        """Process an object under a lease, or see what the holder of the lease makes of it."""
        started = self.now()
        now = int(started * 1000)
        owner = caller.request_id
        leased = self.table.lease(
            payload.payload_id, owner=owner, now=now, until=now + self.lease_ms
        )
        if leased is None:
            known = self._wait_for(caller, payload.payload_id, until=started + 20 if wait else 0)
            return known or payload
        uploaded = replace(
            leased,
            uploaded_size=upload.size,
            upload_duration_ms=_upload_ms(leased, upload, reported_ms),
        )
        try:
            done = self._read_upload(uploaded, upload, caller.has_time)
            self.table.finish(done, owner=owner)
        except LeaseLostError:
            return self._wait_for(caller, payload.payload_id, until=self.now()) or payload
        except BaseException:
            self.table.release(payload.payload_id, owner=owner)
            raise
        self.metrics.add("LargePayloadCount", 1)
        self.metrics.add("S3UploadSize", upload.size)
        self.metrics.add("S3UploadDuration", uploaded.upload_duration_ms or 0)
        self.metrics.add("S3DownloadDuration", upload.read_seconds * 1000)
        self.metrics.add("ProcessingDuration", (self.now() - started) * 1000)
        stored = done.state == "stored"
        self.metrics.add("PayloadStoredCount" if stored else "PayloadFailedCount", 1)
        return done

    def _read_upload(
        self, payload: Payload, upload: Upload, has_time: Callable[[], bool]
    ) -> Payload:
        key = archive_key(payload.tenant, payload.payload_id)
        chunks = _checked(upload.chunks(), payload.declared_size, payload.declared_sha256)
        try:
            return self._stored(payload, self._keep(chunks, key, MAX_DOCUMENT, has_time))
        except Refused as refused:
            return replace(
                payload, state="failed", error_code=refused.code, error_detail=refused.detail
            )

    def _keep(
        self, chunks: Iterable[bytes], key: str, max_size: int, has_time: Callable[[], bool]
    ) -> Document:
        return keep(
            chunks,
            open_archive=lambda: self.bucket.open_archive(key),
            records_field=self.records_field,
            max_size=max_size,
            has_time=has_time,
        )

    def _stored(self, payload: Payload, document: Document) -> Payload:
        named = document.summary.get("call_id")
        call_id = str(named)[:MAX_CALL_ID] if isinstance(named, str | int) else payload.call_id
        archived = document.in_item is None
        return replace(
            payload,
            state="stored",
            expires_at=None,
            lease_owner=None,
            lease_until=None,
            call_id=call_id or None,
            tenant_call=_tenant_call(payload.tenant, call_id),
            stored_at=_iso(self.now()),
            size=document.size,
            sha256=document.sha256,
            records=document.records,
            summary=document.summary,
            summary_complete=document.summary_complete,
            array_lengths=document.array_lengths,
            gzip_size=document.gzip_size,
            document=document.in_item,
            archive_key=archive_key(payload.tenant, payload.payload_id) if archived else None,
            prefix_size=document.prefix_size if archived else None,
            member_index=document.member_index if archived else None,
        )

    # Answers

    def read(self, tenant: str, payload_id: str) -> tuple[dict[str, Any], bytes | None]:
        """What is known of a payload, and its document when that is small.

        Raises:
            Refused: `unknown_payload`, also for what is another tenant's.
        """
        payload = self.table.get(payload_id)
        if payload is None or payload.tenant != tenant:
            raise Refused("unknown_payload", "No payload of yours has this id.")
        known: dict[str, Any] = {
            name: value
            for name in (
                "payload_id", "state", "call_id", "source", "created_at", "stored_at",
                "uploaded_size", "upload_duration_ms", "size", "sha256", "records", "summary",
                "summary_complete", "array_lengths",
            )
            if (value := getattr(payload, name)) is not None
        }  # fmt: skip
        if payload.error_code:
            known["error"] = {"code": payload.error_code, "detail": payload.error_detail}
        if payload.archive_key:
            filename = f"{payload_id}.json.gz"
            known["document_url"] = self.bucket.presign_get(payload.archive_key, filename=filename)
            known["document_encoding"] = "gzip"
        document = b"".join(gunzip([payload.document])) if payload.document else None
        return known, document

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

    def _wait_for(self, caller: Caller, payload_id: str, *, until: float) -> Payload | None:
        """Look until a payload is done, someone's lease ends, or our time does."""
        while True:
            payload = self.table.get(payload_id)
            if payload and payload.state in ("stored", "failed", "uploaded"):
                return payload
            if self.now() >= until or not caller.has_time():
                return payload
            self.sleep(POLL_SECONDS)


def _checked(chunks: Iterable[bytes], size: int | None, sha256: str | None) -> Iterator[bytes]:
    """Pass an object through, and refuse it at its end if it isn't what was announced."""
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


def _upload_ms(payload: Payload, upload: Upload, reported_ms: int | None) -> int:
    """How long the upload took: as the client says, else from URL to object."""
    if reported_ms is not None:
        return reported_ms
    issued = datetime.fromisoformat(payload.created_at).timestamp()
    return max(0, round((upload.stored_at - issued) * 1000))


def _tenant_call(tenant: str, call_id: str | None) -> str | None:
    return f"{tenant}#{call_id}" if call_id else None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
