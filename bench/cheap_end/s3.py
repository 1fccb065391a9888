"""An S3 that costs next to nothing: it reads requests, stores nothing, and answers as S3 does.

    python -m bench.cheap_end.s3 [--object-size 1000] [--certificate PEM --key PEM] [--log FILE]

Prints its URL. Each connection has a process of its own, so that none waits for another's. Every
object exists, and its content is `--object-size` zero bytes. Signatures are not checked. The log
gets a line for each connection when it is `opened` and `closed`, when the `first` byte of a body
has arrived (with the time of the monotonic clock, which all processes share), and for each whole
`body` (with its size).
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import socketserver
import ssl
import time
from contextlib import suppress
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

BUCKET = "bench"
BLOCK = 256 * 1024
_ETAG = '"0123456789abcdef0123456789abcdef"'
_ZEROS = memoryview(bytes(BLOCK))
_BEGUN = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
_JOINED = (
    "<CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>"
    f"<ETag>{_ETAG}</ETag></CompleteMultipartUploadResult>"
).encode()


class Reader:
    """The bytes of one connection, read through one buffer."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray(BLOCK)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0

    def line(self) -> bytes:
        """The next line, without its end."""
        while (end := self._buffer.find(b"\n", self._start, self._end)) < 0:
            self._fill()
        line = bytes(self._view[self._start : end]).rstrip(b"\r")
        self._start = end + 1
        return line

    def wait(self) -> None:
        """Wait for the next byte."""
        if self._start == self._end:
            self._fill()

    def skip(self, count: int) -> None:
        """Read so many bytes, and drop them."""
        while count:
            self.wait()
            taken = min(count, self._end - self._start)
            self._start += taken
            count -= taken

    def _fill(self) -> None:
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == BLOCK:
            rest = bytes(self._view[self._start :])
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        count = self._connection.recv_into(self._view[self._end :])
        if not count:
            raise ConnectionError("the client has closed the connection")
        self._end += count


class Server(socketserver.ForkingMixIn, socketserver.TCPServer):
    """
    Args:
        object_size: Bytes of every object.
        tls: Context of a server for TLS; None for plain HTTP.
        log: Descriptor to append to, or None.
    """

    request_queue_size = 128
    max_children = 256

    def __init__(
        self, *, object_size: int = 0, tls: ssl.SSLContext | None = None, log: int | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.object_size = object_size
        self.tls = tls
        self._log = log
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"

    def note(self, line: str) -> None:
        """Append a line to the log."""
        if self._log is not None:
            os.write(self._log, f"{line}\n".encode())


class _Connection(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.note("opened")
        with suppress(ConnectionError, ssl.SSLError):
            if self.server.tls is not None:
                connection = self.server.tls.wrap_socket(connection, server_side=True)
            reader = Reader(connection)
            while True:
                self._answer(connection, reader)
        self.server.note("closed")

    def _answer(self, connection: socket.socket, reader: Reader) -> None:
        method, target, _ = reader.line().decode("ascii").split()
        headers: dict[str, str] = {}
        while line := reader.line().decode("latin-1"):
            name, _, text = line.partition(":")
            headers[name.lower()] = text.strip()
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._read_body(reader, headers)

        size = self.server.object_size
        if method == "GET":
            status, first, last = _range(headers.get("range"), size)
            sent = {"Content-Range": f"bytes {first}-{last}/{size}"} if status == 206 else {}
            connection.sendall(_head(status, last - first + 1, _dated(sent)))
            for at in range(first, last + 1, BLOCK):
                connection.sendall(_ZEROS[: last + 1 - at])
        elif method == "HEAD":
            connection.sendall(_head(200, size, _dated({})))
        elif method == "DELETE":
            connection.sendall(_head(204, 0, {}))
        else:
            body = b""
            if method == "POST":
                query = parse_qs(urlsplit(target).query, keep_blank_values=True)
                body = _BEGUN if "uploads" in query else _JOINED
            checksums = {
                name: text for name, text in headers.items() if name.startswith("x-amz-checksum-")
            }
            connection.sendall(_head(200, len(body), {"ETag": _ETAG, **checksums}) + body)

    def _read_body(self, reader: Reader, headers: dict[str, str]) -> None:
        size = int(headers.get("content-length", 0))
        chunked = headers.get("transfer-encoding") == "chunked"
        if not size and not chunked:
            return
        reader.wait()
        self.server.note(f"first {time.monotonic()}")
        if chunked:
            size = _skip_chunks(reader)
        else:
            reader.skip(size)
        self.server.note(f"body {size}")


def _skip_chunks(reader: Reader) -> int:
    """Read a body in chunks, which boto3 sends to have its checksum follow; return its size."""
    size = 0
    while length := int(reader.line().partition(b";")[0], 16):
        reader.skip(length)
        reader.line()
        size += length
    while reader.line():
        pass
    return size


def _range(wanted: str | None, size: int) -> tuple[int, int, int]:
    """The status, the first byte and the last byte of an answer to a GET."""
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted or "")
    if not found:
        return 200, 0, size - 1
    return 206, int(found[1]), min(int(found[2] or size), size - 1)


def _dated(headers: dict[str, str]) -> dict[str, str]:
    """Headers of answers that show an object."""
    modified = formatdate(0, usegmt=True)
    return {"ETag": _ETAG, "Last-Modified": modified, "Accept-Ranges": "bytes", **headers}


def _head(status: int, length: int, headers: dict[str, str]) -> bytes:
    fields = {"Content-Length": str(length), **headers}
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {text}" for name, text in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--object-size", type=int, default=0)
    parser.add_argument("--certificate", help="serve TLS with this certificate")
    parser.add_argument("--key")
    parser.add_argument("--log")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tls = log = None
    if arguments.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(arguments.certificate, arguments.key)
    if arguments.log:
        log = os.open(arguments.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    with Server(object_size=arguments.object_size, tls=tls, log=log) as server:
        print(server.url, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
