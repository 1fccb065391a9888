"""Listing, records, deletion and events, through the deployed stack."""

from __future__ import annotations

import json
import runpy
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import orjson
import pytest
from jsonschema import Draft202012Validator
from ulid import ULID

from local.call_log import make_call_log
from local.cloud import Cloud
from local.outputs import Outputs
from tests.contract_cases import CONTRACT
from tests.integration.conftest import Answer, Api
from tests.integration.test_ingest import CALL_LOG, JSON, ask_for_url, claim

DEADLINE = 60


def until(look: Callable[[], Any]) -> Any:
    """Wait until `look` finds something, and return it."""
    deadline = time.monotonic() + DEADLINE
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.2)
    return found


def send(api: Api, document: dict[str, Any]) -> str:
    answer = api.post("/send-call-log", orjson.dumps(document), JSON)
    assert answer.status == 200, answer.body
    payload_id: str = answer.json["payload_id"]
    return payload_id


def all_pages(api: Api, path: str) -> list[Answer]:
    answers = [api.get(path)]
    while cursor := answers[-1].json["cursor"]:
        answers.append(api.get(f"{path}&cursor={cursor}"))
    return answers


def test_payloads_of_a_call_are_listed_newest_first(acme: Api, globex: Api) -> None:
    call_id = f"call-{ULID()}"
    sent = [send(acme, {"call_id": call_id, "n": number}) for number in range(5)]
    foreign = send(globex, {"call_id": call_id})

    pages = all_pages(acme, f"/call-logs?call_id={call_id}&limit=2")
    listed = [item["payload_id"] for page in pages for item in page.json["items"]]

    assert [len(page.json["items"]) for page in pages] == [2, 2, 1]
    assert listed == sent[::-1]
    cursor = pages[0].json["cursor"]
    crossed = globex.get(f"/call-logs?call_id={call_id}&cursor={cursor}").json["items"]
    assert {item["payload_id"] for item in crossed} <= {foreign}


def test_payloads_of_a_tenant_are_listed_by_time(acme: Api) -> None:
    before = acme.get(f"/call-logs/{send(acme, {'n': 1})}").json["created_at"]
    time.sleep(0.01)
    wanted = [send(acme, {"n": number}) for number in range(3)]

    pages = all_pages(acme, f"/call-logs?after={before}&limit=2")

    listed = [item["payload_id"] for page in pages for item in page.json["items"]]
    assert listed[: len(wanted)] == wanted[::-1]
    assert set(pages[0].json["items"][0]) >= {"payload_id", "state", "size", "sha256", "records"}


@pytest.mark.parametrize("size", [3_000, 2_000_000])
def test_records_are_read_in_pages(acme: Api, size: int) -> None:
    log = make_call_log(size)
    payload_id = send(acme, log)

    pages = all_pages(acme, f"/call-logs/{payload_id}/records?limit=300")

    found = [record for page in pages for record in page.json["items"]]
    assert found == log["transcript_with_metrics"]
    assert all(len(page.body) < 1_000_000 for page in pages)


def test_records_are_their_tenants_alone(acme: Api, globex: Api) -> None:
    payload_id = send(acme, make_call_log(3_000))

    answer = globex.get(f"/call-logs/{payload_id}/records")

    assert (answer.status, answer.json["code"]) == (404, "unknown_payload")


def test_deleting_leaves_nothing(acme: Api, globex: Api, cloud: Cloud, outputs: Outputs) -> None:
    issued = ask_for_url(acme, CALL_LOG)
    acme.put(issued["upload_url"], CALL_LOG, issued["headers"])
    claim(acme, issued["s3_key"])
    path = f"/call-logs/{issued['payload_id']}"

    foreign = globex.request("DELETE", path)
    first = acme.request("DELETE", path)
    second = acme.request("DELETE", path)

    assert [foreign.status, first.status, second.status] == [404, 204, 404]
    assert first.body == b""
    assert acme.get(path).status == 404
    listed = cloud.client("s3").list_objects_v2(Bucket=outputs["ingest"]["bucket"])
    keys = {item["Key"] for item in listed.get("Contents", [])}
    assert not [key for key in keys if issued["payload_id"] in key]


# Unclaimed uploads


def test_an_upload_that_nobody_claims_is_stored(acme: Api) -> None:
    issued = ask_for_url(acme, call_id="x", content_type="application/json")
    acme.put(issued["upload_url"], CALL_LOG, JSON)
    path = f"/call-logs/{issued['payload_id']}"

    known = until(lambda: (answer := acme.get(path).json)["state"] == "stored" and answer)

    assert known["size"] == len(CALL_LOG)
    assert claim(acme, issued["s3_key"]).status == 200


def test_a_bad_upload_that_nobody_claims_is_failed(acme: Api) -> None:
    issued = ask_for_url(acme)
    acme.put(issued["upload_url"], b"nonsense", JSON)
    path = f"/call-logs/{issued['payload_id']}"

    known = until(lambda: (answer := acme.get(path).json)["state"] == "failed" and answer)

    assert known["error"]["code"] == "invalid_json"


# Events


@pytest.fixture
def heard(cloud: Cloud) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A queue of another team's that hears of finished payloads."""
    sqs, events = cloud.client("sqs"), cloud.client("events")
    name = f"heard-{str(ULID()).lower()}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = {"source": ["wideload.ingest"]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule=name, Targets=[target])
    found: list[dict[str, Any]] = []

    def hear() -> list[dict[str, Any]]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    yield hear
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
    sqs.delete_queue(QueueUrl=url)


def test_finished_payloads_are_told(acme: Api, heard: Callable[[], list[dict[str, Any]]]) -> None:
    stored = send(acme, {"call_id": "told", "token": "wl_secret", "customer": "Ada"})
    issued = ask_for_url(acme)
    acme.put(issued["upload_url"], b"nonsense", JSON)
    claim(acme, issued["s3_key"])

    def told(payload_id: str) -> list[dict[str, Any]]:
        return [event for event in heard() if event["detail"]["payload_id"] == payload_id]

    (success,) = until(lambda: told(stored))
    (failure,) = until(lambda: told(issued["payload_id"]))

    schema = json.loads((CONTRACT / "events/payload-v1.schema.json").read_text())
    for event in (success, failure):
        Draft202012Validator(schema).validate(event["detail"])
        assert event["detail"]["environment"] == "local"
    assert success["detail-type"] == "PayloadStored"
    assert success["detail"]["call_id"] == "told"
    assert "wl_secret" not in json.dumps(success)
    assert "Ada" not in json.dumps(success)
    assert failure["detail-type"] == "PayloadFailed"
    assert failure["detail"]["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("size", [1_000, 200_000])
def test_a_function_of_another_team_reads_what_it_is_told_of(
    acme: Api,
    cloud: Cloud,
    outputs: Outputs,
    size: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Small documents are in the table, others in the bucket."""
    document = make_call_log(size)
    payload_id = send(acme, document)
    monkeypatch.setenv("PAYLOADS_TABLE", outputs["ingest"]["table"])
    monkeypatch.setenv("BUCKET", outputs["ingest"]["bucket"])
    monkeypatch.setattr(boto3, "client", cloud.client)
    subscriber = runpy.run_path(str(CONTRACT.parent / "examples/subscriber/handler.py"))

    subscriber["handler"]({"detail": {"payload_id": payload_id}}, None)

    turns = len(document["transcript_with_metrics"])
    assert capsys.readouterr().out == f"{payload_id} {turns}\n"
