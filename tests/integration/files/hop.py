"""A hop between clients and the embedded cloud that counts what they send."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType


class CountingHop:
    """Passes bytes on as they are: TLS goes through it from end to end.

    Attributes:
        port: On which it listens, on 127.0.0.1.
        received: Bytes that came from clients, TLS and headers among them: also those of requests
            that were cut off.
    """

    def __init__(self, port: int) -> None:
        self._upstream = ("127.0.0.1", port)
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._server.getsockname()[1]
        self.received = 0
        self._counting = threading.Lock()

    def __enter__(self) -> CountingHop:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Closing alone would leave the thread waiting.
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                upstream = socket.create_connection(self._upstream)
                for source, sink, counted in ((client, upstream, True), (upstream, client, False)):
                    threading.Thread(
                        target=self._pass_on, args=(source, sink, counted), daemon=True
                    ).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        buffer = memoryview(bytearray(256 * 1024))
        # A client that was killed closes its connection.
        with suppress(OSError):
            while length := source.recv_into(buffer):
                if counted:
                    with self._counting:
                        self.received += length
                sink.sendall(buffer[:length])
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
