"""Put a piece of a file to S3, again and again until S3 has it or there is no use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wideload._files.cancel_scope import CancelScope
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.digest import digest_of_part
from wideload._files.files_api import FilesApi
from wideload._files.progress_meter import ProgressMeter
from wideload._files.source import Content
from wideload._http import Body, Http, NoAnswer
from wideload._presigned import PresignedRequest, no_answer, passes, refusal, wants_new_url
from wideload._retry import Attempts, parse_retry_after
from wideload.errors import FileChangedError, TransportError, UploadError

_SMALLEST_BLOCK = 64 * 1024
_LARGEST_BLOCK = 1024 * 1024
# A block is what goes out in so many seconds: large ones cost less, small ones let progress move
# and a transfer be paused. The least time that a rate is taken from is longer than a burst into
# the kernel's buffers, which tells nothing about the line.
_BLOCK_SECONDS = 0.25
_BURST = 0.5

# S3 gives up a connection on which nothing comes for some 20 s.
_LONGEST_PAUSE_CONNECTED = 10.0
# The first refusal of a URL may be its age; the third in a row means that something else is wrong.
_MOST_NEW_URLS = 2
_BROKEN = {"IncompleteBody"}
_DAMAGED = {"BadDigest", "XAmzContentChecksumMismatch"}


class UploadMissing(Exception):  # noqa: N818 - a signal between private modules
    """S3 knows no such multipart upload (any more): somebody completed or aborted it."""


class _Paused(Exception):  # noqa: N818 - never leaves this module
    """The caller paused the transfer for longer than the connection would last."""


@dataclass(frozen=True)
class Part:
    """A part, or a whole file that goes in one PUT."""

    offset: int
    size: int
    sha256: str
    whole: bool = False


@dataclass(frozen=True)
class _Failure:
    """What came of an attempt, and whether another one may do better."""

    error: UploadError | TransportError
    passing: bool
    retry_after: float | None = None


class PartUploader:
    """Sends pieces of one file. Threads may share it."""

    def __init__(
        self,
        http: Http,
        files_api: FilesApi,
        content: Content,
        *,
        scope: CancelScope,
        concurrency: ConcurrencyLimit,
        meter: ProgressMeter,
    ) -> None:
        self._http = http
        self._files_api = files_api
        self._content = content
        self._scope = scope
        self._concurrency = concurrency
        self._meter = meter

    def put(self, piece: Part, new_action: Callable[[], PresignedRequest]) -> None:
        """Store a piece.

        Args:
            new_action: Gives an action for it, another one at each call.

        Raises:
            FileChangedError: Its bytes aren't those that were hashed.
            UploadMissing: The upload is there no more.
            CancelledError, Stopped: As `CancelScope.check`.
            UploadError, TransportError, ApiError: There is no use in trying again.
        """
        attempts = self._files_api.attempts()
        action: PresignedRequest | None = None
        new_urls = 0
        while True:
            with self._concurrency.entered(self._scope):
                if action is None or action.deadline <= self._scope.pacing.monotonic():
                    action = new_action()
                try:
                    failure = self._attempt(piece, action, attempts)
                except _Paused:
                    continue
            if failure is None:
                self._concurrency.worked()
                return
            error = failure.error
            if isinstance(error, TransportError):
                # S3 may have closed the connection on a URL that it no longer takes.
                action = None
            elif wants_new_url(error) and new_urls < _MOST_NEW_URLS and attempts.allow():
                new_urls += 1
                action = None
                continue
            elif error.code in _DAMAGED:
                self._check_piece(piece)
            if failure.passing:
                self._concurrency.failed()
            if not failure.passing or not attempts.again(error, failure.retry_after):
                raise error

    def _attempt(
        self, piece: Part, action: PresignedRequest, attempts: Attempts
    ) -> _Failure | None:
        """Make one request; None if S3 has the piece."""
        attempts.requests += 1
        sending = _Sending(self._content, piece, self._scope, self._meter)
        try:
            answer = self._http.request(
                action.method,
                action.href,
                headers=action.headers,
                body=Body(sending.blocks, piece.size),
            )
        except NoAnswer as gone:
            sending.take_back()
            lost = no_answer(action.method, action.href, gone, attempts)
            return _Failure(lost, gone.retryable)
        except BaseException:
            sending.take_back()
            raise
        # 412: the object is there, by an attempt whose answer was lost or by somebody who uploads
        # the same. The URL takes no other bytes.
        if answer.ok or (piece.whole and answer.status == 412):
            return None
        sending.take_back()
        error = refusal("upload", answer)
        if error.code == "NoSuchUpload":
            raise UploadMissing
        return _Failure(
            error,
            passes(error) or error.code in _BROKEN or error.code in _DAMAGED,
            parse_retry_after(answer.headers.get("Retry-After"), self._scope.pacing.now()),
        )

    def _check_piece(self, piece: Part) -> None:
        """Tell a file that changed from bytes that were damaged on the way.

        Raises:
            FileChangedError: It changed.
        """
        if digest_of_part(self._content, piece.offset, piece.size) != piece.sha256:
            raise FileChangedError(
                "the file changed while it was uploaded; nothing of it is stored: upload it again "
                "when nobody writes to it any more"
            )


class _Sending:
    """One attempt at a piece."""

    def __init__(
        self, content: Content, piece: Part, scope: CancelScope, meter: ProgressMeter
    ) -> None:
        self._content = content
        self._piece = piece
        self._scope = scope
        self._meter = meter
        self._sent = 0

    def blocks(self) -> Iterator[memoryview]:
        """The piece's bytes, in blocks that are valid until the next one is asked for."""
        buffer = memoryview(bytearray(min(_LARGEST_BLOCK, self._piece.size)))
        began = time.monotonic()
        while self._sent < self._piece.size:
            if not self._scope.resumed_within(_LONGEST_PAUSE_CONNECTED):
                raise _Paused
            self._scope.check()
            rate = self._sent / max(_BURST, time.monotonic() - began)
            length = max(_SMALLEST_BLOCK, min(_LARGEST_BLOCK, int(rate * _BLOCK_SECONDS)))
            block = buffer[: min(length, self._piece.size - self._sent)]
            self._content.read_into(self._piece.offset + self._sent, block)
            yield block
            self._sent += len(block)
            self._meter.add(len(block))

    def take_back(self) -> None:
        """None of it counts: it goes again, or not at all."""
        self._meter.take_back(self._sent)
        self._sent = 0
