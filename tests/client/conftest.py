"""A fake API with S3 for each test, and a client of it that never really waits."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import random
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3

import wideload
from tests.client.async_client import BlockingAsyncClient, EventLoop, as_client
from tests.client.fake_sign_in import FakeSignIn, signing_in
from tests.client.running import start
from tests.client.transfer_samples import RANGE
from tests.fake_aws.files import MIB, TOKEN, FilesService, serving_files
from tests.fake_aws.ingest import API_KEY, IngestService, serving
from wideload._cli.app import run
from wideload._files import download, partial_file
from wideload._ingest import send
from wideload._retry import Pacing
from wideload._signin.json_http import JsonHttp

_LOWER_LIMIT = 128 * 1024


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
def server() -> Iterator[IngestService]:
    with serving() as fake:
        yield fake


@pytest.fixture
def own_ports() -> Iterator[None]:
    """No other test run on this machine has the ports that a browser comes back to."""
    machine = os.open(os.environ["PYTEST_DEBUG_TEMPROOT"], os.O_RDONLY)
    try:
        fcntl.flock(machine, fcntl.LOCK_EX)
        yield
    finally:
        os.close(machine)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def event_loop() -> Iterator[EventLoop]:
    loop = EventLoop()
    yield loop
    loop.close()


Connect = Callable[..., wideload.Client]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a module that sets BOTH_CLIENTS with either kind of client."""
    if "client_kind" in metafunc.fixturenames and getattr(metafunc.module, "BOTH_CLIENTS", False):
        metafunc.parametrize("client_kind", ["Client", "AsyncClient"], indirect=True)


@pytest.fixture
def client_kind(request: pytest.FixtureRequest) -> str:
    """The kind of client that `connect` makes."""
    return getattr(request, "param", "Client")


@pytest.fixture
def connect(client_kind: str, request: pytest.FixtureRequest, clock: Clock) -> Iterator[Connect]:
    """Make a client that never really waits, and is closed after the test."""
    with ExitStack() as made:

        def make(url: str, **options: Any) -> wideload.Client:
            given = {"api_key": API_KEY, "_pacing": clock.pacing(), **options}
            if client_kind == "Client":
                return made.enter_context(wideload.Client(url, **given))
            loop = request.getfixturevalue("event_loop")
            return made.enter_context(as_client(BlockingAsyncClient(loop, url, **given)))

        yield make


@pytest.fixture
def client(server: IngestService, connect: Connect) -> wideload.Client:
    return connect(server.url)


@dataclass(frozen=True)
class Authority:
    """Whom clients must trust to reach a server that has this context."""

    server: ssl.SSLContext
    ca_bundle: Path


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority of our own, and a context with its certificate for this machine."""
    issuer = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert("127.0.0.1", "localhost", "api.example").configure_cert(context)
    ca_bundle = tmp_path_factory.mktemp("authority") / "ca.pem"
    issuer.cert_pem.write_to_path(str(ca_bundle))
    return Authority(context, ca_bundle)


@pytest.fixture
def tls_server(authority: Authority) -> Iterator[IngestService]:
    with serving(authority.server) as fake:
        yield fake


@pytest.fixture
def tls_client(
    tls_server: IngestService, authority: Authority, connect: Connect
) -> wideload.Client:
    return connect(tls_server.url, ca_bundle=authority.ca_bundle)


@pytest.fixture
def tls_files(authority: Authority) -> Iterator[FilesService]:
    """A server whose files of over 8 MiB come in parts of as much: more than sockets buffer."""
    with serving_files(authority.server) as fake:
        fake.one_put = fake.smallest_part = 8 * MIB
        yield fake


@pytest.fixture
def tls_person(
    tls_files: FilesService, authority: Authority, clock: Clock
) -> Iterator[wideload.Client]:
    with wideload.Client(
        tls_files.url, token=TOKEN, ca_bundle=authority.ca_bundle, _pacing=clock.pacing()
    ) as made:
        yield made


@pytest.fixture
def files_server() -> Iterator[FilesService]:
    """A server whose files of over 64 KiB come in parts of as much, so that they are quick."""
    with serving_files() as fake:
        fake.one_put = fake.smallest_part = 64 * 1024
        yield fake


@pytest.fixture
def fake_files() -> Iterator[FilesService]:
    """A server whose files of over 4 MiB come in parts of 1 MiB: large enough to be looked at."""
    with serving_files() as fake:
        fake.one_put, fake.smallest_part = 4 * MIB, MIB
        yield fake


@pytest.fixture
def files_command(
    fake_files: FilesService, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any, tmp_path: Path
) -> Command:
    """Run the command in this process against `fake_files`, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("USERNAME", "PASSWORD", "CA_BUNDLE", "URL"):
        monkeypatch.delenv(f"WIDELOAD_{name}", raising=False)
    monkeypatch.setenv("WIDELOAD_FILES_URL", fake_files.url)
    monkeypatch.setenv("WIDELOAD_TOKEN", TOKEN)
    return _running(capfdbinary)


