"""Sockets and TLS for httpcore: timeouts for each piece that is sent, and early answers.

asyncio's own transports drop received bytes when a write fails, and with them the answer that S3
sends before it has read the whole body (docs/adr/0086).
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, TypeVarTuple

import httpcore
from urllib3.util.wait import wait_for_read

from wideload._async.workers import in_a_worker
from wideload._connections import CONNECT_TIMEOUT, PIECE, SOCKET_OPTIONS
from wideload._http import HandshakeLostError, NoAnswer, broken, tls_failure, unresolved

_Result = TypeVar("_Result")
_Args = TypeVarTuple("_Args")

_READ_BLOCK = 64 * 1024


class SocketBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for a pool of httpcore.

    Its errors are `NoAnswer`, which httpcore passes on. Only a failed write is an error of
    httpcore's own, after which httpcore reads the answer.

    Args:
        to_proxy: Whether it connects to a proxy, for the error message.
    """

    def __init__(self, *, to_proxy: bool) -> None:
        self._to_proxy = to_proxy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> SocketStream:
        """Connect to the first address of the host that answers, within ten seconds.

        Raises:
            NoAnswer: There is no connection.
        """
        try:
            async with asyncio.timeout(min(CONNECT_TIMEOUT, timeout or CONNECT_TIMEOUT)):
                return SocketStream(await _connected(host, port))
        except TimeoutError:
            failure = NoAnswer("connecting timed out", retryable=True, stage="tcp")
        except NoAnswer as unreached:
            failure = unreached
        if self._to_proxy:
            failure = NoAnswer(
                f"the proxy can't be reached: {failure.reason}", retryable=True, stage=failure.stage
            )
        raise failure


async def _connected(host: str, port: int) -> socket.socket:
    """A socket that is connected to a host.

    Raises:
        NoAnswer: The name can't be resolved, or no address accepts the connection.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await in_a_worker(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise unresolved(error) from None
    reason = "no connection"
    for family, kind, protocol, _, address in found:
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)
            for option in SOCKET_OPTIONS:
                connection.setsockopt(*option)
            await loop.sock_connect(connection, address)
        except OSError as error:
            connection.close()
            reason = os.strerror(error.errno) if error.errno else str(error)
        except BaseException:  # cancelled
            connection.close()
            raise
        else:
            return connection
    raise NoAnswer(reason, retryable=True, stage="tcp")


class _Stream(httpcore.AsyncNetworkStream):
    """What plain and TLS streams share."""

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> TlsStream:
        """Set up TLS over this stream, and return a stream of it.

        Raises:
            NoAnswer: The handshake failed.
        """
        stream = TlsStream(self, ssl_context, server_hostname)
        try:
            await stream.handshake(timeout)
        except BaseException:
            await self.aclose()
            raise
        return stream


class SocketStream(_Stream):
    """A TCP connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read up to `max_bytes`, b"" at the end.

        Raises:
            NoAnswer: The connection broke, or nothing came within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.get_running_loop().sock_recv(self._socket, max_bytes)
        except TimeoutError:
            raise NoAnswer("the answer timed out", retryable=True) from None
        except OSError as error:
            raise NoAnswer(str(error), retryable=True) from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes in pieces, each within `timeout` seconds.

        Raises:
            NoAnswer: The server accepts no more bytes.
            httpcore.WriteError: The connection broke; an answer may have come before.
        """
        view = memoryview(buffer)
        for at in range(0, len(view), PIECE):
            try:
                async with asyncio.timeout(timeout):
                    await asyncio.get_running_loop().sock_sendall(
                        self._socket, view[at : at + PIECE]
                    )
            except TimeoutError:
                raise NoAnswer("the write operation timed out", retryable=True) from None
            except OSError as error:
                raise httpcore.WriteError(str(error)) from None

    async def aclose(self) -> None:
        """Close the connection."""
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        """Whether there is something to read (`is_readable`): so an idle connection has ended."""
        if info == "is_readable":
            return self._socket.fileno() < 0 or wait_for_read(self._socket, timeout=0.0)
        return None


class TlsStream(_Stream):
    """TLS over another stream."""

    def __init__(self, stream: _Stream, context: ssl.SSLContext, host: str | None) -> None:
        self._stream = stream
        self._received = ssl.MemoryBIO()
        self._to_send = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=host)

    async def handshake(self, timeout: float | None) -> None:
        """Set TLS up.

        Raises:
            NoAnswer: The certificate isn't trusted, the server speaks no TLS, or the connection
                ended.
        """
        try:
            await self._call(timeout, self._tls.do_handshake)
        except (NoAnswer, httpcore.WriteError, ssl.SSLEOFError) as error:
            cause: ssl.SSLError = HandshakeLostError(str(error))
        except ssl.SSLError as error:
            cause = error
        else:
            return
        raise tls_failure(cause) or NoAnswer(str(cause), retryable=True, stage="tls")

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read up to `max_bytes`, b"" at the end.

        Raises:
            NoAnswer: As for `SocketStream.read`, or the bytes aren't TLS.
        """
        try:
            return await self._call(timeout, self._tls.read, max_bytes)
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        except ssl.SSLError as error:
            raise broken(str(error), "") from None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes in pieces, each within `timeout` seconds.

        Raises:
            NoAnswer, httpcore.WriteError: As for `SocketStream.write`.
        """
        view = memoryview(buffer)
        for at in range(0, len(view), PIECE):
            try:
                await self._call(timeout, self._tls.write, view[at : at + PIECE])
            except ssl.SSLError as error:
                raise httpcore.WriteError(str(error)) from None

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        """The TLS object (`ssl_object`), or what the stream below tells."""
        return self._tls if info == "ssl_object" else self._stream.get_extra_info(info)

    async def _call(
        self,
        timeout: float | None,
        function: Callable[[*_Args], _Result],
        *args: *_Args,
    ) -> _Result:
        """Call a method of the TLS object, and move the bytes that it wants to send or receive."""
        while True:
            try:
                result = function(*args)
            except ssl.SSLWantReadError:
                await self._flush(timeout)
                if received := await self._stream.read(_READ_BLOCK, timeout):
                    self._received.write(received)
                else:
                    self._received.write_eof()
            else:
                await self._flush(timeout)
                return result

    async def _flush(self, timeout: float | None) -> None:
        if pending := self._to_send.read():
            await self._stream.write(pending, timeout)
