"""`AsyncClient` where it differs from `Client`: the event loop, cancelling, deadlines."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import wideload
from tests.client.async_client import without_the_extra
from tests.client.conftest import Authority
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService
from tests.fake_aws.messages import Fault, Seen, problem
from wideload._steps import StepByStep

_SEND = "POST /stage/send-call-log"
_POLL = 0.02
_PATIENCE = 60


@asynccontextmanager
async def _client(server: IngestService, **options: Any) -> AsyncIterator[wideload.AsyncClient]:
    async with wideload.AsyncClient(server.url, api_key=API_KEY, **options) as client:
        yield client


async def _until(reached: Callable[[], object]) -> None:
    for _ in range(int(_PATIENCE / _POLL)):
        if reached():
            return
        await asyncio.sleep(_POLL)
    pytest.fail("it never happened")


def _connections(client: wideload.AsyncClient) -> list[Any]:
    return [found for pool in client._http._pools.values() for found in pool.connections]


@contextmanager
def _silent(server: IngestService) -> Iterator[threading.Event]:
    """S3 reads no further than the first block of a body until the end of the block.

    Yields:
        The event that it got there.
    """
    came, released = threading.Event(), threading.Event()

    def hold(seen: Seen, count: int) -> None:
        came.set()
        released.wait(_PATIENCE)

    server.s3.during_put = hold
    try:
        yield came
    finally:
        released.set()


@pytest.fixture(scope="module")
def huge() -> bytes:
    """A gzip of 12 MB, more than the buffers of two sockets hold."""
    return gzip.compress(b'{"a":"%b"}' % (b"x" * 12_000_000), compresslevel=0)


def _parameters(method: Callable[..., object]) -> dict[str, Any]:
    parameters = inspect.signature(method).parameters
    return {name: (p.kind, p.default, p.annotation) for name, p in parameters.items()}


@pytest.mark.parametrize(
    "name",
    ["send", "wait", "get", "call_logs", "records", "delete", "document", "document_to"],
)
def test_the_methods_take_what_clients_take_and_a_deadline(name: str) -> None:
    parameters = _parameters(getattr(wideload.AsyncClient, name))

    assert parameters.pop("deadline")[1] is None
    assert parameters == _parameters(getattr(wideload.Client, name))


def test_it_has_all_methods_of_clients_for_payloads() -> None:
    public = {name for name in vars(wideload.Client) if not name.startswith("_")}

    assert public - set(vars(wideload.AsyncClient)) == {"files", "close"}


def test_a_call_that_is_cancelled_during_its_put_ends_with_its_connection(
    server: IngestService, huge: bytes
) -> None:
    async def main() -> None:
        async with _client(server) as client:
            with _silent(server) as came:
                sending = asyncio.create_task(client.send(huge))
                await _until(came.is_set)
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
                assert _connections(client) == []
        assert server.objects == {}
        assert server.requests(_SEND) == []

    asyncio.run(main())


class _Pipe(io.RawIOBase):
    """A pipe that gives the beginning of a document, and then nothing until it is released."""

    def __init__(self) -> None:
        self.released = threading.Event()
        self.waiting = threading.Event()
        self.is_read = False
        self._rest = b'{"a":'

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self.is_read = True
        if not self._rest:
            self.waiting.set()
            self.released.wait(10)
        self.is_read = False
        block, self._rest = self._rest, b""
        return block


def test_a_call_that_is_cancelled_while_it_reads_ends_at_once(server: IngestService) -> None:
    pipe = _Pipe()

    async def main() -> None:
        async with _client(server) as client:
            sending = asyncio.create_task(client.send(pipe))
            await _until(pipe.waiting.is_set)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            assert pipe.is_read

    asyncio.run(main())
    pipe.released.set()
    assert server.seen == []


def test_documents_are_compressed_and_read_in_worker_threads(
    server: IngestService, tmp_path: Path
) -> None:
    names: list[str] = []

    def default(value: Any) -> str:
        names.append(threading.current_thread().name)
        return str(value)

    class File(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            names.append(threading.current_thread().name)
            return super().read(size)

        def write(self, block: Any) -> int:
            names.append(threading.current_thread().name)
            return super().write(block)

    async def main() -> None:
        async with _client(server) as client:
            await client.send({"a": Decimal("1.5")}, default=default)
            await client.send(File(b'{"a":1}'))
            await client.document_to(PAYLOAD_1, File())

    asyncio.run(main())

    assert len(names) >= 4
    assert all(name.startswith("wideload") for name in names)


def test_calls_hold_no_threads(server: IngestService) -> None:
    """A hundred calls that wait for an answer need no thread but the server's."""
    going, released = threading.Semaphore(0), threading.Event()

    def hold(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        going.release()
        released.wait(_PATIENCE)
        return answer

    server.tamper = hold

    async def main() -> int:
        async with _client(server) as client:
            calls = [asyncio.create_task(client.send({"a": 1})) for _ in range(100)]
            try:
                for _ in calls:
                    await _until(lambda: going.acquire(blocking=False))
                return sum(
                    t.name.startswith(("wideload", "asyncio")) for t in threading.enumerate()
                )
            finally:
                released.set()
                await asyncio.gather(*calls)

    assert asyncio.run(main()) <= 8
    assert len(server.stored()) == 100


def test_no_more_is_read_than_the_server_takes(server: IngestService, huge: bytes) -> None:
    sent = [0]

    async def main() -> None:
        async with _client(server) as client:
            with _silent(server) as came:
                sending = asyncio.create_task(
                    client.send(huge, progress=lambda now, total: sent.append(now))
                )
                await _until(came.is_set)
                before = -1
                while before != sent[-1]:  # until the buffers are full
                    before = sent[-1]
                    await asyncio.sleep(1)
            await sending
        assert before < len(huge) / 2

    asyncio.run(main())
    assert sent[-1] == len(huge)


def test_a_slow_network_is_not_a_silent_one(
    tls_server: IngestService, authority: Authority, huge: bytes
) -> None:
    # 190 blocks: the whole takes twice the timeout.
    tls_server.s3.during_put = lambda seen, count: time.sleep(0.04)

    async def main() -> wideload.Receipt:
        async with _client(tls_server, ca_bundle=authority.ca_bundle, timeout=4) as client:
            return await client.send(huge)

    assert asyncio.run(main()).state == "stored"
    assert len(tls_server.requests("PUT")) == 1


def test_silence_while_sending_ends_it(
    tls_server: IngestService, authority: Authority, huge: bytes
) -> None:
    async def main() -> None:
        options = {"ca_bundle": authority.ca_bundle, "timeout": 1, "retries": 0}
        async with _client(tls_server, **options) as client:
            with _silent(tls_server), pytest.raises(wideload.TransportError, match="timed out"):
                await client.send(huge)

    asyncio.run(main())


def test_a_deadline_ends_a_request_that_is_under_way(server: IngestService, huge: bytes) -> None:
    async def main() -> None:
        async with _client(server, deadline=100) as client:
            with _silent(server), pytest.raises(wideload.DeadlineError) as raised:
                await client.send(huge, deadline=3)
            assert str(raised.value) == "the call wasn't done within its deadline of 3 s"
            assert raised.value.payload_id == PAYLOAD_1
            assert isinstance(raised.value, TimeoutError)

    asyncio.run(main())
    assert server.requests(_SEND) == []


def test_no_retry_begins_after_the_deadline(server: IngestService) -> None:
    server.fail(_SEND, problem(503, "unavailable", Retry_After="50"))

    async def main() -> None:
        async with _client(server, deadline=40) as client:
            await client.send({"a": 1})

    with pytest.raises(wideload.ServerError, match="503"):
        asyncio.run(main())
    assert len(server.seen) == 1


def test_each_page_has_a_deadline_of_its_own(server: IngestService) -> None:
    server.longest_page = 1
    released = threading.Event()

    async def main() -> None:
        async with _client(server) as client:
            for _ in range(3):
                await client.send({"a": 1})
            logs = client.call_logs(deadline=2)
            await anext(logs)
            await asyncio.sleep(2.2)  # the consumer's time doesn't count
            await anext(logs)

            def hold(line: str, answer: dict[str, Any]) -> dict[str, Any]:
                released.wait(_PATIENCE)
                return answer

            server.tamper = hold
            with pytest.raises(wideload.DeadlineError):
                await anext(logs)
            released.set()

    asyncio.run(main())


def test_a_timeout_of_the_caller_stays_its_own(server: IngestService, huge: bytes) -> None:
    async def main() -> None:
        async with _client(server, deadline=100) as client:
            with _silent(server), pytest.raises(TimeoutError) as raised:
                async with asyncio.timeout(0.5):
                    await client.send(huge)
            assert not isinstance(raised.value, wideload.WideloadError)

    asyncio.run(main())


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), "5"])
def test_a_deadline_is_a_time(server: IngestService, deadline: Any) -> None:
    async def main() -> None:
        async with _client(server) as client:
            await client.send({"a": 1}, deadline=deadline)

    with pytest.raises(wideload.ConfigurationError, match="deadline"):
        asyncio.run(main())
    with pytest.raises(wideload.ConfigurationError, match="deadline"):
        wideload.AsyncClient(server.url, api_key=API_KEY, deadline=deadline)


