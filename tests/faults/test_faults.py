"""Faults on the embedded cloud. Each test ends with the audit (`deployed` in conftest.py)."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from ulid import ULID

from tests.faults import sender
from tests.faults.audit import Sent, audit
from tests.faults.deployment import Deployment
from tests.faults.proxy import Fault, FaultyProxy, Hold, Request
from tests.faults.traffic import Client, Ledger, make_document, packed, sha256
from wideload_runtime.adapters.ingest_table import SWEEP
from wideload_runtime.core.times import iso

LARGE = 300_000
"""Bytes of JSON that are too many for an item, so that there is an archive."""


def wait_for_state(deployed: Deployment, payload_id: str, *states: str, seconds: float = 60) -> str:
    deadline = time.monotonic() + seconds
    while (state := deployed.item(payload_id).get("state", "gone")) not in states:
        assert time.monotonic() < deadline, state
        time.sleep(0.1)
    return str(state)


# Clients that die


@pytest.mark.parametrize("step", ["asked", "put", "claimed"])
@pytest.mark.parametrize("signed", [True, False])
def test_a_client_that_leaves(
    acme: Client, deployed: Deployment, rng: random.Random, step: str, signed: bool
) -> None:
    document = make_document(rng, LARGE)
    body = packed(document)

    issued = acme.ask_for_url(body, signed=signed)
    assert issued is not None
    uploaded = step != "asked" and acme.put(issued, body)
    if step == "claimed":
        acme.claim(issued)
    acme.ledger.note(
        Sent(
            tenant="acme",
            told="nothing",
            sha256=sha256(document),
            payload_id=issued["payload_id"],
            uploaded=uploaded,
        )
    )

    wait_for_state(deployed, issued["payload_id"], "stored" if uploaded else "issued")


@pytest.mark.parametrize("step", sender.STEPS)
def test_a_client_that_is_killed_and_started_again(
    deployed: Deployment,
    proxy: FaultyProxy,
    ledger: Ledger,
    rng: random.Random,
    tmp_path: Path,
    step: str,
) -> None:
    """Under the same idempotency key and with the same bytes, as a job that is run again."""
    request_to_die_in, when = sender.STEPS[step]
    document = make_document(rng, LARGE)
    file = tmp_path / "call.json.gz"
    file.write_bytes(packed(document))
    hold = Hold(when)  # type: ignore[arg-type]
    job = {
        "api_url": proxy.through(deployed.ingest["api_url"]),
        "header": deployed.ingest["api_key_header"],
        "api_key": deployed.ingest["api_key"],
        "key": "job-7",
        "file": file,
    }

    def rule(request: Request) -> Fault | None:
        hit = request.step == request_to_die_in and not hold.reached.is_set()
        return hold if hit else None

    proxy.rule = rule
    with sender.start(**job) as first:
        assert hold.reached.wait(60)
        first.kill()
    hold.release.set()
    with sender.start(**job) as second:
        told, _ = second.communicate(timeout=60)

    state, payload_id, digest = told.decode().split()
    ledger.note(
        Sent(
            tenant="acme",
            told="stored" if state == "stored" else "queued",
            sha256=sha256(document),
            payload_id=payload_id,
            told_sha256=digest if state == "stored" else None,
            request="job-7",
        )
    )
    # Told so at once, unless the worker has it as an unclaimed upload meanwhile.
    assert state in ("stored", "queued", "processing")
    wait_for_state(deployed, payload_id, "stored")


def test_unclaimed_uploads_of_any_kind(acme: Client, globex: Client, rng: random.Random) -> None:
    for client in (acme, globex):
        for size in (500, LARGE):
            document = make_document(rng, size)
            client.upload(packed(document), document, claim=False)
            client.upload(document, signed=False, claim=False)
        client.upload(packed(make_document(rng, LARGE))[:-30], valid=False, claim=False)


# Functions that die


@pytest.mark.parametrize("function", ["ingest_worker", "ingest_api"])
def test_a_function_killed_in_mid_object(
    acme: Client,
    deployed: Deployment,
    proxy: FaultyProxy,
    ledger: Ledger,
    rng: random.Random,
    function: str,
) -> None:
    document = make_document(rng, 2_000_000)
    hold = Hold("amid")

    def rule(request: Request) -> Fault | None:
        hit = request.method == "GET" and request.path.partition("?")[0].endswith(payload_id)
        return hold if hit and not hold.reached.is_set() else None

    issued = acme.ask_for_url(document)
    assert issued is not None
    payload_id = issued["payload_id"]
    proxy.rule = rule
    assert acme.put(issued, document)
    claimer = threading.Thread(target=replace(acme, attempts=1).claim, args=[issued])
    if function == "ingest_api":
        claimer.start()
    assert hold.reached.wait(60)
    wait_for_state(deployed, payload_id, "processing")
    for process in deployed.cloud.function_processes(deployed.functions[function]):
        process.kill()
    hold.release.set()
    if function == "ingest_api":
        claimer.join()
    wait_until_turned_away(deployed, payload_id)
    assert deployed.item(payload_id)["state"] == "processing"
    deployed.expire_leases()

    ledger.note(
        Sent(
            tenant="acme",
            told="nothing",
            sha256=sha256(document),
            payload_id=payload_id,
            uploaded=True,
        )
    )
    wait_for_state(deployed, payload_id, "stored")


def wait_until_turned_away(deployed: Deployment, payload_id: str) -> None:
    """Wait until a delivery has met the lease of the dead worker."""
    deadline = time.monotonic() + 60
    worker = deployed.functions["ingest_worker"]
    while not any(
        payload_id in line and "another function processes it" in line
        for line in deployed.cloud.log_lines(worker)
    ):
        assert time.monotonic() < deadline
        time.sleep(0.5)


# AWS in trouble


class Every:
    """One of so many requests goes wrong, the first among them."""

    def __init__(self, number: int, fault: Fault, services: tuple[str, ...]) -> None:
        self._number = number
        self._fault = fault
        self._services = services
        self._seen = 0
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Fault | None:
        if request.service not in self._services:
            return None
        if self._fault == "cut body" and request.method != "GET":
            return None
        with self._lock:
            self._seen += 1
            return self._fault if self._seen % self._number == 1 % self._number else None


@pytest.mark.parametrize(
    ("number", "fault", "services"),
    [
        (3, "throttle", ("s3",)),
        (4, "throttle", ("s3", "dynamodb", "sqs")),
        (5, "lose answer", ("dynamodb",)),
        (5, "lose answer", ("s3",)),
        (2, "cut body", ("s3",)),
    ],
)
def test_aws_in_trouble(
    acme: Client,
    proxy: FaultyProxy,
    rng: random.Random,
    deployed: Deployment,
    number: int,
    fault: Fault,
    services: tuple[str, ...],
) -> None:
    proxy.rule = Every(number, fault, services)
    for size in (500, LARGE):
        document = make_document(rng, size)
        acme.inline(packed(document), document)
        acme.upload(packed(document := make_document(rng, size)), document)
        acme.upload(document := make_document(rng, size), document, claim=False)
    acme.inline(b'{"n": 1', valid=False)
    acme.upload(b'{"n": 2', valid=False)

    assert sum(proxy.faults.values()) >= 2
    told = [sent.told for sent in acme.ledger.entries]
    assert "nothing" not in [told[number] for number in (0, 1, 3, 4)]
    proxy.rule = lambda _request: None
    deployed.wait_until_at_rest()
    deployed.expire_leases()


def test_a_service_that_stays_away_is_a_503_and_no_more(
    acme: Client, proxy: FaultyProxy, rng: random.Random
) -> None:
    proxy.rule = Every(1, "throttle", ("dynamodb",))
    patient = replace(acme, attempts=1)

    with ThreadPoolExecutor(4) as threads:
        unanswered = threads.submit(patient.inline, make_document(rng, LARGE), key="away")
        requests = [
            threads.submit(acme.api.post, "/get-upload-url", {}),
            threads.submit(acme.api.get, "/call-logs"),
            threads.submit(acme.api.get, f"/call-logs/{ULID()}"),
        ]
        answers = [request.result() for request in requests]
    proxy.rule = lambda _request: None

    assert {(answer.status, answer.json.get("code")) for answer in answers} == {
        (503, "unavailable")
    }, answers
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    assert unanswered.result().told == "nothing"


# Repeats


def test_messages_twice_and_in_any_order(
    acme: Client, deployed: Deployment, rng: random.Random
) -> None:
    with deployed.paused_worker():
        sent = [acme.upload(make_document(rng, LARGE), claim=False) for _ in range(6)]
        messages = [
            {"s3_key": f"transit/acme/{entry.payload_id}", "reason": reason}
            for entry in sent
            for reason in ("claimed", "unclaimed", "sweep")
        ]
        rng.shuffle(messages)
        for message in messages:
            deployed.send_message(message)
    deployed.wait_until_at_rest()
    first = [deployed.item(entry.payload_id or "") for entry in sent]
    for message in messages[:6]:
        deployed.send_message(message)
    deployed.wait_until_at_rest()

    assert [deployed.item(entry.payload_id or "") for entry in sent] == first


def test_twenty_claims_at_once(deployed: Deployment, acme: Client, rng: random.Random) -> None:
    """One processes it: those that come meanwhile are told so at once, later ones the result."""
    document = make_document(rng, LARGE)
    issued = acme.ask_for_url(document)
    assert issued is not None
    assert acme.put(issued, document)

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: acme.claim(issued), range(20)))

    said = [answer.json for answer in answers if answer is not None]
    assert {answer["state"] for answer in said} <= {"stored", "queued"}
    assert len(said) == 20
    wait_for_state(deployed, issued["payload_id"], "stored")
    later = acme.claim(issued)
    assert later is not None
    told = [later.json, *(answer for answer in said if answer["state"] == "stored")]
    assert len(told) > 1
    assert all(answer == told[0] for answer in told)
    acme.ledger.note(
        Sent(
            tenant="acme",
            told="stored",
            sha256=sha256(document),
            payload_id=issued["payload_id"],
            told_sha256=told[0]["sha256"],
            uploaded=True,
        )
    )


def test_one_idempotency_key_twenty_times_at_once(acme: Client, rng: random.Random) -> None:
    document = make_document(rng, LARGE)
    other = make_document(rng)
    quiet = replace(acme, ledger=Ledger())

    with ThreadPoolExecutor(21) as threads:
        sends = [threads.submit(quiet.inline, document, key="at-once") for _ in range(20)]
        told = [send.result() for send in sends]
    second = quiet.inline(other, key="at-once")

    assert len(set(told)) == 1
    assert told[0].told == "stored"
    assert (second.told, second.code) == ("refused", "idempotency_key_reused")
    acme.ledger.note(told[0])


def test_two_hundred_sends_at_once(acme: Client, globex: Client, rng: random.Random) -> None:
    documents = [make_document(rng, rng.choice([500, 5_000, 50_000])) for _ in range(200)]

    def send(number: int) -> Sent:
        client = (acme, globex)[number % 2]
        document = documents[number]
        if number % 4 < 2:
            return client.inline(packed(document), document)
        return client.upload(packed(document), document)

    with ThreadPoolExecutor(200) as threads:
        told = list(threads.map(send, range(200)))

    assert {sent.told for sent in told} <= {"stored", "queued"}


# The sweep

LONG_AGO = 3600


def test_the_sweep_repairs_what_is_stuck(
    acme: Client, deployed: Deployment, ledger: Ledger, rng: random.Random
) -> None:
    """Lost messages: of an unclaimed upload, of a claim, of a worker that died."""
    stuck = {}
    with deployed.paused_worker():
        for state in ("issued", "uploaded", "processing"):
            sent = acme.upload(make_document(rng, LARGE), claim=False)
            stuck[state] = sent.payload_id or ""
            lease = {"lease_owner": "dead", "lease_until": 1} if state == "processing" else {}
            deployed.update(stuck[state], state=state, created_at=long_ago(), **lease)
        unused = acme.ask_for_url(b"{}")
        assert unused is not None
        deployed.update(unused["payload_id"], created_at=long_ago())
        held = acme.upload(make_document(rng, LARGE), claim=False)
        deployed.update(
            held.payload_id or "",
            state="processing",
            created_at=long_ago(),
            lease_owner="alive",
            lease_until=int(time.time() * 1000) + 600_000,
        )
        wait_for_messages(deployed, 4)  # of their uploads
        deployed.sqs.purge_queue(QueueUrl=deployed.stack["QueueUrl"])
        orphan = f"transit/acme/{ULID.from_timestamp(time.time() - LONG_AGO)}"
        deployed.s3.put_object(Bucket=deployed.ingest["bucket"], Key=orphan, Body=b"{}")
        deployed.table.delete_item(Key={"payload_id": SWEEP})  # as if it had never run
        report = deployed.sweep()
        again = deployed.sweep()
    for payload_id in stuck.values():
        wait_for_state(deployed, payload_id, "stored")
    untouched = deployed.item(held.payload_id or "")
    left_alone = deployed.item(unused["payload_id"])

    assert report == {
        "expired": 1,
        "repaired": 3,
        "lost": 0,
        "orphans": 1,
        "orphan_keys": [orphan],
        "backlog_seconds": 0,
    }
    assert again["expired"] == 0
    assert left_alone["state"] == "issued"
    assert untouched["lease_owner"] == "alive"
    deployed.expire_leases()
    assert deployed.sweep()["repaired"] == 1
    deployed.s3.delete_object(Bucket=deployed.ingest["bucket"], Key=orphan)


def wait_for_messages(deployed: Deployment, count: int) -> None:
    deadline = time.monotonic() + 60
    while deployed.depth("QueueUrl") < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def long_ago() -> str:
    return iso(time.time() - LONG_AGO)


# The audit itself


def test_the_audit_sees_what_is_done_to_the_real_thing(
    acme: Client, globex: Client, deployed: Deployment, rng: random.Random
) -> None:
    """The first of each fault, on a deployment; `test_audit.py` has all of them."""
    document = make_document(rng, LARGE)
    kept = acme.inline(document)
    payload_id = kept.payload_id or ""
    item = deployed.item(payload_id)
    bucket, key = deployed.ingest["bucket"], item["archive_key"]
    whole = deployed.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    globex.inline(make_document(rng))

    def look() -> dict[str, int]:
        report = audit(acme.ledger.entries, deployed.holdings())
        names = ("lost", "duplicated", "foreign", "orphaned")
        return {name: getattr(report, name) for name in names if getattr(report, name)}

    assert look() == {}
    deployed.s3.put_object(Bucket=bucket, Key=key, Body=whole[:-40])
    assert look() == {"lost": 1}
    deployed.s3.delete_object(Bucket=bucket, Key=key)
    assert look() == {"lost": 1}
    deployed.s3.put_object(Bucket=bucket, Key=key, Body=whole)
    deployed.table.delete_item(Key={"payload_id": payload_id})
    assert look() == {"lost": 1, "orphaned": 1}
    deployed.table.put_item(Item=item)
    copy = {**item, "payload_id": str(ULID())}
    deployed.table.put_item(Item=copy)
    assert look() == {"duplicated": 1}
    deployed.table.delete_item(Key={"payload_id": copy["payload_id"]})
    deployed.update(payload_id, tenant="globex")
    assert "foreign" in look()
    deployed.update(payload_id, tenant="acme", tenant_shard="globex#0")
    assert "foreign" in look()
    deployed.update(payload_id, tenant_shard=item["tenant_shard"])
    assert look() == {}
