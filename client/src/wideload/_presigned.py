"""Presigned requests to S3: attempts at a PUT or a GET, with new URLs for those that S3 refuses."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from wideload._error_codes import RETRYABLE_STATUSES, S3_RETRYABLE
from wideload._http import Answer, Body, NoAnswer, Opened, Requests, redirected
from wideload._retry import AttemptFailed, Attempts, Pacing, parse_retry_after
from wideload._steps import run, settled
from wideload.errors import UploadError

# A slow upload may need a second new URL; a third refusal in a row has another cause than age.
MOST_NEW_URLS = 2

_LONGEST_DETAIL = 300
# Bytes of an error answer that are read.
_LONGEST_REFUSAL = 64 * 1024


@dataclass(frozen=True)
class PresignedRequest:
    """A request to S3 as the API signed it; it has to be sent exactly so.

    Attributes:
        deadline: Time, as `Pacing.monotonic` gives it, from which it is too old to begin with.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    deadline: float = math.inf

    @property
    def creates_only(self) -> bool:
        """Whether S3 answers 412 if the object exists (`If-None-Match: *`)."""
        return "if-none-match" in {name.lower() for name in self.headers}


class RenewableRequest:
    """A presigned request that is requested from the API again when it is too old. Thread-safe.

    Args:
        sign: Requests it from the API.
        monotonic: The clock of its deadline.
        request: The first one, if the API has given it already.
    """

    def __init__(
        self,
        sign: Callable[[], PresignedRequest | Awaitable[PresignedRequest]],
        monotonic: Callable[[], float],
        request: PresignedRequest | None = None,
    ) -> None:
        self._sign = sign
        self._monotonic = monotonic
        self._request = request
        self._lock = threading.Lock()

    async def current(self) -> PresignedRequest:
        """The request to send; a new one if the last is too old or was discarded.

        Raises:
            ApiError, TransportError: The API gave none.
        """
        # Held while the API is asked: for threads, which then don't ask twice. Tasks of an event
        # loop never share such a request, so none of them waits for the lock.
        with self._lock:
            if self._request is None or self._request.deadline <= self._monotonic():
                self._request = await settled(self._sign())
            return self._request

    def discard(self, request: PresignedRequest) -> None:
        """Don't send `request` again, unless another thread has replaced it already."""
        with self._lock:
            if self._request is request:
                self._request = None


