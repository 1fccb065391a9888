"""Restoring files, after which table and bucket are consistent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws.dynamo import FakeDynamoTable
from tests.runtime.files.files_world import DAY, FilesWorld, audit, large, small
from wideload_cdk.operate.restore import RestoreReport
from wideload_cdk.users.restored_files import put_files_back
from wideload_runtime.core.files.records import Usage, Verdict


def restored(world: FilesWorld) -> FakeDynamoTable:
    """The table as it is now, under another name."""
    copy = FakeDynamoTable(world.wire, "restored")
    copy.items = {key: dict(item) for key, item in world.dynamo.items.items()}
    return copy


def put_back(world: FilesWorld, copy: FakeDynamoTable, **options: Any) -> RestoreReport:
    return put_files_back(
        world.s3,
        restored=copy,
        table=world.dynamo,
        bucket="bucket",
        now=lambda: dt.datetime.fromtimestamp(world.clock.now(), dt.UTC),
        **options,
    )


def test_lost_files_come_back_with_content_and_usage() -> None:
    world = FilesWorld()
    kept = world.ann.upload(small("kept"))
    lost = [world.ann.upload(small("lost")), world.ann.upload(large("parts"))]
    world.bob.upload(small("lost"))
    before, copy = world.ann.usage, restored(world)
    # As if items had been deleted by mistake: all of bob's, and two files of ann's.
    ids = {file["file_id"] for file in lost}
    world.dynamo.items = {
        key: item
        for key, item in world.dynamo.items.items()
        if key[0] == "ann"
        and item["item"].partition("#")[2] not in ids
        and not ids & {item.get("file_id"), item.get("object_id")}
    }
    world.dynamo.items["ann", "USAGE"] |= {"bytes": 11, "files": 1}

    dry = put_back(world, copy, dry_run=True)
    report = put_back(world, copy)

    assert dry == report == RestoreReport(put_back=3, there=1, without_object=())
    brought_over(world)
    assert audit(world) == []
    assert world.ann.usage == before
    assert {file["file_id"] for file in world.ann.listed({})["items"]} == {
        kept["file_id"], *ids
    }  # fmt: skip
    assert world.ann.create(small("lost"))["duplicate"] is True
    assert put_back(world, copy) == RestoreReport(put_back=0, there=4, without_object=())


def test_files_without_their_object_stay_out_and_are_named() -> None:
    world = FilesWorld()
    file = world.ann.upload(small())
    copy = restored(world)
    world.ann.files.delete(file["file_id"])
    world.end_urls()

    assert put_back(world, copy).without_object == (file["file_id"],)
    assert audit(world) == []


def test_a_file_that_was_uploaded_again_is_there_once() -> None:
    world = FilesWorld()
    world.ann.upload(small())
    copy = restored(world)
    objects = dict(world.s3.objects)
    world.dynamo.items.clear()
    world.clock.time += 1
    again = world.ann.upload(small())
    world.s3.objects |= objects
    world.clock.time += DAY  # no URL of the first upload is valid

    assert put_back(world, copy).put_back == 1

    brought_over(world)
    assert [file["file_id"] for file in world.ann.listed({})["items"]] == [again["file_id"]]
    assert world.ann.usage == Usage(small().size, 1, 0)
    assert audit(world) == []


def test_several_names_and_folders_come_back_over_one_object() -> None:
    world = FilesWorld()
    world.ann.upload(small())
    world.ann.name(small(), "b", folder="x")
    world.ann.name(small(), "c", folder="y")
    before, copy = world.ann.usage, restored(world)
    world.dynamo.items = {
        key: item for key, item in world.dynamo.items.items() if key[1].startswith(("DIR", "FOLD"))
    }
    y = [key for key, item in world.dynamo.items.items() if item.get("name") == "y"]
    gone, entry = sorted(y)
    del world.dynamo.items[entry]
    world.dynamo.items[gone]["deleted_at"] = "2026-09-21T14:00:00.000Z"

    assert put_back(world, copy).put_back == 3

    brought_over(world)
    del world.dynamo.items[gone]
    assert audit(world) == []
    assert world.ann.usage == before
    places = {(f["folder"], f["name"]) for f in world.ann.listed({})["items"]}
    assert places == {("", "a.bin"), ("x", "b"), ("", "c")}


def brought_over(world: FilesWorld) -> None:
    """Let a minute pass, after which functions look at the owners' items again."""
    world.clock.time += 61
    for owner in ("ann", "bob"):
        world.table.of(owner)


def test_a_file_with_an_open_upload_waits_until_the_upload_is_aborted() -> None:
    world = FilesWorld()
    file = world.ann.upload(small())
    copy = restored(world)
    world.dynamo.items.clear()
    world.clock.time += 1
    upload_id = world.ann.create(small())["upload_id"]

    reports = [put_back(world, copy, dry_run=dry_run) for dry_run in (True, False)]

    waiting = RestoreReport(put_back=0, there=0, without_object=(), waiting=(file["file_id"],))
    assert reports == [waiting] * 2
    world.ann.uploads.abort(upload_id)
    assert put_back(world, copy).put_back == 1
    brought_over(world)
    world.end_urls()
    assert audit(world) == []


def test_a_file_that_arrives_meanwhile_is_left_as_it_is() -> None:
    world = FilesWorld()
    world.ann.upload(small())
    copy = restored(world)
    world.dynamo.items.clear()

    def again(name: str) -> None:
        if name == "ListObjectVersions":
            world.dynamo.items |= {key: dict(item) for key, item in copy.items.items()}

    world.wire.before = again

    assert put_back(world, copy) == RestoreReport(put_back=0, there=1, without_object=())
    assert world.ann.usage.files == 1


def test_only_one_persons_files_and_no_expired_ones_are_restored() -> None:
    world = FilesWorld(life_seconds=10)
    world.ann.upload(small()), world.bob.upload(small())
    copy = restored(world)
    world.dynamo.items.clear()

    assert put_back(world, copy, owner="bob").put_back == 1
    assert {owner for owner, _ in world.dynamo.items} == {"bob"}
    world.clock.time += 10
    assert put_back(world, copy).put_back == 0


def test_other_errors_of_aws_are_passed_on() -> None:
    world = FilesWorld()
    world.ann.upload(small())
    copy = restored(world)
    world.dynamo.items.clear()
    world.wire.refused = lambda name, _: (
        "ProvisionedThroughputExceededException" if name == "TransactWriteItems" else None
    )

    with pytest.raises(ClientError, match="ProvisionedThroughput"):
        put_back(world, copy)


@pytest.mark.parametrize("result", [None, "malware"])
def test_a_quarantined_file_stays_so_and_can_be_released(result: Any) -> None:
    world = FilesWorld(scan_seconds=3600)
    file_id = world.ann.upload(small())["file_id"]
    key = world.ann.stored(file_id).key
    if result:
        world.scanning.record(Verdict(key, result, "X", "2026-01-01"))
    copy = restored(world)
    world.dynamo.items.clear()

    put_back(world, copy)
    world.look_again()

    assert world.ann.shown(file_id)["quarantined"]["reason"] == (result or "scanning")
    world.scanning.record(Verdict(key, "clean", "", "9999"))
    assert "quarantined" not in world.ann.shown(file_id)
