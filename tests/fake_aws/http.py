"""An HTTP API and its S3 on one loopback port, in plain HTTP or TLS, with faults on request."""

from __future__ import annotations

import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from tests.fake_aws.cors import Cors
from tests.fake_aws.messages import Fault, Refused, Seen
from tests.fake_aws.s3_http import S3Http
from tests.loopback import Handler, Server, served

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


class _ServiceServer(Server):
    """
    Attributes:
        service: Answers the requests.
    """

    service: Service


class _ServiceHandler(Handler):
    server: _ServiceServer

    @property
    def _service(self) -> Service:
        return self.server.service

    def do_any(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        seen = Seen(self.command, parts.path, headers, b"", query)
        self._service.seen.append(seen)
        to_s3 = parts.path.startswith("/s3/")
        self._cors = self._service.s3_cors if to_s3 else self._service.api_cors
        if seen.method == "OPTIONS":
            refused = Fault(403 if to_s3 else 204)
            answer = self._cors.preflight(seen) if self._cors else refused
            self._reply(answer, seen, lambda: refused)
            return
        fault = self._service.next_fault(f"{seen.method} {seen.path}")
        if not to_s3:
            seen.body = self.rfile.read(int(headers.get("content-length", 0)))
            self._reply(fault, seen, lambda: self._service.answer(seen))
            return
        with self._service.s3.under_way(seen):
            if seen.method == "GET":
                self._reply(fault, seen, lambda: self._service.s3.fetch(seen))
            else:
                self._take(fault, seen)

    def _take(self, fault: Fault | None, seen: Seen) -> None:
        """Read the body of a PUT, whose head S3 judges before it and whose content after."""
        refused = None
        try:
            self._service.s3.admit(seen)
        except Refused as refusal:
            refused = refusal
        refusal = refused.fault if refused is not None else fault
        if refusal is not None and self._service.s3.refuses != "late":
            self.close_connection = True
            if self._service.s3.refuses == "early":
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
            if self._service.s3.keeps:
                content += block
            self._service.s3.bytes_put += len(block)
            self._service.s3.during_put(seen, came)
        seen.body = bytes(content)
        if half:
            self.close_connection = True
            return

        def stored() -> Fault:
            if refused is not None:
                raise refused
            kept = seen.body if self._service.s3.keeps else None
            return self._service.s3.store(seen, came, sha256.hexdigest(), kept)

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
                    self._service.s3.refused(real.status)
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
        body = answer.body[: len(answer.body) // 2] if half else answer.body
        if not body:
            self._service.s3.end(seen)
        self.end_headers()
        for at in range(0, len(body), _BLOCK):
            if seen.path.startswith("/s3/"):
                self._service.s3.during_get(seen, at)
            if at + _BLOCK >= len(body):
                self._service.s3.end(seen)
            self.wfile.write(body[at : at + _BLOCK])
        if length != len(body):
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string((timestamp or time.time()) + self._service.clock_ahead)


@contextmanager
def serving_at(make: Callable[[str], S], tls: ssl.SSLContext | None) -> Iterator[S]:
    """A service on a free port, made from its root URL; gone at the end."""
    server = _ServiceServer(_ServiceHandler, tls)
    server.service = service = make(server.url)
    with served(server):
        yield service