class PresignedCall:
    """The attempts at one transfer to or from S3. Each method makes one attempt.

    Args:
        requests: What to send.
        attempts: The retries that the attempts share; the caller runs its loop.
        renewals_after_loss: How many PUTs without an answer are followed by one with a new URL. S3
            may have refused the URL and closed the connection before the whole body was sent,
            which not every transport turns into an answer.
    """

    def __init__(
        self,
        http: Requests,
        requests: RenewableRequest,
        attempts: Attempts,
        pacing: Pacing,
        *,
        renewals_after_loss: int = 0,
    ) -> None:
        self._http = http
        self._requests = requests
        self._attempts = attempts
        self._pacing = pacing
        self._renewals_after_loss = renewals_after_loss
        self._new_urls = 0

    def put(self, body: Body, *, retryable: frozenset[str] = frozenset()) -> float:
        """Do as `put_async` does, with requests that block."""
        return run(self.put_async(body, retryable=retryable))

    async def put_async(self, body: Body, *, retryable: frozenset[str] = frozenset()) -> float:
        """PUT `body`, and return how many seconds that took.

        412 to a request with `If-None-Match` is success: S3 holds these bytes, since the URL takes
        no others. An earlier attempt stored them and its answer was lost, or another process did.

        Args:
            retryable: Error codes of S3 after which a retry can help, besides the usual ones.

        Raises:
            AttemptFailed: S3 refused, or no answer came.
            ApiError, TransportError: The API gave no URL.
        """
        request = await self._requests.current()
        self._attempts.requests += 1
        started = self._pacing.monotonic()
        try:
            answer = await settled(
                self._http.request(request.method, request.url, headers=request.headers, body=body)
            )
        except NoAnswer as lost:
            failure = self._attempts.lost(request.method, request.url, lost)
            if failure.sent and self._renewals_after_loss:
                self._renewals_after_loss -= 1
                self._requests.discard(request)
        else:
            if answer.ok or (answer.status == 412 and request.creates_only):
                return self._pacing.monotonic() - started
            failure = self._refused("upload", request, answer, retryable)
        raise failure

    def get(self, headers: Mapping[str, str], *, status: int) -> PresignedAnswer:
        """Do as `get_async` does, with requests that block."""
        return run(self.get_async(headers, status=status))

    async def get_async(self, headers: Mapping[str, str], *, status: int) -> PresignedAnswer:
        """GET the object, and return the answer with its body unread.

        Args:
            headers: To send besides those of the request, such as `Range`.
            status: Status of an answer with the bytes that were asked for: 200 or 206.

        Raises:
            AttemptFailed: S3 refused, or no answer came.
            ApiError, TransportError: The API gave no URL.
        """
        request = await self._requests.current()
        self._attempts.requests += 1
        try:
            response = await settled(
                self._http.open(request.method, request.url, headers={**request.headers, **headers})
            )
            if response.status == status:
                self._new_urls = 0
                return PresignedAnswer(response, request, self._attempts)
            try:
                content = await settled(response.read(_LONGEST_REFUSAL))
            finally:
                await settled(response.close())
        except NoAnswer as lost:
            failure = self._attempts.lost(request.method, request.url, lost)
        else:
            answer = Answer(response.status, response.headers, content)
            failure = self._refused("download", request, answer)
        raise failure

    def _refused(
        self,
        what: str,
        request: PresignedRequest,
        answer: Answer,
        retryable: frozenset[str] = frozenset(),
    ) -> AttemptFailed:
        if answer.status == 200:
            error = UploadError(
                "asked for a range, S3 sent all: is there a proxy on the way?", status=200
            )
            return AttemptFailed(error, "never")
        error = refusal(what, answer)
        # 403, also by `AccessDenied`: the URL has expired, or the credentials that signed it have.
        if error.status == 403 or error.code == "ExpiredToken":
            if self._new_urls >= MOST_NEW_URLS:
                return AttemptFailed(error, "never")
            self._new_urls += 1
            self._requests.discard(request)
            return AttemptFailed(error, "now")
        again = passes(error) or error.code in retryable
        retry_after = parse_retry_after(answer.headers.get("Retry-After"), self._pacing.now())
        return AttemptFailed(error, "later" if again else "never", retry_after=retry_after)


class PresignedAnswer:
    """S3's answer to a GET, with its body unread. Close it after use."""

    def __init__(self, response: Opened, request: PresignedRequest, attempts: Attempts) -> None:
        self._response = response
        self._request = request
        self._attempts = attempts
        self.headers: Mapping[str, str] = response.headers

    def read(self, amount: int) -> bytes:
        """Do as `read_async` does, with a connection that blocks."""
        return run(self.read_async(amount))

    async def read_async(self, amount: int) -> bytes:
        """Read up to `amount` bytes; b"" at the end.

        Raises:
            AttemptFailed: The connection broke.
        """
        try:
            return await settled(self._response.read(amount))
        except NoAnswer as lost:
            failure = self.lost(lost)
        raise failure

    def lost(self, lost: NoAnswer) -> AttemptFailed:
        """The failure of this attempt if not all of the answer came."""
        return self._attempts.lost(self._request.method, self._request.url, lost)

    def release(self) -> None:
        """Give the connection back for other requests. All of the body has been read."""
        self._response.release()

    def close(self) -> None:
        """Do as `close_async` does, with a connection that blocks."""
        run(self.close_async())

    async def close_async(self) -> None:
        """Close the connection, if it wasn't given back."""
        await settled(self._response.close())


def passes(error: UploadError) -> bool:
    """Whether S3's answer to the same request can be another one in a moment."""
    return error.code in S3_RETRYABLE or error.status in RETRYABLE_STATUSES


def refusal(what: str, answer: Answer) -> UploadError:
    """S3's error answer as an exception, without anything that can hold a signature.

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


def _element(name: str, xml: bytes) -> str | None:
    found = re.search(
        rf"<{name}>([^<]*)</{name}>", xml[:_LONGEST_REFUSAL].decode("utf-8", "replace")
    )
    if not found:
        return None
    text = re.sub(r"(?i)x-amz-\S*|\?\S*", "…", found[1]).strip()
    return text[:_LONGEST_DETAIL] or None
