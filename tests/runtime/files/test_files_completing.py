"""Completing uploads, over fakes; `test_files_races.py` has what meets."""

from __future__ import annotations

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.fake_aws.s3 import Body
from tests.runtime.files.files_world import (
    MIB,
    FilesWorld,
    audit,
    large,
    part_of,
    refusal,
    small,
)
from wideload_runtime.core.files.completing import ASK_SECONDS
from wideload_runtime.core.files.records import Usage


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld()


def joined(world: FilesWorld) -> str:
    """A multipart upload whose parts are all there."""
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    return upload_id


def test_a_single_put_takes_two_requests_of_the_api(world: FilesWorld) -> None:
    answer = world.ann.create(small())
    world.s3.send(answer["action"], small())

    file = world.ann.complete(answer["upload_id"])

    assert file == {
        "file_id": answer["upload_id"],
        "folder": "",
        "name": "a.bin",
        "size": 11,
        "content_type": "application/octet-stream",
        "sha256": small().sha256,
        "verified": True,
        "verified_by": "s3",
        "created_at": "2026-09-21T14:13:20.000Z",
    }
    assert world.ann.usage == Usage(11, 1, 0)
    assert world.count("FileUploadCount") == 1
    assert world.count("FileUploadSize") == 11
    assert world.ann.record(file["file_id"]).due_at is None
    assert world.ann.record(file["file_id"]).expires_at == world.clock.time + 7 * 24 * 3600


def test_a_multipart_upload_is_not_verified(world: FilesWorld) -> None:
    file = world.ann.complete(joined(world))

    assert (file["size"], file["verified"]) == (66 * MIB, False)
    assert world.count("FileUploadSize") == 66 * MIB


@pytest.mark.parametrize("body", [small(), large()])
def test_completing_is_repeatable(world: FilesWorld, body: Body) -> None:
    file = world.ann.upload(body)

    assert world.ann.complete(file["file_id"]) == file
    assert world.ann.usage == Usage(body.size, 1, 0)
    assert world.count("FileUploadCount") == 1


def test_nothing_was_put(world: FilesWorld) -> None:
    upload_id = world.ann.create(small())["upload_id"]

    for may_list in (True, False):
        world.s3.may_list = may_list
        assert refusal(lambda: world.ann.complete(upload_id)).code == "not_uploaded"


def test_a_head_that_is_forbidden_is_a_fault(world: FilesWorld) -> None:
    upload_id = world.ann.begin(small())
    world.wire.refused = lambda name, number: "403" if name == "HeadObject" else None

    with pytest.raises(Exception, match="403"):
        world.ann.complete(upload_id)


def test_an_object_that_was_put_otherwise_is_removed(world: FilesWorld) -> None:
    upload_id = world.ann.create(small())["upload_id"]
    key = world.ann.record(upload_id).key
    world.ann.begin(small("other"))
    (other,) = world.s3.objects.values()
    world.s3.objects[key] = other

    assert refusal(lambda: world.ann.complete(upload_id)).code == "not_uploaded"
    world.ann.begin(small())
    assert world.ann.complete(upload_id)["sha256"] == small().sha256


def test_parts_that_are_missing_are_named(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    none = refusal(lambda: world.ann.complete(upload_id))
    world.ann.send_parts(upload_id, [1, 3, 9])
    some = refusal(lambda: world.ann.complete(upload_id))

    assert none.members["missing"] == list(range(1, 10))
    assert (some.code, some.status, some.members["missing"]) == (
        "parts_missing", 409, [2, 4, 5, 6, 7, 8],
    )  # fmt: skip
    assert world.ann.record(upload_id).state == "open"


def test_only_the_first_hundred_are_named(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large(size=10_000 * MIB))

    refused = refusal(lambda: world.ann.complete(upload_id))

    assert refused.members["missing"] == list(range(1, 101))


def test_completing_is_noted_before_s3_is_asked(world: FilesWorld) -> None:
    upload_id = joined(world)
    states = []

    def look(name: str) -> None:
        if name == "CompleteMultipartUpload":
            world.wire.before = lambda name: None
            states.append(world.ann.record(upload_id).state)

    world.wire.before = look
    world.ann.complete(upload_id)

    assert states == ["completing"]


def test_a_part_replaced_meanwhile_is_looked_at_again(world: FilesWorld) -> None:
    upload_id = joined(world)
    other = part_of(world.ann.record(upload_id), 4, "other")
    (action,) = world.ann.sign(upload_id, (4, other))

    def replace(name: str) -> None:
        if name == "CompleteMultipartUpload":
            world.wire.before = lambda name: None
            world.s3.send(action, other)

    world.wire.before = replace
    world.ann.complete(upload_id)

    assert world.wire.requests.count("CompleteMultipartUpload") == 2
    assert audit(world) == []


def test_a_part_lost_meanwhile_can_be_sent_again(world: FilesWorld) -> None:
    upload_id = joined(world)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))
    world.seconds_left = 20
    world.clock.time += ASK_SECONDS
    del world.s3.multiparts[world.ann.record(upload_id).s3_upload_id or ""].parts[4]

    assert refusal(lambda: world.ann.complete(upload_id)).members["missing"] == [4]
    world.ann.send_parts(upload_id, [4])
    assert world.ann.complete(upload_id)["file_id"] == upload_id


