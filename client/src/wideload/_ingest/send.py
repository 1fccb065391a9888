"""Send a prepared document: inline through the API, or to S3 with a claim afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from wideload._api import Api, parse_answer, unexpected
from wideload._http import Body, Progress, Requests
from wideload._ingest.document import PreparedDocument
from wideload._ingest.models import Receipt
from wideload._ingest.upload_url import UploadUrl, request_upload_url_async
from wideload._presigned import PresignedCall, PresignedRequest, RenewableRequest
from wideload._retry import Attempts, Call, RetryPolicy
from wideload.errors import (
    ApiError,
    IntegrityError,
    PayloadRefusedError,
    TransportError,
    WideloadError,
)

# Compressed bytes from which a document is sent to S3. API Gateway passes a body to Lambda in
# base64, in which 4 MiB are 5.4 MiB; that leaves room for headers in an event's 6,291,456 bytes.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
INLINE_LIMIT = 4 * 1024 * 1024

_GZIP = "application/gzip"
_JSON = "application/json"
_SEND = "/send-call-log"


@dataclass(frozen=True)
class Sending:
    """One call of `Client.send`."""

    api: Api
    http: Requests
    call: Call
    attempts: Attempts
    idempotency_key: str

    async def send(
        self, prepared: PreparedDocument, *, call_id: str | None, progress: Progress | None
    ) -> Receipt:
        """Send the document inline or to S3, by its compressed size."""
        body = Body(prepared.blocks, prepared.size, progress)
        if prepared.size < INLINE_LIMIT:
            query = {"call_id": call_id} if call_id is not None else None
            return self._receipt(await self._post(_GZIP, body, query), prepared, "inline")

        return await self._send_to_s3(prepared, body, call_id if call_id else prepared.call_id)

    async def _send_to_s3(
        self, prepared: PreparedDocument, body: Body, call_id: str | None
    ) -> Receipt:
        """Request an upload URL, PUT the document, and claim it."""
        upload_url = await self._request_upload_url(prepared, call_id)
        self.call.payload_id = upload_url.payload_id
        try:

            async def sign() -> PresignedRequest:
                return (await self._request_upload_url(prepared, call_id)).request

            requests = RenewableRequest(sign, self.call.pacing.monotonic, upload_url.request)
            upload = PresignedCall(
                self.http, requests, self.attempts, self.call.pacing, renewals_after_loss=1
            )
            try:
                took = await self.attempts.run_async(lambda: upload.put_async(body))
            except TransportError as lost:
                return await self._claim_unknown(prepared, upload_url, lost)
            return await self._claim(prepared, upload_url, round(took * 1000))
        except WideloadError as error:
            error.payload_id = error.payload_id or upload_url.payload_id
            raise

    async def _claim(
        self, prepared: PreparedDocument, upload_url: UploadUrl, took: int | None
    ) -> Receipt:
        claim: dict[str, Any] = {"s3_key": upload_url.s3_key}
        if took is not None:
            claim["upload_duration_ms"] = took
        answer = await self._post(_JSON, orjson.dumps(claim))
        return self._receipt(answer, prepared, "s3", took)

    async def _claim_unknown(
        self, prepared: PreparedDocument, upload_url: UploadUrl, lost: TransportError
    ) -> Receipt:
        """Claim an object of which only S3's answer may have been lost.

        Raises:
            PayloadRefusedError, IntegrityError: S3 holds it, and the API refuses it.
            TransportError: `lost`, since S3 doesn't hold it, or the API doesn't tell.
        """
        once = replace(self, attempts=Attempts(RetryPolicy(0), self.call.pacing))
        try:
            return await once._claim(prepared, upload_url, None)
        except (PayloadRefusedError, IntegrityError):
            raise
        except WideloadError:
            raise lost from None

    async def _post(
        self, content_type: str, body: Body | bytes, query: dict[str, str] | None = None
    ) -> dict[str, Any]:
        headers = {"Content-Type": content_type, "Idempotency-Key": self.idempotency_key}
        answer = await self.api.request_async(
            "POST", _SEND, self.attempts, query=query, headers=headers, body=body
        )
        members = parse_answer("POST", _SEND, answer)
        if not isinstance(members.get("payload_id"), str) or not isinstance(
            members.get("state"), str
        ):
            raise unexpected("POST", _SEND, answer)
        return members

    async def _request_upload_url(
        self, prepared: PreparedDocument, call_id: str | None
    ) -> UploadUrl:
        return await request_upload_url_async(
            self.api,
            self.attempts,
            size=prepared.size,
            sha256=prepared.sha256,
            content_type=_GZIP,
            call_id=call_id,
            idempotency_key=self.idempotency_key,
        )

    def _receipt(
        self,
        answer: dict[str, Any],
        prepared: PreparedDocument,
        via: Literal["inline", "s3"],
        took: int | None = None,
    ) -> Receipt:
        receipt = Receipt(
            payload_id=answer["payload_id"],
            state=answer["state"],
            size=answer.get("size", prepared.json_size),
            sha256=answer.get("sha256", prepared.json_sha256),
            records=answer.get("records"),
            via=via,
            bytes_sent=prepared.size,
            upload_duration_ms=took,
            status_url=self.api.absolute(answer.get("status_url")),
            idempotency_key=self.idempotency_key,
            created_at=answer.get("created_at"),
            answer=answer,
        )
        if receipt.state == "failed":
            raise _failed(receipt)
        check_recorded(prepared, receipt)
        return receipt


def check_recorded(prepared: PreparedDocument, receipt: Receipt) -> None:
    """Compare size and SHA-256 that the API recorded with those of the document.

    Raises:
        IntegrityError: They differ.
    """
    if prepared.json_sha256 is None:
        return
    if (receipt.size, receipt.sha256) != (prepared.json_size, prepared.json_sha256):
        error = IntegrityError(
            f"the API recorded {receipt.size} bytes with SHA-256 {receipt.sha256} as "
            f"{receipt.payload_id}, sent were {prepared.json_size} bytes with SHA-256 "
            f"{prepared.json_sha256}"
        )
        error.payload_id = receipt.payload_id
        raise error


def _failed(receipt: Receipt) -> ApiError:
    problem = receipt.answer.get("error") or {}
    says = ": ".join(str(problem[name]) for name in ("code", "detail") if problem.get(name))
    error = PayloadRefusedError(
        f"processing payload {receipt.payload_id} failed{': ' + says if says else ''}",
        status=200,
        code=problem.get("code"),
        detail=problem.get("detail"),
    )
    error.payload_id = receipt.payload_id
    return error
