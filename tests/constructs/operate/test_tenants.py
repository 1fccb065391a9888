"""Deletion of a tenant, in Python and by `wideload-tenants`."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from click.testing import Result

from tests.constructs.operate.fake_payloads import FakeBucket, FakeDynamo, FakeTable
from tests.constructs.operate.running import runner
from tests.constructs.operate.test_keys import NOW
from tests.constructs.operate.test_keys import FakeTable as FakeKeys
from wideload_cdk.keys import create_key
from wideload_cdk.operate.backups import find_backups
from wideload_cdk.tenants import TenantDeletion, TenantReport
from wideload_cdk.tenants import __main__ as tenants_program
from wideload_runtime.adapters.ingest_table import SWEEP, _slots_of
from wideload_runtime.core.ingest.payloads import archive_key, transit_key

WHOLE = TenantReport(tenant="acme", keys=2, records=4, objects=5, bytes=1_111, uploads=1)
NOTHING = TenantReport(tenant="acme", keys=0, records=0, objects=0, bytes=0, uploads=0)


class Deployment:
    """Two tenants, one of whose names begins with the other's."""

    def __init__(self) -> None:
        self.keys = FakeKeys()
        self.payloads = FakeTable(
            *(
                {"payload_id": f"{number}{tenant}", "tenant": tenant, "state": state}
                for tenant in ("acme", "acme-2")
                for number, state in enumerate(("stored", "failed", "processing"))
            ),
            *({"payload_id": _slots_of(tenant), "until_0": 1} for tenant in ("acme", "acme-2")),
            {"payload_id": "idempotency#0", "held_by": "0acme"},
            {"payload_id": SWEEP, "swept_until": "2026"},
        )
        self.s3 = FakeBucket()
        for tenant in ("acme", "acme-2"):
            create_key(self.keys, tenant), create_key(self.keys, tenant)
            self.s3.put(transit_key(tenant, "a"), 1)
            self.s3.put(transit_key(tenant, "b"), 10, version="1")
            self.s3.mark(transit_key(tenant, "b"), "2")
            self.s3.put(archive_key(tenant, "a"), 100)
            self.s3.put(archive_key(tenant, "nameless"), 1_000)
            self.s3.uploads.append(archive_key(tenant, "c"))

    def deletion(self) -> TenantDeletion:
        return TenantDeletion(payloads=self.payloads, keys=self.keys, s3=self.s3, bucket="bucket")

    def snapshot(self, tenant: str = "") -> str:
        """Everything in the deployment, without what belongs to `tenant`."""
        mine = {tenant, f"workers#{tenant}"}
        parts: list[Any] = [
            [item for item in self.keys.items.values() if item["tenant"] != tenant],
            [
                item
                for item in self.payloads.items.values()
                if not mine & {item.get("tenant"), item["payload_id"]}
            ],
            [each for each in self.s3.versions if f"/{tenant}/" not in each[0]],
            [key for key in self.s3.uploads if f"/{tenant}/" not in key],
        ]
        return json.dumps(parts, sort_keys=True)


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_everything_of_the_tenant_and_nothing_of_others_is_deleted(deployment: Deployment) -> None:
    others = deployment.snapshot("acme")

    assert deployment.deletion().run("acme") == WHOLE

    assert deployment.snapshot() == deployment.snapshot("acme") == others
    assert deployment.deletion().run("acme") == NOTHING


def test_a_dry_run_counts_the_same_and_deletes_nothing(deployment: Deployment) -> None:
    before = deployment.snapshot()

    assert deployment.deletion().run("acme", dry_run=True) == WHOLE

    assert deployment.snapshot() == before


@pytest.mark.parametrize("deletions", range(4))
def test_an_interrupted_run_is_completed_by_the_next(
    deployment: Deployment, deletions: int
) -> None:
    others = deployment.snapshot("acme")
    deployment.payloads.dies_after = deletions
    with pytest.raises(KeyboardInterrupt):
        deployment.deletion().run("acme")
    deployment.payloads.dies_after = None

    deployment.deletion().run("acme")

    assert deployment.snapshot() == others


def test_keys_go_first_and_objects_last(deployment: Deployment) -> None:
    deployment.payloads.dies_after = 0
    objects = list(deployment.s3.versions)

    with pytest.raises(KeyboardInterrupt):
        deployment.deletion().run("acme")

    assert {item["tenant"] for item in deployment.keys.items.values()} == {"acme-2"}
    assert deployment.s3.versions == objects


def test_an_object_that_cannot_be_deleted_is_an_error(deployment: Deployment) -> None:
    deployment.s3.refuses = archive_key("acme", "a")

    with pytest.raises(PermissionError, match=r"1 of 2 objects of bucket.*archive/acme/a"):
        deployment.deletion().run("acme")


