"""An archive appears whole or not at all, though S3 holds parts of it when its document fails; and
it goes when its record has expired."""

from __future__ import annotations

import base64
import json
import random

import pytest

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.test_hostile import upload, wait_until_done
from tests.integration.test_ingest import CALL_LOG, JSON, claim

MIB = 1024 * 1024
TEXT = base64.b64encode(random.Random(1).randbytes(9 * MIB))
"""Compresses to some 9 MiB, where a part of an archive has 8."""


@pytest.mark.parametrize("claimed", [True, False], ids=["claimed", "unclaimed"])
def test_of_a_document_that_fails_at_its_end_nothing_is_left(
    acme: Api, cloud: Cloud, outputs: Outputs, claimed: bool
) -> None:
    issued = upload(acme, b'{"text":"%s",}' % TEXT)
    if claimed:
        claim(acme, issued["s3_key"])

    known = wait_until_done(acme, issued["payload_id"])

    assert (known["state"], known["error"]["code"]) == ("failed", "invalid_json")
    s3, archives = cloud.client("s3"), {"Bucket": outputs["ingest"]["bucket"], "Prefix": "archive/"}
    begun = s3.list_multipart_uploads(**archives).get("Uploads", [])
    kept = s3.list_objects_v2(**archives).get("Contents", [])
    assert not [one["Key"] for one in (*begun, *kept) if issued["payload_id"] in one["Key"]]


def test_a_document_goes_when_its_record_has_expired(
    acme: Api, cloud: Cloud, outputs: Outputs, functions: dict[str, str]
) -> None:
    stored, other = (
        acme.post("/send-call-log", CALL_LOG, JSON).json["payload_id"] for _ in range(2)
    )
    key = {"payload_id": {"S": stored}}
    deleted = cloud.client("dynamodb").delete_item(
        TableName=outputs["ingest"]["table"], Key=key, ReturnValues="ALL_OLD"
    )
    image = {name: deleted["Attributes"][name] for name in ("payload_id", "tenant", "archive_key")}
    image |= {name: deleted["Attributes"][name] for name in ("state", "source", "created_at")}
    # As DynamoDB's stream has it; the embedded cloud's stream tells nothing of expiry.
    record = {
        "eventName": "REMOVE",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        "dynamodb": {"Keys": key, "OldImage": image},
    }

    answer = cloud.client("lambda").invoke(
        FunctionName=functions["ingest_events"], Payload=json.dumps({"Records": [record]})
    )

    assert "FunctionError" not in answer, answer["Payload"].read()
    listed = cloud.client("s3").list_objects_v2(
        Bucket=outputs["ingest"]["bucket"], Prefix="archive/acme/"
    )
    kept = {one["Key"] for one in listed["Contents"]}
    assert f"archive/acme/{stored}.json.gz" not in kept
    assert f"archive/acme/{other}.json.gz" in kept
