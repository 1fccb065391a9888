"""Output and errors of `wideload-users usage`, `delete` and `restore`."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from click.testing import Result

from tests.constructs.operate.fake_payloads import FakeDynamo
from tests.constructs.operate.running import runner
from tests.constructs.operate.test_restored_files import restored
from tests.constructs.operate.test_users import POOL, FakeCognito
from tests.runtime.files.files_world import FilesWorld, Person, large, small
from wideload_cdk import users
from wideload_cdk.users import __main__ as users_program


class Deployment:
    """A user pool with Ann, who has two files and an open upload."""

    def __init__(self) -> None:
        self.cognito, self.world = FakeCognito(), FilesWorld()
        # The programs ask the true clock.
        self.world.clock.time = 4_000_000_000
        self.owner = users.create_user(self.cognito, POOL, "ann@example.com").user_id
        self.ann = Person(self.world, self.owner)
        self.ann.upload(small())
        self.ann.upload(large())
        self.ann.begin(small("open"))
        self.tables = {"files": self.world.dynamo}
        self.outputs = {"UserPoolId": POOL, "TableName": "files", "BucketName": "bucket"}

    @property
    def kinds(self) -> set[str]:
        return {item.partition("#")[0] for _, item in self.world.dynamo.items}


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    made = Deployment()

    class Session:
        def __init__(self, *, region_name: str | None) -> None:
            pass

        def client(self, service: str, *, endpoint_url: str | None, config: object) -> Any:
            return {
                "cloudformation": self,
                "cognito-idp": made.cognito,
                "dynamodb": FakeDynamo(),
                "s3": made.world.s3,
            }[service]

        def resource(self, service: str, *, endpoint_url: str | None, config: object) -> Any:
            return self

        def Table(self, name: str) -> Any:  # noqa: N802
            return made.tables[name]

        def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
            outputs = [
                {"OutputKey": key, "OutputValue": value} for key, value in made.outputs.items()
            ]
            return {"Stacks": [{"Outputs": outputs}]}

    monkeypatch.setattr(boto3, "Session", Session)
    return made


def run(*arguments: str, typed: str | None = None) -> Result:
    return runner().invoke(users_program.cli, [*arguments, "--stack", "files"], input=typed)


def test_usage_by_address_and_by_id(deployment: Deployment) -> None:
    by_address = run("usage", "ann@example.com", "--json")

    assert json.loads(by_address.stdout) == {
        "user_id": deployment.owner,
        "bytes": 66 * 1024**2 + 22,
        "files": 3,
        "open_uploads": 1,
    }
    assert run("usage", deployment.owner, "--json").stdout == by_address.stdout
    assert run("usage", "ann@example.com").stdout == (
        "ann@example.com: 3 files, 69,206,038 bytes, 1 open uploads\n"
    )


def test_delete_asks_for_the_name_and_deletes_files_and_user(deployment: Deployment) -> None:
    refused = run("delete", "ann@example.com", "--with-files", typed="ann\n")
    kept = deployment.kinds

    done = run("delete", "ann@example.com", "--with-files", typed="ann@example.com\n")

    assert (refused.exit_code, done.exit_code) == (1, 0)
    assert "That is another name; nothing was changed." in refused.stderr
    assert "FILE" in kept
    assert deployment.kinds <= {"TRASH", "USAGE"}
    assert deployment.world.s3.objects == {}
    assert deployment.cognito.people == {}
    assert deployment.cognito.signed_out == [deployment.owner]
    assert (  # after the prompt, whose input older versions of click repeat
        "Deleted of ann@example.com: 2 files, 3 uploads, 3 objects with 69,206,038 bytes."
        in done.stdout.splitlines()
    )
    assert "the sweep removes that until 20" in done.stdout
    assert "No backup of files holds what was deleted." in done.stdout


def test_a_second_run_by_id_finds_nothing(deployment: Deployment) -> None:
    run("delete", "ann@example.com", "--with-files", "--yes")

    again = run("delete", deployment.owner, "--yes", "--json")

    report = json.loads(again.stdout)
    assert (again.exit_code, report["files"], report["uploads"], report["objects"]) == (0, 0, 0, 0)
    assert "There is no user ann@example.com." in run("delete", "ann@example.com", "--yes").stderr


def test_delete_refuses_while_there_are_files(deployment: Deployment) -> None:
    before = dict(deployment.world.dynamo.items)

    done = run("delete", "ann@example.com", "--yes")

    assert done.exit_code == 1
    assert "has 2 files, 1 open uploads and 3 objects; give --with-files" in done.stderr
    assert deployment.world.dynamo.items == before
    assert deployment.cognito.people


def test_delete_refuses_objects_that_an_interrupted_run_has_left(deployment: Deployment) -> None:
    deployment.world.wire.refused = lambda name, _: (
        "AccessDenied" if name == "DeleteObjects" else None
    )
    run("delete", "ann@example.com", "--with-files", "--yes")
    deployment.world.wire.refused = lambda *_: None

    done = run("delete", "ann@example.com", "--yes")

    assert done.exit_code == 1
    assert "has 0 files, 0 open uploads and 3 objects; give --with-files" in done.stderr
    assert len(deployment.world.s3.objects) == 3
    assert deployment.cognito.people


def test_a_dry_run_asks_nothing_and_changes_nothing(deployment: Deployment) -> None:
    before = dict(deployment.world.dynamo.items)

    done = run("delete", "ann@example.com", "--dry-run")

    assert done.stdout.startswith("There are of ann@example.com: 2 files, 3 uploads, 3 objects")
    assert deployment.world.dynamo.items == before
    assert deployment.cognito.people


def test_a_user_whose_deletion_was_interrupted_can_be_deleted_again(deployment: Deployment) -> None:
    deployment.world.wire.refused = lambda name, _: (
        "AccessDenied" if name == "DeleteObjects" else None
    )

    done = run("delete", "ann@example.com", "--with-files", "--yes")

    assert done.exit_code == 1
    assert deployment.cognito.people["ann@example.com"]["Enabled"] is False
    deployment.world.wire.refused = lambda *_: None
    assert run("delete", "ann@example.com", "--with-files", "--yes").exit_code == 0
    assert deployment.world.s3.objects == {}
    assert deployment.cognito.signed_out == [deployment.owner]


def test_people_of_another_issuer_are_named_by_id(deployment: Deployment) -> None:
    del deployment.outputs["UserPoolId"]

    by_address = run("delete", "ann@example.com", "--with-files", "--yes")
    by_id = run("delete", deployment.owner, "--with-files", "--yes")

    assert by_address.exit_code == 2
    assert "give the person's user id, the claim `sub`" in by_address.stderr
    assert by_id.exit_code == 0
    assert deployment.world.s3.objects == {}


@pytest.mark.parametrize("subject", ["saml|acme|ann@example.com", "ann@example.com"])
def test_a_user_id_of_another_issuer_may_look_like_an_address(
    deployment: Deployment, subject: str
) -> None:
    del deployment.outputs["UserPoolId"]
    Person(deployment.world, subject).upload(small())
    objects = len(deployment.world.s3.objects)

    done = run("delete", subject, "--with-files", "--yes")

    assert done.exit_code == 0
    assert done.stdout.startswith(f"Deleted of {subject}: 1 files")
    assert len(deployment.world.s3.objects) == objects - 1
    assert json.loads(run("usage", subject, "--json").stdout)["user_id"] == subject


def test_restore_lists_files_that_are_being_uploaded_again(deployment: Deployment) -> None:
    deployment.tables["restored"] = restored(deployment.world)
    deployment.world.dynamo.items.clear()
    deployment.world.clock.time += 1
    deployment.ann.begin(small())

    done = run("restore", "--from", "restored")

    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] == "Put 1 files back; 0 are there already."
    assert done.stdout.splitlines()[1].startswith("Being uploaded again, so restore it later: ")


def test_restore_lists_lost_files_and_exits_with_1(deployment: Deployment) -> None:
    deployment.tables["restored"] = restored(deployment.world)
    gone = deployment.world.items("OBJECT#")[0]["key"]
    deployment.world.dynamo.items.clear()
    del deployment.world.s3.objects[gone]

    done = run("restore", "--from", "restored", "--person", "ann@example.com")

    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "Put 1 files back; 0 are there already.",
        f"Without its object: {gone.rpartition('/')[2]}",
    ]
