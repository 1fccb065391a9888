"""A fake API with S3 for each test, and a client of it that never really waits."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from typing import Any

import pytest

import wideload
from tests.client.fake_server import API_KEY, FakeServer, serving
from wideload._retry import Pacing


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def now(self) -> float:
        return self.time

    def pacing(self) -> Pacing:
        return Pacing(sleep=self.sleep, monotonic=self.now, now=self.now, random=lambda: 1.0)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving() as fake:
        yield fake


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(server: FakeServer, clock: Clock) -> Iterator[wideload.Client]:
    with wideload.Client(server.url, api_key=API_KEY, _pacing=clock.pacing()) as made:
        yield made


@pytest.fixture(scope="session")
def large() -> dict[str, Any]:
    """A document over 4 MiB even compressed."""
    noise = base64.b64encode(random.Random(7).randbytes(4_500_000)).decode()
    turns = [noise[at : at + 1000] for at in range(0, len(noise), 1000)]
    return {"call_id": "call-large", "transcript_with_metrics": turns}


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    return {"call_id": "call-small", "ok": True, "transcript_with_metrics": [1, 2, 3]}
