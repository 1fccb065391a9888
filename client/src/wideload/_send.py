"""Send a prepared document: inline through the API, or to S3 and then its claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson

from wideload._api import Api, parse_answer, unexpected
from wideload._http import Body, Http, Progress
from wideload._models import Receipt
from wideload._payload import Prepared
from wideload._retry import Attempts, Pacing
from wideload._upload import Ticket, put, wants_new_url
from wideload.errors import (
    ApiError,
    IntegrityError,
    PayloadRefusedError,
    UploadError,
    WideloadError,
)

# Compressed bytes from which a document goes to S3: 4 MiB in base64, as API Gateway hands them to
# Lambda, stay under Lambda's 6 MB.
INLINE_LIMIT = 4 * 1024 * 1024

# A slow uploader may need a second new URL; a third refusal means that something else is wrong.
_MOST_NEW_URLS = 2

_GZIP = "application/gzip"
_JSON = "application/json"
_SEND = "/send-call-log"
_UPLOAD_URL = "/get-upload-url"


@dataclass(frozen=True)
class Sending:
    """One call of `Client.send`: what all of its requests share."""

    api: Api
    http: Http
    pacing: Pacing
    attempts: Attempts
    idempotency_key: str

    def send(
        self, prepared: Prepared, *, call_id: str | None, progress: Progress | None
    ) -> Receipt:
        """Send the document the way that its compressed size asks for."""
        body = Body(prepared.blocks, prepared.size, progress)
        if prepared.size < INLINE_LIMIT:
            return self._receipt(self._post(_GZIP, body), prepared, "inline")

        return self._send_to_s3(prepared, body, call_id or prepared.call_id)

    def _send_to_s3(self, prepared: Prepared, body: Body, call_id: str | None) -> Receipt:
        """Get a URL, PUT to it and claim, with a new URL if S3 no longer takes the old one."""
        new_urls = 0
        while True:
            ticket = self._request_ticket(prepared, call_id)
            try:
                took = put(self.http, ticket, body, self.attempts, self.pacing)
            except WideloadError as error:
                error.payload_id = ticket.payload_id
                if not (isinstance(error, UploadError) and wants_new_url(error)):
                    raise
                new_urls += 1
                if new_urls > _MOST_NEW_URLS or not self.attempts.allow():
                    raise
            else:
                return self._claim(prepared, ticket, took)

    def _claim(self, prepared: Prepared, ticket: Ticket, took: int) -> Receipt:
        claim = {"s3_key": ticket.s3_key, "upload_duration_ms": took}
        try:
            answer = self._post(_JSON, orjson.dumps(claim))
            return self._receipt(answer, prepared, "s3", took)
        except WideloadError as error:
            error.payload_id = error.payload_id or ticket.payload_id
            raise

    def _post(self, content_type: str, body: Body | bytes) -> dict[str, Any]:
        headers = {"Content-Type": content_type, "Idempotency-Key": self.idempotency_key}
        answer = self.api.request("POST", _SEND, self.attempts, headers=headers, body=body)
        members = parse_answer("POST", _SEND, answer)
        if not isinstance(members.get("payload_id"), str) or not isinstance(
            members.get("state"), str
        ):
            raise unexpected("POST", _SEND, answer)
        return members

    def _request_ticket(self, prepared: Prepared, call_id: str | None) -> Ticket:
        wanted: dict[str, Any] = {
            "content_length": prepared.size,
            "sha256": prepared.sha256,
            "content_type": _GZIP,
        }
        if call_id is not None:
            wanted["call_id"] = call_id
        answer = self.api.request(
            "POST",
            _UPLOAD_URL,
            self.attempts,
            # The same key and hash get the same object again, with a fresh URL: whoever begins
            # anew, in this call or in another process, stores nothing twice.
            headers={"Content-Type": _JSON, "Idempotency-Key": self.idempotency_key},
            body=orjson.dumps(wanted),
        )
        try:
            ticket = Ticket.parse(parse_answer("POST", _UPLOAD_URL, answer))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise unexpected("POST", _UPLOAD_URL, answer) from None
        if self.api.base_url.startswith("https:") and not ticket.url.startswith("https:"):
            raise unexpected("POST", _UPLOAD_URL, answer)  # never in the clear what came over TLS
        return ticket

    def _receipt(
        self,
        answer: dict[str, Any],
        prepared: Prepared,
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


def check_recorded(prepared: Prepared, receipt: Receipt) -> None:
    """Compare what the API recorded with what was compressed here.

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
