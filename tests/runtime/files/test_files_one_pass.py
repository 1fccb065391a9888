"""Uploads of large files that are hashed while they are sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.runtime.files.files_world import (
    DAY,
    FilesWorld,
    Film,
    audit,
    large,
    refusal,
)
from tests.runtime.files.test_files_races import at_once, repeat, settle
from wideload_runtime.core.files.completing import ASK_SECONDS
from wideload_runtime.core.files.records import Usage

FILM = Film()
OTHER = Film(rest="other")
"""It has FILM's first part and size."""


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld()


def begun(world: FilesWorld, film: Film = FILM) -> str:
    """An upload by first part that only remains to be completed."""
    upload_id: str = world.ann.create_unhashed(film)["upload_id"]
    world.ann.send_film(upload_id, film)
    return upload_id


def hashed(world: FilesWorld, film: Film = FILM) -> str:
    """An upload by SHA-256 that only remains to be completed."""
    upload_id: str = world.ann.create(film.body)["upload_id"]
    world.ann.send_film(upload_id, film)
    return upload_id


def test_a_file_is_uploaded_before_it_is_hashed(world: FilesWorld) -> None:
    answer = world.ann.create_unhashed(FILM)
    shown = world.ann.uploads.show(answer["upload_id"])
    world.ann.send_film(answer["upload_id"], FILM)
    file = world.ann.complete(answer["upload_id"], FILM.claim)

    assert (answer["part_size"], answer["part_count"], answer["parts"]) == (8 * 2**20, 9, [])
    assert shown["first_sha256"] == FILM.part(1).sha256
    assert "sha256" not in shown
    assert file["file_id"] == answer["upload_id"]
    assert (file["size"], file["sha256"], file["verified"]) == (
        FILM.size, FILM.body.sha256, False,
    )  # fmt: skip
    assert world.ann.usage == Usage(FILM.size, 1, 0)
    assert world.count("FileUploadSize") == FILM.size
    completed = world.ann.uploads.show(answer["upload_id"])
    assert (completed["sha256"], completed["file"]) == (FILM.body.sha256, file)
    assert world.ann.complete(answer["upload_id"], FILM.claim) == file
    assert audit(world) == []


def test_it_takes_as_many_requests_as_one_that_was_hashed(world: FilesWorld) -> None:
    def requests(upload: Any) -> list[str]:
        world.wire.requests.clear()
        upload()
        return [name for name in world.wire.requests if name != "UploadPart"]

    unhashed = requests(lambda: world.ann.upload_unhashed(FILM))
    by_hash = requests(lambda: world.ann.upload(large()))

    assert len(unhashed) <= len(by_hash)
    assert unhashed == [
        "Query",
        "TransactWriteItems",
        "GetItem",
        "CreateMultipartUpload",
        "UpdateItem",
        "GetItem",
        "GetItem",
        "GetItem",
        "ListParts",
        "UpdateItem",
        "CompleteMultipartUpload",
        "HeadObject",
        "BatchGetItem",
        "TransactWriteItems",
        "BatchGetItem",
    ]


def test_it_is_resumed_by_its_first_part(world: FilesWorld) -> None:
    upload_id = world.ann.create_unhashed(FILM)["upload_id"]
    world.ann.send_film(upload_id, FILM, [1, 2, 7])

    again = world.ann.create_unhashed(FILM)

    assert again["upload_id"] == upload_id
    assert again["parts"] == [
        {"number": number, "sha256": FILM.part(number).sha256} for number in (1, 2, 7)
    ]
    assert world.bob.create_unhashed(FILM)["upload_id"] != upload_id
    assert world.ann.usage == Usage(FILM.size, 1, 1)


def test_another_size_or_first_part_is_another_upload(world: FilesWorld) -> None:
    answers = world.ann.create_unhashed(FILM, Film("another"), replace(FILM, size=660 * 2**20))

    assert len({answer["upload_id"] for answer in answers}) == 3


def test_alike_files_of_one_request_are_hashed_first(world: FilesWorld) -> None:
    first, second = world.ann.create_unhashed(FILM, OTHER)

    assert "upload_id" in first
    assert second == {"hash_first": True}


