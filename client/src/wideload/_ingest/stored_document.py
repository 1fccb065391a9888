"""Read a presigned URL as a stream that survives broken connections."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable
from typing import IO, cast

import urllib3

from wideload._http import Answer, Http, NoAnswer, read
from wideload._ingest.models import CallLog
from wideload._presigned import no_answer, passes, refusal, wants_new_url
from wideload._retry import Attempts
from wideload.errors import IntegrityError, TransportError, UploadError

_COPY_BLOCK = 256 * 1024


class StoredDocument:
    """The bytes behind a presigned URL, read once from the beginning, as a file object.

    A broken connection is taken up where it broke, and an expired URL is replaced.

    Args:
        http: What makes the requests.
        new_url: Returns a presigned URL; called again if S3 refuses the last one.
        attempts: The call's allowance of retries.
    """

    def __init__(self, http: Http, new_url: Callable[[], str], attempts: Attempts) -> None:
        self._http = http
        self._new_url = new_url
        self._url = new_url()
        self._attempts = attempts
        self._response: urllib3.BaseHTTPResponse | None = None
        self._at = 0

    def read(self, amount: int) -> bytes:
        """Up to `amount` bytes, b"" at the end.

        Raises:
            TransportError: No answer until the last attempt.
            UploadError: S3 refused.
        """
        while True:
            failure: TransportError | UploadError
            try:
                if self._response is None:
                    self._response = self._open()
                block = read(self._response, amount)
            except NoAnswer as error:
                self.close()
                again = error.retryable
                failure = no_answer("GET", self._url, error, self._attempts)
            except UploadError as refused:
                if wants_new_url(refused) and self._attempts.allow():
                    self._url = self._new_url()
                    continue
                failure, again = refused, passes(refused)
            else:
                self._at += len(block)
                return block
            if not again or not self._attempts.again(failure):
                raise failure

    def close(self) -> None:
        """Give the connection up."""
        if self._response is not None:
            self._response.close()
            self._response = None

    def _open(self) -> urllib3.BaseHTTPResponse:
        self._attempts.requests += 1
        headers = {"Range": f"bytes={self._at}-"} if self._at else {}
        response = self._http.open("GET", self._url, headers=headers)
        if response.status == (206 if self._at else 200):
            return response
        try:
            content = read(response, 65536)
        finally:
            response.close()
        raise refusal("download", Answer(response.status, response.headers, content))


def copy(log: CallLog, source: StoredDocument, file: IO[bytes]) -> None:
    """Write what `source` gives to `file`, uncompressed.

    Raises:
        IntegrityError: It is not the document that was recorded.
        TransportError, UploadError: As `StoredDocument.read`.
    """
    sha256 = hashlib.sha256()
    size = 0
    compressed = log.document_encoding == "gzip"
    stream = gzip.GzipFile(fileobj=cast(IO[bytes], source)) if compressed else source
    while True:
        try:
            block = stream.read(_COPY_BLOCK)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            damaged = IntegrityError(f"the document of {log.payload_id} is no whole gzip: {error}")
            damaged.payload_id = log.payload_id
            raise damaged from None
        if not block:
            break
        sha256.update(block)
        size += len(block)
        file.write(block)
        if size > (log.size or 0):
            break  # whatever this is, it needn't fill the disk
    check_read(log, size, sha256.hexdigest())


def check_read(log: CallLog, size: int, sha256: str) -> None:
    """Compare what was read with the record.

    Raises:
        IntegrityError: They differ.
    """
    if (size, sha256) != (log.size, log.sha256):
        differs = IntegrityError(
            f"the document of {log.payload_id} has {size} bytes with SHA-256 {sha256}, "
            f"recorded are {log.size} bytes with SHA-256 {log.sha256}"
        )
        differs.payload_id = log.payload_id
        raise differs
