"""A reverse proxy on loopback that goes wrong on demand.

It stands between functions (or a client) and the embedded cloud, so that what is tested runs as
it is. Plain HTTP on this side, TLS on the other; the Host header passes, so signatures hold.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal
from urllib.parse import urlsplit

import urllib3

from local.cloud import Cloud

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce.</Message></Error>"
THROTTLED = b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Slow."}'


TARGETS = {"DynamoDB": "dynamodb", "AmazonSQS": "sqs", "AWSEvents": "events"}
HOLD_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    target: str
    """Of AWS's JSON protocols, such as `DynamoDB_20120810.GetItem`; else empty."""

    @property
    def service(self) -> str:
        """`api`, `s3`, or one of `TARGETS`."""
        if self.path.startswith("/_aws/execute-api/"):
            return "api"
        return TARGETS[self.target.partition("_")[0].partition(".")[0]] if self.target else "s3"

    @property
    def step(self) -> str:
        """The service and operation, such as `dynamodb UpdateItem` or `s3 PUT archive`."""
        if self.target:
            return f"{self.service} {self.target.rpartition('.')[2]}"
        if self.service == "api":
            return f"api {self.method} {self.path.rpartition('/')[2].partition('?')[0]}"
        folder = self.path.partition("?")[0].split("/")[2:3]
        return " ".join(["s3", self.method, *folder])


@dataclass(slots=True)
class Hold:
    """Stop an exchange: amid its request, before it is forwarded, before its answer, amid that."""

    when: Literal["amid request", "before", "after", "amid"]
    reached: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    peer: int = 0
    """Port of the client, once its request is held."""

    def wait(self) -> None:
        self.reached.set()
        self.release.wait(HOLD_SECONDS)


Fault = Literal["throttle", "lose answer", "cut body"] | Hold
Rule = Callable[[Request], Fault | None]


def no_fault(_request: Request) -> None:
    return None


class FaultyProxy:
    """
    Attributes:
        rule: Says for each request what goes wrong with it.
        faults: How often each fault happened.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.rule: Rule = no_fault
        self.faults: Counter[str] = Counter()
        self._upstream = urllib3.PoolManager(
            ca_certs=str(cloud.ca_bundle), retries=False, timeout=120, maxsize=64
        )
        self._target = cloud.endpoint_url
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._netloc = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self._netloc}"

    def __enter__(self) -> FaultyProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._upstream.clear()

    def through(self, url: str) -> str:
        """A URL of the cloud, or of another proxy before it, by way of this one.

        A presigned URL's signature holds with the Host header that it was made for.
        """
        return urlsplit(url)._replace(scheme="http", netloc=self._netloc).geturl()

    def forward(self, request: Request, headers: Any, body: bytes | Iterator[bytes]) -> Any:
        return self._upstream.request(
            request.method,
            self._target + request.path,
            body=body or None,
            headers=dict(headers.items()),
            preload_content=False,
            decode_content=False,
        )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # of clients that come at once


class _Handler(BaseHTTPRequestHandler):
    owner: FaultyProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _exchange(self) -> None:
        request = Request(self.command, self.path, self.headers.get("x-amz-target", ""))
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        length = int(self.headers.get("Content-Length", 0))
        fault = self.owner.rule(request)
        if fault is not None:
            name = f"hold {fault.when}" if isinstance(fault, Hold) else fault
            self.owner.faults[f"{request.service}: {name}"] += 1
        if isinstance(fault, Hold):
            fault.peer = self.client_address[1]
            if fault.when == "amid request":
                self.owner.forward(request, self.headers, self._half(fault, length))
        body = self.rfile.read(length)
        if fault == "throttle":
            self._throttle(request)
            return
        if isinstance(fault, Hold) and fault.when == "before":
            fault.wait()
            self._drop()
            return
        answer = self.owner.forward(request, self.headers, body)
        try:
            self._answer(answer, fault)
        finally:
            answer.drain_conn()
            answer.release_conn()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _exchange  # noqa: N815

    def _answer(self, answer: Any, fault: Fault | None) -> None:
        if fault == "lose answer":
            self._drop()
            return
        if isinstance(fault, Hold) and fault.when == "after":
            fault.wait()
            self._drop()
            return
        body = b"" if self.command == "HEAD" else answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = answer.headers.get("Content-Length") if self.command == "HEAD" else len(body)
        if answer.status != 204:
            self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        if fault is not None and body:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if isinstance(fault, Hold):
                fault.wait()
            self._drop()
            return
        self.wfile.write(body)

    def _half(self, hold: Hold, length: int) -> Iterator[bytes]:
        yield self.rfile.read(length // 2)
        hold.wait()
        raise ConnectionError("the sender died")

    def _throttle(self, request: Request) -> None:
        json = request.service != "s3"
        body = THROTTLED if json else SLOW_DOWN
        self.send_response_only(400 if json else 503)
        self.send_header("Content-Type", "application/x-amz-json-1.0" if json else "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drop(self) -> None:
        """Close the connection, as a peer that dies."""
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None: ...

    def handle(self) -> None:
        # A client that was killed closes its connection.
        try:
            super().handle()
        except (OSError, urllib3.exceptions.HTTPError):
            self.close_connection = True
