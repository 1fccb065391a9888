"""A key that is not there, which S3 may answer with 403: told from one that may not be read."""

from __future__ import annotations

import json
from collections.abc import Callable

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api, Refusals
from tests.integration.test_hostile import queue_urls
from tests.integration.test_ingest import CALL_LOG, JSON, ask_for_url, claim
from tests.integration.test_reading import until


def test_a_claim_tells_them_apart(
    acme: Api, outputs: Outputs, refusals: Refusals, worker_paused: Callable[[], None]
) -> None:
    issued = ask_for_url(acme)

    with refusals.to_read(outputs["ingest"]["bucket"], issued["s3_key"]):
        missing = claim(acme, issued["s3_key"])
        acme.put(issued["upload_url"], b'{"n":1}', JSON)
        unreadable = claim(acme, issued["s3_key"])
    readable = claim(acme, issued["s3_key"])

    assert (missing.status, missing.json["code"]) == (409, "not_uploaded")
    assert unreadable.status == 500
    assert readable.status == 200


def test_a_document_is_missing_or_unreadable(
    acme: Api, cloud: Cloud, outputs: Outputs, refusals: Refusals
) -> None:
    stored = acme.post("/send-call-log", CALL_LOG, JSON).json["payload_id"]
    bucket, key = outputs["ingest"]["bucket"], f"archive/acme/{stored}.json.gz"
    paths = [f"/call-logs/{stored}", f"/call-logs/{stored}/records"]

    with refusals.to_read(bucket, key):
        unreadable = [acme.get(path).status for path in paths]
        cloud.client("s3").delete_object(Bucket=bucket, Key=key)
        refused = [acme.get(path) for path in paths]
    gone = [acme.get(path) for path in paths]

    assert unreadable == [500, 500]
    told = [(answer.status, answer.json["code"]) for answer in (*refused, *gone)]
    assert told == [(404, "document_gone")] * 4


def test_the_worker_lets_go_of_what_is_gone(
    acme: Api, cloud: Cloud, outputs: Outputs, functions: dict[str, str], refusals: Refusals
) -> None:
    issued = ask_for_url(acme)
    message = json.dumps({"s3_key": issued["s3_key"], "reason": "unclaimed"})

    def outcomes() -> list[str]:
        lines = cloud.log_lines(functions["ingest_worker"])
        told = [json.loads(line) for line in lines if issued["s3_key"] in line]
        return [line["state"] for line in told if line["message"] == "processed"]

    with refusals.to_read(outputs["ingest"]["bucket"], issued["s3_key"]):
        cloud.client("sqs").send_message(
            QueueUrl=queue_urls(cloud)["QueueUrl"], MessageBody=message, DelaySeconds=0
        )
        found = until(outcomes)

    assert found == ["gone"]
    assert acme.get(f"/call-logs/{issued['payload_id']}").json["state"] == "issued"
