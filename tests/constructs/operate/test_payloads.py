"""Showing and restoring payloads, in Python and by `wideload-payloads`."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import Result

from tests.constructs.operate.fake_payloads import FakeBucket, FakeDynamo, FakeItems
from tests.constructs.operate.running import runner
from wideload_cdk import payloads
from wideload_cdk.operate.restore import RestoreReport
from wideload_cdk.payloads import __main__ as payloads_program
from wideload_runtime.core.ingest.payloads import archive_key, transit_key

NOW = 1_800_000_000.0
IDS = [f"01K0000000000000000000000{digit}" for digit in "0123456789"]


def item(payload_id: str, *, tenant: str = "acme", state: str = "stored", **members: str) -> Any:
    known = {"payload_id": payload_id, "tenant": tenant, "state": state, **members}
    return {name: {"N" if value.isdigit() else "S": value} for name, value in known.items()}


def archived(payload_id: str, **members: str) -> Any:
    key = archive_key(members.get("tenant", "acme"), payload_id)
    return item(payload_id, archive_key=key, **members)


def uploaded(payload_id: str) -> Any:
    return item(payload_id, state="uploaded", s3_key=transit_key("acme", payload_id))


def put_back(dynamo: FakeDynamo, s3: FakeBucket, **options: Any) -> RestoreReport:
    return payloads.put_back(
        dynamo,
        s3,
        restored="restored",
        table="live",
        bucket="bucket",
        now=lambda: NOW,
        **options,
    )


# One payload


def test_an_operator_sees_tenant_and_error_but_no_document() -> None:
    dynamo = FakeDynamo(
        live=FakeItems(
            item(
                IDS[0],
                state="failed",
                error_code="invalid_json",
                error_detail="at byte 7",
                uploaded_size="42",
                document="H4sI",
                summary='{"caller": "Ann"}',
                member_index="AAAA",
            )
        )
    )

    shown = payloads.find_payload(dynamo, "live", IDS[0])

    assert shown == {
        "payload_id": IDS[0],
        "tenant": "acme",
        "state": "failed",
        "uploaded_size": 42,
        "error_code": "invalid_json",
        "error_detail": "at byte 7",
    }


def test_an_unknown_or_malformed_payload_id_is_refused() -> None:
    dynamo = FakeDynamo(live=FakeItems())

    with pytest.raises(payloads.PayloadNotFoundError, match=f"no payload {IDS[0]}: it never was"):
        payloads.find_payload(dynamo, "live", IDS[0])
    for wrong in ("", "acme", "idempotency#0", IDS[0].lower(), IDS[0] + "0"):
        with pytest.raises(ValueError, match="is no payload id"):
            payloads.find_payload(dynamo, "live", wrong)


# Restoring


def test_lost_records_come_back_as_they_were_with_their_objects() -> None:
    lost = [archived(IDS[0]), item(IDS[1], document="H4sI"), item(IDS[2], state="failed")]
    lost.append(uploaded(IDS[3]))
    dynamo = FakeDynamo(restored=FakeItems(*lost), live=FakeItems())
    s3 = FakeBucket()
    s3.put(archive_key("acme", IDS[0]), 1)
    s3.put(transit_key("acme", IDS[3]), 1)

    assert put_back(dynamo, s3) == RestoreReport(put_back=4, there=0, without_object=())

    assert dynamo.tables["live"].items == dynamo.tables["restored"].items
    assert put_back(dynamo, s3) == RestoreReport(put_back=0, there=4, without_object=())


def test_records_without_their_object_stay_out_and_are_named() -> None:
    # The third one's URL was never used, so nothing is lost.
    unused = item(IDS[2], state="issued", s3_key=transit_key("acme", IDS[2]))
    dynamo = FakeDynamo(
        restored=FakeItems(archived(IDS[0]), uploaded(IDS[1]), unused), live=FakeItems()
    )
    s3 = FakeBucket()
    # Another's, whose key begins alike.
    s3.put(archive_key("acme", IDS[0]) + ".copy", 1)

    report = put_back(dynamo, s3)

    assert report == RestoreReport(put_back=0, there=0, without_object=(IDS[0], IDS[1]))
    assert dynamo.tables["live"].items == {}


@pytest.mark.parametrize("dry_run", [True, False])
def test_an_object_deleted_from_a_versioned_bucket_comes_back_with_its_record(
    dry_run: bool,
) -> None:
    dynamo = FakeDynamo(restored=FakeItems(archived(IDS[0])), live=FakeItems())
    s3 = FakeBucket()
    key = archive_key("acme", IDS[0])
    s3.put(key, 7, version="1")
    s3.mark(key, "2")

    assert put_back(dynamo, s3, dry_run=dry_run).put_back == 1

    assert s3.versions == [(key, "1", 7), *([(key, "2", None)] if dry_run else [])]
    assert list(dynamo.tables["live"].items) == ([] if dry_run else [IDS[0]])


def test_records_of_the_live_table_stay_as_they_are() -> None:
    newer = item(IDS[0], state="failed", error_code="internal")
    dynamo = FakeDynamo(restored=FakeItems(item(IDS[0])), live=FakeItems(newer))

    assert put_back(dynamo, FakeBucket()).there == 1

    assert dynamo.tables["live"].items == {IDS[0]: newer}


def test_expired_records_and_other_items_stay_out() -> None:
    dynamo = FakeDynamo(
        restored=FakeItems(
            item(IDS[0], expires_at=str(int(NOW))),
            item(IDS[1], expires_at=str(int(NOW) + 1)),
            {"payload_id": {"S": "idempotency#0"}, "held_by": {"S": IDS[0]}},
            {"payload_id": {"S": "workers#acme"}},
        ),
        live=FakeItems(),
    )

    put_back(dynamo, FakeBucket())

    assert list(dynamo.tables["live"].items) == [IDS[1]]


def test_only_one_tenants_payloads_are_restored() -> None:
    dynamo = FakeDynamo(
        restored=FakeItems(item(IDS[0]), item(IDS[1], tenant="rival")), live=FakeItems()
    )

    put_back(dynamo, FakeBucket(), tenant="rival")

    assert list(dynamo.tables["live"].items) == [IDS[1]]


def test_a_record_that_arrives_meanwhile_is_left_as_it_is() -> None:
    dynamo = FakeDynamo(restored=FakeItems(item(IDS[0])), live=FakeItems())
    newer = item(IDS[0], state="failed")

    class Late(FakeBucket):
        def list_object_versions(self, **where: Any) -> dict[str, Any]:
            dynamo.tables["live"].items[IDS[0]] = newer
            return super().list_object_versions(**where)

    dynamo.tables["restored"].items[IDS[0]] = archived(IDS[0])
    s3 = Late()
    s3.put(archive_key("acme", IDS[0]), 1)

    assert put_back(dynamo, s3) == RestoreReport(put_back=0, there=1, without_object=())
    assert dynamo.tables["live"].items == {IDS[0]: newer}


def test_other_errors_of_aws_are_passed_on() -> None:
    dynamo = FakeDynamo(restored=FakeItems(item(IDS[0])), live=FakeItems())

    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutItem")

    dynamo.put_item = refuse  # type: ignore[method-assign]

    with pytest.raises(ClientError, match="AccessDenied"):
        put_back(dynamo, FakeBucket())


# The program


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> FakeDynamo:
    made = FakeDynamo(
        live=FakeItems(item(IDS[0], call_id="c-1")),
        restored=FakeItems(item(IDS[0]), item(IDS[1]), archived(IDS[2])),
    )

    class Session:
        def __init__(self, *, region_name: str | None) -> None:
            pass

        def client(self, service: str, *, endpoint_url: str | None, config: object) -> Any:
            return {"dynamodb": made, "s3": FakeBucket()}[service]

    monkeypatch.setattr(boto3, "Session", Session)
    return made


def run(*arguments: str) -> Result:
    return runner().invoke(payloads_program.cli, [*arguments, "--payloads-table", "live"])


def test_show_is_a_line_for_each_member(dynamo: FakeDynamo) -> None:
    done = run("show", IDS[0])

    assert done.exit_code == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["payload_id", IDS[0]],
        ["tenant", "acme"],
        ["state", "stored"],
        ["call_id", "c-1"],
    ]
    assert json.loads(run("show", IDS[0], "--json").stdout)["tenant"] == "acme"


def test_show_reports_errors_in_one_line(dynamo: FakeDynamo) -> None:
    for payload_id, message in ((IDS[9], "There is no payload"), ("x", "is no payload id")):
        done = run("show", payload_id)
        assert (done.exit_code, done.stdout) == (1, "")
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_restore_lists_lost_payloads_and_exits_with_1(dynamo: FakeDynamo) -> None:
    dry = run("restore", "--from", "restored", "--bucket", "bucket", "--dry-run")
    done = run("restore", "--from", "restored", "--bucket", "bucket")
    again = run("restore", "--from", "restored", "--bucket", "bucket", "--json")

    lines = ["payloads back; 1 are there already.", f"Without its object: {IDS[2]}"]
    assert dry.stdout.splitlines() == [f"Would put 1 {lines[0]}", lines[1]]
    assert done.stdout.splitlines() == [f"Put 1 {lines[0]}", lines[1]]
    assert json.loads(again.stdout) == {
        "put_back": 0,
        "there": 2,
        "without_object": [IDS[2]],
        "waiting": [],
    }
    assert {dry.exit_code, done.exit_code, again.exit_code} == {1}
    assert set(dynamo.tables["live"].items) == {IDS[0], IDS[1]}
