"""An HTTP proxy on a loopback port: CONNECT for TLS, absolute URLs for plain HTTP."""

from __future__ import annotations

import base64
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

from tests.loopback import served


class FakeProxy:
    """A proxy, which may want a user name and a password.

    Attributes:
        seen: Method and target of each request.
        credentials: `user:password` that it wants, if any.
        hosts: Where hosts are, by name, for those that aren't known to DNS.
    """

    def __init__(self) -> None:
        self.address = ""
        self.seen: list[str] = []
        self.credentials: str | None = None
        self.hosts: dict[str, tuple[str, int]] = {}

    def refusal(self, headers: dict[str, str]) -> bytes | None:
        """Answer to give instead of serving the request, if any."""
        if self.credentials is None:
            return None
        wanted = f"Basic {base64.b64encode(self.credentials.encode()).decode()}"
        if headers.get("proxy-authorization") == wanted:
            return None
        return b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


def _handler(proxy: FakeProxy) -> type[StreamRequestHandler]:
    class Handler(StreamRequestHandler):
        rbufsize = 0

        def handle(self) -> None:
            line, *lines = self._head().decode().split("\r\n")
            method, target, version = line.split(" ")
            headers = {n.lower(): v.strip() for n, _, v in (item.partition(":") for item in lines)}
            proxy.seen.append(f"{method} {target.partition('?')[0]}")
            if refusal := proxy.refusal(headers):
                self.wfile.write(refusal)
                return
            parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
            host, port = parts.hostname or "", parts.port or 80
            with socket.create_connection(proxy.hosts.get(host, (host, port))) as other:
                if method == "CONNECT":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    path = target[target.index("/", len("http://")) :]
                    passed = [item for item in lines if not item.lower().startswith("proxy-")]
                    head = [f"{method} {path} {version}", "Connection: close", *passed]
                    other.sendall("\r\n".join([*head, "", ""]).encode())
                self._pass_on(other)

        def _head(self) -> bytes:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = self.rfile.read(1)
                if not byte:
                    return b"GET http://nobody/ HTTP/1.1"
                head += byte
            return head[:-4]

        def _pass_on(self, other: socket.socket) -> None:
            ways = {self.connection: other, other: self.connection}
            while True:
                for source in select.select(list(ways), [], [])[0]:
                    block = source.recv(65536)
                    if not block:
                        return
                    ways[source].sendall(block)

    return Handler


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent about connections that ended."""


@contextmanager
def proxying() -> Iterator[FakeProxy]:
    """A proxy on a free port, gone at the end."""
    proxy = FakeProxy()
    server = _Server(("127.0.0.1", 0), _handler(proxy))
    proxy.address = f"127.0.0.1:{server.server_address[1]}"
    with served(server):
        yield proxy
