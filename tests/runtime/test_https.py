"""The canary's HTTP, against a server that answers as it is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from wideload_runtime.adapters.https import connected
from wideload_runtime.core.ingest.canary import Answer, NoAnswerError

SECRET = "X-Amz-Signature=0123abcd"


class Server(ThreadingHTTPServer):
    """Keeps what came, and answers by the path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.came: list[tuple[str, str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.came.append((self.command, self.path, dict(self.headers), body))
        if self.path.startswith("/slow"):
            time.sleep(0.5)
        self.send_response(302 if self.path.startswith("/moved") else 200)
        self.send_header("Location", "/elsewhere")
        if self.path.startswith("/api"):
            self.send_header("Apigw-Requestid", "api-1")
        if self.path.startswith("/s3"):
            self.send_header("x-amz-request-id", "s3-1")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"body")

    do_GET = do_PUT = answer  # noqa: N815 - as the base class has them

    def handle(self) -> None:
        with suppress(ConnectionError):  # of a client that gave up
            super().handle()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def request(url: str, method: str = "GET", **options: Any) -> Answer:
    with connected() as http:
        return http.request(method, url, **{"headers": {}, "body": None, "seconds": 5, **options})


@pytest.mark.parametrize(("path", "request_id"), [("/api", "api-1"), ("/s3", "s3-1"), ("/", "")])
def test_answers_have_the_id_of_their_request(server: Server, path: str, request_id: str) -> None:
    assert request(server.url + path) == Answer(200, request_id, b"body")


def test_sends_the_given_request_and_no_other_headers_of_effect(server: Server) -> None:
    headers = {"Content-Type": "application/json", "Content-Length": "2", "If-None-Match": "*"}

    request(f"{server.url}/s3?a=b%20c", "PUT", headers=headers, body=b"{}")

    [(method, path, came, body)] = server.came
    assert (method, path, body) == ("PUT", "/s3?a=b%20c", b"{}")
    assert set(came) - set(headers) == {"Host", "Accept-Encoding", "User-Agent"}
    assert came.items() >= headers.items()


def test_follows_no_redirect(server: Server) -> None:
    assert request(f"{server.url}/moved").status == 302
    assert len(server.came) == 1


def test_gives_up_in_time_and_asks_only_once(server: Server) -> None:
    started = time.monotonic()

    with pytest.raises(NoAnswerError, match=r"^ReadTimeoutError$"):
        request(f"{server.url}/slow", seconds=0.2)

    assert time.monotonic() - started < 0.45
    assert len(server.came) == 1


def test_an_error_and_the_log_have_no_url(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        request(f"{server.url}/s3?{SECRET}")
        with pytest.raises(NoAnswerError) as refused:
            request(f"http://127.0.0.1:9/s3?{SECRET}")
        with pytest.raises(NoAnswerError) as no_url:
            request(f"http://[{SECRET}")

    assert str(refused.value) == "NewConnectionError"
    assert str(no_url.value) == "LocationParseError"
    assert SECRET not in caplog.text
