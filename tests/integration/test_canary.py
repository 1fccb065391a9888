"""A deployment with a canary: it finds all well, or says what isn't, and leaves nothing behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3
from boto3.dynamodb.conditions import Attr
from ulid import ULID

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.files.conftest import reconfigured
from tests.integration.test_ingest import JSON
from wideload_cdk import keys
from wideload_runtime.adapters.key_table import KeyTable
from wideload_runtime.core.api_keys import ApiKey, new_key, secret_hash


@dataclass(frozen=True)
class Deployment:
    """The canary's own, beside the others of the cloud."""

    cloud: Cloud
    outputs: Outputs
    stack: str = "wideload-canary-ingest"

    def function(self, handler: str) -> str:
        """Name of the function with this handler."""
        listed = self.cloud.client("lambda").list_functions()["Functions"]
        [name] = [
            each["FunctionName"]
            for each in listed
            if each["FunctionName"].startswith(self.stack)
            and each["Handler"].split(".")[-2] == handler
        ]
        return str(name)

    @property
    def payloads(self) -> Any:
        return self.cloud.table(self.outputs["ingest"]["table"])

    @property
    def keys(self) -> Any:
        described = self.cloud.client("cloudformation").describe_stacks(StackName=self.stack)
        [stack] = described["Stacks"]
        [name] = [
            each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "KeysTableName"
        ]
        return self.cloud.table(name)

    def run(self) -> str:
        """One run; what it complained of."""
        answer = self.cloud.client("lambda").invoke(FunctionName=self.function("ingest_canary"))
        result = json.loads(answer["Payload"].read() or b"null") or {}
        return str(result.get("errorMessage", ""))

    def left(self) -> list[str]:
        """All that there is of the canary's in tables and bucket."""
        payloads = self.payloads.scan(FilterExpression=Attr("tenant").eq("canary"))["Items"]
        listed = self.cloud.client("s3").list_objects_v2(Bucket=self.outputs["ingest"]["bucket"])
        return [
            *(item["payload_id"] for item in payloads),
            *(key.key_id for key in keys.list_keys(self.keys, "canary")),
            *(item["Key"] for item in listed.get("Contents", []) if "/canary/" in item["Key"]),
        ]


@pytest.fixture(scope="module")
def canary(cloud: Cloud, second_outputs: Outputs) -> Deployment:
    return Deployment(cloud, second_outputs)


def test_a_run_succeeds_and_leaves_nothing(canary: Deployment) -> None:
    assert canary.run() == ""

    assert canary.left() == []
    lines = canary.cloud.log_lines(canary.function("ingest_canary"))
    assert any("both payloads came back" in line for line in lines)


def test_what_a_dead_run_left_is_removed_and_its_key_is_listed(
    canary: Deployment, http: urllib3.PoolManager
) -> None:
    # Another canary's, which shares the table of keys.
    key_id = "canary000000"
    key, ingest = new_key(key_id), canary.outputs["ingest"]
    KeyTable(canary.keys).put(
        ApiKey(key_id, "canary", secret_hash(key), revoked=False),
        created_at="2026-11-22T09:00:00.000Z",
        label="another's",
    )
    api = Api(http, ingest["api_url"], {ingest["api_key_header"]: key})
    sent = api.post("/send-call-log", b'{"call_id": "canary"}', JSON).json
    item = canary.payloads.get_item(Key={"payload_id": sent["payload_id"]})["Item"]
    old = str(ULID.from_timestamp(ULID.from_str(sent["payload_id"]).timestamp - 3600))
    canary.payloads.put_item(Item=item | {"payload_id": old})

    assert canary.run() == ""

    # What is young may be another run's, and the key isn't the canary's own.
    assert set(canary.left()) == {sent["payload_id"], key_id}
    assert api.request("DELETE", f"/call-logs/{sent['payload_id']}").status == 204
    canary.keys.delete_item(Key={"key_id": key_id})


@pytest.mark.parametrize(
    ("handler", "broken"),
    [
        ("key_authorizer", {"WIDELOAD_KEYS_TABLE": "elsewhere"}),
        ("ingest_api", {"WIDELOAD_PAYLOADS_TABLE": "elsewhere"}),
    ],
)
def test_an_api_that_fails(canary: Deployment, handler: str, broken: dict[str, str]) -> None:
    with reconfigured(canary.cloud, canary.function(handler), **broken):
        complaint = canary.run()

    assert re.match(
        "The canary could not list what an earlier run left: status (403|5..)", complaint
    )
    assert canary.left() == []


def test_a_bucket_that_refuses_uploads(canary: Deployment) -> None:
    with forbidden(canary, "s3:PutObject"):
        complaint = canary.run()

    assert re.match("The canary could not upload the large payload: status 403", complaint)
    # The small one went well before.
    assert canary.left() == []


@contextmanager
def forbidden(canary: Deployment, action: str) -> Iterator[None]:
    """Deny an action to the API's function for a while."""
    api = canary.function("ingest_api")
    lambdas, iam = canary.cloud.client("lambda"), canary.cloud.client("iam")
    role = lambdas.get_function_configuration(FunctionName=api)["Role"].rpartition("/")[2]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}],
    }
    name = {"RoleName": role, "PolicyName": "forbidden"}
    iam.put_role_policy(**name, PolicyDocument=json.dumps(policy))
    try:
        yield
    finally:
        iam.delete_role_policy(**name)


@pytest.mark.parametrize(("tenant", "status"), [("canary", 200), ("acme", 403)])
def test_the_canarys_key_makes_nobody_another_tenant(
    canary: Deployment, http: urllib3.PoolManager, tenant: str, status: int
) -> None:
    """Should its code be taken over: it may write the record of this one key."""
    found = canary.cloud.client("lambda").get_function_configuration(
        FunctionName=canary.function("ingest_canary")
    )
    key_id = found["Environment"]["Variables"]["WIDELOAD_CANARY_KEY_ID"]
    key, ingest = new_key(key_id), canary.outputs["ingest"]
    table = KeyTable(canary.keys)

    table.put(
        ApiKey(key_id, tenant, secret_hash(key), revoked=False),
        created_at="2026-11-22T09:00:00.000Z",
        label="forged",
    )
    answer = Api(http, ingest["api_url"], {ingest["api_key_header"]: key}).get("/call-logs")
    listed = {each.key_id: each.label for each in keys.list_keys(canary.keys)}
    table.delete(key_id)

    assert answer.status == status
    assert listed[key_id] == "forged"
    assert key_id not in {each.key_id for each in keys.list_keys(canary.keys)}
