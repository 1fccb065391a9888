"""Connections of urllib3 that are fit for large bodies."""

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

_CONNECT_TIMEOUT = 10.0
# Kept open to one host, of those that there were at once.
_MOST_CONNECTIONS = 64
# The socket's timeout counts for each piece by itself, so that a slow line, on which a larger block
# would take longer than that, isn't taken for a silent one.
_PIECE = 32 * 1024
# Bytes that wait in the kernel. Without a limit they may be MBs, which a slow line takes minutes to
# send: time in which neither a write nor the answer comes on. Windows keeps few by itself.
_MOST_UNSENT = 128 * 1024
_SOCKET_OPTIONS = list(HTTPConnection.default_socket_options)
if hasattr(socket, "TCP_NOTSENT_LOWAT"):
    _SOCKET_OPTIONS.append((socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MOST_UNSENT))


class _Plain(HTTPConnection):
    """A connection whose timeout is for each piece that is sent, and which reads early answers."""

    def connect(self) -> None:
        """Connect within ten seconds. Sending has all of the timeout.

        urllib3 uses the timeout for connecting while it sends, too: `Http` sets both to the same.
        """
        timeout = self.timeout
        self.timeout = min(_CONNECT_TIMEOUT, timeout or _CONNECT_TIMEOUT)
        try:
            super().connect()
        finally:
            self.timeout = timeout
        self.sock.settimeout(timeout)

    def send(self, data: Any) -> None:
        """Send bytes in pieces."""
        view = memoryview(data)
        for at in range(0, len(view), _PIECE):
            super().send(view[at : at + _PIECE])

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request, as far as the other side takes it.

        S3 answers a request that it refuses before it has read the body, and closes. The answer
        can be read all the same, and urllib3 does so after a BrokenPipeError, but not after what
        TLS makes of it.
        """
        try:
            super().request(*args, **options)
        except (ConnectionError, ssl.SSLError) as error:
            raise BrokenPipeError from error


class _Tls(_Plain, HTTPSConnection):
    """The same over TLS."""

    def connect(self) -> None:
        """Connect, and tell what ends while TLS is being set up from what ends an answer.

        Firewalls that look at the host's name in the handshake end it so.
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
    """The transport that `Client` uses by default: directly, or through proxies.

    Args:
        ca_bundle: File with the authorities to trust instead of the system's.
        proxy: URL of the proxy for all requests. Default: what the environment says.

    Raises:
        ConfigurationError: `ca_bundle` can't be read or holds no certificate, or `proxy` can't be
            one.
    """

    def __init__(
        self, ca_bundle: str | os.PathLike[str] | None = None, proxy: str | None = None
    ) -> None:
        self._context = _trusting(ca_bundle)
        self.proxies = Proxies(proxy)
        self._managers: dict[Proxy | None, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def request(
        self, method: str, url: str, *args: Any, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        """Make one request, as `urllib3.PoolManager.request` does."""
        return self._manager(self.proxies.proxy_for(url)).request(method, url, *args, **options)

    def connect(self, url: str, context: ssl.SSLContext | None = None) -> HTTPConnection:
        """Open a connection as a request to `url` would, to look at it; close it after use.

        Args:
            context: What to trust instead, whatever the host's name.

        Raises:
            urllib3.exceptions.HTTPError, OSError: It can't be opened.
        """
        manager = self._open(self.proxies.proxy_for(url))
        if context is not None:
            manager.connection_pool_kw |= {"ssl_context": context, "assert_hostname": False}
        pool = manager.connection_from_url(url)
        connection = cast(HTTPConnection, pool._new_conn())
        connection.timeout = _CONNECT_TIMEOUT
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
            "maxsize": _MOST_CONNECTIONS,
            "ssl_context": self._context,
            "socket_options": _SOCKET_OPTIONS,
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


def _trusting(ca_bundle: str | os.PathLike[str] | None) -> ssl.SSLContext | None:
    """A context that trusts what `ca_bundle` holds; None for urllib3's, which trusts the system."""
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
