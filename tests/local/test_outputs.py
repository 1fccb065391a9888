"""`outputs.json`: its fixed shape, and the keys in it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.errors import CloudError
from local.outputs import IngestOutputs, invoke_url, read_outputs, write_outputs
from wideload_cdk.keys import hash_key, revoke_key

INGEST = {
    "ApiUrl": "https://abc123.execute-api.us-east-1.amazonaws.com",
    "ApiKeyHeader": "x-api-key",
    "BucketName": "a-bucket",
    "PayloadsTableName": "payloads",
    "KeysTableName": "keys",
    "QueueUrl": "https://localhost/queue",
    "DeadLetterQueueUrl": "https://localhost/dead-letters",
}
STACKS = {"wideload-local-ingest": INGEST}


@pytest.fixture(autouse=True)
def tables(cloud: Cloud) -> None:
    """Both tables, empty, and no outputs yet."""
    cloud.outputs_path.unlink(missing_ok=True)
    dynamodb = cloud.client("dynamodb")
    there = dynamodb.list_tables()["TableNames"]
    for name, key in (("payloads", "payload_id"), ("keys", "key_id")):
        if name in there:
            dynamodb.delete_table(TableName=name)
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        )


def test_the_shape_is_as_the_design_fixes_it(cloud: Cloud) -> None:
    outputs = write_outputs(cloud, STACKS)

    ingest = outputs["ingest"]
    assert json.loads(cloud.outputs_path.read_text()) == outputs
    assert outputs == {
        "endpoint_url": cloud.endpoint_url,
        "ca_bundle": str(cloud.ca_bundle),
        "region": "us-east-1",
        "ingest": {
            "api_url": f"{cloud.endpoint_url}/_aws/execute-api/abc123/$default",
            "api_key_header": "x-api-key",
            "api_key": ingest["api_key"],
            "other_api_key": ingest["other_api_key"],
            "bucket": "a-bucket",
            "table": "payloads",
        },
    }
    assert Path(outputs["ca_bundle"]).is_absolute()


def test_the_keys_belong_to_two_tenants(cloud: Cloud) -> None:
    ingest = _write(cloud)

    assert _tenant(cloud, ingest["api_key"]) == "acme"
    assert _tenant(cloud, ingest["other_api_key"]) == "globex"


def test_only_the_owner_reads_the_file(cloud: Cloud) -> None:
    _write(cloud)

    assert cloud.outputs_path.stat().st_mode & 0o077 == 0


def test_the_next_deployment_keeps_the_keys(cloud: Cloud) -> None:
    first = _write(cloud)

    assert _write(cloud) == first
    assert cloud.table("keys").scan()["Count"] == 2


def test_a_revoked_key_is_replaced_and_the_other_kept(cloud: Cloud) -> None:
    first = _write(cloud)
    revoke_key(cloud.table("keys"), first["api_key"].split("_")[1])

    second = _write(cloud)

    assert second["api_key"] != first["api_key"]
    assert _tenant(cloud, second["api_key"]) == "acme"
    assert second["other_api_key"] == first["other_api_key"]


@pytest.mark.parametrize(
    "spoil", [lambda key: key + "x", lambda key: "not a key", lambda key: f"wl_unknown_{key}"]
)
def test_a_key_that_the_table_does_not_know_is_replaced(cloud: Cloud, spoil: object) -> None:
    assert callable(spoil)
    first = write_outputs(cloud, STACKS)
    first["ingest"]["api_key"] = spoil(first["ingest"]["api_key"])
    cloud.outputs_path.write_text(json.dumps(first))

    assert _tenant(cloud, _write(cloud)["api_key"]) == "acme"


def test_keys_that_changed_places_are_replaced(cloud: Cloud) -> None:
    first = write_outputs(cloud, STACKS)
    ingest = first["ingest"]
    ingest["api_key"], ingest["other_api_key"] = ingest["other_api_key"], ingest["api_key"]
    cloud.outputs_path.write_text(json.dumps(first))

    assert _tenant(cloud, _write(cloud)["api_key"]) == "acme"


def test_the_payloads_expire_as_the_template_says(cloud: Cloud) -> None:
    _write(cloud)
    _write(cloud)

    ttl = cloud.client("dynamodb").describe_time_to_live(TableName="payloads")
    assert ttl["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires_at",
    }


def test_without_an_ingest_stack_there_is_no_ingest_part(cloud: Cloud) -> None:
    assert "ingest" not in write_outputs(cloud, {"something-else": {"ApiUrl": "x"}})


def test_a_missing_output_is_named(cloud: Cloud) -> None:
    stack = {name: value for name, value in INGEST.items() if name != "BucketName"}

    with pytest.raises(CloudError, match="the ingest stack has no output 'BucketName'"):
        write_outputs(cloud, {"wideload-local-ingest": stack})


def test_unreadable_outputs_count_as_none(cloud: Cloud) -> None:
    assert read_outputs(cloud) is None
    cloud.outputs_path.write_text('{"end')
    assert read_outputs(cloud) is None


@pytest.mark.parametrize(
    ("api_url", "path"),
    [
        ("https://a1.execute-api.us-east-1.amazonaws.com", "a1/$default"),
        ("https://a1.execute-api.us-east-1.amazonaws.com/", "a1/$default"),
        ("https://a1.execute-api.localhost:4566", "a1/$default"),
        ("https://a1.execute-api.us-east-1.amazonaws.com/live", "a1/live"),
    ],
)
def test_an_api_is_called_by_path(cloud: Cloud, api_url: str, path: str) -> None:
    assert invoke_url(cloud, api_url) == f"{cloud.endpoint_url}/_aws/execute-api/{path}"


def test_an_address_that_is_no_api_is_refused(cloud: Cloud) -> None:
    with pytest.raises(CloudError, match=r"can't tell the API's id .* https://api\.example"):
        invoke_url(cloud, "https://api.example")


def _write(cloud: Cloud) -> IngestOutputs:
    return write_outputs(cloud, STACKS)["ingest"]


def _tenant(cloud: Cloud, api_key: str) -> str:
    """The tenant of a key, after checking that the table holds its hash."""
    items: list[Mapping[str, str]] = cloud.table("keys").scan()["Items"]
    (item,) = [item for item in items if item["secret_hash"] == hash_key(api_key)]
    return item["tenant"]
