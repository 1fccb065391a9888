"""Messages that can't be processed: to the dead-letter queue, with the reason on the record."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.deployment import Deployment
from tests.faults.traffic import Client, make_document
from wideload_cdk.redrive import redrive

GARBAGE = ["rubbish", "[]", "{}", '{"s3_key": 5}', '{"s3_key": null}', "\U0001f4de" * 100]


def wait_for_dead_letters(deployed: Deployment, count: int) -> None:
    deadline = time.monotonic() + 90
    while deployed.depth("DeadLetterQueueUrl") < count:
        assert time.monotonic() < deadline, deployed.depth("DeadLetterQueueUrl")
        time.sleep(0.3)


@contextmanager
def without_archives(deployed: Deployment, tenant: str) -> Iterator[None]:
    """Forbid everyone to write a tenant's archives: a fault of ours, which nobody expects."""
    bucket = deployed.ingest["bucket"]
    kept = deployed.s3.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(kept)
    policy["Statement"].append(
        {
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/archive/{tenant}/*",
        }
    )
    deployed.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    try:
        yield
    finally:
        deployed.s3.put_bucket_policy(Bucket=bucket, Policy=kept)


def test_garbage_ends_in_the_dead_letter_queue_and_stops_nothing(
    acme: Client, deployed: Deployment, rng: random.Random
) -> None:
    deployed.set_redelivery(after=1, times=3)

    for body in GARBAGE:
        deployed.send_message(body)
    acme.upload(make_document(rng), claim=False)
    wait_for_dead_letters(deployed, len(GARBAGE))
    deployed.wait_until_at_rest()

    (item,) = deployed.items()
    assert item["state"] == "stored"
    assert deployed.depth("DeadLetterQueueUrl") == len(GARBAGE)
    deployed.sqs.purge_queue(QueueUrl=deployed.stack["DeadLetterQueueUrl"])


def test_a_payload_that_we_fail_says_so_and_can_be_redriven(
    acme: Client, deployed: Deployment, rng: random.Random
) -> None:
    # As many deliveries as the worker is told of (WIDELOAD_MAX_RECEIVES).
    deployed.set_redelivery(after=1, times=5)
    with without_archives(deployed, "acme"):
        sent = acme.upload(make_document(rng, 300_000), claim=False)
        wait_for_dead_letters(deployed, 1)
        failed = acme.api.get(f"/call-logs/{sent.payload_id}").json
        listed = acme.api.get("/call-logs").json["items"]

    moved = redrive(deployed.sqs, deployed.stack["QueueUrl"], sleep=time.sleep)
    deadline = time.monotonic() + 60
    while (known := acme.api.get(f"/call-logs/{sent.payload_id}").json)["state"] != "stored":
        assert time.monotonic() < deadline, known
        time.sleep(0.2)

    assert (failed["state"], failed["error"]["code"]) == ("failed", "internal")
    assert failed["error"]["detail"]
    assert [item["payload_id"] for item in listed] == [sent.payload_id]
    assert moved == 1
    assert "error" not in known


def test_a_payload_that_we_failed_can_be_claimed_again(
    acme: Client, deployed: Deployment, rng: random.Random
) -> None:
    deployed.set_redelivery(after=1, times=5)
    with without_archives(deployed, "acme"):
        sent = acme.upload(make_document(rng, 300_000), claim=False)
        wait_for_dead_letters(deployed, 1)
    issued = {"s3_key": f"transit/acme/{sent.payload_id}"}

    answer = acme.claim(issued)

    assert answer is not None
    assert (answer.status, answer.json["state"]) == (200, "stored")
    deployed.sqs.purge_queue(QueueUrl=deployed.stack["DeadLetterQueueUrl"])
