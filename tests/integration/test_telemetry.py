"""What the functions write to their logs: the metrics of both ways, and no secret."""

from __future__ import annotations

import json
from typing import Any

import orjson

from examples.call_log import make_call_log
from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.test_ingest import JSON, ask_for_url, claim

UNITS = {
    "LargePayloadCount": "Count",
    "PayloadStoredCount": "Count",
    "S3UploadSize": "Bytes",
    "S3UploadDuration": "Milliseconds",
    "S3DownloadDuration": "Milliseconds",
    "ProcessingDuration": "Milliseconds",
}


def json_lines(cloud: Cloud, function: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in cloud.log_lines(function) if line.startswith("{")]


def metrics_since(cloud: Cloud, function: str, start: int) -> list[dict[str, Any]]:
    return [line for line in json_lines(cloud, function)[start:] if "_aws" in line]


def test_a_payload_through_s3_emits_its_metrics(
    acme: Api, cloud: Cloud, functions: dict[str, str]
) -> None:
    body = orjson.dumps(make_call_log(300_000))
    issued = ask_for_url(acme, body)
    acme.put(issued["upload_url"], body, issued["headers"])
    start = len(json_lines(cloud, functions["ingest_api"]))

    claim(acme, issued["s3_key"], upload_duration_ms=4321)

    (line,) = metrics_since(cloud, functions["ingest_api"], start)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Wideload"
    assert sorted(directive["Dimensions"][0]) == ["environment", "service"]
    assert (line["service"], line["environment"]) == ("ingest", "local")
    assert {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]} == UNITS
    assert line["LargePayloadCount"] == line["PayloadStoredCount"] == [1]
    assert line["S3UploadSize"] == [len(body)]
    assert line["S3UploadDuration"] == [4321]
    assert 0 < line["S3DownloadDuration"][0] < line["ProcessingDuration"][0] + 1000


def test_inline_and_refused_payloads_are_counted(
    acme: Api, cloud: Cloud, functions: dict[str, str]
) -> None:
    start = len(json_lines(cloud, functions["ingest_api"]))

    acme.post("/send-call-log", b'{"n": 1}', JSON)
    acme.post("/send-call-log", b'{"n": ', JSON)

    stored, refused = metrics_since(cloud, functions["ingest_api"], start)
    assert stored["InlinePayloadCount"] == stored["PayloadStoredCount"] == [1]
    assert refused["PayloadFailedCount"] == [1]
    assert "PayloadStoredCount" not in refused


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
