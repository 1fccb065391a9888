"""The operators' programs, by IAM users who may do what `docs/operators.md` says, and no more."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.operators import run_program
from tests.integration.test_ingest import ask_for_url, claim
from wideload_cdk.keys import __main__ as keys_program
from wideload_cdk.keys import create_key
from wideload_cdk.payloads import __main__ as payloads_program
from wideload_cdk.tenants import __main__ as tenants_program

STACK = "wideload-local-ingest"
LARGE = b'{"call_id": "c-large", "noise": "%s"}' % secrets.token_hex(20_000).encode()


@contextmanager
def tenant(cloud: Cloud, outputs: Outputs, anybody: Api) -> Iterator[Api]:
    """A tenant of one test's own."""
    name = f"t-{secrets.token_hex(4)}"
    new = create_key(cloud.table(output(cloud, "KeysTableName")), name)
    header = outputs["ingest"]["api_key_header"]
    yield Api(anybody.http, anybody.url, {header: new.api_key, "x-tenant": name})


def output(cloud: Cloud, name: str) -> str:
    [stack] = cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return next(each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == name)


def fill(api: Api) -> dict[str, str]:
    """A payload of each kind: small, archived, failed, and one whose URL is never used."""
    small = api.post("/send-call-log", {"call_id": "c-small"}).json["payload_id"]
    issued = ask_for_url(api, LARGE)
    assert api.put(issued["upload_url"], LARGE, issued["headers"]).status == 200
    assert claim(api, issued["s3_key"]).status == 200
    broken = ask_for_url(api, b"[]")
    api.put(broken["upload_url"], b"[]", broken["headers"])
    assert claim(api, broken["s3_key"]).status == 400
    return {
        "small": small,
        "archived": issued["payload_id"],
        "failed": broken["payload_id"],
        "issued": ask_for_url(api, b"{}")["payload_id"],
    }


def objects(cloud: Cloud, outputs: Outputs, name: str) -> list[str]:
    pages = cloud.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=outputs["ingest"]["bucket"])
    keys = [item["Key"] for page in found for item in page.get("Contents", [])]
    return [key for key in keys if f"/{name}/" in key]


def test_a_deleted_tenant_has_nothing_and_gets_nothing(
    anybody: Api, acme: Api, cloud: Cloud, outputs: Outputs
) -> None:
    kept = acme.post("/send-call-log", {"call_id": "c-kept"}).json["payload_id"]
    with tenant(cloud, outputs, anybody) as api:
        name, payloads = api.headers["x-tenant"], fill(api)
    command = "wideload-tenants delete"

    dry = run_program(cloud, tenants_program.cli, command, name, "--dry-run", "--json")
    before = objects(cloud, outputs, name)
    done = run_program(cloud, tenants_program.cli, command, name, "--yes", "--json")
    again = run_program(cloud, tenants_program.cli, command, name, "--yes", "--json")

    assert [each.exit_code for each in (dry, done, again)] == [0, 0, 0], done.output
    counted, deleted, left = (json.loads(each.stdout) for each in (dry, done, again))
    assert counted == {**deleted, "deleted": False}
    assert (deleted["keys"], deleted["records"]) == (1, 4)
    assert deleted["objects"] == len(before) >= 3
    assert (left["keys"], left["records"], left["objects"]) == (0, 0, 0)
    assert objects(cloud, outputs, name) == []
    table = cloud.table(outputs["ingest"]["table"])
    for payload_id in payloads.values():
        assert "Item" not in table.get_item(Key={"payload_id": payload_id})
    assert acme.get(f"/call-logs/{kept}").status == 200


