"""Files and uploads whose time is over are absent at once, though they are deleted later."""

from __future__ import annotations

import pytest

from tests.fake_aws.s3 import Body
from tests.runtime.files.files_world import FilesWorld, audit, large, refusal, small, wish
from wideload_runtime.core.files.completing import KEEP_SECONDS
from wideload_runtime.core.files.requests import Change

DAY = 24 * 3600


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld(life_seconds=DAY)


def test_a_finished_upload_is_unknown_when_its_record_has_expired() -> None:
    world = FilesWorld()
    file_id = world.ann.upload(small())["file_id"]
    world.clock.time += KEEP_SECONDS - 1
    assert world.ann.uploads.show(file_id)["state"] == "completed"
    assert world.ann.complete(file_id)["file_id"] == file_id

    world.clock.time += 1

    for ask in (world.ann.uploads.show, world.ann.uploads.abort, world.ann.complete):
        assert refusal(lambda ask=ask: ask(file_id)).code == "unknown_upload"
    assert refusal(lambda: world.ann.sign(file_id, (1, small()))).code == "unknown_upload"
    assert [item["state"] for item in world.items("UPLOAD#")] == ["completed"]
    assert world.ann.files.get(file_id).name == "a.bin"


def test_a_file_whose_life_is_over_is_unknown(world: FilesWorld) -> None:
    file_id = world.ann.upload(small())["file_id"]
    world.clock.time += DAY - 1
    assert world.ann.files.get(file_id).name == "a.bin"

    world.clock.time += 1

    assert refusal(lambda: world.ann.files.get(file_id)).code == "unknown_file"
    assert refusal(lambda: world.ann.files.download(file_id)).code == "unknown_file"
    assert refusal(lambda: world.ann.files.change(file_id, Change("b"))).code == "unknown_file"
    assert refusal(lambda: world.ann.complete(file_id)).code == "upload_gone"
    assert refusal(lambda: world.ann.uploads.show(file_id)).code == "unknown_upload"
    assert [item["name"] for item in world.items("FILE#")] == ["a.bin"]


@pytest.mark.parametrize("body", [small(), large()], ids=["one PUT", "parts"])
def test_an_upload_that_takes_longer_than_a_files_life_makes_a_file(
    world: FilesWorld, body: Body
) -> None:
    upload_id = world.ann.begin(body)
    world.clock.time += 2 * DAY
    if world.ann.record(upload_id).is_multipart:
        world.ann.send_parts(upload_id)

    file = world.ann.complete(upload_id)

    assert world.ann.complete(upload_id) == file
    world.clock.time += DAY - 1
    assert world.ann.shown(upload_id) == file
    world.clock.time += 1
    assert refusal(lambda: world.ann.files.get(upload_id)).code == "unknown_file"


def test_files_whose_life_is_over_are_not_listed(world: FilesWorld) -> None:
    for name in "abc":
        world.ann.upload(small(name))
    world.clock.time += DAY
    young = world.ann.upload(small("d"))["file_id"]

    page = world.ann.listed({"limit": "2"})
    rest = world.ann.listed({"cursor": page["cursor"], "limit": "2"})

    assert [item["file_id"] for item in page["items"]] == [young]
    assert (rest["items"], rest["cursor"]) == ([], None)
    assert [one["file_id"] for one in world.ann.listed({"q": "a"})["items"]] == [young]


@pytest.mark.parametrize("body", [small(), large()], ids=["one PUT", "parts"])
def test_a_file_expires_while_its_content_stays_for_another_name(
    world: FilesWorld, body: Body
) -> None:
    old = world.ann.upload(body)["file_id"]
    world.clock.time += DAY

    assert world.ann.uploads.check([wish(body).announced]) == [{"duplicate": True}]
    new = world.ann.name(body, "new")["file_id"]

    assert new != old
    assert refusal(lambda: world.ann.files.get(old)).code == "unknown_file"
    assert world.sweep().failed == 0
    assert world.ann.files.get(new).size == body.size
    assert world.ann.usage.files == 1
    assert audit(world) == []


@pytest.mark.parametrize("body", [small(), large()], ids=["one PUT", "parts"])
def test_an_expired_name_of_the_same_content_is_not_the_answer(
    world: FilesWorld, body: Body
) -> None:
    old = world.ann.upload(body)["file_id"]
    world.clock.time += DAY

    new = world.ann.upload(body)["file_id"]

    assert new != old
    assert refusal(lambda: world.ann.files.get(old)).code == "unknown_file"
    assert world.sweep().failed == 0
    assert world.ann.files.get(new).name == "a.bin"
    assert audit(world) == []