@pytest.mark.parametrize("tenant", ["", "Acme", "acme/", "a" * 64, "*"])
def test_an_invalid_tenant_name_is_refused(deployment: Deployment, tenant: str) -> None:
    before = deployment.snapshot()

    with pytest.raises(ValueError, match="give 1 to 63 of a-z, 0-9 and hyphens"):
        deployment.deletion().run(tenant)

    assert deployment.snapshot() == before


# The program


class FakeSession:
    """A boto3 session of one deployment, `wideload-dev-ingest`."""

    deployment: Deployment
    dynamo: FakeDynamo

    def __init__(self, *, region_name: str | None) -> None:
        pass

    def client(self, service: str, *, endpoint_url: str | None, config: object) -> Any:
        return {"s3": self.deployment.s3, "dynamodb": self.dynamo, "cloudformation": self}[service]

    def resource(self, service: str, *, endpoint_url: str | None, config: object) -> Any:
        assert service == "dynamodb"
        return self

    def Table(self, name: str) -> Any:  # noqa: N802
        return {"keys": self.deployment.keys, "payloads": self.deployment.payloads}[name]

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "wideload-dev-ingest"
        outputs = {
            "KeysTableName": "keys",
            "PayloadsTableName": "payloads",
            "BucketName": "bucket",
        }
        found = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        return {"Stacks": [{"Outputs": found}]}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, deployment: Deployment) -> type[FakeSession]:
    monkeypatch.setattr(boto3, "Session", FakeSession)
    FakeSession.deployment, FakeSession.dynamo = deployment, FakeDynamo()
    return FakeSession


def run(*arguments: str, typed: str | None = None, stack: str = "wideload-dev-ingest") -> Result:
    where = ["--stack", stack] if stack else []
    return runner().invoke(tenants_program.cli, ["delete", *where, *arguments], input=typed)


def test_the_name_must_be_typed(session: type[FakeSession], deployment: Deployment) -> None:
    before = deployment.snapshot()

    done = run("acme", typed="acme-2\n")

    assert done.exit_code == 1
    assert "That is another name; nothing was changed." in done.stderr
    assert deployment.snapshot() == before
    assert run("acme", typed="acme\n").exit_code == 0
    assert deployment.snapshot() == deployment.snapshot("acme")


def test_an_object_that_cannot_be_deleted_is_reported_in_one_line(
    session: type[FakeSession], deployment: Deployment
) -> None:
    deployment.s3.refuses = archive_key("acme", "a")

    done = run("acme", "--yes")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("Error: 1 of 2 objects of bucket can't be")


def test_report_lists_the_backups(session: type[FakeSession]) -> None:
    session.dynamo.recovery = {
        "PointInTimeRecoveryStatus": "ENABLED",
        "RecoveryPeriodInDays": 7,
    }
    session.dynamo.backups = ["arn:aws:dynamodb:eu-west-1:123456789012:table/t/backup/1"]

    done = run("acme", "--yes")

    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "Deleted of tenant acme: 2 keys, 4 records, 5 objects with 1,111 bytes, "
        "1 unfinished uploads."
    )
    assert lines[1].startswith("Point-in-time recovery of payloads holds what was deleted until 20")
    assert lines[2].endswith("stays until you delete it: " + session.dynamo.backups[0])
    assert lines[3].startswith("Point-in-time recovery of keys holds")


@pytest.mark.parametrize(
    ("recovery", "until"),
    [
        ({"PointInTimeRecoveryStatus": "DISABLED"}, None),
        ({"PointInTimeRecoveryStatus": "ENABLED"}, "2026-02-06T03:04:05+00:00"),
        (
            {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 7},
            "2026-01-09T03:04:05+00:00",
        ),
    ],
)
def test_recovery_period_is_that_of_the_table(recovery: dict[str, Any], until: str | None) -> None:
    dynamo = FakeDynamo()
    dynamo.recovery = recovery

    assert find_backups(dynamo, "payloads", NOW).recoverable_until == until


def test_dry_run_as_json_asks_nothing(session: type[FakeSession], deployment: Deployment) -> None:
    before = deployment.snapshot()

    done = run("acme", "--dry-run", "--json")

    report = json.loads(done.stdout)
    assert (report["deleted"], report["records"], report["bytes"]) == (False, 4, 1_111)
    assert report["backups"] == [
        {"table": name, "recoverable_until": None, "backups": []} for name in ("payloads", "keys")
    ]
    assert deployment.snapshot() == before


def test_names_can_be_given_instead_of_a_stack(session: type[FakeSession]) -> None:
    names = ["--keys-table", "keys", "--payloads-table", "payloads", "--bucket", "bucket"]

    assert run("acme", "--yes", *names, stack="").exit_code == 0
    for some in (names[:4], []):
        done = run("acme", "--yes", *some, stack="")
        assert done.exit_code == 2
        assert "--stack or --keys-table and --payloads-table and --bucket" in done.stderr
