"""Messages that can't be processed: to the dead-letter queue, with the reason on the record."""

from __future__ import annotations

import random
import time

from tests.faults.deployment import Deployment
from tests.faults.traffic import Client, make_document
from wideload_cdk.redrive import redrive

GARBAGE = ["rubbish", "[]", "{}", '{"s3_key": 5}', '{"s3_key": null}', "\U0001f4de" * 100]


def wait_for_dead_letters(deployed: Deployment, count: int) -> None:
    deadline = time.monotonic() + 90
    while deployed.depth("DeadLetterQueueUrl") < count:
        assert time.monotonic() < deadline, deployed.depth("DeadLetterQueueUrl")
        time.sleep(0.3)


def test_garbage_ends_in_the_dead_letter_queue_and_stops_nothing(
    acme: Client, deployed: Deployment, rng: random.Random
) -> None:
    deployed.set_redelivery(after=2, times=3)

    for body in GARBAGE:
        deployed.send_message(body)
    acme.upload(make_document(rng), claim=False)
    wait_for_dead_letters(deployed, len(GARBAGE))
    deployed.wait_until_at_rest()

    (item,) = deployed.items()
    assert item["state"] == "stored"
    assert deployed.depth("DeadLetterQueueUrl") == len(GARBAGE)
    deployed.sqs.purge_queue(QueueUrl=deployed.stack["DeadLetterQueueUrl"])


def test_what_we_fail_says_so_and_can_be_claimed_again_or_redriven(
    acme: Client, deployed: Deployment, rng: random.Random
) -> None:
    # Longer than a delivery takes on a busy machine: the second would meet the lease of the first.
    deployed.set_redelivery(after=10, times=2)
    with (
        deployed.environment("ingest_worker", WIDELOAD_MAX_RECEIVES="2"),
        deployed.without_archive("archive/acme/"),
    ):
        sent = [acme.upload(make_document(rng, 300_000), claim=False) for _ in range(2)]
        wait_for_dead_letters(deployed, 2)
        failed = [acme.api.get(f"/call-logs/{entry.payload_id}").json for entry in sent]
        listed = acme.api.get("/call-logs").json["items"]

    claimed = acme.claim({"s3_key": f"transit/acme/{sent[0].payload_id}"})
    moved = redrive(deployed.sqs, deployed.stack["QueueUrl"], sleep=time.sleep)
    deadline = time.monotonic() + 60
    while (known := acme.api.get(f"/call-logs/{sent[1].payload_id}").json)["state"] != "stored":
        assert time.monotonic() < deadline, known
        time.sleep(0.2)

    assert [known["state"] for known in failed] == ["failed"] * 2
    assert {known["error"]["code"] for known in failed} == {"internal"}
    assert all(known["error"]["detail"] for known in failed)
    assert {item["payload_id"] for item in listed} == {entry.payload_id for entry in sent}
    assert claimed is not None
    assert (claimed.status, claimed.json["state"]) == (200, "stored")
    assert moved == 2
    assert "error" not in known