def test_parts_replaced_every_time_are_a_conflict(world: FilesWorld) -> None:
    upload_id = joined(world)
    upload = world.ann.record(upload_id)
    others = [part_of(upload, 4, str(number)) for number in range(9)]
    actions = [world.ann.sign(upload_id, (4, other))[0] for other in others]

    def replace(name: str) -> None:
        if name == "CompleteMultipartUpload":
            world.s3.send(actions.pop(), others.pop())

    world.wire.before = replace
    refused = refusal(lambda: world.ann.complete(upload_id))

    assert (refused.code, refused.retry_after) == ("conflict", 1)
    world.wire.before = lambda name: None
    assert world.ann.complete(upload_id)


def test_an_object_of_other_parts_is_never_taken(world: FilesWorld) -> None:
    """As when parts are sent anew while S3 joins those before, whose answer is lost."""
    upload_id = joined(world)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))
    key = world.ann.record(upload_id).key
    world.ann.begin(small())
    world.s3.objects[key] = next(iter(world.s3.objects.values()))
    world.s3.multiparts.clear()
    world.seconds_left = 20

    refused = refusal(lambda: world.ann.complete(upload_id))

    assert (refused.code, len(refused.members["missing"])) == ("parts_missing", 9)
    assert world.ann.record(upload_id).key != key
    assert key not in world.s3.objects
    world.ann.send_parts(upload_id)
    assert world.ann.complete(upload_id)["file_id"] == upload_id
    assert audit(world) == []


def test_s3_may_take_a_quarter_of_an_hour(world: FilesWorld) -> None:
    """It knows the upload no more, and there is no object yet."""
    upload_id = joined(world)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))
    world.s3.multiparts.clear()
    world.seconds_left = 20

    early = refusal(lambda: world.ann.complete(upload_id))
    world.clock.time += 15 * 60
    late = refusal(lambda: world.ann.complete(upload_id))

    assert (early.code, early.retry_after) == ("completing", 5)
    assert late.code == "parts_missing"


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "OperationAborted"])
def test_a_failure_of_s3_is_asked_again(world: FilesWorld, code: str) -> None:
    upload_id = joined(world)
    world.wire.refused = lambda name, number: code if name == "CompleteMultipartUpload" else None

    assert refusal(lambda: world.ann.complete(upload_id)).code == "completing"
    world.wire.refused = lambda name, number: None
    assert world.ann.complete(upload_id)["file_id"] == upload_id


def test_s3_is_asked_once_at_a_time(world: FilesWorld) -> None:
    """A second request beside the first could only meet it."""
    upload_id = joined(world)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))
    world.seconds_left = 20

    world.clock.time += ASK_SECONDS - 1
    world.look_again()
    told = refusal(lambda: world.ann.complete(upload_id))

    assert (told.code, world.wire.requests) == ("completing", ["GetItem", "HeadObject"])
    world.clock.time += 1
    assert world.ann.complete(upload_id)["file_id"] == upload_id
    assert world.wire.requests.count("CompleteMultipartUpload") == 1


def test_a_completion_begun_by_an_earlier_version_is_waited_for(world: FilesWorld) -> None:
    """It noted no ask, and S3 may be at it still when this version is deployed."""
    upload_id = joined(world)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))
    world.seconds_left = 20
    item = world.dynamo.items["ann", f"UPLOAD#{upload_id}"]
    del item["ask_id"], item["ask_ends"]
    world.wire.requests.clear()

    told = refusal(lambda: world.ann.complete(upload_id))

    assert (told.code, world.wire.requests) == ("completing", ["GetItem", "HeadObject"])
    world.clock.time += ASK_SECONDS
    assert world.ann.complete(upload_id)["file_id"] == upload_id


