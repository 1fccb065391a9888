"""The runbook's way from the alarm `payloads-failed` to a payload, its tenant, its reason and its
redrive, on a deployment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local.cloud import Cloud
from local.outputs import Outputs
from tests.insights import Row, ask, event
from tests.integration.conftest import Api, Refusals
from tests.integration.test_hostile import upload, wait_until_done
from tests.integration.test_ingest import JSON
from tests.integration.test_reading import until
from wideload_cdk.monitoring import queries

ROOT = Path(__file__).parents[2]
STACK = "wideload-local-ingest"
SECRET = "said-in-a-call-and-nowhere-else"
BAD = f'{{"text":"{SECRET}",'.encode()
GOOD = f'{{"text":"{SECRET}"}}'.encode()
SECTION = (ROOT / "docs" / "runbook.md").read_text().split("\n## ")[1:]
(STEPS,) = [section for section in SECTION if section.startswith("Payloads failed")]
QUERIES = {query.name: query.text for query in queries.INGEST}


@pytest.fixture(scope="module")
def stack(cloud: Cloud, outputs: Outputs) -> dict[str, str]:
    """Outputs of the ingest stack."""
    known = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in known["Outputs"]}


@contextmanager
def given_up_soon(cloud: Cloud, queue: str, worker: str) -> Iterator[None]:
    """Let the worker give up after two deliveries, a second apart."""
    sqs, functions = cloud.client("sqs"), cloud.client("lambda")
    names = ["RedrivePolicy", "VisibilityTimeout"]
    kept = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    before = functions.get_function_configuration(FunctionName=worker)["Environment"]
    policy = json.loads(kept["RedrivePolicy"]) | {"maxReceiveCount": 2}
    sqs.set_queue_attributes(
        QueueUrl=queue,
        Attributes={"VisibilityTimeout": "1", "RedrivePolicy": json.dumps(policy)},
    )
    functions.update_function_configuration(
        FunctionName=worker,
        Environment={"Variables": before["Variables"] | {"WIDELOAD_MAX_RECEIVES": "2"}},
    )
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=kept)
        functions.update_function_configuration(FunctionName=worker, Environment=before)


def logged(cloud: Cloud, functions: dict[str, str]) -> list[Row]:
    """Events of the functions of ingest, as Logs Insights has them."""
    client, found = cloud.client("logs"), []
    for name, function in functions.items():
        if name.startswith(("ingest_", "key_")):
            configuration = cloud.client("lambda").get_function_configuration(FunctionName=function)
            group = configuration["LoggingConfig"]["LogGroup"]
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=group)
            found += [
                event(line, log=group, timestamp=one["timestamp"])
                for page in pages
                for one in page["events"]
                for line in one["message"].splitlines()
            ]
    return found


def read_record(cloud: Cloud, stack: dict[str, str], payload_id: str) -> dict[str, Any]:
    """The second step, with the expressions that the runbook gives."""
    [projection] = re.findall(r"--projection-expression '(.+?)'", STEPS)
    [names] = re.findall(r"--expression-attribute-names '(.+?)'", STEPS)
    found = cloud.client("dynamodb").get_item(
        TableName=stack["PayloadsTableName"],
        Key={"payload_id": {"S": payload_id}},
        ProjectionExpression=projection,
        ExpressionAttributeNames=json.loads(names),
    )
    return {name: next(iter(value.values())) for name, value in found.get("Item", {}).items()}


def test_from_the_alarm_to_the_payload_its_tenant_its_reason_and_its_redrive(
    cloud: Cloud,
    acme: Api,
    globex: Api,
    functions: dict[str, str],
    stack: dict[str, str],
    refusals: Refusals,
) -> None:
    theirs = upload(acme, BAD)["payload_id"]
    assert globex.post("/send-call-log", BAD, JSON).status == 400
    wait_until_done(acme, theirs)
    with given_up_soon(cloud, stack["QueueUrl"], functions["ingest_worker"]):
        issued = upload(globex, GOOD)
        ours = issued["payload_id"]
        with refusals.to_read(stack["BucketName"], issued["s3_key"]):
            wait_until_done(globex, ours)
            until(lambda: dead_letters(cloud, stack) > 0)

    # 1. Whose payloads, and why.
    def told() -> list[Row]:
        # A function's lines arrive shortly after its answer.
        found = logged(cloud, functions)
        causes = {row.get("payload_id") for row in ask(QUERIES["failed-payloads"], found)}
        return found if {theirs, ours} <= causes else []

    events = until(told)
    by_tenant = ask(QUERIES["failed-by-tenant"], events)
    named = ask(QUERIES["failed-payloads"], events)
    counted = {(row["tenant"], row["code"], row["via"]) for row in by_tenant}
    assert counted >= {
        ("acme", "invalid_json", "s3"),
        ("globex", "invalid_json", "inline"),
        ("globex", "internal", "s3"),
    }
    (bad,) = [row for row in named if row["payload_id"] == theirs]
    (given_up,) = [row for row in named if row["payload_id"] == ours]
    assert (bad["tenant"], bad["code"]) == ("acme", "invalid_json")
    assert "byte" in bad["detail"] or "cut off" in bad["detail"]
    assert (given_up["tenant"], given_up["code"]) == ("globex", "internal")
    assert SECRET not in json.dumps([by_tenant, named])

    # 2. One of them.
    record = read_record(cloud, stack, theirs)
    assert (record["state"], record["error_code"]) == ("failed", "invalid_json")
    assert (record["tenant"], record["error_detail"]) == ("acme", bad["detail"])
    logs = ask(QUERIES["one-payload"].replace("PAYLOAD_ID", ours), events)
    assert {"processing failed", "payload failed"} <= {row["message"] for row in logs}
    causes = ask(QUERIES["failing-payloads"], [row for row in events if ours in row["@message"]])
    assert [(row["s3_key"], row["why"]) for row in causes] == [(issued["s3_key"], "AccessDenied")]

    # 3. Redrive.
    done = subprocess.run(
        [Path(sys.executable).with_name("wideload-redrive"), "--stack", STACK],
        env=cloud.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"Put \d+ messages? back into the queue", done.stdout), done
    until(lambda: read_record(cloud, stack, ours)["state"] == "stored")
    assert "error_code" not in read_record(cloud, stack, ours)


def dead_letters(cloud: Cloud, stack: dict[str, str]) -> int:
    known = cloud.client("sqs").get_queue_attributes(
        QueueUrl=stack["DeadLetterQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(known["Attributes"]["ApproximateNumberOfMessages"])
