"""Output and errors of `wideload-users`, except for commands on files."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import Result

from tests.constructs.operate.running import runner
from tests.constructs.operate.test_users import POOL, FakeCognito
from wideload_cdk.users import __main__ as users_program

INVITED = (
    "Cognito has sent ann@example.com a temporary password. They sign in with it and their e-mail "
    "address within 7 days.\n"
)


class FakeCloudFormation:
    """Knows the stacks of one region; people of `other` are another issuer's."""

    class meta:  # noqa: N801 - as boto3 has it
        region_name = "eu-central-1"

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        outputs = {"files": [{"OutputKey": "UserPoolId", "OutputValue": POOL}], "other": []}
        if StackName not in outputs:
            error = {"Code": "ValidationError", "Message": "Stack with id x does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")
        return {"Stacks": [{"Outputs": outputs[StackName]}]}


class FakeSession:
    """A boto3 session with one user pool."""

    cognito = FakeCognito()

    def __init__(self, *, region_name: str | None) -> None:
        self.region_name = region_name

    def client(self, service: str, *, endpoint_url: str | None, config: object) -> Any:
        return {"cloudformation": FakeCloudFormation(), "cognito-idp": self.cognito}[service]


@pytest.fixture
def cognito(monkeypatch: pytest.MonkeyPatch) -> FakeCognito:
    monkeypatch.setattr(boto3, "Session", FakeSession)
    monkeypatch.setattr(FakeSession, "cognito", FakeCognito())
    return FakeSession.cognito


def run(*arguments: str) -> Result:
    return runner().invoke(users_program.cli, arguments)


def test_create_mails_and_prints_nothing_on_stdout(cognito: FakeCognito) -> None:
    done = run("create", "--stack", "files", "ann@example.com")

    assert (done.exit_code, done.stdout) == (0, "")
    assert cognito.mailed == ["ann@example.com"]
    assert done.stderr == INVITED


@pytest.mark.parametrize("again", [[], ["--again"]])
def test_invite_mails(cognito: FakeCognito, again: list[str]) -> None:
    if again:
        run("create", "--stack", "files", "ann@example.com", "--print-password")

    done = run("invite", "--stack", "files", *again, "ann@example.com")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", INVITED)
    assert cognito.mailed == ["ann@example.com"]


def test_invite_again_as_json(cognito: FakeCognito) -> None:
    run("create", "--stack", "files", "ann@example.com")

    done = run("invite", "--stack", "files", "--again", "ann@example.com", "--json")

    assert json.loads(done.stdout)["status"] == "FORCE_CHANGE_PASSWORD"


def test_create_prints_the_password_alone_on_stdout(cognito: FakeCognito) -> None:
    done = run("create", "--user-pool", POOL, "ann@example.com", "--print-password")

    password = cognito.passwords["ann@example.com"]
    assert (done.exit_code, done.stdout) == (0, f"{password}\n")
    assert "shown this once" in done.stderr
    assert password not in done.stderr


def test_create_as_json(cognito: FakeCognito) -> None:
    done = run("create", "--stack", "files", "ann@example.com", "--print-password", "--json")

    assert json.loads(done.stdout) == {
        "user_id": "id-0",
        "email": "ann@example.com",
        "status": "FORCE_CHANGE_PASSWORD",
        "enabled": True,
        "created_at": "2026-01-02T02:04:05+00:00",
        "password": cognito.passwords["ann@example.com"],
    }


def test_list_is_a_table_by_address(cognito: FakeCognito) -> None:
    for name in ("cleo", "ann", "ben"):
        run("create", "--stack", "files", f"{name}@example.com")
    run("disable", "--stack", "files", "ben@example.com")

    done = run("list", "--stack", "files")

    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["E-MAIL", "STATUS", "CREATED", "ENABLED", "USER", "ID"]
    assert [row[0] for row in rows[1:]] == [
        "ann@example.com",
        "ben@example.com",
        "cleo@example.com",
    ]
    assert [row[3] for row in rows[1:]] == ["yes", "no", "yes"]
    assert [row[4] for row in rows[1:]] == ["id-1", "id-2", "id-0"]


def test_list_as_json(cognito: FakeCognito) -> None:
    run("create", "--stack", "files", "ben@example.com")
    run("create", "--stack", "files", "ann@example.com")

    done = run("list", "--stack", "files", "--json")

    assert [json.loads(line)["email"] for line in done.stdout.splitlines()] == [
        "ann@example.com",
        "ben@example.com",
    ]


def test_list_of_an_empty_user_pool(cognito: FakeCognito) -> None:
    done = run("list", "--stack", "files")

    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "There are no users.\n")


def test_disable_and_enable(cognito: FakeCognito) -> None:
    run("create", "--stack", "files", "ann@example.com")

    disabled = run("disable", "--stack", "files", "ann@example.com", "--json")
    enabled = run("enable", "--stack", "files", "ann@example.com", "--json")

    assert json.loads(disabled.stdout)["enabled"] is False
    assert "up to an hour more" in disabled.stderr
    assert json.loads(enabled.stdout)["enabled"] is True
    assert enabled.stderr == "Enabled ann@example.com.\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["list"], 2, "Give either --stack or --user-pool."),
        (["list", "--stack", "files", "--user-pool", POOL], 2, "Give either --stack or"),
        (["create", "--stack", "files"], 2, "Missing argument 'EMAIL'"),
        (["create", "--stack", "files", "ann"], 1, "'ann' is no e-mail address; give one"),
        (
            ["disable", "--stack", "files", "ben@example.com"],
            1,
            "There is no user ben@example.com.",
        ),
        (
            ["invite", "--stack", "files", "--again", "ben@example.com"],
            1,
            "There is no user ben@example.com.",
        ),
        (["list", "--stack", "none"], 1, "There is no stack none in eu-central-1."),
        (["list", "--stack", "other"], 1, "are made there, or give --user-pool ID instead."),
        (["list", "--user-pool", "another"], 1, "ResourceNotFoundException"),
    ],
)
def test_errors_say_what_to_do(
    cognito: FakeCognito, arguments: list[str], status: int, message: str
) -> None:
    done = run(*arguments)

    assert done.exit_code == status
    assert message in done.stderr
    assert done.stdout == ""
    if status == 1:
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1


def test_an_address_that_is_taken_is_refused(cognito: FakeCognito) -> None:
    run("create", "--stack", "files", "ann@example.com")

    done = run("create", "--stack", "files", "ann@example.com")

    assert (done.exit_code, done.stdout) == (1, "")
    assert "There is a user with the address ann@example.com already." in done.stderr