def test_a_file_of_one_put_is_hashed_first(world: FilesWorld) -> None:
    answers = world.ann.create_unhashed(Film(size=64 * 2**20), Film(size=1))

    assert answers == [{"hash_first": True}] * 2
    assert world.wire.requests == []


@pytest.mark.parametrize("by_hash", [True, False])
def test_a_file_is_found_by_its_first_part(world: FilesWorld, by_hash: bool) -> None:
    file = world.ann.complete(hashed(world)) if by_hash else world.ann.upload_unhashed(FILM)

    assert world.ann.create_unhashed(FILM) == {"hash_first": True}
    assert world.ann.create_unhashed(OTHER) == {"hash_first": True}
    assert world.ann.create(FILM.body) == {"duplicate": True, "file": file}
    assert "upload_id" in world.ann.create(OTHER.body)
    assert "upload_id" in world.bob.create_unhashed(FILM)
    world.ann.files.delete(file["file_id"])
    assert "upload_id" in world.ann.create_unhashed(FILM)


def test_one_of_two_files_with_a_first_part_is_deleted(world: FilesWorld) -> None:
    files = [world.ann.complete(hashed(world, film)) for film in (FILM, OTHER)]

    for file in files:
        assert world.ann.create_unhashed(FILM) == {"hash_first": True}
        world.ann.files.delete(file["file_id"])
    assert "upload_id" in world.ann.create_unhashed(FILM)


def test_a_completion_of_an_earlier_version_has_no_first_part(world: FilesWorld) -> None:
    """S3 joins the parts while this version is deployed."""
    upload_id = hashed(world)
    world.wire.lost = lambda name, number: name == "CompleteMultipartUpload"
    world.wire.refused = lambda name, number: "SlowDown" if name == "HeadObject" else None
    with pytest.raises(Exception, match="SlowDown"):
        world.ann.complete(upload_id)
    item = world.dynamo.items["ann", f"UPLOAD#{upload_id}"]
    del item["joined_sha256"], item["joined_first_sha256"]
    world.wire.refused = lambda name, number: None

    file = world.ann.complete(upload_id)

    assert file["sha256"] == FILM.body.sha256
    assert audit(world) == []
    upload = world.ann.create_unhashed(FILM)["upload_id"]
    world.ann.send_film(upload, FILM)
    assert world.ann.complete(upload, FILM.claim) == file


# The claim


def test_it_is_not_completed_without_its_hash(world: FilesWorld) -> None:
    upload_id = begun(world)

    refused = refusal(lambda: world.ann.complete(upload_id))

    assert (refused.code, refused.detail) == (
        "invalid_request",
        "The upload was begun without sha256: complete it with sha256, that of the whole file, and "
        "parts_sha256.",
    )
    assert world.ann.record(upload_id).state == "open"
    assert world.ann.complete(upload_id, FILM.claim)["file_id"] == upload_id


def test_a_claim_must_fit_what_was_announced(world: FilesWorld) -> None:
    by_hash, unhashed = hashed(world, OTHER), begun(world)

    for upload_id, claim in [
        (by_hash, replace(FILM.claim, size=None)),
        (by_hash, replace(OTHER.claim, size=1)),
        (unhashed, replace(FILM.claim, size=1)),
    ]:
        assert refusal(lambda: world.ann.complete(upload_id, claim)).code == "invalid_request"  # noqa: B023
    lie = replace(OTHER.claim, parts_sha256=FILM.claim.parts_sha256)
    assert refusal(lambda: world.ann.complete(by_hash, lie)).code == "parts_differ"
    assert world.ann.complete(by_hash, OTHER.claim)["file_id"] == by_hash
    unsaid = replace(FILM.claim, size=None)
    assert world.ann.complete(unhashed, unsaid)["file_id"] == unhashed


