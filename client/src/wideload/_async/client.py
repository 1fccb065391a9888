"""The client of a deployment for programs that run on asyncio."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from datetime import datetime
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

from wideload._api import Api, checked_base_url
from wideload._auth import ApiKey
from wideload._error_codes import PAYLOAD_CODES
from wideload._http import Progress
from wideload._ingest.document import Document
from wideload._ingest.models import CallLog, Receipt
from wideload._ingest.payloads import Payloads
from wideload._ingest.serialize import Default
from wideload._retry import Call, Pacing, Retry, checked_policy, checked_seconds
from wideload._version import __version__
from wideload.errors import ConfigurationError, DeadlineError

if TYPE_CHECKING:
    from wideload._async.http import AsyncHttp

_Result = TypeVar("_Result")


class AsyncClient:
    """A connection to one Wideload deployment, for programs on asyncio.

        async with wideload.AsyncClient("https://….amazonaws.com", api_key="wl_…") as client:
            receipt = await client.send({"call_id": "c-1"}, deadline=30)

    It sends and reads payloads as `Client` does: the same methods, arguments, results and errors,
    from the same code. Needs `pip install 'wideload[async]'`.

    No call blocks the event loop or holds a thread. Documents are serialized, compressed, hashed
    and parsed, and files are accessed, in steps of some 256 KiB in up to eight threads that all
    clients of the process share; so `default` and a document's `read` are called there, and a
    mapping must not change until `send` returns. `progress` and `on_retry` are called on the loop.

    A call can be cancelled like any coroutine. A request that is under way ends with its
    connection, S3 stores nothing of a half-sent document, and nothing further is sent. What the API
    has received by then it may process, as after a lost answer: send again with the same
    `idempotency_key`.

    The arguments are those of `Client`, and a deadline.

    Args:
        deadline: Seconds after which each call ends, all retries and pauses included, unless the
            call has its own `deadline`. When it has come, a request that is under way is
            cancelled, and the call raises `DeadlineError`. A retry whose delay would end after it
            isn't made: the call raises the error of the last attempt at once. Lists have as much
            time for each page. Default: none.

    Raises:
        ConfigurationError: An argument is wrong, or the extra is missing.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        api_key_header: str = "x-api-key",
        ca_bundle: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        timeout: float = 60.0,
        deadline: float | None = None,
        retries: int = 5,
        retry_for: float | None = None,
        on_retry: Callable[[Retry], object] | None = None,
        _pacing: Pacing | None = None,
    ) -> None:
        checked_seconds("timeout", timeout, zero=False)
        self._deadline = _checked_deadline(deadline)
        self._policy = checked_policy(retries, retry_for, on_retry)
        self._base_url = checked_base_url(base_url)
        key = ApiKey(api_key, api_key_header)
        if missing := missing_module():
            raise ConfigurationError(f"AsyncClient needs {missing}: pip install 'wideload[async]'")
        from asyncio import sleep

        from wideload._async.http import AsyncHttp
        from wideload._async.workers import in_a_worker

        self._pacing = _pacing or Pacing(sleep=sleep)
        self._http: AsyncHttp = AsyncHttp(
            ca_bundle, proxy, timeout=timeout, user_agent=f"wideload-python/{__version__}"
        )
        api = Api(self._http, self._base_url, auth=key, codes=PAYLOAD_CODES, pacing=self._pacing)
        self._open_payloads = Payloads(api, self._http, in_a_worker)
        self._closed = False

    def __repr__(self) -> str:
        return f"<wideload.AsyncClient {self._base_url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. The client can't be used afterwards; closing twice is fine."""
        self._closed = True
        await self._http.aclose()

    async def send(
        self,
        document: Document,
        *,
        default: Default | None = None,
        call_id: str | None = None,
        idempotency_key: str | None = None,
        progress: Progress | None = None,
        wait: bool = False,
        wait_timeout: float = 600.0,
        deadline: float | None = None,
    ) -> Receipt:
        """Send a call log and return the API's receipt, with the arguments of `Client.send`.

        Args:
            deadline: Seconds after which the call ends, waiting included. Default: the client's.

        Raises:
            DeadlineError: The call took longer. `payload_id` is set if the document may have
                reached S3. Others as `Client.send`.
        """
        call = self._call(deadline)
        return await self._within(
            deadline,
            call,
            self._payloads.send(
                call,
                document,
                default=default,
                call_id=call_id,
                idempotency_key=idempotency_key,
                progress=progress,
                wait=wait,
                wait_timeout=wait_timeout,
            ),
        )

    async def wait(
        self, payload_id: str, *, timeout: float = 600.0, deadline: float | None = None
    ) -> CallLog:
        """Wait until a queued payload is stored, as `Client.wait`.

        Raises:
            DeadlineError: The call took longer than `deadline`. Others as `Client.wait`.
        """
        call = self._call(deadline)
        return await self._within(deadline, call, self._payloads.wait(call, payload_id, timeout))

    async def get(self, payload_id: str, *, deadline: float | None = None) -> CallLog:
        """Look a payload up, as `Client.get`.

        Raises:
            DeadlineError: The call took longer than `deadline`. Others as `Client.get`.
        """
        call = self._call(deadline)
        return await self._within(deadline, call, self._payloads.get(call, payload_id))

    def call_logs(
        self,
        *,
        call_id: str | None = None,
        after: datetime | str | None = None,
        before: datetime | str | None = None,
        limit: int | None = None,
        deadline: float | None = None,
    ) -> AsyncIterator[CallLog]:
        """The payloads of this key's tenant, with the arguments of `Client.call_logs`.

        Args:
            deadline: Seconds for each page. Default: the client's.

        Raises:
            DeadlineError: While iterating: a page took longer. Others as `Client.call_logs`.
        """
        items = self._payloads.call_logs(
            lambda: self._call(deadline).attempts(),
            call_id=call_id,
            after=after,
            before=before,
            limit=limit,
        )
        return self._paged(deadline, items)

    def records(
        self,
        payload_id: str,
        *,
        first: int = 0,
        limit: int | None = None,
        as_text: bool = False,
        deadline: float | None = None,
    ) -> AsyncIterator[Any]:
        """The records of a stored payload, with the arguments of `Client.records`.

        Args:
            deadline: Seconds for each page. Default: the client's.

        Raises:
            DeadlineError: While iterating: a page took longer. Others as `Client.records`.
        """
        items = self._payloads.records(
            lambda: self._call(deadline).attempts(),
            payload_id,
            first=first,
            limit=limit,
            as_text=as_text,
        )
        return self._paged(deadline, items, payload_id)

    async def delete(self, payload_id: str, *, deadline: float | None = None) -> None:
        """Delete a payload, as `Client.delete`.

        Raises:
            DeadlineError: The call took longer than `deadline`; the payload may be deleted or not.
                Others as `Client.delete`.
        """
        call = self._call(deadline)
        await self._within(deadline, call, self._payloads.delete(call, payload_id))

    async def document(self, payload_id: str, *, deadline: float | None = None) -> bytes:
        """The JSON of a payload, byte for byte as it was sent, in memory, as `Client.document`.

        Raises:
            DeadlineError: The call took longer than `deadline`. Others as `Client.document_to`.
        """
        whole = io.BytesIO()
        await self.document_to(payload_id, whole, deadline=deadline)
        return whole.getvalue()

    async def document_to(
        self, payload_id: str, file: IO[bytes], *, deadline: float | None = None
    ) -> CallLog:
        """Write the JSON of a payload to `file`, as `Client.document_to`, in a worker thread.

        Raises:
            DeadlineError: The call took longer than `deadline`. Others as `Client.document_to`.
        """
        call = self._call(deadline)
        return await self._within(
            deadline, call, self._payloads.document_to(call, payload_id, file)
        )

    @property
    def _payloads(self) -> Payloads:
        if self._closed:
            raise ConfigurationError("this client is closed: make a new one")
        return self._open_payloads

    def _seconds(self, deadline: float | None) -> float | None:
        return self._deadline if deadline is None else _checked_deadline(deadline)

    def _call(self, deadline: float | None) -> Call:
        call = Call(self._policy, self._pacing)
        if (seconds := self._seconds(deadline)) is not None:
            call.deadline = self._pacing.monotonic() + seconds
        return call

    async def _within(
        self, deadline: float | None, call: Call, steps: Coroutine[Any, Any, _Result]
    ) -> _Result:
        """Run the steps of a call until its deadline.

        Raises:
            DeadlineError: It came first.
        """
        from asyncio import timeout

        seconds = self._seconds(deadline)
        try:
            async with timeout(seconds) as limit:
                return await steps
        except TimeoutError:
            if not limit.expired():
                raise
        late = DeadlineError(f"the call wasn't done within its deadline of {seconds:g} s")
        late.payload_id = call.payload_id
        raise late

    async def _paged(
        self, deadline: float | None, items: AsyncGenerator[_Result], payload_id: str | None = None
    ) -> AsyncGenerator[_Result]:
        """Items of which each is given within a deadline of its own."""
        try:
            while True:
                call = Call(self._policy, self._pacing, payload_id=payload_id)
                try:
                    item = await self._within(deadline, call, anext(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            await items.aclose()


def missing_module() -> str | None:
    """The module of the extra that isn't installed; None if all are."""
    try:
        import wideload._async.http  # noqa: F401
    except ModuleNotFoundError as error:
        return error.name
    return None


def _checked_deadline(deadline: float | None) -> float | None:
    if deadline is not None:
        checked_seconds("deadline", deadline, zero=False)
    return deadline
