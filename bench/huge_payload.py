"""A payload of 2 GB through S3 and the worker: how fast, and in how much memory.

    python -m bench.huge_payload [megabytes]

On an embedded cloud of its own, which keeps objects in RAM; so it is sent gzipped, at a third of
its size. The exit status is 0 only if the worker stayed within 128 MB of its size when idle.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import urllib3
from isal import isal_zlib

from examples.call_log import make_call_log
from local.cloud import Cloud, free_port
from local.deploy import deploy
from local.processes import peak_memory, resident_memory

MB = 1_000_000
LIMIT = 128 * 1024 * 1024
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
            raise SystemExit(f"{method} {path}: {answer.status} {answer.data!r}")
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
            raise SystemExit(f"PUT: {put.status} {put.data!r}")
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
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 2_100
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

    grown = (peak - idle) / 1024**2
    print(f"document  {size / MB:8,.0f} MB of JSON, {len(body) / MB:,.0f} MB as uploaded")
    print(f"state     {known['state']}, {known.get('records', 0):,} records")
    print(f"worker    {seconds:8.1f} s, {size / MB / seconds:,.0f} MB/s of JSON")
    print(f"its CPU   {cpu:8.1f} s, {size / MB / cpu:,.0f} MB/s of JSON, whatever else ran here")
    print(f"memory    {idle / 1024**2:8.0f} MiB idle, {peak / 1024**2:.0f} MiB at the peak")
    print(f"until it was stored {waited:.1f} s, the event's delay and the polling among them")
    held = known.get("sha256") == sha256 and peak - idle <= LIMIT
    print(f"memory grew by {grown:.0f} MiB, 128 are allowed; {'it held' if held else 'IT DID NOT'}")
    return 0 if held else 1


def _cpu_seconds(cloud: Cloud, worker: str) -> float:
    times = [process.cpu_times() for process in cloud.function_processes(worker)]
    return sum(float(used.user + used.system) for used in times)


def _processing_seconds(cloud: Cloud, worker: str) -> float:
    """Of the longest payload, by the worker's own metric."""
    lines = [json.loads(line) for line in cloud.log_lines(worker) if '"_aws"' in line]
    return float(max(sum(line.get("ProcessingDuration", [0])) for line in lines) / 1000)


if __name__ == "__main__":
    sys.exit(main())