def test_parts_that_differ_are_sent_again(world: FilesWorld) -> None:
    """As when a file changes between two runs, or another one is like it at first."""
    upload_id = begun(world)
    world.ann.send_film(upload_id, OTHER, [3])

    refused = refusal(lambda: world.ann.complete(upload_id, FILM.claim))
    held = world.ann.uploads.show(upload_id)["parts"]

    assert (refused.code, refused.status) == ("parts_differ", 409)
    assert "CompleteMultipartUpload" not in world.wire.requests
    hashes = {part["number"]: part["sha256"] for part in held}
    differing = [number for number in range(1, 10) if hashes[number] != FILM.part(number).sha256]
    assert differing == [3]
    world.ann.send_film(upload_id, FILM, differing)
    assert world.ann.complete(upload_id, FILM.claim)["sha256"] == FILM.body.sha256


def test_a_part_replaced_while_s3_is_asked_is_noticed(world: FilesWorld) -> None:
    upload_id = begun(world)
    (action,) = world.ann.sign(upload_id, (3, OTHER.part(3)))

    def replaced(name: str) -> None:
        if name == "CompleteMultipartUpload":
            world.wire.before = lambda name: None
            world.s3.send(action, OTHER.part(3))

    world.wire.before = replaced

    assert refusal(lambda: world.ann.complete(upload_id, FILM.claim)).code == "parts_differ"
    assert world.ann.record(upload_id).state == "open"
    assert audit(world) == []


def test_the_other_of_two_files_in_one_upload_is_told(world: FilesWorld) -> None:
    upload_id = begun(world)
    assert world.ann.create_unhashed(OTHER)["upload_id"] == upload_id
    file = world.ann.complete(upload_id, FILM.claim)

    signing = refusal(lambda: world.ann.sign(upload_id, (3, OTHER.part(3))))
    completing = refusal(lambda: world.ann.complete(upload_id, OTHER.claim))

    assert (signing.code, completing.code) == ("upload_completed", "upload_gone")
    assert world.ann.create_unhashed(OTHER) == {"hash_first": True}
    second = world.ann.complete(hashed(world, OTHER))
    assert second["file_id"] != file["file_id"]
    assert audit(world) == []


def test_a_claim_that_comes_while_s3_joins_for_another_waits(world: FilesWorld) -> None:
    upload_id = begun(world)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id, FILM.claim))
    world.seconds_left = 20

    waiting = refusal(lambda: world.ann.complete(upload_id, OTHER.claim))
    world.clock.time += ASK_SECONDS
    late = refusal(lambda: world.ann.complete(upload_id, OTHER.claim))

    assert (waiting.code, late.code) == ("completing", "upload_gone")
    assert world.ann.complete(upload_id)["sha256"] == FILM.body.sha256


def test_the_sweep_completes_what_was_claimed(world: FilesWorld) -> None:
    upload_id = begun(world)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id, FILM.claim))
    world.seconds_left = 20
    world.clock.time += 15 * 60

    assert world.sweep().completed == 1
    assert world.ann.uploads.show(upload_id)["file"]["sha256"] == FILM.body.sha256


def test_parts_that_s3_lost_are_sent_again(world: FilesWorld) -> None:
    upload_id = begun(world)
    world.s3.multiparts.clear()

    again = world.ann.create_unhashed(FILM)

    assert (again["upload_id"], again["parts"]) == (upload_id, [])
    world.ann.send_film(upload_id, FILM)
    assert world.ann.complete(upload_id, FILM.claim)["file_id"] == upload_id
    assert audit(world) == []


def test_a_lie_is_found_by_the_verifier() -> None:
    world = FilesWorld(verify=True)
    lie = replace(FILM.claim, sha256=OTHER.body.sha256)
    upload_id = begun(world)
    file = world.ann.complete(upload_id, lie)

    assert (file["sha256"], file["verified"]) == (OTHER.body.sha256, False)
    assert world.verifications.asked == [("ann", upload_id)]
    world.verifier.verify("ann", upload_id, has_time=lambda: True)
    assert world.ann.stored(upload_id).corrupt
    assert "upload_id" in world.ann.create_unhashed(FILM)
    assert audit(world) == []
    world.ann.files.delete(upload_id)
    assert audit(world) == []


# The owner has got that content meanwhile