@pytest.fixture
def provider() -> Iterator[FakeSignIn]:
    with signing_in() as fake:
        yield fake


@pytest.fixture
def web(clock: Clock) -> Iterator[JsonHttp]:
    """Asks providers, with a clock that stands at the true time and never really waits."""
    clock.time = time.time()
    with urllib3.PoolManager() as pool:
        yield JsonHttp(pool, clock.pacing())


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Downloads in ranges of 64 KiB, so that small ones have several."""
    monkeypatch.setattr(partial_file, "_SMALLEST_RANGE", RANGE)
    monkeypatch.setattr(partial_file, "_MIB", 1024)
    monkeypatch.setattr(download, "_STREAM_RANGE", RANGE)


@pytest.fixture
def person(files_server: FilesService, clock: Clock) -> Iterator[wideload.Client]:
    with wideload.Client(files_server.url, token=TOKEN, _pacing=clock.pacing()) as made:
        yield made


class Ran:
    """Result of one run of the command."""

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
    server: IngestService, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any, tmp_path: Path
) -> Command:
    """Run the command in this process against the fake server, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WIDELOAD_URL", server.url)
    monkeypatch.setenv("WIDELOAD_API_KEY", API_KEY)
    for name in ("WIDELOAD_API_KEY_HEADER", "WIDELOAD_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return _running(capfdbinary)


def _running(capfdbinary: Any) -> Command:
    def call(*arguments: str) -> Ran:
        status = run(arguments)
        output, error = capfdbinary.readouterr()
        return Ran(status, output.decode(), error.decode())

    return call


def spawn(
    server: IngestService, *arguments: str, timezone: str = "UTC", **options: Any
) -> subprocess.Popen[bytes]:
    """Start the command as a process of its own."""
    environment = {**os.environ, "WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": API_KEY}
    return start({**environment, "TERM": "xterm", "TZ": timezone}, *arguments, **options)


def noise(length: int) -> dict[str, Any]:
    """A document whose gzip has `length` bytes and some more."""
    text = base64.b64encode(random.Random(7).randbytes(length)).decode()
    turns = [text[at : at + 1000] for at in range(0, len(text), 1000)]
    return {"call_id": "call-large", "transcript_with_metrics": turns}


@pytest.fixture(scope="session")
def over_4_mib() -> dict[str, Any]:
    """A document over 4 MiB even compressed."""
    return noise(4_500_000)


@pytest.fixture(scope="session")
def over_limit() -> dict[str, Any]:
    return noise(_LOWER_LIMIT)


@pytest.fixture
def large(over_limit: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A document that clients in this process send through S3, from 128 KiB on in its test."""
    monkeypatch.setattr(send, "INLINE_LIMIT", _LOWER_LIMIT)
    return over_limit


@pytest.fixture(scope="session")
def small() -> dict[str, Any]:
    return {"call_id": "call-small", "ok": True, "transcript_with_metrics": [1, 2, 3]}
