"""`stacks.destroy` against fakes that refuse what AWS refuses; `test_destroy.py` runs it whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from stacks import destroy
from stacks.destroy import Assembly, Deployed, cli, empty, read_stack, take_down


def refusal(operation: str, code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"no {operation}"}}, operation)


class Pages:
    """A boto3 paginator over pages that are made when they are asked for."""

    def __init__(self, make: Callable[..., Iterator[dict[str, Any]]]) -> None:
        self.paginate = make


class FakeS3:
    """Buckets with as many versions, delete markers and uploads as it is told."""

    class exceptions:  # noqa: N801 - as boto3 has it
        class NoSuchBucket(Exception):  # noqa: N818 - as boto3 has it
            pass

    def __init__(self, **buckets: int) -> None:
        self.versions = {
            name: [f"key-{n}" for n in range(count)] for name, count in buckets.items()
        }
        self.uploads = {name: ["upload"] for name in buckets}
        self.kept = ""
        self.done: list[str] = []

    def get_paginator(self, operation: str) -> Pages:
        return Pages(getattr(self, f"_{operation}"))

    def _list_multipart_uploads(self, *, Bucket: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        self._check(Bucket)
        # S3 leaves an empty list out.
        found = [{"Key": "k", "UploadId": upload} for upload in self.uploads[Bucket]]
        yield {"Uploads": found} if found else {}

    def _list_object_versions(self, *, Bucket: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        self._check(Bucket)
        keys = list(self.versions[Bucket])
        for at in range(0, max(len(keys), 1), 1_000):
            found = [{"Key": key, "VersionId": "1"} for key in keys[at : at + 1_000]]
            # Every second is a delete marker.
            parts = {"Versions": found[::2], "DeleteMarkers": found[1::2]}
            yield {name: part for name, part in parts.items() if part}

    def abort_multipart_upload(self, *, Bucket: str, Key: str, UploadId: str) -> None:  # noqa: N803
        self.uploads[Bucket].remove(UploadId)
        self.done.append("abort")

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        assert 1 <= len(Delete["Objects"]) <= 1_000
        errors = []
        for item in Delete["Objects"]:
            if item["Key"] == self.kept:
                errors.append({"Key": item["Key"], "Code": "AccessDenied", "Message": "no"})
            else:
                self.versions[Bucket].remove(item["Key"])
        self.done.append(f"delete {len(Delete['Objects'])}")
        return {"Errors": errors} if errors else {}

    def _check(self, bucket: str) -> None:
        if bucket not in self.versions:
            raise self.exceptions.NoSuchBucket


# Emptying


def test_every_version_marker_and_upload_is_deleted_in_batches() -> None:
    s3 = FakeS3(full=2_500)

    count = empty(s3, "full")

    assert count == 2_501
    assert (s3.versions, s3.uploads) == ({"full": []}, {"full": []})
    assert s3.done == ["abort", "delete 1000", "delete 1000", "delete 500"]


def test_a_bucket_that_is_gone_is_empty() -> None:
    assert empty(FakeS3(), "gone") == 0


def test_what_cannot_be_deleted_is_told() -> None:
    s3 = FakeS3(full=3)
    s3.kept = "key-1"

    with pytest.raises(PermissionError, match=r"1 of 3 objects of full can't be deleted.*key-1"):
        empty(s3, "full")


# The order, and what comes late


class Stacks:
    """Can be deleted when their buckets are empty; `late` objects come at each failure."""

    def __init__(self, s3: FakeS3, *, late: int = 0, broken: bool = False) -> None:
        self.s3, self.late, self.broken, self.tries = s3, late, broken, 0

    def delete(self) -> bool:
        self.tries += 1
        if self.late:
            self.late -= 1
            self.s3.versions["logs"].append("late")
        return not self.broken and not any(self.s3.versions.values())


def run_take_down(stacks: Stacks) -> tuple[bool, list[str]]:
    said: list[str] = []
    gone = take_down(["logs", "full"], s3=stacks.s3, delete_stacks=stacks.delete, say=said.append)
    return gone, said


def test_buckets_are_emptied_before_the_stacks_are_deleted() -> None:
    stacks = Stacks(FakeS3(logs=0, full=1_200))

    gone, said = run_take_down(stacks)

    assert (gone, stacks.tries) == (True, 1)
    assert said == [
        "emptied logs: 1 deleted",
        "emptied full: 1,201 deleted",
    ]


def test_logs_that_come_meanwhile_are_deleted_too() -> None:
    stacks = Stacks(FakeS3(logs=1, full=1), late=2)

    assert run_take_down(stacks)[0] is True
    assert stacks.tries == 3


def test_logs_that_never_end_are_given_up() -> None:
    stacks = Stacks(FakeS3(logs=1, full=1), late=99)

    assert run_take_down(stacks)[0] is False
    assert stacks.tries == 3


def test_another_failure_is_not_tried_again() -> None:
    stacks = Stacks(FakeS3(logs=1, full=1), broken=True)

    assert run_take_down(stacks)[0] is False
    assert stacks.tries == 1


# What is deployed

TEMPLATE: dict[str, Any] = {
    "Gone": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"},
    "Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"},
    "Unsaid": {"Type": "AWS::S3::Bucket"},
    "Kept": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
    "KeptToo": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "RetainExceptOnCreate"},
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Delete",
        "Properties": {"DeletionProtectionEnabled": True},
    },
    "Pool": {
        "Type": "AWS::Cognito::UserPool",
        "DeletionPolicy": "Delete",
        "Properties": {"DeletionProtection": "ACTIVE"},
    },
    "KeptTable": {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "Properties": {"DeletionProtectionEnabled": True},
    },
    "NeverMade": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"},
}


def stack(name: str, **tags: str) -> dict[str, Any]:
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"StackName": name, "StackStatus": "CREATE_COMPLETE", "Tags": listed}


class FakeFormation:
    """One stack, in two pages of resources."""

    class meta:  # noqa: N801 - as boto3 has it
        region_name = "eu-central-1"

    def __init__(self, *, protected: bool = False, template: Any = None) -> None:
        self.protected = protected
        self.deployed = ["wideload-dev-ingest", "wideload-prod-network"]
        self.template = TEMPLATE if template is None else template

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if StackName == "forbidden":
            raise refusal("DescribeStacks", "AccessDenied")
        if not StackName.endswith("-ingest"):
            raise refusal("DescribeStacks", "ValidationError")
        return {"Stacks": [{"EnableTerminationProtection": self.protected}]}

    def get_template(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"TemplateBody": {"Resources": self.template}}

    def get_paginator(self, operation: str) -> Pages:
        return Pages(getattr(self, f"_{operation}"))

    def _describe_stacks(self) -> Iterator[dict[str, Any]]:
        yield {"Stacks": [stack("somebodys", application="else", environment="dev")]}
        yield {
            "Stacks": [
                stack(name, application="wideload", environment=name.split("-")[1])
                for name in self.deployed
            ]
        }

    def _list_stack_resources(self, *, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        summaries = [
            {
                "LogicalResourceId": name,
                "ResourceType": resource["Type"],
                "ResourceStatus": "DELETE_COMPLETE" if name == "Gone" else "CREATE_COMPLETE",
                **({} if name == "NeverMade" else {"PhysicalResourceId": name.lower()}),
            }
            for name, resource in self.template.items()
        ]
        yield {"StackResourceSummaries": summaries[:3]}
        yield {"StackResourceSummaries": summaries[3:]}


def test_only_buckets_that_the_template_deletes_are_emptied() -> None:
    assert read_stack(FakeFormation(), "wideload-dev-ingest") == Deployed(
        name="wideload-dev-ingest",
        protected=["table", "pool"],
        buckets=["bucket"],
        kept=[
            ("AWS::S3::Bucket", "kept"),
            ("AWS::S3::Bucket", "kepttoo"),
            ("AWS::DynamoDB::Table", "kepttable"),
        ],
    )


def test_a_protected_stack_is_known() -> None:
    stack = read_stack(FakeFormation(protected=True, template={}), "wideload-dev-ingest")

    assert stack is not None
    assert stack.protected == ["wideload-dev-ingest"]


def test_a_stack_that_is_not_there_is_none_and_other_errors_are_errors() -> None:
    assert read_stack(FakeFormation(), "wideload-dev-files") is None
    with pytest.raises(ClientError, match="AccessDenied"):
        read_stack(FakeFormation(), "forbidden")


# The assembly


def write_assembly(
    folder: Path, environment: str = "dev", place: str = "unknown-account/unknown-region"
) -> Path:
    artifacts = {
        f"wideload-{environment}-{service}": {
            "type": "aws:cloudformation:stack",
            "environment": f"aws://{place}",
            "properties": {"tags": {"environment": environment}},
        }
        for service in ("ingest", "files")
    }
    manifest = {"artifacts": {**artifacts, "Tree": {"type": "cdk:tree"}}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_an_assembly_names_stacks_account_and_region(tmp_path: Path) -> None:
    stacks = ["wideload-dev-ingest", "wideload-dev-files"]

    anywhere = Assembly.read(write_assembly(tmp_path), "dev")
    somewhere = Assembly.read(write_assembly(tmp_path, place="111122223333/eu-west-1"), "dev")

    assert anywhere == Assembly(tmp_path, stacks, account=None, region=None)
    assert somewhere == Assembly(tmp_path, stacks, account="111122223333", region="eu-west-1")


def test_another_environments_assembly_is_refused(tmp_path: Path) -> None:
    # `dev` is how its name begins, too.
    write_assembly(tmp_path, "dev-two")

    with pytest.raises(LookupError, match="is of dev-two; `make synth ENV=dev` writes it"):
        Assembly.read(tmp_path, "dev")


def test_a_missing_assembly_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match=r"no cloud assembly in .*`make synth ENV=dev`"):
        Assembly.read(tmp_path, "dev")


# The program


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """An account with one stack; what the program does to it, and what it was asked for."""
    template = {name: TEMPLATE[name] for name in ("Bucket", "Kept")}
    seen: dict[str, Any] = {
        "cloudformation": FakeFormation(template=template),
        "s3": FakeS3(bucket=2, kept=2),
        "regions": [],
        "destroyed": 0,
    }

    class Session:
        def __init__(self, *, region_name: str | None) -> None:
            seen["regions"].append(region_name)

        def client(self, service: str) -> Any:
            class Sts:
                def get_caller_identity(self) -> dict[str, str]:
                    return {"Account": "111122223333"}

            return Sts() if service == "sts" else seen[service]

    def cdk_destroy(_: Assembly) -> bool:
        seen["destroyed"] += 1
        return not seen["s3"].versions["bucket"]

    monkeypatch.setattr(destroy.boto3, "Session", Session)
    monkeypatch.setattr(destroy, "_cdk_destroy", cdk_destroy)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    return seen


def run(folder: Path, *arguments: str, answer: str = "") -> Result:
    options = ["dev", "--assembly", str(folder), *arguments]
    return CliRunner().invoke(cli, options, input=answer)


def test_the_program_asks_then_empties_and_deletes(account: dict[str, Any], tmp_path: Path) -> None:
    done = run(write_assembly(tmp_path), answer="dev\n")

    assert (done.exit_code, account["destroyed"]) == (0, 1)
    assert done.stdout == (
        "dev in eu-central-1: wideload-dev-ingest\n"
        "  keeps AWS::S3::Bucket: kept\n"
        "  deletes all that is in bucket\n"
        "Type the environment's name to delete it: dev\n"
        "emptied bucket: 3 deleted\n"
        "dev is gone, but for what it keeps.\n"
    )
    assert len(account["s3"].versions["kept"]) == 2
    assert account["regions"] == ["eu-central-1"]


@pytest.mark.parametrize("answer", ["prod\n", "DEV\n", ""])
def test_anything_but_the_name_changes_nothing(
    account: dict[str, Any], tmp_path: Path, answer: str
) -> None:
    done = run(write_assembly(tmp_path), answer=answer)

    assert (done.exit_code, account["destroyed"], account["s3"].done) == (1, 0, [])


def test_a_protected_stack_is_refused_even_with_yes(
    account: dict[str, Any], tmp_path: Path
) -> None:
    account["cloudformation"].protected = True

    done = run(write_assembly(tmp_path), "--yes")

    assert (done.exit_code, account["destroyed"], account["s3"].done) == (1, 0, [])
    assert "Protected from deletion: wideload-dev-ingest. Nothing was changed." in done.stderr


def test_a_stack_that_would_be_left_behind_is_told_first(
    account: dict[str, Any], tmp_path: Path
) -> None:
    account["cloudformation"].deployed.append("wideload-dev-network")

    done = run(write_assembly(tmp_path), "--yes")

    assert (done.exit_code, account["destroyed"], account["s3"].done) == (1, 0, [])
    assert "besides what the settings have: wideload-dev-network. Nothing was" in done.stderr


def test_another_account_is_refused(account: dict[str, Any], tmp_path: Path) -> None:
    done = run(write_assembly(tmp_path, place="999999999999/eu-west-1"), "--yes")

    assert (done.exit_code, account["destroyed"], account["s3"].done) == (1, 0, [])
    assert "in account 999999999999, your credentials are of 111122223333" in done.stderr


def test_the_regions_of_the_settings_count(account: dict[str, Any], tmp_path: Path) -> None:
    run(write_assembly(tmp_path, place="111122223333/eu-west-1"), "--yes")

    assert account["regions"] == ["eu-west-1"]


def test_an_interruption_says_what_to_do(
    account: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Assembly) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(destroy, "_cdk_destroy", interrupt)

    done = run(write_assembly(tmp_path), "--yes")

    assert done.exit_code == 130
    assert "run this again for the rest" in done.stderr


def test_a_failure_of_the_cdk_is_a_failure(
    account: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destroy, "_cdk_destroy", lambda _: False)

    done = run(write_assembly(tmp_path), "--yes")

    assert done.exit_code == 1
    assert "`cdk destroy` failed" in done.stderr
    assert "gone" not in done.stdout