def test_a_file_that_is_there_meanwhile_is_the_answer(world: FilesWorld) -> None:
    unhashed = begun(world)
    file = world.ann.complete(hashed(world))

    assert world.ann.complete(unhashed, FILM.claim) == file
    assert world.ann.complete(unhashed, FILM.claim) == file
    assert world.ann.usage == Usage(FILM.size, 1, 0)
    assert world.ann.uploads.show(unhashed)["file"] == file
    assert (world.count("FileUploadCount"), world.count("DuplicateFileCount")) == (1, 1)
    assert len(world.s3.objects) == 1
    assert audit(world) == []
    world.clock.time += DAY
    world.sweep()
    assert world.items("TRASH#") == []
    world.ann.files.delete(file["file_id"])
    assert refusal(lambda: world.ann.complete(unhashed, FILM.claim)).code == "upload_gone"
    assert refusal(lambda: world.ann.uploads.show(unhashed)).code == "unknown_upload"


def test_an_open_upload_of_that_content_gives_way(world: FilesWorld) -> None:
    by_hash = hashed(world)
    file = world.ann.upload_unhashed(FILM)

    assert world.ann.create(FILM.body) == {"duplicate": True, "file": file}
    assert world.ann.usage == Usage(2 * FILM.size, 2, 1)
    assert world.ann.complete(by_hash) == file
    assert world.ann.usage == Usage(FILM.size, 1, 0)
    assert audit(world) == []


@pytest.mark.parametrize("deleted", [True, False])
def test_an_upload_that_lost_its_claim_can_be_ended(world: FilesWorld, deleted: bool) -> None:
    aborted = hashed(world)
    file = world.ann.upload_unhashed(FILM)
    if deleted:
        world.ann.files.delete(file["file_id"])

    world.ann.uploads.abort(aborted)

    assert audit(world) == []
    assert world.ann.usage.open_uploads == 0
    settle(world)


def test_an_upload_that_lost_its_claim_expires(world: FilesWorld) -> None:
    hashed(world)
    world.ann.upload_unhashed(FILM)

    settle(world)

    assert world.ann.usage == Usage(FILM.size, 1, 0)


def test_an_upload_whose_rival_was_deleted_becomes_the_file(world: FilesWorld) -> None:
    by_hash = hashed(world)
    world.ann.files.delete(world.ann.upload_unhashed(FILM)["file_id"])
    twin = world.ann.create(FILM.body)["upload_id"]

    file = world.ann.complete(by_hash)

    assert file["file_id"] == by_hash
    world.ann.send_film(twin, FILM)
    assert world.ann.complete(twin) == file
    assert audit(world) == []


def test_an_expired_file_does_not_stand_in_the_way() -> None:
    world = FilesWorld(life_seconds=int(DAY))
    unhashed = begun(world)
    world.ann.complete(hashed(world))
    world.clock.time += DAY

    assert world.ann.complete(unhashed, FILM.claim)["file_id"] == unhashed
    assert audit(world) == []


def test_aborting_and_expiring_leave_no_first_part(world: FilesWorld) -> None:
    world.ann.uploads.abort(begun(world))
    assert world.items("FIRST#") == []
    begun(world)
    settle(world)
    assert world.items("FIRST#") == []


# Requests that meet


@pytest.mark.exhaustive
def test_two_creates_share_an_upload() -> None:
    def prepare() -> Any:
        world = FilesWorld(max_open=1)
        world.unhashed = True
        return world, [lambda: world.ann.create_unhashed(FILM)] * 2

    assert at_once(prepare) == {"ok ok"}


@pytest.mark.exhaustive
def test_two_uploads_of_one_content_become_one_object() -> None:
    def prepare() -> Any:
        world = FilesWorld()
        uploads = [(begun(world), FILM.claim), (hashed(world), None)]
        files: list[str] = []

        def complete(upload_id: str, claim: Any) -> None:
            files.append(world.ann.complete(upload_id, claim)["file_id"])
            assert len(set(files)) == 1

        return world, [lambda one=one: complete(*one) for one in uploads]

    assert at_once(prepare, switches=2) == {"ok ok"}