def test_a_conflict_in_s3_begins_anew_after_a_minute(world: FilesWorld) -> None:
    upload_id = joined(world)
    key = world.ann.record(upload_id).key
    conflict_of(world)
    first = refusal(lambda: world.ann.complete(upload_id))
    world.clock.time += 59
    second = refusal(lambda: world.ann.complete(upload_id))
    world.clock.time += 1

    third = refusal(lambda: world.ann.complete(upload_id))

    assert (first.code, second.code) == ("completing", "completing")
    assert (third.code, third.status) == ("parts_missing", 409)
    assert third.members == {"missing": list(range(1, 10)), "begun_anew": True}
    assert third.detail == (
        "S3 refused to join the parts (409), so the upload begins anew: send all 9 parts, then "
        "complete."
    )
    assert world.wire.requests.count("CompleteMultipartUpload") == 1
    assert (world.ann.record(upload_id).key, world.s3.multiparts) != (key, {})
    world.wire.refused = lambda name, number: None
    world.ann.send_parts(upload_id)
    assert world.ann.complete(upload_id)["file_id"] == upload_id
    assert audit(world) == []


def test_a_conflict_with_the_request_that_made_the_object_is_ignored(world: FilesWorld) -> None:
    """As when an attempt whose connection broke goes on beside the next."""
    upload_id = joined(world)
    conflict_of(world)
    refusal(lambda: world.ann.complete(upload_id))
    upload = world.ann.record(upload_id)
    world.wire.refused = lambda name, number: None
    parts = world.bucket.parts(upload.key, upload.s3_upload_id or "") or []
    world.bucket.complete(upload.key, upload.s3_upload_id or "", parts, seconds=1)
    world.clock.time += 90

    assert world.ann.complete(upload_id)["file_id"] == upload_id


def test_the_sweep_restarts_uploads_after_a_conflict(world: FilesWorld) -> None:
    upload_id = joined(world)
    conflict_of(world)
    refusal(lambda: world.ann.complete(upload_id))
    world.clock.time += 15 * 60

    world.sweep()

    assert (world.ann.record(upload_id).state, world.failures) == ("open", [])
    assert audit(world) == []


def conflict_of(world: FilesWorld) -> None:
    world.wire.refused = lambda name, number: (
        "ConditionalRequestConflict" if name == "CompleteMultipartUpload" else None
    )


def test_an_s3_that_is_not_reached_is_asked_again(world: FilesWorld) -> None:
    upload_id = joined(world)

    def unreachable(name: str) -> None:
        if name == "CompleteMultipartUpload":
            raise EndpointConnectionError(endpoint_url="https://s3.test")

    world.wire.before = unreachable
    assert refusal(lambda: world.ann.complete(upload_id)).code == "completing"
    world.wire.before = lambda name: None
    world.clock.time += ASK_SECONDS  # S3 may be at it: an earlier attempt may have reached it
    assert world.ann.complete(upload_id)["file_id"] == upload_id


def test_any_other_failure_is_one_of_ours(world: FilesWorld) -> None:
    upload_id = joined(world)
    world.wire.refused = lambda name, number: (
        "AccessDenied" if name == "CompleteMultipartUpload" else None
    )

    with pytest.raises(Exception, match="AccessDenied"):
        world.ann.complete(upload_id)


def test_after_its_session_an_upload_may_still_be_completed(world: FilesWorld) -> None:
    """Until the sweep has handled it, a client that sent the last byte in time gets the file."""
    upload_id = world.ann.begin(small())
    world.clock.time += 7 * 24 * 3600 + 60

    assert world.ann.complete(upload_id)["file_id"] == upload_id


def test_a_deleted_file_is_not_completed_again(world: FilesWorld) -> None:
    file = world.ann.upload(small())
    world.ann.files.delete(file["file_id"])

    assert refusal(lambda: world.ann.complete(file["file_id"])).code == "unknown_upload"
    assert refusal(lambda: world.ann.uploads.show(file["file_id"])).code == "unknown_upload"


def test_the_verifier_is_told_of_multipart_uploads() -> None:
    world = FilesWorld(verify=True)
    world.ann.upload(small())
    file = world.ann.upload(large())

    assert world.verifications.asked == [("ann", file["file_id"])]
    assert world.ann.record(file["file_id"]).due_at is None


def test_a_verifier_that_was_not_told_is_told_by_the_sweep() -> None:
    world = FilesWorld(verify=True)
    world.verifications.works = False
    file = world.ann.upload(large())
    world.clock.time += 3600
    assert world.sweep().failed == 1

    world.verifications.works = True
    assert world.sweep().failed == 0

    assert world.verifications.asked == [("ann", file["file_id"])]
    world.sweep()
    assert len(world.verifications.asked) == 1
