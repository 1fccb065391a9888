"""The sweep of payloads, under its own role: unfinished, lost and orphaned ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ulid import ULID

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.test_hostile import upload, wait_until_done
from tests.integration.test_ingest import ask_for_url
from tests.integration.test_telemetry import Watch
from wideload_runtime.adapters.ingest_table import SWEEP
from wideload_runtime.core.times import iso

LONG_AGO = 3600
"""Seconds. Longer than a URL lives and what it led to may take; recent enough to be looked at."""

VERY_LONG_AGO = 10_000
"""Seconds. An unused URL is shown as expired, and still looked at."""


def test_it_takes_up_expires_and_names(
    acme: Api,
    cloud: Cloud,
    outputs: Outputs,
    functions: dict[str, str],
    worker_paused: Callable[[], None],
) -> None:
    s3, bucket = cloud.client("s3"), outputs["ingest"]["bucket"]
    payloads = cloud.table(outputs["ingest"]["table"])
    sweep(cloud, functions)  # what other tests left
    payloads.delete_item(Key={"payload_id": SWEEP})  # as if no run had been since
    unused, forgotten, lost = ask_for_url(acme), upload(acme, b'{"n":1}'), upload(acme, b'{"n":2}')
    for issued, state in ((unused, "issued"), (forgotten, "issued"), (lost, "uploaded")):
        payloads.update_item(
            Key={"payload_id": issued["payload_id"]},
            UpdateExpression="SET #state = :state, created_at = :then",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":state": state, ":then": iso(time.time() - VERY_LONG_AGO)},
        )
    s3.delete_object(Bucket=bucket, Key=lost["s3_key"])
    orphan = f"archive/acme/{ULID.from_timestamp(time.time() - LONG_AGO)}.json.gz"
    s3.put_object(Bucket=bucket, Key=orphan, Body=b"")
    watch = Watch(cloud, functions["ingest_sweep"])

    report = sweep(cloud, functions)
    s3.delete_object(Bucket=bucket, Key=orphan)
    worker_paused()

    assert (report["repaired"], report["lost"]) == (1, 1)
    assert report["expired"] >= 1  # URLs of other tests may be as old by now
    assert orphan in report["orphan_keys"]
    (emitted,) = watch.metrics()
    assert sum(emitted.pop("PayloadFailedCount")) == 1
    assert emitted == {
        "ExpiredUploadCount": [report["expired"]],
        "RepairedPayloadCount": [1],
        "LostUploadCount": [1],
        "OrphanObjectCount": [report["orphans"]],
        "SweepBacklogAge": [0],
    }
    assert acme.get(f"/call-logs/{unused['payload_id']}").json["state"] == "expired"
    assert wait_until_done(acme, forgotten["payload_id"])["state"] == "stored"
    known = acme.get(f"/call-logs/{lost['payload_id']}").json
    assert (known["state"], known["error"]["code"]) == ("failed", "upload_lost")


def sweep(cloud: Cloud, functions: dict[str, str]) -> dict[str, Any]:
    """Run it now; its report."""
    answer = cloud.client("lambda").invoke(FunctionName=functions["ingest_sweep"])
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, report
    return report