@pytest.mark.exhaustive
def test_two_claims_on_one_upload() -> None:
    """One of them is the file; the other is told to begin again, or to wait."""

    def prepare() -> Any:
        world = FilesWorld()
        upload_id = begun(world)
        lie = replace(FILM.claim, sha256=OTHER.body.sha256)
        return world, [lambda c=c: world.ann.complete(upload_id, c) for c in (FILM.claim, lie)]

    told = at_once(prepare, switches=2)

    assert {"ok upload_gone", "upload_gone ok"} <= told
    assert told <= {"ok upload_gone", "upload_gone ok", "ok completing", "completing ok"}


@pytest.mark.exhaustive
def test_giving_way_meets_the_deletion_of_the_file() -> None:
    """The content is never lost: a completion after the deletion makes the file."""

    def prepare() -> Any:
        world = FilesWorld()
        upload_id = begun(world)
        file_id = world.ann.complete(hashed(world))["file_id"]

        def complete() -> None:
            if world.ann.complete(upload_id, FILM.claim)["file_id"] == upload_id:
                assert world.bucket.stored(world.ann.record(upload_id).key)

        return world, [complete, lambda: world.ann.files.delete(file_id)]

    told = at_once(prepare, switches=2)

    assert told <= {"ok ok", "upload_gone ok"}
    assert "ok ok" in told


@pytest.mark.exhaustive
@pytest.mark.parametrize("end", ["abort", "sweep"])
def test_giving_way_meets_its_end(end: str) -> None:
    def prepare() -> Any:
        world = FilesWorld()
        upload_id = begun(world)
        world.ann.complete(hashed(world))
        if end == "sweep":
            world.clock.time += 7 * DAY + 1
        ends = {"abort": lambda: world.ann.uploads.abort(upload_id), "sweep": world.sweep}
        return world, [lambda: world.ann.complete(upload_id, FILM.claim), ends[end]]

    told = at_once(prepare, switches=2)

    assert {"upload_gone ok"} <= told
    assert told <= {"ok ok", "ok upload_completed", "upload_gone ok", "completing ok"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["lost", "refused"])
@pytest.mark.parametrize("meanwhile", [True, False])
def test_an_answer_lost_at_any_step(kind: str, meanwhile: bool) -> None:
    """Also while the upload gives way to a file that was made meanwhile."""
    number, requests = 0, 1
    while number < requests:
        world = FilesWorld(verify=True)
        if meanwhile:
            world.ann.create_unhashed(FILM)
            world.ann.complete(hashed(world))
            world.dynamo.items = {
                name: item for name, item in world.dynamo.items.items()
                if not (item["item"].startswith("FIRST#") and "object_id" in item)
            }  # fmt: skip
            for item in world.items("OBJECT#"):
                del item["first_sha256"]
        known: dict[str, Any] = {}
        steps = [
            lambda: known.update(world.ann.create_unhashed(FILM)),  # noqa: B023
            lambda: world.ann.send_film(known["upload_id"], FILM),  # noqa: B023
            lambda: world.ann.complete(known["upload_id"], FILM.claim),  # noqa: B023
        ]
        first = len(world.wire.requests)
        at = first + number
        if kind == "lost":
            world.wire.lost = lambda name, seen, at=at: seen == at
        else:
            world.wire.refused = lambda name, seen, at=at: "SlowDown" if seen == at else None
        for step in steps:
            repeat(world, step)
        requests = len(world.wire.requests) - first
        world.wire.lost = lambda name, seen: False
        world.wire.refused = lambda name, seen: None
        known_to_s3 = {item.get("s3_upload_id") for item in world.items("UPLOAD#")}
        world.s3.multiparts = {
            name: one for name, one in world.s3.multiparts.items() if name in known_to_s3
        }
        assert audit(world) == [], f"after request {number}"
        assert world.ann.usage == Usage(FILM.size, 1, 0)
        settle(world)
        number += 1
    assert number >= 13


def test_another_person_gets_nothing(world: FilesWorld) -> None:
    upload_id = begun(world)
    file = world.bob.upload_unhashed(FILM)

    assert refusal(lambda: world.bob.complete(upload_id, FILM.claim)).code == "unknown_upload"
    assert world.ann.complete(upload_id, FILM.claim)["file_id"] == upload_id
    assert world.bob.files.get(file["file_id"]).sha256 == FILM.body.sha256
    assert audit(world) == []
