"""The operations on payloads, as coroutines that both clients run."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import IO, Any

from wideload._api import Api, checked_id, unexpected
from wideload._http import Progress, Requests
from wideload._ingest import lists
from wideload._ingest.arguments import check_call_id, checked_idempotency_key, checked_time
from wideload._ingest.document import Document, prepare
from wideload._ingest.models import CallLog, Receipt
from wideload._ingest.send import Sending, check_recorded
from wideload._ingest.serialize import Default
from wideload._ingest.stored_document import StoredDocument, check_document, copy_document
from wideload._pages import checked_count
from wideload._presigned import PresignedCall, PresignedRequest, RenewableRequest
from wideload._retry import Attempts, Call, checked_seconds
from wideload._steps import StepByStep, Work, settled
from wideload.errors import (
    ApiError,
    NotFoundError,
    PayloadRefusedError,
    WaitTimeoutError,
    WideloadError,
)

# Seconds between two looks at a payload that is waited for: the first, and the longest.
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Payloads:
    """The payloads of one API key. `Client` documents the methods and their arguments.

    Attributes:
        api: The API, with the key.
        http: Makes requests to S3.
        work: Compresses, decompresses, parses, and accesses files.
    """

    api: Api
    http: Requests
    work: Work

    async def send(
        self,
        call: Call,
        document: Document,
        *,
        default: Default | None,
        call_id: str | None,
        idempotency_key: str | None,
        progress: Progress | None,
        wait: bool,
        wait_timeout: float,
    ) -> Receipt:
        """Send a document, and with `wait` wait until it is stored."""
        checked_seconds("wait_timeout", wait_timeout)
        key = checked_idempotency_key(idempotency_key)
        check_call_id(call_id)
        sending = Sending(self.api, self.http, call, call.attempts(), key)
        preparation = StepByStep(prepare(document, default))
        try:
            while (prepared := await settled(self.work(preparation.step))) is None:
                pass
            receipt = await sending.send(prepared, call_id=call_id, progress=progress)
        finally:
            await settled(self.work(preparation.close))
        if not wait or receipt.state == "stored":
            return receipt
        log = await self.wait(call, receipt.payload_id, wait_timeout)
        stored = replace(
            receipt,
            state=log.state,
            size=log.size,
            sha256=log.sha256,
            records=log.records,
            created_at=log.created_at,
        )
        check_recorded(prepared, stored)
        return stored

    async def wait(self, call: Call, payload_id: str, timeout: float) -> CallLog:
        """Look at a payload until it is stored."""
        checked_seconds("timeout", timeout)
        monotonic = call.pacing.monotonic
        deadline = monotonic() + timeout
        pause = _FIRST_PAUSE
        while True:
            log = await self.get(call, payload_id)
            if log.state == "stored":
                return log
            if log.state in {"failed", "expired"}:
                raise unusable(log)
            left = deadline - monotonic()
            if left <= 0:
                late = WaitTimeoutError(
                    f"payload {payload_id} is still {log.state} after {timeout:g} s; "
                    "it goes on being processed",
                    state=log.state,
                )
                late.payload_id = payload_id
                raise late
            await settled(call.pacing.sleep(min(pause, left)))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    async def get(self, call: Call, payload_id: str) -> CallLog:
        """The record of a payload, with its document if that is small."""
        return await self._get(call, payload_id, call.attempts())

    async def _get(self, call: Call, payload_id: str, attempts: Attempts) -> CallLog:
        path = f"/call-logs/{checked_id('payload', payload_id)}"
        call.payload_id = payload_id
        try:
            answer = await self.api.request_async("GET", path, attempts)
        except WideloadError as error:
            error.payload_id = payload_id
            raise
        try:
            log = await settled(self.work(CallLog.parse, answer.body))
            if log.document_url is not None:
                self.api.checked_url(log.document_url)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            raise unexpected("GET", path, answer) from None
        if log.document is not None:
            check_document(log, len(log.document), hashlib.sha256(log.document).hexdigest())
        return log

    def call_logs(
        self,
        attempts: Callable[[], Attempts],
        *,
        call_id: str | None,
        after: datetime | str | None,
        before: datetime | str | None,
        limit: int | None,
    ) -> AsyncGenerator[CallLog]:
        """The payloads, newest first. Arguments are checked at once, not while iterating."""
        query: dict[str, str] = {}
        if call_id is not None:
            check_call_id(call_id)
            query["call_id"] = call_id
        if after is not None:
            query["after"] = checked_time("after", after)
        if before is not None:
            query["before"] = checked_time("before", before)
        return lists.call_logs(self.api, query, checked_count("limit", limit), attempts, self.work)

    def records(
        self,
        attempts: Callable[[], Attempts],
        payload_id: str,
        *,
        first: int,
        limit: int | None,
        as_text: bool,
    ) -> AsyncGenerator[Any]:
        """The records of a payload. Arguments are checked at once, not while iterating."""
        return lists.records(
            self.api,
            checked_id("payload", payload_id),
            checked_count("first", first) or 0,
            checked_count("limit", limit),
            attempts=attempts,
            work=self.work,
            as_text=as_text,
        )

    async def delete(self, call: Call, payload_id: str) -> None:
        """Delete a payload. 404 is success if an earlier attempt may have deleted it."""
        path = f"/call-logs/{checked_id('payload', payload_id)}"
        call.payload_id = payload_id
        attempts = call.attempts()
        try:
            answer = await self.api.request_async("DELETE", path, attempts)
        except WideloadError as error:
            gone = isinstance(error, NotFoundError) and error.code == "unknown_payload"
            if gone and attempts.ambiguous:
                return
            error.payload_id = payload_id
            raise
        if answer.status != 204:
            raise unexpected("DELETE", path, answer)

    async def document_to(self, call: Call, payload_id: str, file: IO[bytes]) -> CallLog:
        """Write the document of a payload to `file`, uncompressed, and check it."""
        attempts = call.attempts()
        log = await self._get(call, payload_id, attempts)
        if log.document is not None:
            await settled(self.work(file.write, log.document))
            return log
        if log.document_url is None:
            raise unusable(log)

        async def sign() -> PresignedRequest:
            renewed = await self._get(call, payload_id, attempts)
            return PresignedRequest("GET", renewed.document_url or "")

        first = PresignedRequest("GET", log.document_url)
        requests = RenewableRequest(sign, call.pacing.monotonic, first)
        download = PresignedCall(self.http, requests, attempts, call.pacing)
        stored = StoredDocument(download, attempts)
        try:
            await copy_document(log, stored, file, self.work)
        finally:
            await stored.close()
        return log


def unusable(log: CallLog) -> ApiError:
    """The error for a payload without a document: it failed, expired, or isn't stored yet."""
    error: ApiError
    if log.state == "failed":
        says = ": ".join(part for part in (log.error_code, log.error_detail) if part)
        error = PayloadRefusedError(
            f"processing payload {log.payload_id} failed{': ' + says if says else ''}",
            status=200,
            code=log.error_code,
            detail=log.error_detail,
        )
    elif log.state == "expired":
        detail = "nothing was uploaded before its upload URL expired"
        error = PayloadRefusedError(
            f"payload {log.payload_id}: {detail}", status=200, code="expired", detail=detail
        )
    else:
        error = NotFoundError(
            f"payload {log.payload_id} has no document: its state is {log.state}", status=200
        )
    error.payload_id = log.payload_id
    return error
