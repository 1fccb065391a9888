"""urllib3 connections for large bodies, and the pool of them, with proxies."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from typing import Any, cast

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from wideload._http import HandshakeLostError
from wideload._proxies import Proxies, Proxy
from wideload.errors import ConfigurationError

CONNECT_TIMEOUT = 10.0
# Connections to one host that are kept open.
MOST_CONNECTIONS = 64
# Bytes. The socket's timeout applies to each piece, so that a slow network, on which a larger block
# takes longer than the timeout, isn't treated as a broken one. Over TLS, Python's sockets apply it
# to each TLS record, of 16 KiB at most.
PIECE = 32 * 1024
# Bytes in the kernel's send buffer. Without a limit they can be several MB, which a slow network
# takes minutes to send, and meanwhile no write returns. Windows buffers little.
_MOST_UNSENT = 128 * 1024
SOCKET_OPTIONS = list(HTTPConnection.default_socket_options)
if hasattr(socket, "TCP_NOTSENT_LOWAT"):
    SOCKET_OPTIONS.append((socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT))


class _Plain(HTTPConnection):
    """A connection with a timeout for each piece of a body, which reads early answers."""

    def connect(self) -> None:
        """Connect within ten seconds; then set the whole timeout, for sending.

        urllib3 would use its connect timeout while it sends
        (https://github.com/urllib3/urllib3/issues/857).
        """
        timeout = self.timeout
        self.timeout = min(CONNECT_TIMEOUT, timeout or CONNECT_TIMEOUT)
        try:
            super().connect()
        finally:
            self.timeout = timeout
        self.sock.settimeout(timeout)

    def send(self, data: Any) -> None:
        """Send bytes in pieces."""
        if isinstance(self.sock, ssl.SSLSocket):
            super().send(data)
            return
        view = memoryview(data)
        for at in range(0, len(view), PIECE):
            super().send(view[at : at + PIECE])

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request; if the server closes the connection meanwhile, read its answer.

        S3 may refuse a request before it has read the body, and close the connection. Its answer
        can still be read. urllib3 does so after a BrokenPipeError, but not after the SSLError that
        takes its place over TLS.
        """
        try:
            super().request(*args, **options)
        except (ConnectionError, ssl.SSLError) as error:
            raise BrokenPipeError from error


class _Tls(_Plain, HTTPSConnection):
    """The same over TLS."""

    def connect(self) -> None:
        """Connect; a connection that ends during the TLS handshake is an error of its own.

        Firewalls that check the server name in the handshake end it in this way.
        """
        try:
            super().connect()
        except (ConnectionError, TimeoutError, ssl.SSLEOFError) as error:
            raise HandshakeLostError(str(error)) from error


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Tls


class Pool:
    """The default transport of `Client`, with or without proxies.

    Args:
        ca_bundle: File with the authorities to trust instead of the system's.
        proxy: URL of the proxy for all requests. Default: the environment's proxies.

    Raises:
        ConfigurationError: `ca_bundle` can't be read or holds no certificate, or `proxy` isn't the
            URL of a proxy.
    """

    def __init__(
        self, ca_bundle: str | os.PathLike[str] | None = None, proxy: str | None = None
    ) -> None:
        self._context = trusting(ca_bundle)
        self.proxies = Proxies(proxy)
        self._managers: dict[Proxy | None, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def request(
        self, method: str, url: str, *args: Any, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        """Make one request, as `urllib3.PoolManager.request` does."""
        return self._manager(self.proxies.proxy_for(url)).request(method, url, *args, **options)

    def connect(self, url: str, context: ssl.SSLContext | None = None) -> HTTPConnection:
        """Open a connection as a request to `url` would, to inspect it; close it after use.

        Args:
            context: TLS settings to use instead, without a check of the host's name.

        Raises:
            urllib3.exceptions.HTTPError, OSError: The connection can't be opened.
        """
        manager = self._open(self.proxies.proxy_for(url))
        if context is not None:
            manager.connection_pool_kw |= {"ssl_context": context, "assert_hostname": False}
        pool = manager.connection_from_url(url)
        connection = cast(HTTPConnection, pool._new_conn())
        connection.timeout = CONNECT_TIMEOUT
        if pool.proxy is not None and url.startswith("https:"):
            pool._prepare_proxy(connection)
        else:
            connection.connect()
        return connection

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for manager in self._managers.values():
                manager.clear()

    def _manager(self, proxy: Proxy | None) -> urllib3.PoolManager:
        with self._lock:
            if proxy not in self._managers:
                self._managers[proxy] = self._open(proxy)
            return self._managers[proxy]

    def _open(self, proxy: Proxy | None) -> urllib3.PoolManager:
        options: dict[str, Any] = {
            "maxsize": MOST_CONNECTIONS,
            "ssl_context": self._context,
            "socket_options": SOCKET_OPTIONS,
        }
        manager = (
            urllib3.PoolManager(**options)
            if proxy is None
            else urllib3.ProxyManager(
                proxy.url,
                proxy_headers=dict(proxy.headers),
                proxy_ssl_context=self._context,
                **options,
            )
        )
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
        return manager


def trusting(ca_bundle: str | os.PathLike[str] | None) -> ssl.SSLContext | None:
    """A context that trusts the certificates in `ca_bundle`; None for the system's authorities.

    Raises:
        ConfigurationError: `ca_bundle` can't be read, or holds no certificate.
    """
    if ca_bundle is None:
        return None
    context = urllib3.util.create_urllib3_context()
    try:
        context.load_verify_locations(cafile=os.fspath(ca_bundle))
    except ssl.SSLError:
        raise ConfigurationError(
            f"ca_bundle {os.fspath(ca_bundle)!r} holds no certificate in PEM format"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"ca_bundle {os.fspath(ca_bundle)!r} can't be read: {error.strerror}"
        ) from None
    return context
