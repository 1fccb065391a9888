"""Hostile input through the deployed API: refused with a reason, and nothing stops the queue."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from local.cloud import Cloud
from local.outputs import Outputs
from tests.hostile_documents import HOSTILE, KEYS, LEGITIMATE, MIB, compressed, long_string
from tests.integration.conftest import Api
from tests.integration.test_ingest import GZIP, JSON, ask_for_url, claim, read_document
from tests.integration.test_memory import RECORD

OCTETS = {"Content-Type": "application/octet-stream"}
# Every document and key of the tables: tests/runtime/ingest/test_hostile_documents.py.
SENT = ["a bomb within a bomb", "invalid UTF-8", "gzip with rubbish behind"]
UNCLAIMED = ["a bomb of one string", *SENT[1:]]  # what unpacks it takes seconds


def wait_until_done(api: Api, payload_id: str, *, seconds: float = 90) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        known: dict[str, Any] = api.get(f"/call-logs/{payload_id}").json
        if known["state"] in ("stored", "failed"):
            return known
        assert time.monotonic() < deadline, known
        time.sleep(0.2)


def upload(api: Api, body: bytes) -> dict[str, Any]:
    issued = ask_for_url(api, body)
    assert api.put(issued["upload_url"], body, issued["headers"]).status == 200
    return issued


# Documents, in each way that they can come


@pytest.mark.parametrize("name", SENT)
def test_inline(acme: Api, name: str) -> None:
    body, status, code = HOSTILE[name]

    # A type that the gateway leaves alone: as JSON, bytes that aren't UTF-8 would not arrive.
    answer = acme.post("/send-call-log", body, OCTETS)

    assert (answer.status, answer.json["code"]) == (status, code), answer.body
    assert len(answer.json["detail"]) < 300


@pytest.mark.parametrize("text", [b"\xff\xfe", "cut \N{GRINNING FACE}".encode()[:-1]])
def test_text_that_is_not_utf_8_is_refused_inline(acme: Api, text: bytes) -> None:
    """The gateway replaces what isn't UTF-8, here with as many bytes as there were: then it is not
    the document that was sent."""
    answer = acme.post("/send-call-log", b'{"text":"%b"}' % text, JSON)

    assert (answer.status, answer.json.get("code")) == (400, "invalid_json"), answer.body
    assert len(answer.json["detail"]) < 300


def test_a_senders_own_replacement_character_is_stored(acme: Api) -> None:
    body = '{"text":"\ufffd"}'.encode()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()

    answer = acme.post("/send-call-log", body, {**JSON, "Content-Digest": f"sha-256=:{digest}:"})

    assert (answer.status, answer.json["sha256"]) == (200, hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("name", SENT)
def test_claimed(acme: Api, name: str) -> None:
    body, status, code = HOSTILE[name]
    issued = upload(acme, body)

    first, again = (claim(acme, issued["s3_key"]) for _ in range(2))
    known = acme.get(f"/call-logs/{issued['payload_id']}").json

    assert (first.status, first.json["code"]) == (status, code), first.body
    assert (again.status, again.json["code"]) == (status, code)
    assert (known["state"], known["error"]["code"]) == ("failed", code)
    assert known["error"]["detail"] == first.json["detail"]


@pytest.fixture(scope="module")
def unclaimed(acme: Api) -> dict[str, str]:
    """Payload ids by name: each document is uploaded, and left to the worker."""
    return {name: upload(acme, HOSTILE[name][0])["payload_id"] for name in UNCLAIMED}


@pytest.mark.parametrize("name", UNCLAIMED)
def test_unclaimed(acme: Api, unclaimed: dict[str, str], name: str) -> None:
    known = wait_until_done(acme, unclaimed[name])

    assert (known["state"], known["error"]["code"]) == ("failed", HOSTILE[name][2])


@pytest.mark.parametrize("name", ["gzip of several members", "60,000 members"])
def test_what_looks_odd_and_is_right_is_stored(acme: Api, name: str) -> None:
    body = LEGITIMATE[name]
    document = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body

    inline = acme.post("/send-call-log", body, GZIP if body is not document else JSON)
    claimed = claim(acme, upload(acme, body)["s3_key"])

    for answer in (inline, claimed):
        assert answer.status == 200, answer.body
        assert read_document(acme, answer.json["payload_id"])[1] == document


def test_a_string_of_100_mb_goes_through_s3(acme: Api) -> None:
    issued = upload(acme, long_string(100_000_000))

    answer = claim(acme, issued["s3_key"])
    known = acme.get(f"/call-logs/{issued['payload_id']}").json

    assert answer.status == 200, answer.body
    assert answer.json["size"] > 100_000_000
    assert known["summary"] == {"call_id": "long"}
    assert known["summary_complete"] is False


def test_an_inline_document_has_a_cap_of_its_own(acme: Api) -> None:
    """At a ratio that would be fine for an upload."""
    records = 257 * MIB // len(RECORD % 0)
    rows = b",".join(RECORD % number for number in range(2_000))
    body = compressed(
        (b'{"transcript_with_metrics":[', 1), (rows + b",", records // 2_000 + 1), (b"0]}", 1)
    )

    answer = acme.post("/send-call-log", body, GZIP)

    assert (answer.status, answer.json["code"]) == (413, "document_too_large")
    assert "more than 268435456 bytes" in answer.json["detail"]


def test_a_gzip_of_a_million_empty_members_is_refused(acme: Api) -> None:
    """Each costs more than it weighs: as many as fit would take longer than a function may."""
    body = gzip.compress(b"") * 1_000_000 + gzip.compress(b"{}")

    answer = claim(acme, upload(acme, body)["s3_key"])

    assert (answer.status, answer.json["code"]) == (400, "invalid_gzip")


# Objects and keys


def test_an_object_changed_after_its_claim_is_refused(
    acme: Api, worker_paused: Callable[[], None]
) -> None:
    issued = ask_for_url(acme)
    claimed, other = (b'{"text":"%s"}' % (letter * 25_100_000) for letter in (b"a", b"b"))
    acme.put(issued["upload_url"], claimed, JSON)

    answer = claim(acme, issued["s3_key"])
    replaced = acme.put(issued["upload_url"], other, JSON)
    worker_paused()
    known = wait_until_done(acme, issued["payload_id"])

    assert (answer.status, replaced.status) == (202, 200)
    assert (known["state"], known["error"]["code"]) == ("failed", "object_changed")
    again = claim(acme, issued["s3_key"])
    assert (again.status, again.json["code"]) == (409, "object_changed")


@pytest.mark.parametrize("trick", ["another tenant's", "up to another tenant", "5,000 characters"])
def test_a_trick_in_a_key_finds_nothing(acme: Api, globex: Api, trick: str) -> None:
    mine = upload(acme, b'{"n":1}')
    theirs = upload(globex, b'{"n":2}')
    payload_id = theirs["payload_id"] if "globex" in KEYS[trick] else mine["payload_id"]
    key = KEYS[trick].format(id=payload_id, lower=payload_id.lower())

    answer = claim(acme, key)

    assert (answer.status, answer.json["code"]) == (404, "unknown_key")


@pytest.mark.parametrize("key", [None, 7, True, ["transit/acme/x"], {"s3_key": "x"}])
def test_a_key_that_is_no_string_is_refused(acme: Api, key: Any) -> None:
    answer = acme.post("/send-call-log", {"s3_reference": True, "s3_key": key})

    assert (answer.status, answer.json["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "payload_id",
    ["x", "idempotency%230", "..%2f..", "%00", "%ff", "%20", "A" * 3_000, "%F0%9F%93%9E" * 200],
    ids=["short", "idempotency", "dots", "nul", "latin-1", "space", "long", "emoji"],
)
@pytest.mark.parametrize("suffix", ["", "/records"])
def test_a_trick_in_a_path_finds_nothing(acme: Api, payload_id: str, suffix: str) -> None:
    for method in ["GET"] if suffix else ["GET", "DELETE"]:
        answer = acme.request(method, f"/call-logs/{payload_id}{suffix}")

        assert answer.status == 404, (method, answer.body)
        by_gateway = answer.json == {"message": "Not Found"}
        assert by_gateway or answer.json["code"] in ("unknown_payload", "not_found")


# Headers


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Idempotency-Key": "k" * 256}, 400, "invalid_request"),
        ({"Idempotency-Key": "k" * 9_000}, 400, "invalid_request"),
        ({"Idempotency-Key": "\xe9"}, 400, "invalid_request"),
        ({"Content-Type": "a" * 9_000}, 415, "unsupported_media_type"),
        ({"Content-Type": "text/html"}, 415, "unsupported_media_type"),
        ({"Content-Encoding": "b" * 9_000}, 415, "unsupported_media_type"),
        ({"Content-Encoding": "br"}, 415, "unsupported_media_type"),
    ],
)
def test_a_giant_or_odd_header_is_refused(
    acme: Api, headers: dict[str, str], status: int, code: str
) -> None:
    answer = acme.post("/send-call-log", b'{"n":1}', {**JSON, **headers})

    assert (answer.status, answer.json["code"]) == (status, code)
    assert len(answer.body) < 1_000


def test_headers_that_no_server_takes_do_no_harm(acme: Api) -> None:
    """API Gateway takes 10,240 bytes of them; the embedded cloud has a limit of its own."""
    try:
        giant = acme.post("/send-call-log", b'{"n":1}', {**JSON, "X-Giant": "a" * 1_000_000})
    except urllib3.exceptions.HTTPError:
        pass  # the connection was closed on us
    else:
        assert 400 <= giant.status < 500

    assert acme.post("/send-call-log", b'{"n":1}', JSON).status == 200


# The key that older clients put into the document

SECRET = "wl_secret_in_a_document_7c1f"
TOKENS = {
    "a string": b'{"call_id":"token-1","token":"%s"}',
    "first": b'{"token":"%s","call_id":"token-1"}',
    "in disguise": rb'{"call_id":"token-1","\u0074oken":"%s"}',
    "within an object": b'{"call_id":"token-1","token":{"key":"%s"}}',
    "within a list": b'{"call_id":"token-1","token":["%s"]}',
    "in a document that is refused": b'{"call_id":"token-1","token":"%s",}',
    "twice": b'{"token":"x","token":"%s"}',
    "in a claim": b'{"s3_reference":true,"s3_key":"transit/acme/x","token":"%s"}',
}


def test_a_token_reaches_neither_summary_nor_list_nor_log_nor_event(
    acme: Api, cloud: Cloud, functions: dict[str, str], events: Callable[[], list[str]]
) -> None:
    seen = []
    documents = [form.replace(b"%s", SECRET.encode()) for form in TOKENS.values()]
    ids = [upload(acme, document)["payload_id"] for document in documents]  # left to the worker
    for document in documents:
        claimed = upload(acme, document)
        ids.append(claimed["payload_id"])
        seen.append(acme.post("/send-call-log", document, JSON).body)
        seen.append(claim(acme, claimed["s3_key"]).body)
    for payload_id in ids:
        known = wait_until_done(acme, payload_id)
        known.pop("document", None)
        seen.append(json.dumps(known).encode())
    seen += [acme.get("/call-logs").body, acme.get("/call-logs?call_id=token-1").body]
    logged = "\n".join(line for name in functions.values() for line in cloud.log_lines(name))
    deadline = time.monotonic() + 60
    told: list[str] = []
    while not all(any(payload_id in event for event in told) for payload_id in ids):
        assert time.monotonic() < deadline, "events are missing"
        told += events()

    assert SECRET not in b"\n".join(seen).decode()
    assert SECRET not in logged
    assert SECRET not in "\n".join(told)


@pytest.fixture
def events(cloud: Cloud, outputs: Outputs) -> Iterator[Callable[[], list[str]]]:
    """Take the events that were published since: each as JSON."""
    sqs, bus = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName="events-of-a-test")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    policy = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn["QueueArn"],
            }
        ]
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    bus.put_rule(Name="events-of-a-test", EventPattern='{"source":["wideload.ingest"]}')
    bus.put_targets(Rule="events-of-a-test", Targets=[{"Id": "queue", "Arn": arn["QueueArn"]}])

    def take() -> list[str]:
        taken = []
        while True:
            received = sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
            ).get("Messages", [])
            if not received:
                return taken
            for message in received:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                taken.append(message["Body"])

    try:
        yield take
    finally:
        bus.remove_targets(Rule="events-of-a-test", Ids=["queue"])
        bus.delete_rule(Name="events-of-a-test")
        sqs.delete_queue(QueueUrl=queue)


# The queue, after all of it


def queue_urls(cloud: Cloud) -> dict[str, str]:
    """Of the ingest stack: `QueueUrl`, `DeadLetterQueueUrl` and the like."""
    cloudformation = cloud.client("cloudformation")
    [stack] = cloudformation.describe_stacks(StackName="wideload-local-ingest")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    return {name: url for name, url in outputs.items() if name.endswith("QueueUrl")}


def waiting(cloud: Cloud, url: str) -> int:
    """Messages in a queue that a consumer gets now or after their delay. Hidden ones don't count:
    the message of a payload whose claim is being processed stays hidden for as long as a lease."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(value) for value in attributes["Attributes"].values())


def test_after_all_of_it_the_queue_still_runs(
    acme: Api, cloud: Cloud, unclaimed: dict[str, str]
) -> None:
    issued = upload(acme, b'{"call_id":"after-all"}')

    known = wait_until_done(acme, issued["payload_id"])
    urls = queue_urls(cloud)
    deadline = time.monotonic() + 120
    while waiting(cloud, urls["QueueUrl"]) and time.monotonic() < deadline:
        time.sleep(0.2)

    assert known["state"] == "stored"
    assert {name: waiting(cloud, url) for name, url in urls.items()} == dict.fromkeys(urls, 0)
