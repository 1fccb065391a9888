"""Download ranges of an object from S3, with retries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from wideload._files.cancel_scope import CancelScope
from wideload._files.files_api import FilesApi
from wideload._files.limits import Limits
from wideload._files.models import FileInfo
from wideload._files.progress_meter import ProgressMeter
from wideload._http import Http, NoAnswer
from wideload._presigned import (
    PresignedAnswer,
    PresignedCall,
    PresignedRequest,
    RenewableRequest,
)
from wideload._retry import AttemptFailed, Attempts
from wideload.errors import IntegrityError

_READ_BLOCK = 256 * 1024


class ObjectReplaced(Exception):  # noqa: N818 - a signal between private modules
    """S3 holds another object than at the beginning of the download."""


@dataclass
class ByteRange:
    """The bytes of the file from `at` up to `end`, exclusive; `at` advances as they arrive."""

    at: int
    end: int


class RangeDownloader:
    """Downloads ranges of one file. Threads may share it.

    Args:
        action: The presigned GET that the API answered with `file`.
        etag: The ETag that the object must have, if that is known.
        found_etag: Called with the object's ETag when that becomes known.
    """

    def __init__(
        self,
        http: Http,
        files_api: FilesApi,
        file: FileInfo,
        action: PresignedRequest,
        *,
        etag: str | None,
        found_etag: Callable[[str], object],
        scope: CancelScope,
        limits: Limits,
        meter: ProgressMeter,
    ) -> None:
        self._http = http
        self._files_api = files_api
        self._file = file
        self._requests = RenewableRequest(
            lambda: files_api.download(file.file_id)[1], scope.pacing.monotonic, action
        )
        self._etag = etag
        self._found_etag = found_etag
        self._scope = scope
        self._limits = limits
        self._meter = meter
        self._lock = threading.Lock()

    def download(self, wanted: ByteRange, write: Callable[[int, bytes], object]) -> None:
        """Download a range.

        Args:
            write: Called with an offset in the file and the bytes there, as they arrive.

        Raises:
            ObjectReplaced: S3 holds another object than before.
            IntegrityError: It has another size than was recorded.
            CancelledError, Stopped: As `CancelScope.check`.
            UploadError, TransportError, ApiError: No further attempt can help, or is left.
        """
        attempts = self._files_api.attempts()
        call = PresignedCall(self._http, self._requests, attempts, self._scope.pacing)
        while wanted.at < wanted.end:
            attempts.run(lambda: self._attempt(call, attempts, wanted, write))

    def _attempt(
        self,
        call: PresignedCall,
        attempts: Attempts,
        wanted: ByteRange,
        write: Callable[[int, bytes], object],
    ) -> None:
        """Make one request; it ends early if it is paused."""
        self._scope.check()
        began_at = wanted.at
        try:
            with self._limits.concurrency.slot(self._scope):
                self._receive(call, wanted, write)
        except AttemptFailed as failed:
            if getattr(failed.error, "status", None) == 412:
                raise ObjectReplaced from None
            if wanted.at > began_at:
                attempts.restart()
            if failed.retry == "later":
                self._limits.concurrency.failed()
            raise
        self._limits.concurrency.succeeded()

    def _receive(
        self, call: PresignedCall, wanted: ByteRange, write: Callable[[int, bytes], object]
    ) -> None:
        headers = {"Range": f"bytes={wanted.at}-{wanted.end - 1}"}
        if self._etag:
            headers["If-Match"] = self._etag
        answer = call.get(headers, status=206)
        try:
            self._check_object(answer, wanted)
            self._read(answer, wanted, write)
        finally:
            answer.close()

    def _read(
        self, answer: PresignedAnswer, wanted: ByteRange, write: Callable[[int, bytes], object]
    ) -> None:
        while wanted.at < wanted.end:
            if self._scope.paused:
                return  # the next request continues where this one ended
            self._scope.check()
            most = self._limits.rate.block(min(_READ_BLOCK, wanted.end - wanted.at))
            self._limits.rate.wait(most, self._scope)
            block = answer.read(most)
            if not block:
                raise answer.lost(NoAnswer("the answer ended early", retryable=True))
            write(wanted.at, block)
            wanted.at += len(block)
            self._meter.add(len(block))
        if not answer.read(1):  # a connection is reused only if its answer was read to the end
            answer.release()

    def _check_object(self, answer: PresignedAnswer, wanted: ByteRange) -> None:
        came = answer.headers.get("Content-Range", "")
        if came != f"bytes {wanted.at}-{wanted.end - 1}/{self._file.size}":
            error = IntegrityError(
                f"the file has {self._file.size} bytes by its record, S3 sent {came!r}"
            )
            error.file_id = self._file.file_id
            raise error
        etag = answer.headers.get("ETag", "")
        if not etag or not (etag.isascii() and etag.isprintable()):
            return
        with self._lock:
            if self._etag is None:
                self._etag = etag
                self._found_etag(etag)
            elif self._etag != etag:
                raise ObjectReplaced