def test_a_rotated_key_and_the_new_one_work(anybody: Api, cloud: Cloud, outputs: Outputs) -> None:
    header = outputs["ingest"]["api_key_header"]
    keys = cloud.table(output(cloud, "KeysTableName"))
    old, ended = (create_key(keys, "acme") for _ in range(2))

    done = run_program(cloud, keys_program.cli, "wideload-keys rotate", old.key_id)
    gone = run_program(cloud, keys_program.cli, "wideload-keys rotate", ended.key_id)
    # Its date has come.
    keys.update_item(
        Key={"key_id": ended.key_id},
        UpdateExpression="SET ends_at = :past",
        ExpressionAttributeValues={":past": "2020-01-01T00:00:00+00:00"},
    )

    assert (done.exit_code, gone.exit_code) == (0, 0), done.output
    status = {
        name: anybody.request("GET", "/call-logs", headers={header: key}).status
        for name, key in (
            ("old", old.api_key),
            ("new", done.stdout.strip()),
            ("ended", ended.api_key),
        )
    }
    assert status == {"old": 200, "new": 200, "ended": 403}


def test_an_operator_sees_a_payload_and_none_of_its_content(
    anybody: Api, cloud: Cloud, outputs: Outputs
) -> None:
    with tenant(cloud, outputs, anybody) as api:
        payloads = fill(api)

    done = run_program(
        cloud, payloads_program.cli, "wideload-payloads show", payloads["failed"], "--json"
    )

    shown = json.loads(done.stdout)
    assert (shown["tenant"], shown["state"]) == (api.headers["x-tenant"], "failed")
    assert shown["error_code"] == "not_an_object"
    small = run_program(cloud, payloads_program.cli, "wideload-payloads show", payloads["small"])
    assert "summary" not in small.stdout
    assert "document" not in small.stdout


def test_tables_and_archive_are_restored_together(
    anybody: Api, cloud: Cloud, outputs: Outputs
) -> None:
    """The procedure of `docs/restore.md`, as far as the embedded cloud has it: a restored table
    is a copy of what the live one holds now, whatever time is asked for."""
    dynamodb, ingest = cloud.client("dynamodb"), outputs["ingest"]
    with tenant(cloud, outputs, anybody) as api:
        name, payloads = api.headers["x-tenant"], fill(api)
        documents = {
            payload_id: api.get(f"/call-logs/{payload_id}/records").body
            for payload_id in payloads.values()
        }
        lost = ask_for_url(api, LARGE)
        api.put(lost["upload_url"], LARGE, lost["headers"])
        claim(api, lost["s3_key"])
        restored = f"restored-{secrets.token_hex(4)}"

        dynamodb.restore_table_to_point_in_time(
            SourceTableName=ingest["table"], TargetTableName=restored, UseLatestRestorableTime=True
        )
        dynamodb.get_waiter("table_exists").wait(TableName=restored)
        # What happened after that time: the table lost its items, the bucket one archive.
        for payload_id in (*payloads.values(), lost["payload_id"]):
            dynamodb.delete_item(TableName=ingest["table"], Key={"payload_id": {"S": payload_id}})
            assert api.get(f"/call-logs/{payload_id}").status == 404
        cloud.client("s3").delete_object(
            Bucket=ingest["bucket"], Key=f"archive/{name}/{lost['payload_id']}.json.gz"
        )
        restore = ["--from", restored, "--tenant", name, "--json"]
        command = "wideload-payloads restore"
        dry = run_program(cloud, payloads_program.cli, command, *restore, "--dry-run")
        done = run_program(cloud, payloads_program.cli, command, *restore)
        again = run_program(cloud, payloads_program.cli, command, *restore)

        reports = [json.loads(each.stdout) for each in (dry, done, again)]
        assert [each["without_object"] for each in reports] == [[lost["payload_id"]]] * 3
        assert [(each["put_back"], each["there"]) for each in reports] == [(3, 0), (3, 0), (0, 3)]
        assert {dry.exit_code, done.exit_code, again.exit_code} == {1}
        for kind in ("small", "archived"):
            read = api.get(f"/call-logs/{payloads[kind]}/records")
            assert (read.status, read.body) == (200, documents[payloads[kind]])
        listed: Any = api.get("/call-logs").json["items"]
        assert {each["payload_id"] for each in listed} == {
            payloads[kind] for kind in ("small", "archived", "failed")
        }
        assert api.get(f"/call-logs/{lost['payload_id']}").status == 404
    dynamodb.delete_table(TableName=restored)
    # Nor an object without a record, which other tests would count.
    run_program(cloud, tenants_program.cli, "wideload-tenants delete", name, "--yes")
