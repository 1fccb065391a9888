"""Plain HTTP requests, as any client makes them, with the time that each took."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import urllib3

from tests.acceptance.refusals import exchange


@dataclass(frozen=True, repr=False)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        """For messages: status and the beginning of the body."""
        return f"{self.status} {self.body[:300].decode(errors='replace')}"

    __repr__ = __str__


class Http:
    """Requests without retries: a claim is about the answer that came."""

    def __init__(self) -> None:
        # The embedded cloud's own authority; None: those that Python trusts.
        self._options: dict[str, Any] = {
            "ca_certs": os.environ.get("AWS_CA_BUNDLE"),
            "retries": False,
            "timeout": urllib3.Timeout(connect=10, read=60),
            "maxsize": 16,
        }
        self._pool = urllib3.PoolManager(**self._options)
        self._local: dict[str, urllib3.HTTPSConnectionPool] = {}

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        began = time.monotonic()
        parts = urlsplit(url)
        options: dict[str, Any] = {"headers": dict(headers or {}), "body": body, "redirect": False}
        if parts.hostname and parts.hostname.endswith(".localhost"):
            pool = self._pool_of(parts.hostname, parts.port)
            options["headers"].setdefault("Host", parts.netloc)
            path = url[url.index(parts.netloc) + len(parts.netloc) :] or "/"
            answer = pool.urlopen(method, path, **options)
        else:
            answer = self._pool.request(method, url, **options)
        headers_seen = urllib3.HTTPHeaderDict(answer.headers)
        return Answer(answer.status, headers_seen, answer.data, time.monotonic() - began)

    def _pool_of(self, host: str, port: int | None) -> urllib3.HTTPSConnectionPool:
        """The embedded cloud's names resolve in browsers alone."""
        if host not in self._local:
            self._local[host] = urllib3.HTTPSConnectionPool(
                "127.0.0.1", port, server_hostname=host, assert_hostname=host, **self._options
            )
        return self._local[host]


@dataclass(frozen=True)
class Api:
    """One of the two APIs, as one tenant or one person calls it."""

    http: Http
    url: str
    headers: Mapping[str, str] = field(repr=False)
    """With the key or token, which is not for the log of a failed test."""
    note: Callable[[str, str, Answer], None]
    """Told of each answer, with method and path."""

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if isinstance(body, Mapping):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        answer = self.http.request(
            method, self.url.rstrip("/") + path, {**self.headers, **sent}, body
        )
        self.note(method, path, answer)
        return answer

    def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST a body that may be refused before its end."""
        began, url = time.monotonic(), self.url.rstrip("/") + path
        answer, content, _ = exchange("POST", url, {**self.headers, **headers}, body)
        seen = Answer(answer.status, dict(answer.headers), content, time.monotonic() - began)
        self.note("POST", path, seen)
        return seen

    def act(self, action: Mapping[str, Any], body: bytes | None = None) -> Answer:
        """Make the request that an action of the API says, with exactly its headers."""
        return self.http.request(action["method"], action["href"], action["headers"], body)

    def pages(self, path: str) -> Iterable[Mapping[str, Any]]:
        """All items of a list."""
        cursor = ""
        while True:
            answer = self.request("GET", f"{path}?limit=100{cursor}")
            assert answer.status == 200, answer
            yield from answer.json["items"]
            if not answer.json["cursor"]:
                return
            cursor = f"&cursor={answer.json['cursor']}"
