"""Get ranges of an object from S3, each until it is whole or there is no use."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import urllib3

from wideload._files.cancel_scope import CancelScope
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.files_api import FilesApi
from wideload._files.models import FileInfo
from wideload._files.progress_meter import ProgressMeter
from wideload._http import Answer, Http, NoAnswer, read
from wideload._presigned import PresignedRequest, no_answer, passes, refusal, wants_new_url
from wideload._retry import Attempts, parse_retry_after
from wideload.errors import IntegrityError, TransportError, UploadError

_READ_BLOCK = 256 * 1024
_MOST_NEW_URLS = 2


class OtherObject(Exception):  # noqa: N818 - a signal between private modules
    """S3 holds another object than the one that the download began with."""


@dataclass
class ByteRange:
    """Bytes of the file that are wanted, from `at` up to `end`; `at` moves on as they come."""

    at: int
    end: int


@dataclass(frozen=True)
class _Failure:
    """What came of an attempt, and whether another one may do better."""

    error: UploadError | TransportError
    passing: bool
    retry_after: float | None = None


class RangeDownloader:
    """Gets ranges of one file. Threads may share it.

    Args:
        action: The request that gives the content, as the API answered with `file`.
        etag: The ETag that the object must have, if that is known.
        found_etag: Called once with the ETag, if it wasn't.
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
        concurrency: ConcurrencyLimit,
        meter: ProgressMeter,
    ) -> None:
        self._http = http
        self._files_api = files_api
        self._file = file
        self._action = action
        self._etag = etag
        self._found_etag = found_etag
        self._scope = scope
        self._concurrency = concurrency
        self._meter = meter
        self._lock = threading.Lock()

    def fetch(self, wanted: ByteRange, write: Callable[[int, bytes], object]) -> None:
        """Get all of a range.

        Args:
            write: Called with the place in the file and the bytes there, as they come.

        Raises:
            OtherObject: It isn't the same object any more.
            IntegrityError: It has another size than was recorded.
            CancelledError, Stopped: As `CancelScope.check`.
            UploadError, TransportError, ApiError: There is no use in trying again.
        """
        attempts = self._files_api.attempts()
        new_urls = 0
        while wanted.at < wanted.end:
            self._scope.check()
            began_at = wanted.at
            attempts.requests += 1
            with self._concurrency.entered(self._scope):
                action = self._current_action()
                failure = self._attempt(action, wanted, write, attempts)
            if failure is None:  # all is there, or the caller has paused it
                self._concurrency.worked()
                continue
            if wanted.at > began_at:
                attempts, new_urls = self._files_api.attempts(), 0
            error = failure.error
            if (
                isinstance(error, UploadError)
                and wants_new_url(error)
                and new_urls < _MOST_NEW_URLS
                and attempts.allow()
            ):
                new_urls += 1
                self._renew(action)
                continue
            if failure.passing:
                self._concurrency.failed()
            if not failure.passing or not attempts.again(error, failure.retry_after):
                raise error

    def _attempt(
        self,
        action: PresignedRequest,
        wanted: ByteRange,
        write: Callable[[int, bytes], object],
        attempts: Attempts,
    ) -> _Failure | None:
        headers = {**action.headers, "Range": f"bytes={wanted.at}-{wanted.end - 1}"}
        if self._etag:
            headers["If-Match"] = self._etag
        try:
            response = self._http.open(action.method, action.href, headers=headers)
            try:
                if response.status != 206:
                    return self._refused(response)
                self._check_object(response, wanted)
                self._read(response, wanted, write)
                return None
            finally:
                response.close()
        except NoAnswer as gone:
            return _Failure(no_answer(action.method, action.href, gone, attempts), gone.retryable)

    def _read(
        self,
        response: urllib3.BaseHTTPResponse,
        wanted: ByteRange,
        write: Callable[[int, bytes], object],
    ) -> None:
        while wanted.at < wanted.end:
            if self._scope.paused:
                return  # the connection is given up, and nothing is lost by that
            self._scope.check()
            block = read(response, min(_READ_BLOCK, wanted.end - wanted.at))
            if not block:
                raise NoAnswer("the answer ended early", retryable=True)
            write(wanted.at, block)
            wanted.at += len(block)
            self._meter.add(len(block))
        if not read(response, 1):  # else it isn't at its end, and not fit for another request
            response.release_conn()

    def _refused(self, response: urllib3.BaseHTTPResponse) -> _Failure:
        answer = Answer(response.status, response.headers, read(response, 65536))
        if answer.status == 412:
            raise OtherObject
        error = refusal("download", answer)
        if answer.status == 200:
            error = UploadError(
                "asked for a range, S3 sent all: is there a proxy on the way?", status=200
            )
        retry_after = parse_retry_after(answer.headers.get("Retry-After"), self._scope.pacing.now())
        return _Failure(error, passes(error), retry_after)

    def _check_object(self, response: urllib3.BaseHTTPResponse, wanted: ByteRange) -> None:
        came = response.headers.get("Content-Range", "")
        if came != f"bytes {wanted.at}-{wanted.end - 1}/{self._file.size}":
            error = IntegrityError(
                f"the file has {self._file.size} bytes by its record, S3 sent {came!r}"
            )
            error.file_id = self._file.file_id
            raise error
        etag = response.headers.get("ETag", "")
        if not etag or not (etag.isascii() and etag.isprintable()):
            return
        with self._lock:
            if self._etag is None:
                self._etag = etag
                self._found_etag(etag)
            elif self._etag != etag:
                raise OtherObject

    def _current_action(self) -> PresignedRequest:
        with self._lock:
            if self._action.deadline <= self._scope.pacing.monotonic():
                _, self._action = self._files_api.download(self._file.file_id)
            return self._action

    def _renew(self, refused: PresignedRequest) -> None:
        """Get a new URL, unless another thread has done so meanwhile."""
        with self._lock:
            if self._action is refused:
                _, self._action = self._files_api.download(self._file.file_id)
