"""A tenant's share of the workers delays its messages, in the deployed worker."""

from __future__ import annotations

import json
import time
from typing import Any

from ulid import ULID

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.test_hostile import upload

SLOTS = 8


def test_a_tenant_with_its_share_of_workers_waits(
    acme: Api, globex: Api, cloud: Cloud, outputs: Outputs, functions: dict[str, str]
) -> None:
    table = cloud.table(outputs["ingest"]["table"])
    tenant, later = upload(acme, b'{"n":1}'), int(time.time() + 600) * 1000
    other = upload(globex, b'{"n":1}')
    name = f"workers#{tenant['s3_key'].split('/')[1]}"
    for slot in range(SLOTS):
        table.update_item(
            Key={"payload_id": name},
            UpdateExpression="SET #until = :until, #owner = :owner",
            ExpressionAttributeNames={"#until": f"until_{slot}", "#owner": f"owner_{slot}"},
            ExpressionAttributeValues={":until": later, ":owner": "another worker"},
        )

    try:
        failed = [deliver(cloud, functions, issued["s3_key"]) for issued in (tenant, other)]
        waiting = acme.get(f"/call-logs/{tenant['payload_id']}").json["state"]
    finally:
        table.delete_item(Key={"payload_id": name})

    # Sent again as a message of its own: it did not fail, and is not done.
    assert failed == [[], []]
    assert waiting == "issued"
    assert globex.get(f"/call-logs/{other['payload_id']}").json["state"] == "stored"
    assert deliver(cloud, functions, tenant["s3_key"]) == []
    assert acme.get(f"/call-logs/{tenant['payload_id']}").json["state"] == "stored"


def deliver(cloud: Cloud, functions: dict[str, str], s3_key: str) -> list[Any]:
    """Give the worker a message as Lambda would; which of it failed."""
    record = {
        "messageId": str(ULID()),
        "body": json.dumps({"s3_key": s3_key, "reason": "unclaimed"}),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }
    answer = cloud.client("lambda").invoke(
        FunctionName=functions["ingest_worker"], Payload=json.dumps({"Records": [record]})
    )
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    failures: list[Any] = result["batchItemFailures"]
    return failures
