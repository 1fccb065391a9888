"""Tables that the last version filled: each file held its object, and had no folder."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from tests.fake_aws.s3 import Body, Object
from tests.fake_aws.wire import AtOnce, every_order
from tests.runtime.files.files_world import (
    DAY,
    MIB,
    FilesWorld,
    Film,
    audit,
    large,
    part_of,
    refusal,
    said,
    small,
    wish,
)
from wideload_runtime.adapters import files_migration
from wideload_runtime.adapters.files_table import KNOWN_SECONDS
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.records import Usage
from wideload_runtime.core.files.transfer import key_prefix

AT = "2026-09-20T10:00:00.000Z"
LATER = "2026-09-27T10:00:00.000Z"
IDS = [f"01K5K0A0A0000000000000000{letter}" for letter in "ABCDEFGH"]
PUT, FILM, CORRUPT, TWIN, OPEN, PARTS, ONE_PASS, ENDED = IDS
OTHER = Film(beginning="open")


def stored(world: FilesWorld, file_id: str, body: Body) -> str:
    key = f"{key_prefix('ann')}{file_id}"
    world.s3.objects[key] = Object(body.size, body.checksum, body.data, world.clock.now())
    return key


def file_of_earlier(world: FilesWorld, file_id: str, name: str, body: Body, **more: Any) -> None:
    """Write the items of a file as the last version did."""
    item = {
        "owner": "ann", "item": f"FILE#{file_id}", "name": name, "size": body.size,
        "content_type": "text/plain", "sha256": body.sha256, "verified": True, "created_at": AT,
        "key": stored(world, file_id, body), **more,
    }  # fmt: skip
    put(world, item)
    if not more.get("corrupt"):
        content = f"CONTENT#{body.sha256}#{body.size}"
        put(world, {"owner": "ann", "item": content, "file_id": file_id})
    if "first_sha256" in more and not more.get("corrupt"):
        first = f"FIRST#{more['first_sha256']}#{body.size}#{file_id}"
        put(world, {"owner": "ann", "item": first, "file_id": file_id})
    put(world, {
        "owner": "ann", "item": f"UPLOAD#{file_id}", "due_shard": "due#0", "state": "completed",
        "name": name, "size": body.size, "content_type": "text/plain", "sha256": body.sha256,
        "part_size": 8 * MIB, "part_count": 1, "key": item["key"], "created_at": AT,
        "session_ends": LATER, "expires_at": int(world.clock.now() + 7 * DAY),
    })  # fmt: skip
    del world.dynamo.items["ann", f"UPLOAD#{file_id}"]["due_shard"]


def upload_of_earlier(world: FilesWorld, upload_id: str, size: int, **more: Any) -> None:
    put(world, {
        "owner": "ann", "item": f"UPLOAD#{upload_id}", "due_shard": "due#1", "due_at": LATER,
        "state": "open", "name": "open.bin", "size": size, "content_type": "text/plain",
        "part_size": min(size, 8 * MIB), "part_count": -(-size // (8 * MIB)),
        "key": f"{key_prefix('ann')}{upload_id}", "created_at": AT, "session_ends": LATER, **more,
    })  # fmt: skip


def put(world: FilesWorld, item: dict[str, Any]) -> None:
    world.dynamo.put_item(Item=item)


def earlier_world() -> FilesWorld:
    """Two files of one name, a film, a corrupt file, and open uploads of all kinds."""
    world = FilesWorld()
    world.unhashed = True
    world.clock.time += KNOWN_SECONDS
    file_of_earlier(world, PUT, "a.bin", small("put"), urls_end="2026-09-21T20:00:00.000Z")
    film = Film()
    file_of_earlier(
        world, FILM, "film.mp4", film.body, verified=False, first_sha256=film.part(1).sha256
    )
    file_of_earlier(world, CORRUPT, "bad", large("bad"), verified=False, corrupt=True)
    file_of_earlier(world, TWIN, "a.bin", small("twin"))
    upload_of_earlier(world, OPEN, 11, sha256=small("open").sha256)
    put(world, {
        "owner": "ann", "item": f"CONTENT#{small('open').sha256}#11", "upload_id": OPEN,
    })  # fmt: skip
    upload_of_earlier(world, PARTS, large("p").size, sha256=large("p").sha256)
    put(world, {
        "owner": "ann", "item": f"CONTENT#{large('p').sha256}#{large('p').size}",
        "upload_id": PARTS,
    })  # fmt: skip
    first = OTHER.part(1).sha256
    upload_of_earlier(world, ONE_PASS, OTHER.size, first_sha256=first)
    put(world, {
        "owner": "ann", "item": f"FIRST#{first}#{OTHER.size}#open", "upload_id": ONE_PASS,
    })  # fmt: skip
    sizes = [11, film.size, large("bad").size, 11, 11, large("p").size, OTHER.size]
    put(world, {
        "owner": "ann", "item": "USAGE", "bytes": sum(sizes), "files": 7, "open_uploads": 3,
    })  # fmt: skip
    world.wire.requests.clear()
    return world


def check(world: FilesWorld) -> None:
    """All is there under the names that it is to have, and consistent."""
    names = {file_id: world.ann.shown(file_id)["name"] for file_id in IDS[:4]}
    assert names == {PUT: "a.bin", FILM: "film.mp4", CORRUPT: "bad", TWIN: "a (2).bin"}
    assert audit(world) == []
    assert world.items("USAGE")[0]["model"] == files_migration.MODEL
    assert len(world.items("OBJECT#")) == 4


def test_files_of_the_last_version_are_brought_over_by_the_first_request() -> None:
    world = earlier_world()

    shown = world.ann.shown(PUT)

    assert (shown["folder"], shown["name"], shown["verified_by"]) == ("", "a.bin", "s3")
    assert world.ann.shown(CORRUPT)["corrupt"] is True
    assert world.ann.stored(PUT).urls_end == "2026-09-21T20:00:00.000Z"
    check(world)


def test_known_content_and_open_uploads_go_on() -> None:
    world = earlier_world()

    assert world.ann.create(small("put"))["file"]["file_id"] == PUT
    assert world.ann.create_unhashed(Film()) == {"hash_first": True}
    assert world.ann.name(small("twin"), "b", folder="x")["folder"] == "x"
    action = world.ann.sign(OPEN, (1, small("open")))[0]
    world.s3.send(action, small("open"))
    assert world.ann.complete(OPEN)["name"] == "open.bin"
    upload = world.ann.record(PARTS)
    for number in range(1, upload.part_count + 1):
        (action,) = world.ann.sign(PARTS, (number, part_of(upload, number)))
        world.s3.send(action, part_of(upload, number))
    (answer,) = world.ann.uploads.create([wish(large("p"), "also.bin")])
    assert answer["upload_id"] == PARTS
    assert len(world.ann.uploads.complete(PARTS)["files"]) == 2
    world.ann.send_film(ONE_PASS, OTHER)
    assert world.ann.complete(ONE_PASS, OTHER.claim)["name"] == "open (3).bin"
    assert [world.ann.complete(one)["file_id"] for one in (PUT, FILM)] == [PUT, FILM]
    check_all_gone(world)


def check_all_gone(world: FilesWorld) -> None:
    assert audit(world) == []
    for item in world.items("FILE#"):
        world.ann.files.delete(item["item"].removeprefix("FILE#"))
    world.clock.time += 8 * DAY
    world.sweep()
    world.clock.time += 2 * DAY
    world.sweep()
    assert (world.s3.objects, world.failures) == ({}, [])
    assert world.ann.usage == Usage()
    assert audit(world) == []


@pytest.mark.parametrize("kind", ["lost", "refused"])
def test_a_migration_interrupted_at_any_request_is_completed_by_the_next(kind: str) -> None:
    number = 0
    while True:
        world = earlier_world()
        if kind == "lost":
            world.wire.lost = lambda _, at, begin=number: at == begin  # type: ignore[misc]
        else:
            world.wire.refused = lambda _, at, begin=number: (  # type: ignore[misc]
                "Interrupted" if at == begin else None
            )
        failed = True
        with suppress(ClientError, HTTPClientError, Refused):
            world.table.of("ann").usage()
            failed = False
        world.wire.lost = lambda *_: False
        world.wire.refused = lambda *_: None
        check(world)
        if not failed and number > 12:
            break
        number += 1
    assert number > 12


def test_two_migrations_at_once_make_one_object_of_each_file() -> None:
    told: set[str] = set()

    def run(choose: Any) -> None:
        world = earlier_world()
        tables = [world.table, type(world.table)(world.dynamo, sleep=lambda _: None,
                                                 now=world.clock.now)]  # fmt: skip
        works = [lambda table=table: table.of("ann") for table in tables]
        outcomes = AtOnce(world.wire, choose, world.state).run(*works)
        told.add(" ".join(said(outcome) for outcome in outcomes))
        check(world)

    every_order(run, switches=2)
    assert told == {"ok ok"}


def test_many_files_are_brought_over_by_several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_migration, "BROUGHT_OVER", 3)
    world = earlier_world()

    refused = refusal(lambda: world.ann.files.get(PUT))

    assert (refused.code, refused.status, refused.retry_after) == ("unavailable", 503, 1)
    assert len(world.items("OBJECT#")) == 3
    check(world)


def test_a_file_that_the_last_version_writes_meanwhile_is_brought_over_when_read() -> None:
    world = earlier_world()
    world.ann.shown(PUT)
    file_of_earlier(world, ENDED, "late", small("late"))
    usage = world.dynamo.items["ann", "USAGE"]
    usage |= {"bytes": usage["bytes"] + 11, "files": usage["files"] + 1}

    assert world.ann.create(small("late"), name="late")["file"]["file_id"] == ENDED
    assert world.ann.shown(ENDED)["folder"] == ""
    assert audit(world) == []


def test_a_person_whose_files_are_brought_over_costs_one_read_a_minute() -> None:
    world = earlier_world()
    world.ann.shown(PUT)
    world.wire.requests.clear()

    world.table.of("ann")
    assert world.wire.requests == []
    world.clock.time += KNOWN_SECONDS
    world.table.of("ann")

    assert world.wire.requests == ["GetItem"]


def test_a_restored_file_joins_the_object_that_has_its_content() -> None:
    world = FilesWorld()
    world.ann.upload(small())
    world.clock.time += KNOWN_SECONDS
    file_of_earlier(world, PUT, "restored", small())
    world.dynamo.items["ann", f"CONTENT#{small().sha256}#11"] = {
        "owner": "ann", "item": f"CONTENT#{small().sha256}#11",
        "object_id": world.items("OBJECT#")[0]["item"].removeprefix("OBJECT#"),
    }  # fmt: skip
    usage = world.dynamo.items["ann", "USAGE"]
    usage["files"] += 1

    assert world.ann.shown(PUT)["name"] == "restored"

    assert audit(world) == []
    assert world.ann.usage == Usage(11, 2, 0)


def test_a_person_without_records_needs_no_migration() -> None:
    world = FilesWorld()
    world.clock.time += KNOWN_SECONDS

    world.table.of("ann")

    assert world.wire.requests == ["GetItem"]
    assert world.dynamo.items == {}
