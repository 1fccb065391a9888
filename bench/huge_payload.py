"""Speed and memory of the worker with a payload of 2 GB, through S3 and the queue.

    python -m bench.huge_payload [--megabytes 2100]

The embedded cloud keeps objects in RAM, so the payload is sent gzipped, at a third of its size. The
exit status is 0 only if the worker's memory grew by at most 128 MiB.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import urllib3
from isal import isal_zlib

from bench.shared.measure import Failed
from bench.shared.report import MB, section, table
from local.call_log import make_call_log
from local.cloud import Cloud, free_port
from local.deploy import deploy
from local.processes import peak_memory, resident_memory

MIB = 1024 * 1024
LIMIT = 128 * MIB
BATCH = json.dumps(make_call_log(8 * MB)["transcript_with_metrics"]).encode()[1:-1]


class Api:
    def __init__(self, cloud: Cloud) -> None:
        ingest = deploy(cloud, stacks=["wideload-local-ingest"])["ingest"]
        self._http = urllib3.PoolManager(ca_certs=str(cloud.ca_bundle), retries=False, timeout=900)
        self._url = ingest["api_url"]
        self._headers = {ingest["api_key_header"]: ingest["api_key"]}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._http.request(method, self._url + path, json=body, headers=self._headers)
        if answer.status >= 400:
            raise Failed(f"{method} {path}: {answer.status} {answer.data!r}")
        return answer.json()

    def upload(self, body: bytes) -> Any:
        sha256 = hashlib.sha256(body).hexdigest()
        issued = self.call(
            "POST",
            "/get-upload-url",
            {"content_length": len(body), "sha256": sha256, "content_type": "application/gzip"},
        )
        put = self._http.request("PUT", issued["upload_url"], body=body, headers=issued["headers"])
        if put.status != 200:
            raise Failed(f"PUT: {put.status} {put.data!r}")
        return issued

    def wait(self, payload_id: str) -> Any:
        while True:
            known = self.call("GET", f"/call-logs/{payload_id}")
            if known["state"] in ("stored", "failed"):
                return known
            time.sleep(0.5)


def compressed(megabytes: int) -> tuple[bytes, int, str]:
    """The gzip of a call log; the size and hex SHA-256 of its JSON."""
    deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    digest = hashlib.sha256()
    size = 0
    parts = []
    batches = max(1, megabytes // 8)
    for number in range(batches + 2):
        if number == 0:
            piece = b'{"call_id":"huge","transcript_with_metrics":['
        else:
            piece = b"," * (number > 1) + BATCH if number <= batches else b"]}"
        digest.update(piece)
        size += len(piece)
        parts.append(deflate.compress(piece))
    parts.append(deflate.flush())
    return b"".join(parts), size, digest.hexdigest()


def main() -> int:
    """Measure, and print a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=2_100)
    megabytes = parser.parse_args().megabytes
    with (
        tempfile.TemporaryDirectory(prefix="huge-") as folder,
        Cloud(directory=Path(folder), port=free_port()) as cloud,
    ):
        api = Api(cloud)
        listed = cloud.client("lambda").list_functions()["Functions"]
        (worker,) = (f["FunctionName"] for f in listed if "ingest_worker" in f["Handler"])
        # Left to the worker, as nothing so large is processed in a request.
        api.wait(api.upload(compressed(8)[0])["payload_id"])
        idle = max(resident_memory(process) for process in cloud.function_processes(worker))
        cpu_before = _cpu_seconds(cloud, worker)

        body, size, sha256 = compressed(megabytes)
        issued = api.upload(body)
        uploaded = time.monotonic()
        known = api.wait(issued["payload_id"])
        waited = time.monotonic() - uploaded
        peak = max(peak_memory(process) for process in cloud.function_processes(worker))
        seconds = _processing_seconds(cloud, worker)
        cpu = _cpu_seconds(cloud, worker) - cpu_before

    if known.get("sha256") != sha256:
        raise Failed(f"the payload is {known['state']}, with SHA-256 {known.get('sha256')}")
    grown = peak - idle
    rows = [
        ["JSON", f"{size / MB:,.0f} MB"],
        ["as uploaded", f"{len(body) / MB:,.0f} MB"],
        ["records", f"{known['records']:,}"],
        ["time in the worker, archiving to S3 included", f"{seconds:.1f} s"],
        ["JSON per second of it", f"{size / MB / seconds:,.0f} MB"],
        ["CPU time of the worker", f"{cpu:.1f} s"],
        ["JSON per second of it", f"{size / MB / cpu:,.0f} MB"],
        ["from the upload to `stored`, with delay and polling", f"{waited:.1f} s"],
        ["the worker's memory when idle", f"{idle / MIB:.0f} MiB"],
        ["its memory at most", f"{peak / MIB:.0f} MiB"],
    ]
    section(
        "A huge payload",
        "Through S3, the queue and the worker of the embedded cloud; the SHA-256 of the record is "
        "that of the document.",
        table(["", ""], rows),
        f"- growth of the worker's memory with {size / MB:,.0f} MB of JSON, in MiB: "
        f"{grown / MIB:.0f} (aim ≤ {LIMIT / MIB:.0f})",
    )
    return 0 if grown <= LIMIT else 1


def _cpu_seconds(cloud: Cloud, worker: str) -> float:
    times = [process.cpu_times() for process in cloud.function_processes(worker)]
    return sum(float(used.user + used.system) for used in times)


def _processing_seconds(cloud: Cloud, worker: str) -> float:
    """Of the longest payload, by the worker's own metric."""
    lines = [json.loads(line) for line in cloud.log_lines(worker) if '"_aws"' in line]
    return float(max(sum(line.get("ProcessingDuration", [0])) for line in lines) / 1000)


if __name__ == "__main__":
    sys.exit(main())
