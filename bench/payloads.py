"""CPU time and wall time of sending a call log, beside what programs do without Wideload.

    python -m bench.payloads [--runs 5] [--size 16500000]

The APIs and S3 are the cheap end, over TLS, which is other processes. The document goes through S3.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import urllib3

import wideload
from bench.shared import commands
from bench.shared.ends import End, cheap_end
from bench.shared.measure import Figures, interleave, run, run_in_process
from bench.shared.report import compared, section
from local.call_log import make_call_log


def in_process(end: End, log: Mapping[str, Any], runs: int) -> dict[str, Figures]:
    """Send a document that is in memory."""
    environment = end.environment
    ca_bundle = environment["WIDELOAD_CA_BUNDLE"]
    with (
        wideload.Client(
            environment["WIDELOAD_URL"],
            api_key=environment["WIDELOAD_API_KEY"],
            ca_bundle=ca_bundle,
        ) as client,
        urllib3.PoolManager(ca_certs=ca_bundle) as pool,
    ):

        def put(body: bytes) -> None:
            assert pool.request("PUT", end.put_url("call.json"), body=body).status == 200

        work: dict[str, Callable[[], object]] = {
            "`Client.send(dict)`": lambda: client.send(log),
            "`json.dumps`, PUT": lambda: put(json.dumps(log).encode()),
            "`json.dumps`, `gzip.compress`, PUT": lambda: put(
                gzip.compress(json.dumps(log).encode())
            ),
        }
        return interleave({name: partial(run_in_process, one) for name, one in work.items()}, runs)


def as_processes(end: End, document: bytes, folder: Path, runs: int) -> dict[str, Figures]:
    """Send a document that is in a file, by a command."""
    path = folder / "call.json"
    path.write_bytes(document)
    lines = {
        "`wideload send FILE`": commands.wideload("send", "--quiet", str(path)),
        "boto3: parse, `json.dumps`, `put_object`": commands.boto3("send", str(path)),
        "boto3: the same with `gzip.compress`": commands.boto3("send", str(path), "--gzip"),
        "`python -c 'import wideload'`": [sys.executable, "-c", "import wideload"],
        "`python -c pass`": [sys.executable, "-c", "pass"],
    }

    work = {name: partial(run, line, end.environment) for name, line in lines.items()}
    return interleave(work, runs)


def main() -> None:
    """Measure, and print a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", type=int, default=16_500_000, help="bytes of JSON")
    arguments = parser.parse_args()
    log = make_call_log(arguments.size)
    document = orjson.dumps(log)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, cheap_end("ingest") as end:
        inside = in_process(end, log, arguments.runs)
        outside = as_processes(end, document, Path(folder), arguments.runs)
    section(
        "Sending a call log",
        f"{len(document):,} bytes of JSON to the cheap end, over TLS; medians of "
        f"{arguments.runs} interleaved runs. Ratios are to the first row.",
        "In a program, of a document in memory:",
        compared(inside),
        "By a command, of a file:",
        compared(outside),
    )


if __name__ == "__main__":
    main()
