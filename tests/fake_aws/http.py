"""An HTTP API and its S3 on one loopback port, in plain HTTP or TLS, with faults on request."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from tests.fake_aws.cors import Cors
from tests.fake_aws.messages import Fault, Refused, Seen
from tests.fake_aws.s3_http import S3Http

S = TypeVar("S", bound="Service")
STAGE = "/stage"
_BLOCK = 64 * 1024


class Service:
    """An API behind API Gateway, and the S3 that its presigned URLs lead to.

    `url` is the API's base URL; the bucket is served under `/s3/`. A subclass answers the API's
    requests.

    Attributes:
        seen: All requests.
        s3: The HTTP side of the bucket, with hooks for slow and odd transfers.
        longest_page: Items of a page of a list, if less than the API gives.
        tamper: Changes the JSON of an answer: from "METHOD /route" and members to members.
        clock_ahead: Seconds by which the `Date` of answers is ahead.
    """

    s3: S3Http

    def __init__(self, root: str) -> None:
        self.root = root
        self.url = root + STAGE
        self.seen: list[Seen] = []
        self.faults: dict[str, list[Fault]] = {}
        self.longest_page = 1000
        self.tamper: Callable[[str, dict[str, Any]], dict[str, Any]] | None = None
        self.clock_ahead = 0.0
        self.api_cors: Cors | None = None
        self.s3_cors: Cors | None = None
        self._lock = threading.Lock()

    def fail(self, what: str, *faults: Fault) -> None:
        """Meet the next requests whose "METHOD /path" begins with `what` with these."""
        self.faults.setdefault(what, []).extend(faults)

    def requests(self, what: str) -> list[Seen]:
        """Requests whose "METHOD /path" begins with `what`."""
        return [seen for seen in list(self.seen) if f"{seen.method} {seen.path}".startswith(what)]

    @property
    def api_requests(self) -> list[str]:
        """Requests to the API, without ids."""
        lines = [f"{s.method} {s.path}" for s in list(self.seen) if s.path.startswith(STAGE)]
        return ["/".join("ID" if len(p) == 26 else p for p in line.split("/")) for line in lines]

    def next_fault(self, line: str) -> Fault | None:
        with self._lock:
            for what, faults in self.faults.items():
                if line.startswith(what) and faults:
                    return faults.pop(0)
        return None

    def tampered(self, line: str, answer: Fault) -> Fault:
        """An answer as `tamper` changes it."""
        if self.tamper is None or not answer.body:
            return answer
        members = self.tamper(line, json.loads(answer.body))
        return replace(answer, body=json.dumps(members).encode())

    def answer(self, seen: Seen) -> Fault:
        """The API's answer.

        Raises:
            Refused: API Gateway or the function refuses it.
        """
        raise NotImplementedError


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            seen = Seen(self.command, parts.path, headers, b"", query)
            service.seen.append(seen)
            to_s3 = parts.path.startswith("/s3/")
            self._cors = service.s3_cors if to_s3 else service.api_cors
            if seen.method == "OPTIONS":
                refused = Fault(403 if to_s3 else 204)
                answer = self._cors.preflight(seen) if self._cors else refused
                self._reply(answer, seen, lambda: refused)
                return
            fault = service.next_fault(f"{seen.method} {seen.path}")
            if not to_s3:
                seen.body = self.rfile.read(int(headers.get("content-length", 0)))
                self._reply(fault, seen, lambda: service.answer(seen))
                return
            with service.s3.counted():
                if seen.method == "GET":
                    self._reply(fault, seen, lambda: service.s3.fetch(seen))
                else:
                    self._take(fault, seen)

        def _take(self, fault: Fault | None, seen: Seen) -> None:
            """Read the body of a PUT, whose head S3 judges before it and whose content after."""
            refused = None
            try:
                service.s3.admit(seen)
            except Refused as refusal:
                refused = refusal
            refusal = refused.fault if refused is not None else fault
            if refusal is not None and service.s3.refuses != "late":
                self.close_connection = True
                if service.s3.refuses == "early":
                    self._reply(refusal, seen, lambda: Fault(0))
                return
            half = fault is not None and fault.half
            size = int(seen.headers.get("content-length", 0))
            wanted = size // 2 if half else size
            content, sha256, came = bytearray(), hashlib.sha256(), 0
            while came < wanted:
                block = self.rfile.read(min(_BLOCK, wanted - came))
                if not block:  # the client is gone, and S3 stores nothing
                    self.close_connection = True
                    return
                sha256.update(block)
                came += len(block)
                if service.s3.keeps:
                    content += block
                service.s3.bytes_put += len(block)
                service.s3.during_put(seen, came)
            seen.body = bytes(content)
            if half:
                self.close_connection = True
                return

            def stored() -> Fault:
                if refused is not None:
                    raise refused
                kept = seen.body if service.s3.keeps else None
                return service.s3.store(seen, came, sha256.hexdigest(), kept)

            self._reply(fault, seen, stored)

        def _reply(self, fault: Fault | None, seen: Seen, done: Callable[[], Fault]) -> None:
            half = fault is not None and fault.half
            answer = None if half else fault
            if answer is None or answer.after:
                try:
                    real = done()
                except Refused as refused:
                    real = refused.fault
                    if seen.path.startswith("/s3/"):
                        service.s3.refused(real.status)
                answer = answer or real
            if answer.status == 0:
                self.close_connection = True
                return
            self.send_response(answer.status)
            shown = self._cors.shown(seen) if self._cors else {}
            headers = {n.replace("_", "-"): v for n, v in {**answer.headers, **shown}.items()}
            length = int(headers.pop("x-claimed-length", len(answer.body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            body = answer.body[: len(answer.body) // 2] if half else answer.body
            for at in range(0, len(body), _BLOCK):
                if seen.path.startswith("/s3/"):
                    service.s3.during_get(seen, at)
                self.wfile.write(body[at : at + _BLOCK])
            if length != len(body):
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_any  # noqa: N815

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + service.clock_ahead)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


class Server(ThreadingHTTPServer):
    """Serves each connection in a thread of its own, over TLS if it gets a context for that."""

    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), BaseHTTPRequestHandler)
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
def served(server: Any) -> Iterator[None]:
    """Serve in a thread until the end of the block."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def serving_at(make: Callable[[str], S], tls: ssl.SSLContext | None) -> Iterator[S]:
    """A service on a free port, made from its root URL; gone at the end."""
    with Server(tls) as http:
        service = make(http.url)
        http.RequestHandlerClass = _handler(service)
        with served(http):
            yield service
