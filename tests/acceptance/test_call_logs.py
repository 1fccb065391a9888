"""Call logs, by every way that clients send them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from local.call_log import make_call_log
from tests.acceptance.conftest import needs
from tests.acceptance.deployment import Deployment, until
from tests.acceptance.http import Answer, Api
from tests.acceptance.run import Run

JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Type": "application/gzip"}
PATIENCE = 300
"""Seconds until an unclaimed upload must be stored: its delay is a setting, of up to 15
minutes, but 1 minute by default."""

Seen = Callable[[str], None]


def test_without_a_key_nothing_is_answered(run: Run) -> None:
    needs(run.deployment, "ingest")
    answer = run.ingest().request("GET", "/call-logs")
    assert answer.status == 401, answer


def test_a_wrong_key_is_refused(run: Run) -> None:
    needs(run.deployment, "ingest")
    wrong = f"wl_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
    answer = run.ingest(wrong).request("GET", "/call-logs")
    assert answer.status == 403, answer


def test_a_revoked_key_is_refused(run: Run) -> None:
    """A key that is not in use yet: one in use may work for the five minutes of the cache."""
    needs(run.deployment, "ingest")
    key = run.new_key()
    run.revoke(key)
    answer = run.ingest(key).request("GET", "/call-logs")
    assert answer.status == 403, answer


def test_a_call_log_inline_reads_back_byte_for_byte(acme: Api) -> None:
    document = orjson.dumps(make_call_log(5_000))
    sent = acme.request("POST", "/send-call-log", document, JSON)
    assert sent.status == 200, sent
    assert read(acme, sent.json["payload_id"]) == document


def test_a_call_log_inline_and_gzipped_reads_back_byte_for_byte(acme: Api, seen: Seen) -> None:
    document = orjson.dumps(make_call_log(1_000_000))
    body = gzip.compress(document, 1)
    sent = acme.request("POST", "/send-call-log", body, GZIP)
    assert sent.status == 200, sent
    assert read(acme, sent.json["payload_id"]) == document
    seen(f"{len(document):,} bytes as {len(body):,} in {sent.seconds:.1f} s")


def test_a_call_log_through_s3_reads_back_byte_for_byte(acme: Api, seen: Seen) -> None:
    document = orjson.dumps(make_call_log(15_500_000))
    body = gzip.compress(document, 1)
    issued = ask_for_url(acme, body)
    put = acme.http.request("PUT", issued["upload_url"], issued["headers"], body)
    assert put.status == 200, put
    claimed = acme.request("POST", "/send-call-log", {"s3_key": issued["s3_key"]})
    assert claimed.status == 200, claimed
    assert claimed.json["sha256"] == hashlib.sha256(document).hexdigest()
    assert read(acme, issued["payload_id"]) == document
    seen(f"{len(document):,} bytes as {len(body):,}; claimed in {claimed.seconds:.1f} s")


def test_an_older_clients_steps_still_work(acme: Api) -> None:
    document = orjson.dumps(make_call_log(300_000))
    issued = acme.request("GET", "/get-upload-url")
    assert issued.status == 200, issued
    put = acme.http.request("PUT", issued.json["upload_url"], JSON, document)
    assert put.status == 200, put
    told = {
        "s3_reference": True,
        "s3_bucket": issued.json["s3_bucket"],
        "s3_key": issued.json["s3_key"],
        "call_id": "acceptance",
        "upload_duration_ms": round(put.seconds * 1000),
    }
    claimed = acme.request("POST", "/send-call-log", told)
    assert claimed.status == 200, claimed
    assert read(acme, issued.json["payload_id"]) == document


def test_an_upload_that_nobody_claims_is_stored(
    acme: Api, deployment: Deployment, seen: Seen
) -> None:
    document = orjson.dumps(make_call_log(300_000))
    issued = ask_for_url(acme, document)
    put = acme.http.request("PUT", issued["upload_url"], issued["headers"], document)
    assert put.status == 200, put
    assert wait_until_stored(acme, issued["payload_id"])["source"] == "s3"
    assert read(acme, issued["payload_id"]) == document
    own_key = deployment.of_type("AWS::KMS::Key", "ingest")
    seen("under a KMS key of the stack's own" if own_key else "without a KMS key of its own")


def test_a_call_log_over_25_mb_is_queued_and_stored(acme: Api, seen: Seen) -> None:
    # What base64 spells of random bytes, gzip can't make smaller than they are.
    noise = [{"text": base64.b64encode(secrets.token_bytes(30_000)).decode()} for _ in range(900)]
    document = orjson.dumps({"call_id": "acceptance", "transcript_with_metrics": noise})
    body = gzip.compress(document, 1)
    assert len(body) > 25_000_000
    issued = ask_for_url(acme, body)
    put = acme.http.request("PUT", issued["upload_url"], issued["headers"], body)
    assert put.status == 200, put
    claimed = acme.request("POST", "/send-call-log", {"s3_key": issued["s3_key"]})
    assert claimed.status == 202, claimed
    assert claimed.json["state"] == "queued"
    known = wait_until_stored(acme, issued["payload_id"])
    assert (known["size"], known["records"]) == (len(document), len(noise))
    records = acme.request("GET", f"/call-logs/{issued['payload_id']}/records?first=899")
    assert records.json["items"] == noise[899:]
    seen(f"{len(body):,} bytes; PUT in {put.seconds:.1f} s")


def test_another_tenant_sees_nothing_of_it(acme: Api, globex: Api) -> None:
    sent = acme.request("POST", "/send-call-log", {"call_id": "acceptance"})
    assert sent.status == 200, sent
    foreign = globex.request("GET", f"/call-logs/{sent.json['payload_id']}")
    unknown = globex.request("GET", "/call-logs/00000000000000000000000000")
    assert (foreign.status, foreign.json["code"]) == (404, "unknown_payload"), foreign
    assert (unknown.status, unknown.json["code"]) == (404, "unknown_payload"), unknown
    assert list(globex.pages("/call-logs")) == []


def ask_for_url(api: Api, body: bytes) -> Mapping[str, Any]:
    """A URL for just this body."""
    wish = {"content_length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    answer = api.request("POST", "/get-upload-url", wish)
    assert answer.status == 200, answer
    issued: Mapping[str, Any] = answer.json
    return issued


def read(api: Api, payload_id: str) -> bytes:
    """The document of a payload, byte for byte."""
    answer = api.request("GET", f"/call-logs/{payload_id}")
    assert answer.status == 200, answer
    member = b'"document":'
    if member in answer.body:
        return answer.body[answer.body.index(member) + len(member) : -1]
    fetched = api.http.request("GET", answer.json["document_url"])
    assert fetched.status == 200, fetched
    return gzip.decompress(fetched.body)


def wait_until_stored(api: Api, payload_id: str) -> Mapping[str, Any]:
    """Wait until a payload is stored, and return its description."""

    def stored() -> Answer | None:
        answer = api.request("GET", f"/call-logs/{payload_id}")
        done = answer.status == 200 and answer.json["state"] in ("stored", "failed")
        return answer if done else None

    answer = until(stored, seconds=PATIENCE)
    assert answer, f"{payload_id} isn't stored after {PATIENCE} s"
    known: Mapping[str, Any] = json.loads(answer.body)
    assert known["state"] == "stored", known
    return known
