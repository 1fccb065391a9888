"""Uploads of files whose size is known at their end, as of a pipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.runtime.files.files_world import (
    MIB,
    FilesWorld,
    Film,
    audit,
    new_name,
    part_of,
    refusal,
    small,
)
from tests.runtime.files.test_files_races import at_once, repeat, settle
from wideload_runtime.core.files.records import Unsized, Usage
from wideload_runtime.core.files.requests import UploadRequest, WantedPart

PIPE = Film(size=20 * MIB)
"""Three parts, the last of 4 MiB."""


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld()


def begun(world: FilesWorld, film: Film = PIPE) -> str:
    """An upload that only remains to be completed."""
    upload_id: str = world.ann.create_unsized(film)["upload_id"]
    world.ann.send_film(upload_id, film)
    return upload_id


@pytest.mark.parametrize("size", [20 * MIB, 16 * MIB, 3, 66 * MIB])
def test_the_size_is_said_at_the_end(world: FilesWorld, size: int) -> None:
    film = replace(PIPE, size=size)
    answer = world.ann.create_unsized(film)
    shown = world.ann.uploads.show(answer["upload_id"])
    world.ann.send_film(answer["upload_id"], film)
    counted = world.ann.usage
    file = world.ann.complete(answer["upload_id"], film.claim)

    assert (answer["part_size"], answer["parts"]) == (8 * MIB, [])
    assert not {"size", "sha256", "part_count"} & (shown.keys() | answer.keys())
    assert counted == Usage(size, 1, 1)
    assert (file["size"], file["sha256"]) == (size, film.body.sha256)
    completed = world.ann.uploads.show(answer["upload_id"])
    assert (completed["size"], completed["part_count"]) == (size, len(film.numbers))
    assert world.ann.usage == Usage(size, 1, 0)
    assert world.count("FileUploadSize") == size
    assert world.ann.complete(answer["upload_id"], film.claim) == file
    assert audit(world) == []
    world.ann.files.delete(file["file_id"])
    settle(world)


def test_it_is_always_a_new_upload(world: FilesWorld) -> None:
    ids = {begun(world), begun(world)}
    world.ann.complete(min(ids), PIPE.claim)

    assert world.ann.create_unsized(PIPE)["upload_id"] not in ids


def test_two_of_one_request_are_two_uploads(world: FilesWorld) -> None:
    pipe = UploadRequest(new_name("a"), Unsized(PIPE.part(1).sha256, 0))

    first, second = world.ann.uploads.create([pipe, pipe])

    assert first["upload_id"] != second["upload_id"]


def test_an_expected_size_makes_larger_parts(world: FilesWorld) -> None:
    answer = world.ann.create_unsized(PIPE, expected_size=1024**4)

    assert answer["part_size"] == 105 * MIB
    assert world.ann.usage == Usage(0, 1, 1)


def test_bytes_count_as_their_parts_are_signed() -> None:
    world = FilesWorld(quota_bytes=20 * MIB)
    upload_id = world.ann.create_unsized(PIPE)["upload_id"]

    world.ann.sign(upload_id, (1, PIPE.part(1)), (2, PIPE.part(2)))
    assert world.ann.usage.bytes == 16 * MIB
    refused = refusal(lambda: world.ann.sign(upload_id, (3, PIPE.part(1))))
    assert (refused.code, refused.detail[:48]) == (
        "quota_exceeded", "The file has 8388608 more bytes; 16777216 of 209",
    )  # fmt: skip
    assert world.ann.usage.bytes == 16 * MIB
    world.ann.sign(upload_id, (3, PIPE.part(3)))
    world.ann.sign(upload_id, (1, PIPE.part(1)))
    assert world.ann.usage.bytes == 20 * MIB
    assert refusal(lambda: world.ann.create(small())).code == "quota_exceeded"
    assert audit(world) == []
    world.ann.uploads.abort(upload_id)
    assert world.ann.usage == Usage()


def test_a_file_may_not_grow_over_the_largest_size(world: FilesWorld) -> None:
    upload_id = world.ann.create_unsized(PIPE, expected_size=10 * 1024**4)["upload_id"]
    part = WantedPart(1000, PIPE.part(1).sha256, 1049 * MIB)

    refused = refusal(lambda: world.ann.uploads.signing.sign(upload_id, [part]))

    assert refused.code == "file_too_large"
    assert world.ann.usage.bytes == 0


@pytest.mark.parametrize("size", [None, 0, 8 * MIB + 1])
def test_a_part_needs_a_size(world: FilesWorld, size: int | None) -> None:
    upload_id = world.ann.create_unsized(PIPE)["upload_id"]
    part = WantedPart(1, PIPE.part(1).sha256, size)

    assert (
        refusal(lambda: world.ann.uploads.signing.sign(upload_id, [part])).code == "invalid_request"
    )


def test_parts_that_do_not_add_up_are_not_joined(world: FilesWorld) -> None:
    upload_id = begun(world)
    claim = PIPE.claim

    missing = refusal(lambda: world.ann.complete(upload_id, replace(claim, size=24 * MIB + 1)))
    longer = refusal(lambda: world.ann.complete(upload_id, replace(claim, size=20 * MIB + 1)))
    first_two = replace(PIPE, size=16 * MIB).claim
    shorter = refusal(lambda: world.ann.complete(upload_id, first_two))
    for size in (None, 0):
        unsaid = replace(claim, size=size)
        assert refusal(lambda: world.ann.complete(upload_id, unsaid)).code == "invalid_request"  # noqa: B023

    assert (missing.code, missing.members["missing"]) == ("parts_missing", [3, 4])
    assert (longer.code, longer.members["missing"]) == ("parts_missing", [3])
    assert shorter.code == "parts_differ"
    assert "CompleteMultipartUpload" not in world.wire.requests
    assert world.ann.complete(upload_id, claim)["size"] == 20 * MIB


def test_a_part_in_the_middle_must_be_whole(world: FilesWorld) -> None:
    upload_id = world.ann.create_unsized(PIPE)["upload_id"]
    upload = world.ann.record(upload_id)
    short = replace(part_of(upload, 2), size=5)
    (action,) = world.ann.sign(upload_id, (2, short))
    world.s3.send(action, short)
    world.ann.send_film(upload_id, PIPE, [1, 3])

    assert refusal(lambda: world.ann.complete(upload_id, PIPE.claim)).members["missing"] == [2]
    world.ann.send_film(upload_id, PIPE, [2])
    assert world.ann.complete(upload_id, PIPE.claim)["file_id"] == upload_id


def test_it_gives_way_to_a_file_of_its_content(world: FilesWorld) -> None:
    """Of one PUT, whose URL may store the object again."""
    film = replace(PIPE, size=3)
    single = world.ann.begin(film.body)
    file = world.ann.complete(begun(world, film), film.claim)

    assert world.ann.complete(single) == file
    assert world.ann.usage == Usage(6, 2, 0)
    assert audit(world) == []
    world.end_urls()
    assert world.ann.usage == Usage(3, 1, 0)
    unsized = begun(world, film)
    assert world.ann.complete(unsized, film.claim) == file
    assert world.ann.usage == Usage(3, 1, 0)
    assert audit(world) == []
    settle(world)


def test_it_expires(world: FilesWorld) -> None:
    begun(world)

    settle(world)

    assert world.ann.usage == Usage()


@pytest.mark.exhaustive
def test_signing_meets_signing_and_abort() -> None:
    """No byte is counted twice or left."""

    def prepare() -> Any:
        world = FilesWorld()
        upload_id = world.ann.create_unsized(PIPE)["upload_id"]
        world.ann.sign(upload_id, (1, PIPE.part(1)))
        return world, [
            lambda: world.ann.sign(upload_id, (2, PIPE.part(2))),
            lambda: world.ann.sign(upload_id, (3, PIPE.part(3))),
            lambda: world.ann.uploads.abort(upload_id),
        ]

    told = at_once(prepare, switches=2)

    signed = ["ok ok", "ok upload_gone", "upload_gone ok", "upload_gone upload_gone"]
    assert told == {f"{both} ok" for both in signed}


@pytest.mark.exhaustive
def test_two_pipes_share_one_quota() -> None:
    def prepare() -> Any:
        world = FilesWorld(quota_bytes=20 * MIB)
        uploads = [world.ann.create_unsized(PIPE)["upload_id"] for _ in range(2)]
        parts = [(1, PIPE.part(1)), (2, PIPE.part(2))]
        return world, [lambda one=one: world.ann.sign(one, *parts) for one in uploads]

    assert at_once(prepare) == {"ok quota_exceeded", "quota_exceeded ok"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["lost", "refused"])
def test_an_answer_lost_at_any_step(kind: str) -> None:
    number, requests = 0, 1
    while number < requests:
        world = FilesWorld(max_open=2)
        known: dict[str, Any] = {}
        steps = [
            lambda: known.update(world.ann.create_unsized(PIPE)),  # noqa: B023
            lambda: world.ann.send_film(known["upload_id"], PIPE),  # noqa: B023
            lambda: world.ann.complete(known["upload_id"], PIPE.claim),  # noqa: B023
        ]
        if kind == "lost":
            world.wire.lost = lambda name, seen, at=number: seen == at
        else:
            world.wire.refused = lambda name, seen, at=number: "SlowDown" if seen == at else None
        for step in steps:
            repeat(world, step)
        requests = len(world.wire.requests)
        world.wire.lost = lambda name, seen: False
        world.wire.refused = lambda name, seen: None
        known_to_s3 = {item.get("s3_upload_id") for item in world.items("UPLOAD#")}
        world.s3.multiparts = {
            name: one for name, one in world.s3.multiparts.items() if name in known_to_s3
        }
        assert audit(world) == [], f"after request {number}"
        assert world.ann.usage.files - world.ann.usage.open_uploads == 1
        settle(world)
        number += 1
    assert number >= 10
