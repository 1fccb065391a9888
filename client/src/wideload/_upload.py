"""Presigned URLs for payloads, and what answers of S3 mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from wideload._http import Answer, NoAnswer, redirected, without_query
from wideload._retry import Attempts
from wideload.errors import TlsError, TransportError, UploadError

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_PASSING_CODES = {
    "ConditionalRequestConflict",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
}
_PASSING_STATUSES = {429, 500, 502, 503, 504}
_LONGEST_DETAIL = 300


@dataclass(frozen=True)
class Ticket:
    """An upload URL and what belongs to it, as `/get-upload-url` gives it."""

    payload_id: str
    s3_key: str
    method: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)

    @classmethod
    def parse(cls, answer: dict[str, Any]) -> Ticket:
        """Take the members that an upload needs.

        Raises:
            KeyError, TypeError, ValueError: One is missing or of a wrong kind.
        """
        ticket = cls(
            payload_id=answer["payload_id"],
            s3_key=answer["s3_key"],
            method=answer["method"],
            url=answer["upload_url"],
            headers=dict(answer["headers"]),
        )
        texts = (ticket.payload_id, ticket.s3_key, ticket.method, ticket.url)
        if not all(isinstance(text, str) for text in (*texts, *ticket.headers.values())):
            raise TypeError("a member that must be text is not")
        # Checked here, since the HTTP library would show what it can't send.
        lines = (*ticket.headers, *ticket.headers.values())
        if not all(line.isascii() and line.isprintable() for line in lines):
            raise ValueError("a header can't be sent")
        return ticket


def passes(failure: UploadError) -> bool:
    """Whether S3 may well answer otherwise in a moment."""
    return failure.code in _PASSING_CODES or failure.status in _PASSING_STATUSES


def wants_new_url(failure: UploadError) -> bool:
    """Whether S3 no longer takes the URL: it expired, or the credentials that signed it did."""
    return failure.status == 403 or failure.code == "ExpiredToken"


def refusal(what: str, answer: Answer) -> UploadError:
    """S3's error answer as an exception, without what could hold a signature.

    S3's XML repeats the canonical request in some answers, so only two elements are taken.
    """
    code = _element("Code", answer.body)
    detail = _element("Message", answer.body)
    says = ": ".join(part for part in (code, detail) if part)
    elsewhere = redirected(answer)
    hint = ""
    if elsewhere:
        hint = (
            f" (redirected to {elsewhere}: the deployment signs URLs for another region or "
            "endpoint)"
        )
    elif answer.status == 413 and not code:
        hint = " (not S3's answer: a proxy on the way takes no request this large)"
    return UploadError(
        f"S3 refused the {what}: {answer.status}{' ' + says if says else ''}{hint}",
        status=answer.status,
        code=code,
        detail=detail,
        request_id=answer.headers.get("x-amz-request-id"),
    )


def no_answer(method: str, url: str, error: NoAnswer, attempts: Attempts) -> TransportError:
    """Say what was tried, how often and for how long."""
    reason = f"no answer to {method} {without_query(url)}: {error.reason}"
    times = "1 request" if attempts.requests == 1 else f"{attempts.requests} requests"
    kind = TlsError if error.stage == "tls" and not error.retryable else TransportError
    return kind(
        f"{reason} (gave up after {times} in {attempts.elapsed:.1f} s)",
        attempts=attempts.requests,
        reason=reason,
    )


def _element(name: str, xml: bytes) -> str | None:
    found = re.search(rf"<{name}>([^<]*)</{name}>", xml[:65536].decode("utf-8", "replace"))
    if not found:
        return None
    text = re.sub(r"(?i)x-amz-\S*|\?\S*", "…", found[1]).strip()
    return text[:_LONGEST_DETAIL] or None
