"""Deletion of a person's files from a table and a bucket that the runtime has filled."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from botocore.exceptions import ClientError

from tests.fake_aws.s3 import Body
from tests.runtime.files.files_world import DAY, FilesWorld, Person, large, refusal, small
from wideload_cdk.users import owned_files
from wideload_cdk.users.owned_files import FilesReport, OwnedFiles, Usage
from wideload_runtime.adapters.files_items import DUE_SHARDS, trash_item
from wideload_runtime.core.files.records import Trash
from wideload_runtime.core.files.transfer import key_prefix

HALF_A_DAY = 12 * 3600


def owned(world: FilesWorld, person: str) -> OwnedFiles:
    return OwnedFiles(
        table=world.dynamo,
        s3=world.s3,
        bucket="bucket",
        owner=person,
        now=lambda: dt.datetime.fromtimestamp(world.clock.now(), dt.UTC),
    )


def fill(person: Person) -> list[tuple[dict[str, object], Body]]:
    """Something of every kind; URLs by which some of it could be stored again."""
    person.upload(small("old"))
    person.world.clock.time += DAY
    # Single PUTs whose URLs live: one completed, one open, one aborted, one deleted.
    urls = []
    for name in ("completed", "open", "aborted", "deleted"):
        answer = person.create(small(name))
        person.world.s3.send(answer["action"], small(name))
        urls.append((answer["action"], small(name)))
        if name in ("completed", "deleted"):
            person.complete(answer["upload_id"])
        if name == "aborted":
            person.uploads.abort(answer["upload_id"])
        if name == "deleted":
            person.files.delete(answer["upload_id"])
    person.upload(large("parts"))
    unfinished = person.create(large("unfinished"))["upload_id"]
    person.send_parts(unfinished, [1, 2])
    return urls


def kinds(world: FilesWorld, person: str) -> set[str]:
    return {item.partition("#")[0] for owner, item in world.dynamo.items if owner == person}


def test_everything_of_the_person_and_nothing_of_others_is_deleted() -> None:
    world = FilesWorld()
    fill(world.ann), fill(world.bob)
    others = {key: item for key, item in world.dynamo.items.items() if key[0] == "bob"}
    objects = {key for key in world.s3.objects if key.startswith(key_prefix("bob"))}

    report = owned(world, "ann").delete()

    assert report == FilesReport(
        files=3,
        uploads=6,
        objects=4,
        bytes=11 + 11 + 11 + 66 * 1024**2,
        multipart_uploads=1,
        swept_until=report.swept_until,
    )
    assert kinds(world, "ann") == {"TRASH", "USAGE"}
    assert set(world.s3.objects) == objects
    uploads = [one.key for one in world.s3.multiparts.values()]
    assert [key for key in uploads if not key.startswith(key_prefix("bob"))] == []
    assert {key: item for key, item in world.dynamo.items.items() if key[0] == "bob"} == others


def test_objects_stored_by_a_valid_url_are_swept_when_it_has_expired() -> None:
    world = FilesWorld()
    urls = fill(world.ann)
    report = owned(world, "ann").delete()

    for action, body in urls:
        world.s3.send(action, body)
    assert len(world.s3.objects) == 4
    world.clock.time += HALF_A_DAY + 3600 + 1
    world.sweep()

    assert world.failures == []
    assert world.s3.objects == {}
    assert kinds(world, "ann") == {"USAGE"}
    assert report.swept_until is not None
    assert dt.datetime.fromisoformat(report.swept_until).timestamp() <= world.clock.now()


def test_a_token_that_still_works_starts_no_upload() -> None:
    world = FilesWorld()
    fill(world.ann)
    ended = world.clock.now()

    owned(world, "ann").delete()

    assert refusal(lambda: world.ann.create(small("new"))).code == "too_many_uploads"
    [usage] = world.items("USAGE")
    assert int(usage["expires_at"]) == int(ended + DAY)


def test_a_run_interrupted_at_any_request_is_completed_by_the_next() -> None:
    for number in itertools.count():
        world = FilesWorld()
        urls = fill(world.ann)
        first = len(world.wire.requests)
        world.wire.refused = lambda _, at, at_first=first + number: (  # type: ignore[misc]
            "Interrupted" if at == at_first else None
        )
        try:
            owned(world, "ann").delete()
        except ClientError:
            cut_off = True
        else:
            cut_off = False
        world.wire.refused = lambda *_: None

        owned(world, "ann").delete()

        for action, body in urls:
            world.s3.send(action, body)
        world.clock.time += HALF_A_DAY + 3600 + 1
        world.sweep()
        assert (world.s3.objects, world.s3.multiparts) == ({}, {}), number
        assert kinds(world, "ann") == {"USAGE"}, number
        if not cut_off:
            break
    assert number > 5


def test_an_upload_that_ends_meanwhile_is_no_error() -> None:
    world = FilesWorld()
    fill(world.ann)

    def end(name: str) -> None:
        if name == "AbortMultipartUpload":
            world.s3.multiparts.clear()

    world.wire.before = end

    report = owned(world, "ann").delete()

    assert (report.multipart_uploads, world.s3.objects) == (1, {})


def test_a_dry_run_counts_the_same_and_changes_nothing() -> None:
    world = FilesWorld()
    fill(world.ann)
    items, objects = dict(world.dynamo.items), dict(world.s3.objects)

    counted = owned(world, "ann").delete(dry_run=True)

    assert (world.dynamo.items, world.s3.objects) == (items, objects)
    assert counted == owned(world, "ann").delete()


def test_usage_counts_what_the_quotas_count() -> None:
    world = FilesWorld()
    world.ann.upload(small("a", 7))
    world.ann.begin(small("b", 5))

    assert owned(world, "ann").usage() == Usage(bytes=12, files=2, open_uploads=1)
    assert owned(world, "bob").usage() == Usage(bytes=0, files=0, open_uploads=0)
    owned(world, "ann").delete()
    assert owned(world, "ann").usage() == Usage(bytes=0, files=0, open_uploads=0)


def test_records_are_those_of_the_runtime() -> None:
    world = FilesWorld()
    item = {
        "owner": "ann",
        "item": "UPLOAD#u",
        "key": "files/k",
        "due_at": "2020",
    }
    due_at = owned_files.iso(
        dt.datetime.fromtimestamp(world.clock.now(), dt.UTC) + owned_files.URLS_END
    )

    made = owned(world, "ann")._trash_of(item, "UPLOAD")

    assert made == {"owner": "ann", **trash_item(Trash("u", "files/k", due_at))}
    assert owned_files._prefix_of("ann") == key_prefix("ann")
    assert owned_files.DUE_SHARDS == DUE_SHARDS


@pytest.mark.parametrize("limit", [1, 10_000])
def test_no_quota_lets_the_blocked_through(limit: int) -> None:
    world = FilesWorld(max_open=limit)

    owned(world, "ann").delete()

    assert refusal(lambda: world.ann.create(small())).code == "too_many_uploads"


def test_records_of_scans_of_the_person_alone_are_deleted() -> None:
    world = FilesWorld(scan_seconds=3600)
    world.ann.upload(small()), world.bob.upload(small())

    owned(world, "ann").delete(dry_run=True)
    assert len(world.items("SCAN#")) == 2
    owned(world, "ann").delete()

    (left,) = world.items("SCAN#")
    assert left["of"] == "bob"
