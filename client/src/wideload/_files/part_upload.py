"""Put a part of a file to S3, again and again until S3 has it or there is no use."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wideload._error_codes import S3_DAMAGED, S3_INCOMPLETE
from wideload._files.cancel_scope import CancelScope
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.digest import digest_of_part
from wideload._files.files_api import FilesApi
from wideload._files.progress_meter import ProgressMeter
from wideload._files.source import Content
from wideload._http import Body, Http
from wideload._presigned import (
    MOST_NEW_URLS,
    PresignedCall,
    PresignedRequest,
    RenewableRequest,
)
from wideload._retry import AttemptFailed
from wideload.errors import FileChangedError

_SMALLEST_BLOCK = 64 * 1024
_LARGEST_BLOCK = 1024 * 1024
# A block is what goes out in so many seconds: large ones cost less, small ones let progress move
# and a transfer be paused. The least time that a rate is taken from is longer than a burst into
# the kernel's buffers, which tells nothing about the line.
_BLOCK_SECONDS = 0.25
_BURST = 0.5

# S3 gives up a connection on which nothing comes for some 20 s.
_LONGEST_PAUSE_CONNECTED = 10.0


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


class PartUploader:
    """Sends parts of one file. Threads may share it."""

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

    def put(self, part: Part, sign: Callable[[], PresignedRequest]) -> None:
        """Store a part.

        Args:
            sign: Gives a presigned request for it, another one at each call.

        Raises:
            FileChangedError: Its bytes aren't those that were hashed.
            UploadMissing: S3 doesn't know the multipart upload (any more).
            CancelledError, Stopped: As `CancelScope.check`.
            UploadError, TransportError, ApiError: No further attempt can help, or is left.
        """
        attempts = self._files_api.attempts()
        call = PresignedCall(
            self._http,
            RenewableRequest(sign, self._scope.pacing.monotonic),
            attempts,
            self._scope.pacing,
            renewals_after_loss=MOST_NEW_URLS,
        )
        attempts.run(lambda: self._attempt(part, call))

    def _attempt(self, part: Part, call: PresignedCall) -> None:
        """Make one attempt, which begins again as often as it is paused."""
        try:
            while not self._send(part, call):
                pass
        except AttemptFailed as failed:
            code = getattr(failed.error, "code", None)
            if code == "NoSuchUpload":
                raise UploadMissing from None
            if code in S3_DAMAGED:
                self._check_unchanged(part)
            if failed.retry == "later":
                self._concurrency.failed()
            raise
        self._concurrency.worked()

    def _send(self, part: Part, call: PresignedCall) -> bool:
        """Make one request; False if it was paused for longer than the connection lasts."""
        with self._concurrency.entered(self._scope):
            body = _PartBody(self._content, part, self._scope, self._meter)
            try:
                call.put(Body(body.blocks, part.size), retryable=S3_INCOMPLETE | S3_DAMAGED)
            except _Paused:
                body.take_back()
                return False
            except BaseException:
                body.take_back()
                raise
        return True

    def _check_unchanged(self, part: Part) -> None:
        """Tell a file that changed from bytes that were damaged on the way.

        Raises:
            FileChangedError: It changed.
        """
        if digest_of_part(self._content, part.offset, part.size) != part.sha256:
            raise FileChangedError(
                "the file changed while it was uploaded; nothing of it is stored: upload it again "
                "when nobody writes to it any more"
            )


class _PartBody:
    """One attempt at a part."""

    def __init__(
        self, content: Content, part: Part, scope: CancelScope, meter: ProgressMeter
    ) -> None:
        self._content = content
        self._part = part
        self._scope = scope
        self._meter = meter
        self._sent = 0

    def blocks(self) -> Iterator[memoryview]:
        """The part's bytes, in blocks that are valid until the next one is asked for."""
        buffer = memoryview(bytearray(min(_LARGEST_BLOCK, self._part.size)))
        began = time.monotonic()
        while self._sent < self._part.size:
            if not self._scope.resumed_within(_LONGEST_PAUSE_CONNECTED):
                raise _Paused
            self._scope.check()
            rate = self._sent / max(_BURST, time.monotonic() - began)
            length = max(_SMALLEST_BLOCK, min(_LARGEST_BLOCK, int(rate * _BLOCK_SECONDS)))
            block = buffer[: min(length, self._part.size - self._sent)]
            self._content.read_into(self._part.offset + self._sent, block)
            yield block
            self._sent += len(block)
            self._meter.add(len(block))

    def take_back(self) -> None:
        """None of it counts: it goes again, or not at all."""
        self._meter.take_back(self._sent)
        self._sent = 0