def test_the_client_outlives_an_event_loop(server: IngestService) -> None:
    client = wideload.AsyncClient(server.url, api_key=API_KEY)

    for _ in range(2):
        assert asyncio.run(client.send({"a": 1})).state == "stored"

    asyncio.run(client.aclose())


def test_items_of_a_list_that_is_left_early_cost_no_further_request(
    server: IngestService,
) -> None:
    server.longest_page = 1

    async def main() -> None:
        async with _client(server) as client:
            for _ in range(2):
                await client.send({"a": 1})
            async for log in client.call_logs():
                assert log.state == "stored"
                break

    asyncio.run(main())
    assert len(server.requests("GET /stage/call-logs")) == 1


_FORK = """
import asyncio, os, wideload
async def send():
    async with wideload.AsyncClient({url!r}, api_key={key!r}) as client:
        print((await client.send({{"a": 1}})).state, flush=True)
asyncio.run(send())
child = os.fork()
if not child:
    asyncio.run(send())
    os._exit(0)
raise SystemExit(os.waitpid(child, 0)[1])
"""


def test_a_forked_process_has_worker_threads_of_its_own(server: IngestService) -> None:
    program = _FORK.format(url=server.url, key=API_KEY)

    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        check=True,
        timeout=_PATIENCE,
    )

    assert ran.stdout.split() == [b"stored", b"stored"]


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    without_the_extra(monkeypatch)

    with pytest.raises(wideload.ConfigurationError, match=r"pip install 'wideload\[async\]'"):
        wideload.AsyncClient("https://api.example", api_key="k")


