"""Output and errors of `wideload-keys`."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from click.testing import Result

from tests.constructs.operate.running import runner
from tests.constructs.operate.test_keys import FakeTable
from wideload_cdk.keys import __main__ as keys_program


class FakeCloudFormation:
    """Knows the stacks of one region."""

    class meta:  # noqa: N801 - as boto3 has it
        region_name = "eu-central-1"

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        outputs = {"ingest": [{"OutputKey": "KeysTableName", "OutputValue": "keys"}], "other": []}
        if StackName == "secret":
            error = {"Code": "AccessDenied", "Message": "not\nauthorized"}
            raise ClientError({"Error": error}, "DescribeStacks")
        if StackName not in outputs:
            error = {"Code": "ValidationError", "Message": "Stack with id x does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        return {"Stacks": [{"Outputs": outputs[StackName]}]}


class FakeSession:
    """A boto3 session with one table, `keys`."""

    table = FakeTable()

    def __init__(self, *, region_name: str | None) -> None:
        self.region_name = region_name

    def client(self, service: str, *, endpoint_url: str | None, config: object) -> Any:
        assert service == "cloudformation"
        return FakeCloudFormation()

    def resource(self, service: str, *, endpoint_url: str | None, config: object) -> Any:
        if endpoint_url == "https://nowhere":
            raise EndpointConnectionError(endpoint_url=endpoint_url)
        assert service == "dynamodb"
        return self

    def Table(self, name: str) -> FakeTable:  # noqa: N802
        assert name == "keys"
        return self.table


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> FakeTable:
    monkeypatch.setattr(boto3, "Session", FakeSession)
    monkeypatch.setattr(FakeSession, "table", FakeTable())
    return FakeSession.table


def run(*arguments: str) -> Result:
    return runner().invoke(keys_program.cli, arguments)


def create(tenant: str = "acme") -> str:
    return run("create", "--stack", "ingest", "--tenant", tenant).stdout.strip()


def test_create_prints_the_key_alone_on_stdout(table: FakeTable) -> None:
    done = run("create", "--stack", "ingest", "--tenant", "acme", "--label", "recorder")

    assert done.exit_code == 0
    [item] = table.items.values()
    assert done.stdout.startswith(f"wl_{item['key_id']}_")
    assert len(done.stdout.split()) == 1
    assert "shown this once" in done.stderr
    assert done.stdout.strip() not in done.stderr
    assert (item["tenant"], item["label"]) == ("acme", "recorder")


def test_create_as_json(table: FakeTable) -> None:
    done = run("create", "--table", "keys", "--tenant", "acme", "--json")

    made = json.loads(done.stdout)
    assert set(made) == {
        "key_id", "tenant", "created_at", "label", "ends_at", "revoked_at", "api_key"
    }  # fmt: skip
    assert made["key_id"] in table.items


def test_list_shows_keys_without_secrets(table: FakeTable) -> None:
    api_key = create()

    done = run("list", "--stack", "ingest")

    header, row = done.stdout.splitlines()
    assert header.split() == ["KEY", "ID", "TENANT", "CREATED", "ENDS", "REVOKED", "LABEL"]
    [item] = table.items.values()
    assert row.split() == [item["key_id"], "acme", item["created_at"], "-", "-", "-"]
    assert api_key not in done.output
    assert item["secret_hash"] not in done.output


def test_list_as_json_is_one_object_per_key(table: FakeTable) -> None:
    create("acme"), create("rival")

    done = run("list", "--stack", "ingest", "--json")

    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert {key["tenant"] for key in found} == {"acme", "rival"}
    assert all("secret_hash" not in key and "api_key" not in key for key in found)


def test_list_of_a_tenant_without_keys(table: FakeTable) -> None:
    create("acme")

    done = run("list", "--stack", "ingest", "--tenant", "rival")

    assert done.exit_code == 0
    assert done.stdout == ""
    assert "no keys of tenant rival" in done.stderr


def test_revoke_says_that_it_takes_minutes(table: FakeTable) -> None:
    create()
    [key_id] = table.items

    done = run("revoke", "--stack", "ingest", key_id)

    assert done.exit_code == 0
    assert "revoked_at" in table.items[key_id]
    assert "5 minutes" in done.stderr


def test_revoke_as_json(table: FakeTable) -> None:
    create()
    [key_id] = table.items

    done = run("revoke", "--stack", "ingest", key_id, "--json")

    assert json.loads(done.stdout)["revoked_at"] == table.items[key_id]["revoked_at"]


def test_revoking_twice_fails(table: FakeTable) -> None:
    create()
    [key_id] = table.items
    run("revoke", "--stack", "ingest", key_id)

    done = run("revoke", "--stack", "ingest", key_id)

    assert done.exit_code == 1
    assert "already" in done.stderr


def test_rotate_prints_the_new_key_alone_on_stdout(table: FakeTable) -> None:
    old = create()
    [key_id] = table.items

    done = run("rotate", "--stack", "ingest", key_id, "--until", "2999-12-24")

    assert done.exit_code == 0
    [new_id] = table.items.keys() - {key_id}
    assert done.stdout.startswith(f"wl_{new_id}_")
    assert len(done.stdout.split()) == 1
    assert f"Key {key_id} ends at 2999-12-24T00:00:00+00:00." in done.stderr
    assert "5 minutes" in done.stderr
    assert old not in done.output
    assert "2999-12-24" in run("list", "--stack", "ingest").stdout


def test_rotate_as_json_is_the_new_key(table: FakeTable) -> None:
    create()
    [key_id] = table.items

    made = json.loads(run("rotate", "--stack", "ingest", key_id, "--json").stdout)

    assert made["key_id"] != key_id
    assert made["api_key"].startswith(f"wl_{made['key_id']}_")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["create", "--stack", "ingest", "--tenant", "Acme"], 1, "tenant is 'Acme'; give 1 to 63"),
        (["create", "--stack", "ingest"], 2, "Missing option '--tenant'"),
        (["list"], 2, "Give either --stack or --table."),
        (["list", "--stack", "ingest", "--table", "keys"], 2, "Give either --stack or --table."),
        (["list", "--stack", "typo"], 1, "There is no stack typo in eu-central-1."),
        (
            ["list", "--stack", "other"],
            1,
            "has no output KeysTableName; give --table NAME instead.",
        ),
        (["list", "--stack", "secret"], 1, "not authorized"),
        (["list", "--table", "keys", "--endpoint-url", "https://nowhere"], 1, "https://nowhere"),
        (["revoke", "--stack", "ingest", "abcdefghijkl"], 1, "There is no key abcdefghijkl."),
        (["revoke", "--stack", "ingest", "short"], 1, "This is no key id"),
        (["rotate", "--stack", "ingest", "abcdefghijkl"], 1, "There is no key abcdefghijkl."),
        (
            ["rotate", "--stack", "ingest", "abcdefghijkl", "--until", "2026-01-02"],
            1,
            "ends_at is 2026-01-02T00:00:00+00:00; give a time to come",
        ),
        (["rotate", "--table", "keys", "abcdefghijkl", "--until", "soon"], 2, "'soon' does not"),
    ],
)
def test_errors(table: FakeTable, arguments: list[str], status: int, message: str) -> None:
    done = run(*arguments)

    assert done.exit_code == status
    assert message in done.stderr
    assert done.stdout == ""
    if status == 1:
        assert len(done.stderr.strip().splitlines()) == 1


def test_region_comes_from_either_variable(
    table: FakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions = []

    class Session(FakeSession):
        def __init__(self, *, region_name: str | None) -> None:
            regions.append(region_name)

    monkeypatch.setattr(boto3, "Session", Session)
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv("AWS_REGION", raising=False)
        monkeypatch.setenv(variable, f"from-{variable}")
        run("list", "--table", "keys")

    assert regions == ["from-AWS_REGION", "from-AWS_DEFAULT_REGION"]
