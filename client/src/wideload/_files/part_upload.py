"""Upload one part of a file to S3, with retries."""

from __future__ import annotations

import time
from collections.abc import Iterator

from wideload._error_codes import S3_DAMAGED, S3_INCOMPLETE
from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import Part, digest_of_part
from wideload._files.files_api import FilesApi
from wideload._files.limits import Limits
from wideload._files.progress_meter import ProgressMeter
from wideload._files.rate_limit import RateLimit
from wideload._files.source import Content
from wideload._http import Body, Http
from wideload._presigned import (
    MOST_NEW_URLS,
    PresignedCall,
    RenewableRequest,
)
from wideload._retry import AttemptFailed
from wideload.errors import FileChangedError, WideloadError

_SMALLEST_BLOCK = 64 * 1024
_LARGEST_BLOCK = 1024 * 1024
# A block holds what is sent in so many seconds: large blocks cost less CPU time, small ones report
# progress and react to a pause sooner. The rate is taken over _BURST seconds at least, since the
# first bytes only fill the kernel's buffers, at a rate that isn't the network's.
_BLOCK_SECONDS = 0.25
_BURST = 0.5

# Seconds. S3 closes a connection that is idle for some 20 s.
_LONGEST_PAUSE_CONNECTED = 10.0


class NoSuchUpload(Exception):  # noqa: N818 - a signal between private modules
    """S3 has no such multipart upload: another process has completed or aborted it.

    Attributes:
        error: S3's answer.
    """

    def __init__(self, error: WideloadError) -> None:
        super().__init__(str(error))
        self.error = error


class _Paused(Exception):  # noqa: N818 - never leaves this module
    """The caller paused the transfer for longer than the connection would last."""


class PartUploader:
    """Uploads parts of one file. Threads may share it."""

    def __init__(
        self,
        http: Http,
        files_api: FilesApi,
        content: Content,
        *,
        scope: CancelScope,
        limits: Limits,
        meter: ProgressMeter,
    ) -> None:
        self._http = http
        self._files_api = files_api
        self._content = content
        self._scope = scope
        self._limits = limits
        self._meter = meter

    def upload(self, part: Part, requests: RenewableRequest) -> None:
        """Upload a part, and release it.

        Raises:
            FileChangedError: Its bytes aren't those that were hashed.
            NoSuchUpload: S3 doesn't know the multipart upload (any more).
            CancelledError, Stopped: As `CancelScope.check`.
            UploadError, TransportError, ApiError: No further attempt can help, or is left.
        """
        attempts = self._files_api.attempts()
        call = PresignedCall(
            self._http,
            requests,
            attempts,
            self._scope.pacing,
            renewals_after_loss=MOST_NEW_URLS,
        )
        attempts.run(lambda: self._attempt(part, call))
        self._content.release(part.offset)

    def _attempt(self, part: Part, call: PresignedCall) -> None:
        """Make one attempt, which begins again as often as it is paused."""
        try:
            while not self._send(part, call):
                pass
        except AttemptFailed as failed:
            code = getattr(failed.error, "code", None)
            if code == "NoSuchUpload":
                raise NoSuchUpload(failed.error) from None
            if code in S3_DAMAGED:
                self._check_unchanged(part)
            if failed.retry == "later":
                self._limits.concurrency.failed()
            raise
        self._limits.concurrency.succeeded()

    def _send(self, part: Part, call: PresignedCall) -> bool:
        """Make one request; False if it was paused for longer than the connection lasts."""
        with self._limits.concurrency.slot(self._scope):
            body = _PartBody(self._content, part, self._scope, self._limits.rate, self._meter)
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
        """Hash the part again, to tell a changed file from bytes that were damaged on the way.

        Raises:
            FileChangedError: The file changed.
        """
        if digest_of_part(self._content, part) != part.sha256:
            raise FileChangedError(
                "the file changed while it was uploaded; nothing of it is stored: upload it again "
                "when no program writes to it any more"
            )


class _PartBody:
    """The body of one attempt."""

    def __init__(
        self,
        content: Content,
        part: Part,
        scope: CancelScope,
        rate: RateLimit,
        meter: ProgressMeter,
    ) -> None:
        self._content = content
        self._part = part
        self._scope = scope
        self._rate = rate
        self._meter = meter
        self._sent = 0

    def blocks(self) -> Iterator[memoryview]:
        """The part's bytes, in blocks that are valid until the next block is requested."""
        buffer = memoryview(bytearray(min(_LARGEST_BLOCK, self._part.size)))
        began = time.monotonic()
        while self._sent < self._part.size:
            if not self._scope.resumed_within(_LONGEST_PAUSE_CONNECTED):
                raise _Paused
            self._scope.check()
            rate = self._sent / max(_BURST, time.monotonic() - began)
            length = max(_SMALLEST_BLOCK, min(_LARGEST_BLOCK, int(rate * _BLOCK_SECONDS)))
            block = buffer[: self._rate.block(min(length, self._part.size - self._sent))]
            self._rate.wait(len(block), self._scope)
            self._content.read_into(self._part.offset + self._sent, block)
            yield block
            self._sent += len(block)
            self._meter.add(len(block))

    def take_back(self) -> None:
        """Count its bytes as not sent."""
        self._meter.subtract(self._sent)
        self._sent = 0
