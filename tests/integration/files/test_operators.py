"""People's files are counted and deleted by an operator who may do that and no more."""

from __future__ import annotations

import json
import secrets

import pytest

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.files.conftest import (
    MIB,
    Store,
    act,
    announced,
    create,
    send_parts,
    sign_in,
    store,
    subject_of,
)
from tests.integration.operators import run_program
from wideload_cdk import users
from wideload_cdk.users import __main__ as users_program

STACK = "wideload-local-files"


def person(cloud: Cloud, outputs: Outputs, anybody: Api) -> tuple[str, Api]:
    """A new person, signed in."""
    files, cognito = outputs["files"], cloud.client("cognito-idp")
    address, password = f"{secrets.token_hex(4)}@example.com", users.new_password()
    pool = files["user_pool_id"]
    users.create_user(cognito, pool, address, invite=False)
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=address, Password=password, Permanent=True
    )
    token = sign_in(cloud, files["client_id"], address, password)
    return address, Api(anybody.http, files["api_url"], {"Authorization": f"Bearer {token}"})


def test_a_deleted_person_has_nothing_and_stores_nothing(
    anybody: Api,
    ann: Api,
    cloud: Cloud,
    outputs: Outputs,
    stored: Store,
) -> None:
    address, api = person(cloud, outputs, anybody)
    kept = store(ann, secrets.token_bytes(100))
    file = store(api, b"0123456789", "notes.txt")
    content = secrets.token_bytes(66 * MIB)
    parts = create(api, content)
    send_parts(api, parts["upload_id"], content, parts["part_size"], 1)
    opened = create(api, b"open")
    act(api, opened["action"], b"open")

    def run(command: str, *arguments: str) -> dict[str, object]:
        done = run_program(
            cloud,
            users_program.cli,
            f"wideload-users {command}",
            address,
            *arguments,
            "--json",
            stack=STACK,
        )
        assert done.exit_code == 0, done.output
        told: dict[str, object] = json.loads(done.stdout)
        return told

    usage = run("usage")
    dry = run("delete", "--with-files", "--dry-run")
    deleted = run("delete", "--with-files", "--yes")

    assert usage == {
        "user_id": subject_of(api),
        "bytes": 10 + len(content) + 4,
        "files": 3,
        "open_uploads": 2,
    }
    assert {**dry, "deleted": True, "swept_until": None} == {**deleted, "swept_until": None}
    assert (deleted["files"], deleted["uploads"]) == (1, 3)
    assert (deleted["objects"], deleted["multipart_uploads"]) == (2, 1)
    for upload_id in (file["file_id"], parts["upload_id"], opened["upload_id"]):
        assert stored.keys(upload_id) == []
        assert stored.multiparts(upload_id) == 0
    # The token works for an hour more, and stores nothing.
    assert api.get("/files").json["items"] == []
    [refused] = api.post("/files", {"files": [announced(b"new")]}).json["files"]
    assert refused["error"]["code"] == "too_many_uploads"
    # What a URL stores again goes with the sweep.
    assert act(api, opened["action"], b"open").status == 200
    for item in stored.items(api):
        if item["item"].startswith("TRASH#"):
            stored.change(api, item["item"], due_at="2020-01-01T00:00:00.000Z")
    stored.sweep()
    assert stored.keys(opened["upload_id"]) == []
    assert [item["item"] for item in stored.items(api)] == ["USAGE"]
    stored.clear(api)
    assert ann.get(f"/files/{kept['file_id']}").status == 200
    with pytest.raises(users.UserNotFoundError):
        users.find_user(cloud.client("cognito-idp"), outputs["files"]["user_pool_id"], address)


def test_files_are_not_deleted_unless_it_is_said(
    anybody: Api, cloud: Cloud, outputs: Outputs, stored: Store
) -> None:
    address, api = person(cloud, outputs, anybody)
    file = store(api, b"0123456789")

    done = run_program(
        cloud, users_program.cli, "wideload-users delete", address, "--yes", stack=STACK
    )

    assert done.exit_code == 1
    held = f"{address} has 1 files, 0 open uploads and 1 objects; give --with-files"
    assert held in done.stderr
    assert api.get(f"/files/{file['file_id']}").status == 200
    stored.clear(api)


def test_files_are_restored_with_their_objects(
    newcomer: Api, cloud: Cloud, outputs: Outputs, stored: Store
) -> None:
    """The procedure of `docs/restore.md`; a restored table is a copy of what is there now."""
    dynamodb, table = cloud.client("dynamodb"), outputs["files"]["table"]
    kept, lost = (store(newcomer, secrets.token_bytes(100)) for _ in range(2))
    before, restored = stored.usage(newcomer), f"restored-{secrets.token_hex(4)}"
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=restored, UseLatestRestorableTime=True
    )
    dynamodb.get_waiter("table_exists").wait(TableName=restored)
    for item in stored.items(newcomer):
        stored.table.delete_item(Key={"owner": item["owner"], "item": item["item"]})
    [key] = stored.keys(lost["file_id"])
    cloud.client("s3").delete_object(Bucket=outputs["files"]["bucket"], Key=key)

    done = [
        run_program(
            cloud,
            users_program.cli,
            "wideload-users restore",
            *("--from", restored, "--person", subject_of(newcomer), "--json"),
            stack=STACK,
        )
        for _ in range(2)
    ]

    reports = [json.loads(each.stdout) for each in done]
    assert [(each["put_back"], each["there"]) for each in reports] == [(1, 0), (0, 1)]
    assert [each["without_object"] for each in reports] == [[lost["file_id"]]] * 2
    assert [file["file_id"] for file in newcomer.get("/files").json["items"]] == [kept["file_id"]]
    action = newcomer.get(f"/files/{kept['file_id']}/download").json["action"]
    assert len(act(newcomer, action).body) == 100
    assert stored.usage(newcomer) == {"bytes": 100, "files": 1}
    assert before == {"bytes": 200, "files": 2}
    dynamodb.delete_table(TableName=restored)


def test_an_invitation_is_sent_again(cloud: Cloud, outputs: Outputs) -> None:
    address = f"{secrets.token_hex(4)}@example.com"

    done = [
        run_program(cloud, users_program.cli, "wideload-users invite", address, *again, stack=STACK)
        for again in ([], ["--again"], [])
    ]

    assert [each.exit_code for each in done] == [0, 0, 1], done[1].output
    assert "has sent" in done[1].stderr
    assert "There is a user with the address" in done[2].stderr
