"""Servers on a free loopback port, which threads of the test serve."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers requests of every method in `do_any`, and logs none."""

    protocol_version = "HTTP/1.1"
    # A body that is written after its head would wait for the client's delayed ACK, 40 ms.
    disable_nagle_algorithm = True

    def do_any(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.do_any()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Serves each connection in a thread of its own, over TLS if it gets a context for that."""

    daemon_threads = True

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        # Small, so that a body of some MB does not fit into the buffers of a socket that is not
        # read.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        if tls is not None:
            # The handshake is the business of the connection's own thread.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent about clients that went away, which tests make them do."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)


@contextmanager
def served(server: BaseServer) -> Iterator[None]:
    """Serve in a thread until the end of the block, then close."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
