"""Payloads through the deployed API and real presigned URLs, functions under their own roles."""

from __future__ import annotations

import gzip
import hashlib
import time
from typing import Any

import orjson
import pytest

from local.call_log import make_call_log
from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Answer, Api

CALL_LOG = orjson.dumps(make_call_log(1_000_000))
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Type": "application/gzip"}


def ask_for_url(api: Api, body: bytes | None = None, **wish: Any) -> dict[str, Any]:
    if body is not None:
        wish |= {"content_length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    answer = api.post("/get-upload-url", wish)
    assert answer.status == 200, answer.body
    issued: dict[str, Any] = answer.json
    return issued


def claim(api: Api, s3_key: str, **members: Any) -> Answer:
    return api.post("/send-call-log", {"s3_key": s3_key, **members})


def read_document(api: Api, payload_id: str) -> tuple[dict[str, Any], bytes]:
    answer = api.get(f"/call-logs/{payload_id}")
    assert answer.status == 200, answer.body
    known = answer.json
    if "document" in known:
        return known, answer.body[answer.body.index(b'"document":') + len('"document":') : -1]
    fetched = api.http.request("GET", known["document_url"])
    assert fetched.status == 200
    assert fetched.headers["Cache-Control"] == "private, no-store"
    return known, gzip.decompress(fetched.data)


# Keys


def test_without_a_key_nothing_is_answered(anybody: Api) -> None:
    assert anybody.get("/call-logs/x").status == 401
    assert anybody.post("/send-call-log", CALL_LOG, JSON).status == 401


@pytest.mark.parametrize("key", ["nonsense", "wl_0123456789ab_" + "A" * 43, "wl_" + "a" * 6000])
def test_a_wrong_key_is_refused(anybody: Api, outputs: Outputs, key: str) -> None:
    header = outputs["ingest"]["api_key_header"]

    assert anybody.request("GET", "/call-logs/x", headers={header: key}).status == 403


# Inline


def test_a_small_call_log_reads_back_byte_for_byte(acme: Api) -> None:
    body = b'{ "call_id":"c-7", "n": 1.50,\n "text": "\xc3\xa9\\u00e9" }'

    sent = acme.post("/send-call-log", body, JSON)
    known, document = read_document(acme, sent.json["payload_id"])

    assert document == body
    assert known["sha256"] == hashlib.sha256(body).hexdigest()
    assert known["summary"] == {"call_id": "c-7", "n": 1.5, "text": "éé"}
    assert known["source"] == "inline"


def test_numbers_beyond_dynamodbs_read_back_as_they_are_spelled(acme: Api) -> None:
    body = b'{"node":340282366920938463463374607431768211455,"one":1.0,"tiny":1e-300}'

    payload_id = acme.post("/send-call-log", body, JSON).json["payload_id"]
    answer = acme.get(f"/call-logs/{payload_id}").body
    deleted = acme.request("DELETE", f"/call-logs/{payload_id}").status

    assert b'"summary":' + body in answer
    assert answer.endswith(b'"document":' + body + b"}")
    assert deleted == 204


def test_a_call_log_too_large_for_its_item_reads_back_byte_for_byte(acme: Api) -> None:
    sent = acme.post("/send-call-log", gzip.compress(CALL_LOG, 1), GZIP)
    known, document = read_document(acme, sent.json["payload_id"])

    assert document == CALL_LOG
    assert known["records"] == len(orjson.loads(CALL_LOG)["transcript_with_metrics"])


def test_a_refused_call_log_leaves_nothing(acme: Api, cloud: Cloud, outputs: Outputs) -> None:
    def holdings() -> tuple[int, int]:
        items = cloud.client("dynamodb").scan(TableName=outputs["ingest"]["table"])["Count"]
        listed = cloud.client("s3").list_objects_v2(Bucket=outputs["ingest"]["bucket"])
        return items, listed["KeyCount"]

    before = holdings()
    answers = [
        acme.post("/send-call-log", CALL_LOG[:-1], {**JSON, "Idempotency-Key": "refused-1"}),
        acme.post("/send-call-log", gzip.compress(CALL_LOG)[:-9], GZIP),
    ]

    assert [answer.status for answer in answers] == [400, 400]
    assert holdings() == before
    uploads = cloud.client("s3").list_multipart_uploads(Bucket=outputs["ingest"]["bucket"])
    assert "Uploads" not in uploads


def test_a_body_over_6_mib_is_refused(acme: Api) -> None:
    answer = acme.post("/send-call-log", b'{"x":"' + b"a" * 6_291_456 + b'"}', JSON)

    assert (answer.status, answer.json["code"]) == (413, "body_too_large")


# Through S3


@pytest.mark.parametrize("compress", [True, False])
def test_a_15_mb_call_log_goes_through_s3(acme: Api, compress: bool) -> None:
    document = orjson.dumps(make_call_log(15_500_000, call_id="c-15"))
    body = gzip.compress(document, 1) if compress else document

    issued = ask_for_url(acme, body, content_type="application/gzip")
    put = acme.put(issued["upload_url"], body, issued["headers"])
    claimed = claim(acme, issued["s3_key"], upload_duration_ms=12)
    known, read = read_document(acme, issued["payload_id"])

    assert (put.status, claimed.status) == (200, 200)
    assert claimed.json["sha256"] == hashlib.sha256(document).hexdigest()
    assert read == document
    assert (known["state"], known["call_id"], known["source"]) == ("stored", "c-15", "s3")
    assert (known["uploaded_size"], known["upload_duration_ms"]) == (len(body), 12)


def test_the_way_of_older_clients(acme: Api) -> None:
    issued = ask_for_url(acme, call_id="x", content_type="application/json")
    put = acme.put(issued["upload_url"], CALL_LOG, JSON)
    answer = acme.post(
        "/send-call-log",
        {
            "s3_reference": True,
            "s3_bucket": issued["s3_bucket"],
            "s3_key": issued["s3_key"],
            "call_id": "x",
        },
    )

    assert put.status == 200
    assert (answer.status, answer.json["state"]) == (200, "stored")
    assert read_document(acme, issued["payload_id"])[1] == CALL_LOG


def test_a_claim_is_repeatable(acme: Api) -> None:
    issued = ask_for_url(acme, CALL_LOG)
    acme.put(issued["upload_url"], CALL_LOG, issued["headers"])

    first, second = (claim(acme, issued["s3_key"]) for _ in range(2))

    assert first.status == 200
    assert second.json == first.json


def test_a_claim_before_the_put_is_told_so(acme: Api) -> None:
    issued = ask_for_url(acme, CALL_LOG)

    early = claim(acme, issued["s3_key"])
    acme.put(issued["upload_url"], CALL_LOG, issued["headers"])

    assert (early.status, early.json["code"]) == (409, "not_uploaded")
    assert early.headers["Retry-After"] == "1"
    assert claim(acme, issued["s3_key"]).status == 200


def test_another_tenant_can_neither_claim_nor_read(acme: Api, globex: Api) -> None:
    issued = ask_for_url(acme, CALL_LOG)
    acme.put(issued["upload_url"], CALL_LOG, issued["headers"])

    for stage in ("before", "after"):
        answer = claim(globex, issued["s3_key"])
        assert (answer.status, answer.json["code"]) == (404, "unknown_key"), stage
        read = globex.get(f"/call-logs/{issued['payload_id']}")
        assert (read.status, read.json["code"]) == (404, "unknown_payload"), stage
        assert claim(acme, issued["s3_key"]).status == 200


def test_a_bad_object_fails_with_its_reason(acme: Api) -> None:
    body = gzip.compress(CALL_LOG)[:-20]
    issued = ask_for_url(acme, body)
    acme.put(issued["upload_url"], body, issued["headers"])

    answer = claim(acme, issued["s3_key"])
    known = acme.get(f"/call-logs/{issued['payload_id']}").json

    assert (answer.status, answer.json["code"]) == (400, "invalid_gzip")
    assert known["state"] == "failed"
    assert known["error"] == {"code": "invalid_gzip", "detail": answer.json["detail"]}


def test_over_25_mb_compressed_goes_the_queued_way(acme: Api) -> None:
    noise = hashlib.shake_256(b"incompressible").digest(26_000_000).hex()
    document = orjson.dumps({**make_call_log(500_000), "recording": noise})
    body = gzip.compress(document, 1)

    issued = ask_for_url(acme, body)
    acme.put(issued["upload_url"], body, issued["headers"])
    answer = claim(acme, issued["s3_key"])
    deadline = time.monotonic() + 60
    while (state := acme.get(answer.json["status_url"]).json["state"]) != "stored":
        assert state in {"uploaded", "processing"}
        assert time.monotonic() < deadline
        time.sleep(0.5)

    assert len(body) > 25_000_000
    assert answer.status == 202
    assert answer.json["state"] == "queued"
    assert read_document(acme, issued["payload_id"])[1] == document
    assert claim(acme, issued["s3_key"]).status == 200


# What S3 refuses


def test_s3_stores_nothing_but_the_announced_bytes_and_only_once(acme: Api) -> None:
    issued = ask_for_url(acme, CALL_LOG)
    url, headers = issued["upload_url"], issued["headers"]
    other = CALL_LOG[:-2] + b" }"
    unsigned = {name: value for name, value in headers.items() if name != "If-None-Match"}

    wrong_body = acme.put(url, other, headers)
    wrong_length = acme.put(
        url, CALL_LOG[:-1], {**headers, "Content-Length": str(len(CALL_LOG) - 1)}
    )
    without_header = acme.put(url, CALL_LOG, unsigned)
    other_key = acme.put(url.replace("/transit/acme/", "/transit/globex/"), CALL_LOG, headers)
    right = acme.put(url, CALL_LOG, headers)
    again = acme.put(url, CALL_LOG, headers)

    assert wrong_body.status == 400
    assert wrong_length.status == 403
    assert without_header.status == 403
    assert other_key.status == 403
    assert right.status == 200
    assert again.status == 412
    assert claim(acme, issued["s3_key"]).status == 200


def test_an_expired_url_stores_nothing(acme: Api, cloud: Cloud, functions: dict[str, str]) -> None:
    lambda_client = cloud.client("lambda")
    name = functions["ingest_api"]
    kept = lambda_client.get_function_configuration(FunctionName=name)["Environment"]
    short = {"Variables": {**kept["Variables"], "WIDELOAD_UPLOAD_URL_TTL": "1"}}
    lambda_client.update_function_configuration(FunctionName=name, Environment=short)
    try:
        issued = ask_for_url(acme, CALL_LOG)
        time.sleep(2.5)
        late = acme.put(issued["upload_url"], CALL_LOG, issued["headers"])
    finally:
        lambda_client.update_function_configuration(FunctionName=name, Environment=kept)

    assert issued["expires_in"] == 1
    assert late.status == 403
    assert claim(acme, issued["s3_key"]).json["code"] == "not_uploaded"


def test_strangers_are_refused(acme: Api) -> None:
    issued = ask_for_url(acme, CALL_LOG)
    acme.put(issued["upload_url"], CALL_LOG, issued["headers"])
    unsigned = issued["upload_url"].partition("?")[0]

    assert acme.http.request("GET", unsigned).status == 403
    assert acme.http.request("PUT", unsigned, body=b"{}").status == 403


# Idempotency


def test_the_same_idempotency_key_is_one_payload(acme: Api) -> None:
    headers = {**GZIP, "Idempotency-Key": "once-1"}
    body = gzip.compress(CALL_LOG)

    first, second = (acme.post("/send-call-log", body, headers) for _ in range(2))
    other = acme.post("/send-call-log", gzip.compress(b"{}"), headers)

    assert first.status == 200
    assert second.json == first.json
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
