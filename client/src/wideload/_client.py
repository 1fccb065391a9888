"""The client of a deployment, and its methods for payloads."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from types import TracebackType
from typing import IO, Any, Self

from wideload._api import Api, checked_base_url
from wideload._auth import ApiKey, Token, TokenSource
from wideload._connections import Pool
from wideload._error_codes import PAYLOAD_CODES
from wideload._files.digest import PartRule
from wideload._files.files import Files
from wideload._http import Http, Progress, Transport
from wideload._ingest.document import Document
from wideload._ingest.models import CallLog, Receipt
from wideload._ingest.payloads import Payloads
from wideload._ingest.serialize import Default
from wideload._retry import Call, Pacing, Retry, checked_policy, checked_seconds
from wideload._steps import at_once, iterate, run
from wideload._version import __version__
from wideload.errors import (
    ConfigurationError,
)


class Client:
    """A connection to one Wideload deployment.

        with wideload.Client("https://….amazonaws.com", api_key="wl_…") as client:
            receipt = client.send("call.json")

    A program's API key lets it send documents; a person's access token opens `files`.

    Connections are kept open between calls, so make one client and keep it. It may be shared by
    threads.

    Args:
        base_url: The API's URL, before `/send-call-log` or `/files`; https, except on this machine.
        api_key: The key, as `wl_<id>_<secret>`. `files` needs none.
        token: The access token for `files`, or a function that returns one. A function is called
            for each request, in any thread, by one thread at a time, so it should keep a token
            until that expires. When the API refuses the token (401), the function's `renew` is
            called once with the refused token, if it has a `renew`, else the function itself once
            more; if that gives another token, the request is repeated.
        files_url: URL of the API of files, before `/files`. Default: `base_url`.
        api_key_header: Header that carries the key, a setting of the deployment.
        ca_bundle: File with the certificates (PEM) of the authorities to trust instead of the
            system's.
        proxy: URL of the proxy to go through, such as `http://user:password@proxy.example:3128`.
            Default: `HTTPS_PROXY` or `ALL_PROXY` in the environment. Hosts in `NO_PROXY` are
            reached directly. Plain `http://` to this machine takes a proxy on this machine alone.
        timeout: Seconds that the server may be silent, that is, accept no bytes or send none;
            connecting takes at most ten. It should be longer than the API's own limit of 30 s, so
            that slow answers are received.
        retries: Further requests that one call may make after temporary failures: no connection,
            429, 500, 502, 503, 504, or S3 asking to slow down. Delays grow exponentially from half
            a second to 20 s, with jitter; `Retry-After` is honoured up to a minute. Lists have as
            many retries for each page, transfers of files for each request and part.
        retry_for: Seconds for which a call (page, part) keeps retrying, even when `retries` are
            used up; `Retry-After` is then honoured as far as the time lasts.
        on_retry: Called with a `Retry` before each delay, in the thread that makes the request.
        transport: Makes the HTTP requests: an object with the method `request` of urllib3's
            `PoolManager`. It excludes `ca_bundle` and `proxy`, and isn't closed with the client.
            urllib3's own connections lose answers that S3 sends early over TLS. Default: a pool of
            the client.

    Raises:
        ConfigurationError: An argument is wrong.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        token: TokenSource | None = None,
        files_url: str | None = None,
        api_key_header: str = "x-api-key",
        ca_bundle: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        timeout: float = 60.0,
        retries: int = 5,
        retry_for: float | None = None,
        on_retry: Callable[[Retry], object] | None = None,
        transport: Transport | None = None,
        _pacing: Pacing | None = None,
        _part_rule: PartRule | None = None,
    ) -> None:
        checked_seconds("timeout", timeout, zero=False)
        self._policy = checked_policy(retries, retry_for, on_retry)
        self._own_pool: Pool | None = None
        if transport is None:
            self._own_pool = transport = Pool(ca_bundle, proxy)
        elif ca_bundle is not None or proxy is not None:
            raise ConfigurationError(
                "give ca_bundle and proxy to your transport, not to the client"
            )
        self._pacing = _pacing or Pacing()
        self._http = Http(transport, timeout=timeout, user_agent=f"wideload-python/{__version__}")
        self._base_url = checked_base_url(base_url)
        self._key_payloads: Payloads | None = None
        if api_key is not None:
            api = Api(
                self._http,
                self._base_url,
                auth=ApiKey(api_key, api_key_header),
                codes=PAYLOAD_CODES,
                pacing=self._pacing,
            )
            self._key_payloads = Payloads(api, self._http, at_once)
        self._files: Files | None = None
        if token is not None:
            self._files = Files(
                self._http,
                checked_base_url(base_url if files_url is None else files_url, "files_url"),
                token=Token(token),
                pacing=self._pacing,
                policy=self._policy,
                check_open=self._check_open,
                part_rule=_part_rule or PartRule(),
            )
        if api_key is None and token is None:
            raise ConfigurationError("give an api_key, a token, or both")
        self._closed = False

    def __repr__(self) -> str:
        return f"<wideload.Client {self._base_url}>"

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
            self._own_pool.close()

    @property
    def files(self) -> Files:
        """The files of the person whose access token was given as `token`.

        Raises:
            ConfigurationError: The client has no `token`.
        """
        if self._files is None:
            raise ConfigurationError("files belong to a person: give the client a token")
        return self._files

    def send(
        self,
        document: Document,
        *,
        default: Default | None = None,
        call_id: str | None = None,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
        wait: bool = False,
        wait_timeout: float = 600.0,
    ) -> Receipt:
        """Send a call log and return the API's receipt.

        Under 4 MiB compressed it is sent through the API, else to S3 by presigned URL. A large one
        (over 25 MB compressed, by default) is `queued`: the receipt is returned at once, and `wait`
        waits until it is stored.

        Args:
            document: A JSON object as a mapping, as bytes, as the path of a file, or as a binary
                file object, which need not be seekable and isn't closed. Bytes and files may be
                gzipped already. A str is a path. In a mapping, datetimes, UUIDs, enums,
                dataclasses, numpy arrays and keys that aren't str are written as orjson does it,
                integers of up to 308 digits; NaN and the infinities, which JSON doesn't have,
                become `null`, as in JavaScript.
            default: Called with each value in a mapping that JSON has no type for, such as a
                Decimal, a set or a pydantic model; returns one that JSON has, or raises TypeError.
                As `default` of `json.dumps`, so `default=str` is enough for most.
            call_id: The call that it is recorded under, 1 to 256 characters, if the document has
                no `call_id` of its own.
            idempotency_key: A text that identifies this sending: sending again with the same key,
                even in another process, stores nothing twice. Default: a new UUID, which covers
                the retries within this call.
            progress: Called with (bytes sent, bytes in all) while the compressed document is
                sent. It goes back to 0 when an attempt is repeated.
            wait: Whether to wait for a queued document to be stored.
            wait_timeout: Seconds to wait for that.

        Raises:
            ConfigurationError: `call_id`, `idempotency_key` or `wait_timeout` is wrong.
            DocumentError: The document can't be sent as it is.
            OSError: The document can't be read, or a temporary file can't be written.
            AuthenticationError: The key is missing, wrong or revoked.
            PayloadRefusedError: The API refuses the document.
            ConflictError: The same document is still being processed.
            RateLimitError, ServerError, TransportError: The request failed, after all retries.
            UploadError: S3 refused the upload.
            IntegrityError: The API recorded other bytes than were sent.
            WaitTimeoutError: With `wait`, it isn't stored yet.
        """
        return run(
            self._payloads.send(
                self._call(),
                document,
                default=default,
                call_id=call_id,
                idempotency_key=idempotency_key,
                progress=progress,
                wait=wait,
                wait_timeout=wait_timeout,
            )
        )

    def wait(self, payload_id: str, *, timeout: float = 600.0) -> CallLog:
        """Wait until a queued payload is stored.

        Args:
            payload_id: From the receipt.
            timeout: Seconds to wait at most. 0 makes one request.

        Raises:
            ConfigurationError: `timeout` is wrong.
            PayloadRefusedError: Processing failed (`code` and `detail` give the reason), or the
                upload URL expired unused.
            WaitTimeoutError: It isn't stored yet. `wait` can be called again.
            ApiError, TransportError: As for `get`.
        """
        return run(self._payloads.wait(self._call(), payload_id, timeout))

    def get(self, payload_id: str) -> CallLog:
        """Look a payload up.

        Raises:
            NotFoundError: This key has no such payload.
            IntegrityError: The document in the answer is not the one that was recorded.
            ApiError: The API answered with another error.
            TransportError: No answer came.
        """
        return run(self._payloads.get(self._call(), payload_id))

    def call_logs(
        self,
        *,
        call_id: str | None = None,
        after: datetime | str | None = None,
        before: datetime | str | None = None,
        limit: int | None = None,
    ) -> Iterator[CallLog]:
        """The payloads of this key's tenant, stored or failed, newest first.

        Pages are requested when they are needed, so the first few of millions cost one request.
        Payloads that are stored while the iterator runs don't appear in it.

        Args:
            call_id: Only payloads of this call.
            after: Only payloads that the API received at this time or later: a datetime, or ISO
                8601 text. Without a time zone it is in this machine's.
            before: Only payloads that the API received before this time.
            limit: Items at most. Default: all.

        Returns:
            An iterator. Its items have no summary and no document: `get` gives those.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, not while iterating.
            ApiError, TransportError: While iterating, if a page can't be read.
        """
        return iterate(
            self._payloads.call_logs(
                self._call().attempts, call_id=call_id, after=after, before=before, limit=limit
            )
        )

    def records(
        self,
        payload_id: str,
        *,
        first: int = 0,
        limit: int | None = None,
        as_text: bool = False,
    ) -> Iterator[Any]:
        """The records of a stored payload: the elements of the array that the deployment has set.

        Pages are requested when they are needed, and are small however large the document is. For
        all records of a document, `document` costs fewer requests.

        Args:
            payload_id: From the receipt.
            first: Number of the first record, from 0. After the last record the iterator is empty.
            limit: Records at most. Default: all.
            as_text: Whether to give each record as the JSON text that was sent, which keeps all
                digits of numbers. Default: parsed; integers are exact, other numbers are floats.

        Raises:
            ConfigurationError: An argument is wrong; raised at once, the others while iterating.
            NotFoundError: This key has no such payload.
            ConflictError: It isn't stored (yet).
            RecordTooLargeError: The next record is too large for an answer of the API.
            ApiError, TransportError: A page can't be read.
        """
        return iterate(
            self._payloads.records(
                self._call().attempts, payload_id, first=first, limit=limit, as_text=as_text
            )
        )

    def delete(self, payload_id: str) -> None:
        """Delete a payload: its record and its document. It can't be undone.

        Deleting it again raises NotFoundError, unless an earlier attempt of the same call may have
        deleted it and its answer was lost: that is success.

        Raises:
            NotFoundError: This key has no such payload (any more).
            ConflictError: It is still being processed.
            ApiError: The API answered with another error.
            TransportError: No answer came; it may be deleted or not. The call can be repeated.
        """
        run(self._payloads.delete(self._call(), payload_id))

    def document(self, payload_id: str) -> bytes:
        """The JSON of a payload, byte for byte as it was sent (uncompressed), in memory.

        For large documents use `document_to`, which raises the same errors.
        """
        whole = io.BytesIO()
        self.document_to(payload_id, whole)
        return whole.getvalue()

    def document_to(self, payload_id: str, file: IO[bytes]) -> CallLog:
        """Write the JSON of a payload to `file`, byte for byte as it was sent (uncompressed).

        It is copied as a stream, in bounded memory. Size and SHA-256 are compared with the record
        at the end, so after an error `file` may hold a part of the document, or other bytes.

        Args:
            payload_id: From the receipt.
            file: Binary file to write to; it isn't closed.

        Returns:
            The payload's record.

        Raises:
            NotFoundError: This key has no such payload, or it has no document (yet).
            IntegrityError: The document isn't the one that was recorded.
            ApiError, TransportError, UploadError: As for `get`, and from S3.
        """
        return run(self._payloads.document_to(self._call(), payload_id, file))

    @property
    def _payloads(self) -> Payloads:
        self._check_open()
        if self._key_payloads is None:
            raise ConfigurationError("documents are sent with a key: give the client an api_key")
        return self._key_payloads

    def _call(self) -> Call:
        return Call(self._policy, self._pacing)

    def _check_open(self) -> None:
        if self._closed:
            raise ConfigurationError("this client is closed: make a new one")
