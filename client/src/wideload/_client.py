"""The client: one class, whose methods tell the whole story of each call."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import uuid
import zlib
from dataclasses import replace
from types import TracebackType
from typing import IO, Self, cast

import urllib3

from wideload._api import Api, unexpected
from wideload._download import Download
from wideload._http import Http, Progress, Transport, open_pool
from wideload._models import CallLog, Receipt
from wideload._payload import Document, prepare
from wideload._retry import Attempts, Pacing
from wideload._send import Sending, check_recorded
from wideload._version import __version__
from wideload.errors import (
    ApiError,
    ConfigurationError,
    IntegrityError,
    NotFoundError,
    PayloadRefusedError,
    WaitTimeoutError,
    WideloadError,
)

_COPY_BLOCK = 256 * 1024


class Client:
    """A connection to one Wideload deployment.

        with wideload.Client("https://….amazonaws.com", api_key="wl_…") as client:
            receipt = client.send("call.json")

    Connections are kept open between calls, so make one client and keep it. It may be shared by
    threads.

    Args:
        base_url: The API's URL, before `/send-call-log`; https, except on this machine.
        api_key: The key, as `wl_<id>_<secret>`.
        api_key_header: Header that carries the key, a setting of the deployment.
        ca_bundle: File with the certificates (PEM) of the authorities to trust instead of the
            system's.
        timeout: Seconds that the other side may be silent; connecting takes at most ten of them.
            Longer than the API's own 30 s, or a slow answer is given up just before it comes.
        retries: How many further requests one call may make when some fail in a way that may
            pass: no connection, 429, 500, 502, 503, 504, or S3 asking to slow down. Delays grow
            exponentially from half a second, with jitter; `Retry-After` is honoured up to a minute.
        transport: What makes the HTTP requests: anything with the `request` of urllib3's
            `PoolManager`, such as a `urllib3.ProxyManager`. Excludes `ca_bundle`; it isn't closed
            with the client. Default: a pool of the client's own.

    Raises:
        ConfigurationError: An argument can't be right.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        api_key_header: str = "x-api-key",
        ca_bundle: str | os.PathLike[str] | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        transport: Transport | None = None,
        _pacing: Pacing | None = None,
    ) -> None:
        if timeout <= 0:
            raise ConfigurationError(f"timeout must be over 0 seconds, not {timeout}")
        if retries < 0:
            raise ConfigurationError(f"retries must be 0 or more, not {retries}")
        if transport is not None and ca_bundle is not None:
            raise ConfigurationError("give ca_bundle to your transport, not to the client")
        self._own_pool: urllib3.PoolManager | None = None
        if transport is None:
            self._own_pool = transport = open_pool(ca_bundle)
        self._pacing = _pacing or Pacing()
        self._retries = retries
        self._http = Http(transport, timeout=timeout, user_agent=f"wideload-python/{__version__}")
        self._api = Api(
            self._http,
            base_url,
            api_key=api_key,
            api_key_header=api_key_header,
            pacing=self._pacing,
        )
        self._closed = False

    def __repr__(self) -> str:
        return f"<wideload.Client {self._api.base_url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. The client can't be used afterwards; closing twice is fine."""
        self._closed = True
        if self._own_pool is not None:
            self._own_pool.clear()

    def send(
        self,
        document: Document,
        *,
        call_id: str | None = None,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
        wait: bool = False,
        wait_timeout: float = 600.0,
    ) -> Receipt:
        """Send a call log and return what the API said.

        Under 4 MiB compressed it goes through the API, else to S3 by presigned URL. A large one
        (over 25 MB compressed, by default) is `queued`: the receipt comes at once, and `wait`
        follows it.

        Args:
            document: A JSON object as a mapping, as bytes, as the path of a file, or as a binary
                file object, which need not be seekable and isn't closed. Bytes and files may be
                gzipped already. A str is a path. In a mapping, datetimes, UUIDs, enums,
                dataclasses, numpy arrays and keys that aren't str are written as orjson does it;
                NaN and the infinities, for which JSON has no word, become `null`, as in
                JavaScript.
            call_id: What to record the upload under until the document has been read. Default: the
                mapping's own `call_id`. Documents that go inline need none.
            idempotency_key: A text of your own that names this sending, so that repeating it, in
                another process even, stores nothing twice. Default: a new UUID, which covers the
                retries within this call.
            progress: Called with (bytes sent, bytes in all) while the compressed document goes
                out. It goes back to 0 when an attempt is repeated.
            wait: Whether to wait for a queued document to be stored.
            wait_timeout: Seconds to wait for that.

        Raises:
            DocumentError: The document can't be sent as it is.
            OSError: The document can't be read, or a temporary file can't be written.
            AuthenticationError: The key is missing, wrong or revoked.
            PayloadRefusedError: The API won't take the document.
            ConflictError: The same document is still being processed.
            RateLimitError, ServerError, TransportError: Trouble that lasted through all retries.
            UploadError: S3 refused the upload.
            IntegrityError: The API recorded other bytes than were sent.
            WaitTimeoutError: With `wait`, it was still not stored.
        """
        self._check_open()
        key = _checked_idempotency_key(idempotency_key)
        attempts = Attempts(self._retries, self._pacing)
        sending = Sending(self._api, self._http, self._pacing, attempts, key)
        with prepare(document) as prepared:
            receipt = sending.send(prepared, call_id=call_id, progress=progress)
        if not wait or receipt.state == "stored":
            return receipt
        log = self.wait(receipt.payload_id, timeout=wait_timeout)
        stored = replace(
            receipt,
            state=log.state,
            size=log.size,
            sha256=log.sha256,
            records=log.records,
            created_at=log.created_at,
        )
        check_recorded(prepared, stored)
        return stored

    def wait(self, payload_id: str, *, timeout: float = 600.0) -> CallLog:
        """Wait until a queued payload is stored.

        Args:
            payload_id: From the receipt.
            timeout: Seconds to wait at most. 0 asks once.

        Raises:
            PayloadRefusedError: Processing failed (`code` and `detail` say why), or the upload URL
                expired unused.
            WaitTimeoutError: It is still not stored. It can be waited for again.
            ApiError, TransportError: As for `get`.
        """
        deadline = self._pacing.monotonic() + timeout
        pause = 0.5
        while True:
            log = self.get(payload_id)
            if log.state == "stored":
                return log
            if log.state in {"failed", "expired"}:
                raise _unusable(log)
            left = deadline - self._pacing.monotonic()
            if left <= 0:
                late = WaitTimeoutError(
                    f"payload {payload_id} is still {log.state} after {timeout:g} s; "
                    "it goes on being processed",
                    state=log.state,
                )
                late.payload_id = payload_id
                raise late
            self._pacing.sleep(min(pause, left))
            pause = min(pause * 1.5, 5.0)

    def get(self, payload_id: str) -> CallLog:
        """Look a payload up.

        Raises:
            NotFoundError: This key has no such payload.
            IntegrityError: The document in the answer is not the one that was recorded.
            ApiError: The API answered with another error.
            TransportError: No answer came.
        """
        self._check_open()
        return self._get(payload_id, Attempts(self._retries, self._pacing))

    def document(self, payload_id: str) -> bytes:
        """The JSON of a payload, byte for byte as it was sent (uncompressed), in memory.

        For documents that may be huge use `document_to`, which raises the same errors.
        """
        whole = io.BytesIO()
        self.document_to(payload_id, whole)
        return whole.getvalue()

    def document_to(self, payload_id: str, file: IO[bytes]) -> CallLog:
        """Write the JSON of a payload to `file`, byte for byte as it was sent (uncompressed).

        It goes through as a stream, in bounded memory. Size and SHA-256 are compared with the
        record's at the end, so after an error `file` may hold a part, or something else.

        Args:
            payload_id: From the receipt.
            file: Binary file to write to; it isn't closed.

        Returns:
            The payload's record.

        Raises:
            NotFoundError: This key has no such payload, or it has no document (yet).
            IntegrityError: What came is not the document that was recorded.
            ApiError, TransportError, UploadError: As for `get`, and from S3.
        """
        self._check_open()
        attempts = Attempts(self._retries, self._pacing)
        log = self._get(payload_id, attempts)
        if log.document is not None:
            file.write(log.document)
            return log
        if log.document_url is None:
            raise _unusable(log)

        # The first URL is the one at hand; each later one replaces one that S3 refused.
        urls = [log.document_url]

        def next_url() -> str:
            return urls.pop() if urls else self._get(payload_id, attempts).document_url or ""

        source = Download(self._http, next_url, attempts)
        try:
            _copy(log, source, file)
        finally:
            source.close()
        return log

    def _get(self, payload_id: str, attempts: Attempts) -> CallLog:
        # Checked, since urllib3 resolves dots in a path and a slash would reach another route.
        if not isinstance(payload_id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", payload_id):
            raise ConfigurationError(f"that is no payload id: {payload_id!r}")
        path = f"/call-logs/{payload_id}"
        try:
            answer = self._api.request("GET", path, attempts)
        except WideloadError as error:
            error.payload_id = payload_id
            raise
        try:
            log = CallLog.parse(answer.body)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise unexpected("GET", path, answer) from None
        if log.document is not None:
            _check_read(log, len(log.document), hashlib.sha256(log.document).hexdigest())
        return log

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError("this client is closed: make a new one")


def _copy(log: CallLog, source: Download, file: IO[bytes]) -> None:
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
    _check_read(log, size, sha256.hexdigest())


def _check_read(log: CallLog, size: int, sha256: str) -> None:
    if (size, sha256) != (log.size, log.sha256):
        differs = IntegrityError(
            f"the document of {log.payload_id} has {size} bytes with SHA-256 {sha256}, "
            f"recorded are {log.size} bytes with SHA-256 {log.sha256}"
        )
        differs.payload_id = log.payload_id
        raise differs


def _unusable(log: CallLog) -> ApiError:
    """Why a payload has no document."""
    error: ApiError
    if log.state == "failed":
        says = ": ".join(part for part in (log.error_code, log.error_detail) if part)
        error = PayloadRefusedError(
            f"processing payload {log.payload_id} failed{': ' + says if says else ''}",
            status=200,
            code=log.error_code,
            detail=log.error_detail,
        )
    elif log.state == "expired":
        detail = "nothing was uploaded before its upload URL expired"
        error = PayloadRefusedError(
            f"payload {log.payload_id}: {detail}", status=200, code="expired", detail=detail
        )
    else:
        error = NotFoundError(
            f"payload {log.payload_id} has no document: its state is {log.state}", status=200
        )
    error.payload_id = log.payload_id
    return error


def _checked_idempotency_key(key: str | None) -> str:
    if key is None:
        return str(uuid.uuid4())
    if not re.fullmatch(r"[!-~]([ -~]{0,253}[!-~])?", key):
        raise ConfigurationError(
            "an idempotency key has 1 to 255 printable ASCII characters and no space at its ends: "
            f"{key!r}"
        )
    return key
