"""Presigned requests to S3, and the meaning of S3's answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

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
class PresignedRequest:
    """A request that the API wants to be made, as it stands.

    Attributes:
        deadline: Time, as `Pacing.monotonic` gives it, from which it is too old to begin with.
    """

    method: str
    href: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    deadline: float


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
