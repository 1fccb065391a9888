"""Send call logs through the deployed stacks, read them back, and say what happened."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import orjson

import wideload
from examples.call_log import make_call_log
from local.cloud import Cloud, CloudError
from local.outputs import Outputs, read_outputs

LARGE = 16_500_000
SMALL = 40_000


class DemoFailedError(Exception):
    """Something that the demo shows did not hold."""


def main() -> int:
    cloud = Cloud()
    outputs = read_outputs(cloud) if cloud.running else None
    if outputs is None:
        raise CloudError("the embedded cloud isn't up: `make demo` starts it")
    print(f"\nWideload on the embedded cloud, {outputs['endpoint_url']}\n")
    before = len(_metric_lines(cloud))
    with _client(outputs) as client:
        send(client, "A large call log", LARGE, via="s3")
        send(client, "A small call log", SMALL, via="inline")
    show_metrics(_metric_lines(cloud)[before:])
    print(
        "\nAll of it held. The cloud is still up: .local/outputs.json has URLs and keys,\n"
        "`make local-down` stops it."
    )
    return 0


def _client(outputs: Outputs) -> wideload.Client:
    ingest = outputs["ingest"]
    return wideload.Client(
        ingest["api_url"],
        api_key=ingest["api_key"],
        api_key_header=ingest["api_key_header"],
        ca_bundle=outputs["ca_bundle"],
    )


def send(client: wideload.Client, title: str, size: int, *, via: str) -> None:
    """Send one call log of `size` bytes, read it back, and compare."""
    call_log = make_call_log(size, call_id=f"demo-{via}")
    sent = orjson.dumps(call_log)

    started = time.perf_counter()
    receipt = client.send(call_log)
    sent_after = time.perf_counter() - started
    started = time.perf_counter()
    read = client.document(receipt.payload_id)
    read_after = time.perf_counter() - started

    print(f"{title}: {len(sent):,} bytes of JSON, {receipt.bytes_sent:,} compressed")
    way = "through S3 by presigned URL" if receipt.via == "s3" else "inline through the API"
    print(f"  sent {way:<36} {sent_after:6.2f} s  {receipt.state}, {receipt.records:,} records")
    print(f"  read back {'':<31} {read_after:6.2f} s  equal: {'yes' if read == sent else 'NO'}")
    print(f"  payload_id {receipt.payload_id}")
    if receipt.via != via:
        raise DemoFailedError(f"it went {receipt.via}, where {via} was meant")
    if read != sent:
        raise DemoFailedError("what was read back is not what was sent")


def show_metrics(lines: list[dict[str, Any]]) -> None:
    """Print the values of EMF lines, summed by metric."""
    totals: dict[str, tuple[float, str]] = {}
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                total, _ = totals.get(metric["Name"], (0.0, ""))
                totals[metric["Name"]] = total + sum(line[metric["Name"]]), metric["Unit"]
    print("Metrics that the functions emitted:")
    for name, (total, unit) in sorted(totals.items()):
        print(f"  {name:<22} {total:>14,.0f} {unit}")
    missing = {"LargePayloadCount", "S3UploadDuration", "S3UploadSize", "S3DownloadDuration"}
    if missing := missing - totals.keys():
        raise DemoFailedError(f"no function emitted {', '.join(sorted(missing))}")


def _metric_lines(cloud: Cloud) -> list[dict[str, Any]]:
    functions = cloud.client("lambda").list_functions()["Functions"]
    lines = [line for item in functions for line in cloud.log_lines(item["FunctionName"])]
    return [json.loads(line) for line in lines if line.startswith('{"_aws"') or '"_aws":' in line]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (CloudError, DemoFailedError, wideload.WideloadError) as error:
        sys.exit(f"error: {error}")
