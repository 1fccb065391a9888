"""`outputs.json`: its fixed shape, and the keys and passwords in it."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.errors import CloudError
from local.outputs import (
    FilesOutputs,
    IngestOutputs,
    StackOutputs,
    invoke_url,
    read_outputs,
    write_outputs,
)
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
FILES = {
    "ApiUrl": "https://def456.execute-api.us-east-1.amazonaws.com",
    "BucketName": "another-bucket",
    "TableName": "files",
    "Issuer": "https://cognito-idp.us-east-1.amazonaws.com/pool",
    "SignInUrl": "https://localhost:4566",
}


@pytest.fixture(autouse=True)
def tables(cloud: Cloud) -> None:
    """All tables, empty, and no outputs yet."""
    cloud.outputs_path.unlink(missing_ok=True)
    dynamodb = cloud.client("dynamodb")
    there = dynamodb.list_tables()["TableNames"]
    for name, key in (("payloads", "payload_id"), ("keys", "key_id"), ("files", "owner")):
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


@pytest.fixture
def files_stack(cloud: Cloud) -> StackOutputs:
    """The outputs of a files stack, with a user pool of its own that is really there."""
    cognito = cloud.client("cognito-idp")
    pool = cognito.create_user_pool(
        PoolName="people",
        UsernameAttributes=["email"],
        Policies={
            "PasswordPolicy": {
                "MinimumLength": 12,
                "RequireLowercase": True,
                "RequireUppercase": True,
                "RequireNumbers": True,
                "RequireSymbols": True,
            }
        },
    )["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="all", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    return {"wideload-local-files": {**FILES, "UserPoolId": pool, "ClientId": client}}


def test_the_shape_of_the_files_part_is_as_the_design_fixes_it(
    cloud: Cloud, files_stack: StackOutputs
) -> None:
    outputs = write_outputs(cloud, {**STACKS, **files_stack})

    stack = files_stack["wideload-local-files"]
    ann, ben = outputs["files"]["users"]
    assert json.loads(cloud.outputs_path.read_text()) == outputs
    assert set(outputs) == {"endpoint_url", "ca_bundle", "region", "ingest", "files"}
    assert outputs["files"] == {
        "api_url": f"{cloud.endpoint_url}/_aws/execute-api/def456/$default",
        "user_pool_id": stack["UserPoolId"],
        "client_id": stack["ClientId"],
        "users": [
            {"username": "ann@example.com", "password": ann["password"]},
            {"username": "ben@example.com", "password": ben["password"]},
        ],
        "bucket": "another-bucket",
        "table": "files",
    }


def test_two_people_can_sign_in_and_are_not_the_same(
    cloud: Cloud, files_stack: StackOutputs
) -> None:
    files = _write_files(cloud, files_stack)

    subjects = {_subject(cloud, files, number) for number in (0, 1)}
    assert len(subjects) == 2
    assert files["users"][0]["password"] != files["users"][1]["password"]


def test_the_next_deployment_keeps_the_people(cloud: Cloud, files_stack: StackOutputs) -> None:
    first = _write_files(cloud, files_stack)
    subject = _subject(cloud, first, 0)

    second = _write_files(cloud, files_stack)

    assert second == first
    assert _subject(cloud, second, 0) == subject


def test_a_password_that_no_longer_works_is_replaced_and_the_other_kept(
    cloud: Cloud, files_stack: StackOutputs
) -> None:
    first = _write_files(cloud, files_stack)
    ann = {"UserPoolId": first["user_pool_id"], "Username": "ann@example.com"}
    subject = _subject(cloud, first, 0)
    cognito = cloud.client("cognito-idp")
    cognito.admin_set_user_password(**ann, Password="Some.0ther.password", Permanent=True)
    cognito.admin_disable_user(**ann)

    second = _write_files(cloud, files_stack)

    assert second["users"][0]["password"] != first["users"][0]["password"]
    assert second["users"][1] == first["users"][1]
    # Still the same person, with her files.
    assert _subject(cloud, second, 0) == subject


def test_people_of_a_new_user_pool_are_new(cloud: Cloud, files_stack: StackOutputs) -> None:
    first = _write_files(cloud, files_stack)
    cognito = cloud.client("cognito-idp")
    cognito.admin_delete_user(UserPoolId=first["user_pool_id"], Username="ann@example.com")

    second = _write_files(cloud, files_stack)

    assert second["users"][0]["password"] != first["users"][0]["password"]
    assert _subject(cloud, second, 0)


def test_there_are_no_people_where_another_issuer_has_them(cloud: Cloud) -> None:
    files = _write_files(cloud, {"wideload-local-files": {**FILES, "ClientId": "theirs"}})

    assert (files["user_pool_id"], files["client_id"], files["users"]) == ("", "theirs", [])


def test_the_uploads_expire_as_the_template_says(cloud: Cloud, files_stack: StackOutputs) -> None:
    _write_files(cloud, files_stack)

    ttl = cloud.client("dynamodb").describe_time_to_live(TableName="files")
    assert ttl["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires_at",
    }


@pytest.mark.parametrize("part", ["ingest", "files"])
def test_without_its_stack_there_is_no_part(cloud: Cloud, part: str) -> None:
    assert part not in write_outputs(cloud, {"something-else": {"ApiUrl": "x"}})


@pytest.mark.parametrize(("part", "outputs"), [("ingest", INGEST), ("files", FILES)])
def test_a_missing_output_is_named(cloud: Cloud, part: str, outputs: dict[str, str]) -> None:
    stack = {"ClientId": "c", **outputs}
    del stack["BucketName"]

    with pytest.raises(CloudError, match=f"the {part} stack has no output 'BucketName'"):
        write_outputs(cloud, {f"wideload-local-{part}": stack})


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


def _write_files(cloud: Cloud, stack: StackOutputs) -> FilesOutputs:
    return write_outputs(cloud, stack)["files"]


def _subject(cloud: Cloud, files: FilesOutputs, number: int) -> str:
    """Who signs in as the user with this number: the claim `sub` of the token."""
    user = files["users"][number]
    answer = cloud.client("cognito-idp").initiate_auth(
        ClientId=files["client_id"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": user["username"], "PASSWORD": user["password"]},
    )
    payload = answer["AuthenticationResult"]["AccessToken"].split(".")[1]
    subject: str = json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"]
    return subject


def _tenant(cloud: Cloud, api_key: str) -> str:
    """The tenant of a key, after checking that the table holds its hash."""
    items: list[Mapping[str, str]] = cloud.table("keys").scan()["Items"]
    (item,) = [item for item in items if item["secret_hash"] == hash_key(api_key)]
    return item["tenant"]
