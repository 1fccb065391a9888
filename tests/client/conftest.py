"""A fake API with S3 for each test, and a client of it that never really waits."""

from __future__ import annotations

import base64
import json
import os
import random
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.fake_server import API_KEY, FakeServer, serving
from wideload._cli.app import run
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


class Ran:
    """What one run of the command left behind."""

    def __init__(self, status: int, output: str, error: str) -> None:
        self.status = status
        self.output = output
        self.error = error

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.output.splitlines()]


Command = Callable[..., Ran]


@pytest.fixture
def command(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any, tmp_path: Path
) -> Command:
    """Run the command in this process against the fake server, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIDELOAD_URL", server.url)
    monkeypatch.setenv("WIDELOAD_API_KEY", API_KEY)
    for name in ("WIDELOAD_API_KEY_HEADER", "WIDELOAD_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> Ran:
        status = run(arguments)
        output, error = capfdbinary.readouterr()
        return Ran(status, output.decode(), error.decode())

    return call


def spawn(
    server: FakeServer, *arguments: str, timezone: str = "UTC", **options: Any
) -> subprocess.Popen[bytes]:
    """Start the command as a process of its own."""
    environment = {**os.environ, "WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": API_KEY}
    return subprocess.Popen(
        [sys.executable, "-m", "wideload", *arguments],
        env={**environment, "TERM": "xterm", "TZ": timezone},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
    )


def read_terminal(screen: int) -> bytes:
    """All that is written to a terminal until nobody has it open any more."""
    shown = b""
    try:
        while select.select([screen], [], [], 30)[0]:
            block = os.read(screen, 4096)
            if not block:
                break
            shown += block
    except OSError:  # Linux's way of saying that nobody writes any more
        pass
    finally:
        os.close(screen)
    return shown


@pytest.fixture(scope="session")
def large() -> dict[str, Any]:
    """A document over 4 MiB even compressed."""
    noise = base64.b64encode(random.Random(7).randbytes(4_500_000)).decode()
    turns = [noise[at : at + 1000] for at in range(0, len(noise), 1000)]
    return {"call_id": "call-large", "transcript_with_metrics": turns}


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    return {"call_id": "call-small", "ok": True, "transcript_with_metrics": [1, 2, 3]}
