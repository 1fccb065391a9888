"""The logs of the functions: the metrics of each way with true values, and no secret.

That every line is one which CloudWatch takes, and every metric is watched: `test_metrics`.
"""

from __future__ import annotations

import json
import time
from typing import Any

import orjson
import pytest

from local.call_log import make_call_log
from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.test_hostile import wait_until_done
from tests.integration.test_ingest import JSON, ask_for_url, claim
from tests.integration.test_reading import until

BODY = orjson.dumps(make_call_log(300_000))
LAST_MODIFIED = 1000
"""Milliseconds: S3 tells the time of an object in whole seconds."""


class Watch:
    """The lines that a function emits from now on, and a clock.

    Attributes:
        elapsed: Milliseconds since.
    """

    def __init__(self, cloud: Cloud, function: str) -> None:
        self._cloud, self._function = cloud, function
        self._seen = len(self._lines())
        self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        return (time.monotonic() - self._started) * 1000

    def metrics(self) -> list[dict[str, Any]]:
        """Values by name, of each invocation that emitted any."""
        return [
            {
                metric["Name"]: line[metric["Name"]]
                for directive in line["_aws"]["CloudWatchMetrics"]
                for metric in directive["Metrics"]
            }
            for line in self._lines()[self._seen :]
            if "_aws" in line
        ]

    def _lines(self) -> list[dict[str, Any]]:
        return json_lines(self._cloud, self._function)


def take_durations(emitted: dict[str, Any], *, within: float) -> None:
    """Take those of the function's own out, which are no longer than the test's clock says."""
    for name in ("S3DownloadDuration", "ProcessingDuration"):
        (duration,) = emitted.pop(name)
        assert 0 < duration <= within, name


def json_lines(cloud: Cloud, function: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cloud.log_lines(function) if line.startswith("{")]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(BODY, "PayloadStoredCount"), (BODY[:-1], "PayloadFailedCount")],
    ids=["stored", "refused"],
)
def test_a_payload_through_s3(
    acme: Api, cloud: Cloud, functions: dict[str, str], body: bytes, outcome: str
) -> None:
    issued = ask_for_url(acme, body)
    acme.put(issued["upload_url"], body, issued["headers"])
    watch = Watch(cloud, functions["ingest_api"])

    claim(acme, issued["s3_key"], upload_duration_ms=4321)
    elapsed = watch.elapsed

    (emitted,) = until(watch.metrics)
    take_durations(emitted, within=elapsed)
    assert emitted == {
        "LargePayloadCount": [1],
        outcome: [1],
        "S3UploadSize": [len(body)],
        "S3UploadDuration": [4321],
    }


def test_an_upload_whose_client_does_not_say_how_long_it_took(
    acme: Api, cloud: Cloud, functions: dict[str, str]
) -> None:
    # On a busy machine the worker may come before the claim; it is told no duration either.
    watches = [Watch(cloud, functions[name]) for name in ("ingest_api", "ingest_worker")]
    issued = ask_for_url(acme, BODY)
    time.sleep(1.5)
    acme.put(issued["upload_url"], BODY, issued["headers"])
    uploaded = watches[0].elapsed

    claim(acme, issued["s3_key"])

    (emitted,) = until(
        lambda: [
            one
            for watch in watches
            for one in watch.metrics()
            if one.get("S3UploadSize") == [len(BODY)]
        ]
    )
    (duration,) = emitted["S3UploadDuration"]
    assert 1500 - LAST_MODIFIED <= duration <= uploaded


@pytest.mark.parametrize("body", [BODY, BODY[:-1]], ids=["stored", "refused"])
def test_an_upload_that_nobody_claims(
    acme: Api, cloud: Cloud, functions: dict[str, str], body: bytes
) -> None:
    watch = Watch(cloud, functions["ingest_worker"])
    issued = ask_for_url(acme, body)
    acme.put(issued["upload_url"], body, issued["headers"])
    uploaded = watch.elapsed

    done = wait_until_done(acme, issued["payload_id"])
    # Other payloads may still be on their way to the worker; this one's size is its own.
    (emitted,) = until(
        lambda: [one for one in watch.metrics() if one.get("S3UploadSize") == [len(body)]]
    )
    elapsed = watch.elapsed

    take_durations(emitted, within=elapsed)
    assert 0 <= emitted.pop("S3UploadDuration")[0] <= uploaded
    assert emitted == {
        "LargePayloadCount": [1],
        "PayloadStoredCount" if done["state"] == "stored" else "PayloadFailedCount": [1],
        "S3UploadSize": [len(body)],
        "UnclaimedPayloadCount": [1],
    }


def test_inline_and_refused_payloads(acme: Api, cloud: Cloud, functions: dict[str, str]) -> None:
    watch = Watch(cloud, functions["ingest_api"])

    acme.post("/send-call-log", b'{"n": 1}', JSON)
    acme.post("/send-call-log", b'{"n": ', JSON)
    elapsed = watch.elapsed

    stored, refused = watch.metrics()
    assert 0 < stored.pop("ProcessingDuration")[0] <= elapsed
    assert stored == {"InlinePayloadCount": [1], "PayloadStoredCount": [1]}
    assert refused == {"PayloadFailedCount": [1]}


def test_what_is_only_asked_for_emits_nothing(
    acme: Api, cloud: Cloud, functions: dict[str, str]
) -> None:
    watch = Watch(cloud, functions["ingest_api"])

    ask_for_url(acme, BODY)
    acme.get("/call-logs")
    claim(acme, "transit/acme/unknown")

    assert watch.metrics() == []


def test_logs_carry_the_request_id_and_no_secret(
    acme: Api, cloud: Cloud, outputs: Outputs, functions: dict[str, str]
) -> None:
    secret = "a-secret-within-a-call-log"
    answer = acme.post("/send-call-log", {"token": secret, "customer": secret}, {})
    refused = acme.post("/send-call-log", b'{"token": "' + secret.encode() + b'",}', JSON)
    issued = ask_for_url(acme, b"{}")

    lines = [line for name in functions.values() for line in cloud.log_lines(name)]
    request_ids = {
        line.get("correlation_id") for line in json_lines(cloud, functions["ingest_api"])
    }
    assert answer.status == 200
    assert refused.json["request_id"] in request_ids
    log = "\n".join(lines)
    for hidden in (
        secret,
        outputs["ingest"]["api_key"].rpartition("_")[2],
        issued["upload_url"].rpartition("X-Amz-Signature=")[2],
        "X-Amz-Signature",
    ):
        assert hidden not in log
