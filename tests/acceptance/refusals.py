"""Requests that watch for the answer while they send, which may come before the end of the body.

urllib3 loses such an answer over TLS, where what it writes to a closed connection is an
`ssl.SSLEOFError`.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import select
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CHUNK = 64 * 1024
TIMEOUT = 60


@dataclass(frozen=True)
class Refusal:
    status: int
    code: str
    message: str
    """Both S3's, of the answer's XML."""
    sent: int
    """Bytes of the body that had been handed to TLS when the answer was seen."""
    size: int

    def __str__(self) -> str:
        when = (
            "after the whole body"
            if self.sent == self.size
            else f"after {self.sent / 1e6:.1f} of {self.size / 1e6:.1f} MB"
        )
        return f"{self.status} {self.code}, {when}"


def put_zeros(url: str, headers: Mapping[str, str], size: int) -> Refusal:
    """PUT so many zero bytes: does S3 refuse before or after the body?"""
    answer, body, sent = exchange("PUT", url, headers, bytes(size))
    code, message = (_text(name, body.decode()) for name in ("Code", "Message"))
    return Refusal(answer.status, code, message, sent, size)


def exchange(
    method: str, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[http.client.HTTPResponse, bytes, int]:
    """Send a body over TLS, and stop as soon as there is an answer.

    Returns:
        The answer, its body, and how many bytes had been sent when it was seen.
    """
    parts, size = urlsplit(url), len(body)
    context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    head = {"Host": parts.netloc, "Content-Length": str(size), "Connection": "close", **headers}
    lines = [f"{name}: {value}" for name, value in head.items()]
    with (
        socket.create_connection((address_of(parts.hostname), parts.port or 443), TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as tls,
    ):
        query = f"?{parts.query}" if parts.query else ""
        request = f"{method} {parts.path or '/'}{query} HTTP/1.1"
        tls.sendall("\r\n".join([request, *lines, "", ""]).encode())
        received, sent = b"", 0
        try:
            # An answer is looked for first: once a write has failed, it may be lost.
            while not (received := _receive_at_once(tls)) and sent < size:
                chunk = body[sent : sent + CHUNK]
                tls.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # It was closed; the answer may still be there to read.
        received += _receive_the_rest(tls)
    answer = http.client.HTTPResponse(_Received(received))  # type: ignore[arg-type]
    answer.begin()
    return answer, answer.read(), sent


def address_of(host: str | None) -> str:
    """Where to connect to: the embedded cloud's names resolve in browsers alone."""
    return "127.0.0.1" if host is None or host.endswith(".localhost") else host


def _text(name: str, xml: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", xml)
    return found[1] if found else ""


def _receive_at_once(tls: ssl.SSLSocket) -> bytes:
    """Bytes that can be read now. A server's session tickets are readable, too, but no content."""
    if not select.select([tls], [], [], 0)[0]:
        return b""
    tls.settimeout(0)
    try:
        return tls.recv(65_536)
    except ssl.SSLWantReadError:
        return b""
    finally:
        tls.settimeout(TIMEOUT)


def _receive_the_rest(tls: ssl.SSLSocket) -> bytes:
    received = b""
    try:
        while more := tls.recv(65_536):
            received += more
    except OSError:
        pass  # Closed without a goodbye.
    return received


class _Received:
    """The received bytes, as `http.client` parses them."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._content)
