"""One HTTP request over httpcore, on an event loop: the counterpart of `wideload._http.Http`."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import AsyncIterable, Mapping
from typing import cast
from urllib.parse import urlsplit

import anyio  # noqa: F401 - httpcore needs it, and says so only at the first request
import httpcore
import urllib3

from wideload._async.streams import SocketBackend
from wideload._async.workers import in_a_worker
from wideload._connections import CONNECT_TIMEOUT, MOST_CONNECTIONS, trusting
from wideload._http import (
    Answer,
    Body,
    BodyFailed,
    NoAnswer,
    broken,
    proxy_refused,
    read_answer,
)
from wideload._proxies import Proxies, Proxy


class AsyncHttp:
    """Requests over pools of connections, directly and through proxies.

    Args:
        ca_bundle, proxy: As for `Pool`.
        timeout: Seconds that the server may be silent.

    Raises:
        ConfigurationError: As `Pool`.
    """

    def __init__(
        self,
        ca_bundle: str | os.PathLike[str] | None,
        proxy: str | None,
        *,
        timeout: float,
        user_agent: str,
    ) -> None:
        self._context = trusting(ca_bundle)
        self._proxies = Proxies(proxy)
        self._pools: dict[tuple[Proxy | None, str], httpcore.AsyncConnectionPool] = {}
        self._extensions = {
            "timeout": {"connect": min(CONNECT_TIMEOUT, timeout), "read": timeout, "write": timeout}
        }
        self._user_agent = user_agent

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> Answer:
        """Make one request and read its answer.

        Raises:
            NoAnswer: The connection failed or broke, or the answer was unreadable.
        """
        opened = await self.open(method, url, headers=headers, body=body)
        try:
            return await read_answer(opened)
        finally:
            await opened.close()

    async def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> AsyncAnswer:
        """Make one request and return the answer with its body unread; close it after use.

        Raises:
            NoAnswer: The connection failed or broke before the answer began.
        """
        size = body.size if isinstance(body, Body) else len(body or b"")
        given = {name.lower() for name in headers}
        lines = {
            "Host": urlsplit(url).netloc,
            "Accept-Encoding": "identity",
            "User-Agent": self._user_agent,
            **({} if body is None or "content-length" in given else {"Content-Length": str(size)}),
            **headers,
        }
        try:
            target = httpcore.URL(url)
        except ValueError:
            raise NoAnswer("the URL can't be parsed", retryable=False, stage="dns") from None
        pool = await self._pool(url)
        content = body.stream(in_a_worker) if isinstance(body, Body) else None
        try:
            request = httpcore.Request(
                method,
                target,
                headers=list(lines.items()),
                content=cast("AsyncIterable[bytes] | bytes | None", content or body),
                extensions=self._extensions,
            )
            return AsyncAnswer(await pool.handle_async_request(request))
        except BodyFailed as failed:
            raise failed.error from None
        except (httpcore.ProtocolError, httpcore.ProxyError, httpcore.WriteError) as error:
            failure = _no_answer(error, url)
        finally:
            if content is not None:
                await content.aclose()
        # Outside of the handler, so that no error that may hold the URL is chained.
        raise failure

    async def aclose(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _pool(self, url: str) -> httpcore.AsyncConnectionPool:
        proxy, scheme = self._proxies.proxy_for(url), urlsplit(url).scheme
        if self._context is None and "https" in {scheme, proxy and urlsplit(proxy.url).scheme}:
            # Reading the system's authorities takes some 40 ms.
            self._context = await in_a_worker(_trusting_the_system)
        if (proxy, scheme) not in self._pools:
            self._pools[proxy, scheme] = httpcore.AsyncConnectionPool(
                ssl_context=self._context,
                max_connections=None,
                max_keepalive_connections=MOST_CONNECTIONS,
                network_backend=SocketBackend(to_proxy=proxy is not None),
                proxy=None if proxy is None else self._proxy(proxy),
            )
        return self._pools[proxy, scheme]

    def _proxy(self, proxy: Proxy) -> httpcore.Proxy:
        context = self._context if proxy.url.startswith("https:") else None
        return httpcore.Proxy(proxy.url, headers=dict(proxy.headers), ssl_context=context)


class AsyncAnswer:
    """An answer of httpcore with its body unread, as `Opened` describes it."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response
        self._blocks = response.aiter_stream()
        self._rest = b""
        self.status: int = response.status
        self.headers: Mapping[str, str] = urllib3.HTTPHeaderDict(
            (name.decode("latin-1"), text.decode("latin-1")) for name, text in response.headers
        )

    async def read(self, amount: int) -> bytes:
        """Read up to `amount` bytes, b"" at the end.

        Raises:
            NoAnswer: The connection broke; it is closed.
        """
        if not self._rest:
            try:
                self._rest = await anext(self._blocks, b"")
            except httpcore.ProtocolError as error:
                failure = _no_answer(error, "")
                raise failure from None
        block, self._rest = self._rest[:amount], self._rest[amount:]
        return block

    def release(self) -> None:
        """Do nothing: a connection is given back when all of the body has been read."""

    async def close(self) -> None:
        """Close the connection, if it wasn't given back."""
        await self._response.aclose()


def _no_answer(error: Exception, url: str) -> NoAnswer:
    if isinstance(error, httpcore.ProxyError):
        status, _, reason = str(error).partition(" ")
        return proxy_refused(int(status), reason)
    reason = re.sub(r"\?\S*", "?…", str(error)) or type(error).__name__
    if reason.startswith("Server disconnected"):
        reason = "Remote end closed connection without response"  # as http.client says it
    return broken(reason, url)


def _trusting_the_system() -> ssl.SSLContext:
    context = urllib3.util.create_urllib3_context()
    context.load_default_certs()
    return context
