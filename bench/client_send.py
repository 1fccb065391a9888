"""CPU time of the client, and bytes on the wire, for sending a call log of 16 MB.

    python bench/client_send.py [--runs 5] [--size 16500000]

The server is another process on the loopback interface and does nothing but read, so none of its
work is counted. "client" rows run in this process; "process" rows start one, from a file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import urllib3

import wideload

sys.path.insert(0, str(Path(__file__).parents[1]))
from examples.call_log import make_call_log

_KEY = "wl_abcdefghijkl_secret"


class _Sink(BaseHTTPRequestHandler):
    """The API and S3, which take anything at once."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        left = int(self.headers.get("Content-Length", 0))
        head = self.rfile.read(min(left, 4096))
        left -= len(head)
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        answer: dict[str, Any] = {"payload_id": "pl-1", "state": "queued", "status_url": "/"}
        if self.path == "/get-upload-url":
            answer = {
                "payload_id": "pl-1",
                "method": "PUT",
                "upload_url": f"http://{self.headers['Host']}/s3?X-Amz-Signature=1",
                "headers": {"Content-Length": str(json.loads(head)["content_length"])},
                "s3_key": "transit/a/pl-1",
            }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST  # noqa: N815 - the base class looks for this name

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def _sink() -> Iterator[str]:
    """The base URL of a sink in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _serve() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Sink) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


def _own_cpu(work: Callable[[], int], runs: int) -> tuple[float, int]:
    """Median CPU seconds of `work` in this process, and the bytes that it says it sent."""
    seconds = []
    sent = 0
    for _ in range(runs):
        started = time.process_time()
        sent = work()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds), sent


def _process_cpu(command: list[str], environment: dict[str, str], runs: int) -> float:
    """Median CPU seconds, user and system, of a whole process."""
    seconds = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(seconds)


def _measure(size: int, runs: int) -> None:
    log = make_call_log(size)
    document = orjson.dumps(log)
    rows: list[tuple[str, float, int, str]] = []
    with _sink() as url, urllib3.PoolManager() as pool, tempfile.TemporaryDirectory() as folder:

        def put(body: bytes) -> int:
            pool.request("PUT", f"{url}/s3", body=body, retries=False)
            return len(body)

        with wideload.Client(url, api_key=_KEY) as client:
            first, sent = _own_cpu(lambda: client.send(log).bytes_sent, 1)
            cpu, sent = _own_cpu(lambda: client.send(log).bytes_sent, runs)
        rows.append(("client  Client.send(dict)", cpu, sent, "0.3"))
        rows.append(("client  the same, first in a process", first, sent, "0.3"))
        cpu, sent = _own_cpu(lambda: put(json.dumps(log).encode()), runs)
        rows.append(("client  json.dumps, uncompressed", cpu, sent, ""))
        # gzip's default level takes seconds: once is enough.
        cpu, sent = _own_cpu(lambda: put(gzip.compress(json.dumps(log).encode())), 1)
        rows.append(("client  json.dumps, gzip.compress", cpu, sent, ""))

        path = Path(folder, "call.json")
        path.write_bytes(document)
        environment = {**os.environ, "WIDELOAD_URL": url, "WIDELOAD_API_KEY": _KEY}
        command = [str(Path(sys.executable).with_name("wideload")), "send", str(path)]
        cpu = _process_cpu(command, environment, runs)
        rows.append(("process wideload send FILE", cpu, rows[0][2], "1.0"))
        cpu = _process_cpu([sys.executable, "-c", "import wideload"], environment, runs)
        rows.append(("process python -c 'import wideload'", cpu, 0, ""))
        cpu = _process_cpu([sys.executable, "-c", "pass"], environment, runs)
        rows.append(("process python -c pass", cpu, 0, ""))

    base = rows[0][1]
    print(f"a call log of {len(document):,} bytes of JSON; medians of {runs} runs")
    print(f"{'':37} {'CPU s':>7} {'ratio':>7} {'limit':>6} {'MB sent':>8}")
    for name, cpu, sent, limit in rows:
        megabytes = f"{sent / 1e6:8.2f}" if sent else ""
        print(f"{name:37} {cpu:7.3f} {cpu / base:7.2f} {limit:>6} {megabytes}")


def main() -> None:
    """Measure, or be the server of another process that measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", type=int, default=16_500_000, help="bytes of JSON")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        _serve()
    else:
        _measure(arguments.size, arguments.runs)


if __name__ == "__main__":
    main()