def test_the_repr_holds_no_key() -> None:
    client = wideload.AsyncClient("https://api.example", api_key="k")

    assert repr(client) == "<wideload.AsyncClient https://api.example>"


def test_a_closed_client_says_so(server: IngestService) -> None:
    async def main() -> None:
        async with _client(server) as client:
            await client.send({"a": 1})
        await client.aclose()
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: client.send({"a": 1}),
            lambda: client.get(PAYLOAD_1),
            lambda: client.document(PAYLOAD_1),
            lambda: client.delete(PAYLOAD_1),
        ]
        for call in calls:
            with pytest.raises(wideload.ConfigurationError, match="closed"):
                await call()
        with pytest.raises(wideload.ConfigurationError, match="closed"):
            client.call_logs()

    asyncio.run(main())


@pytest.mark.parametrize("answer", [Fault(200, b"{}"), Fault(418, b"")])
def test_an_error_leaves_the_connection_usable(server: IngestService, answer: Fault) -> None:
    server.fail(_SEND, answer)

    async def main() -> None:
        async with _client(server) as client:
            with pytest.raises(wideload.ApiError):
                await client.send({"a": 1})
            await client.send({"a": 1})
            assert len(_connections(client)) == 1

    asyncio.run(main())


def test_a_step_that_runs_in_another_thread_is_ended_before_its_generator_is_closed() -> None:
    running, released = threading.Event(), threading.Event()
    told: list[str] = []

    def generate() -> Generator[None]:
        try:
            running.set()
            released.wait(_PATIENCE)
            told.append("stepped")
            yield
        finally:
            told.append("closed")

    steps = StepByStep(generate())
    thread = threading.Thread(target=steps.step)
    thread.start()
    running.wait(_PATIENCE)

    steps.close()
    assert told == []
    released.set()
    thread.join()
    assert told == ["stepped", "closed"]


def test_the_example_sends_and_lists(server: IngestService) -> None:
    program = Path(__file__).parents[2] / "examples" / "send_call_logs_async.py"

    ran = subprocess.run(
        [sys.executable, program],
        check=False,
        env={**os.environ, "WIDELOAD_URL": server.url, "WIDELOAD_API_KEY": API_KEY},
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
    )

    assert ran.returncode == 0, ran.stderr
    *sent, listed = (line.split() for line in ran.stdout.splitlines())
    assert [state for _, state in sent] == ["stored"] * 3
    assert listed[1] == "c-1"
    assert listed[0] in {payload_id for payload_id, _ in sent}
