"""Listing, renaming, deleting and downloading files; the sweep; the verifier; over fakes."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from tests.contract_cases import CONTRACT
from tests.fake_aws.s3 import Body, S3Refused
from tests.runtime.files.files_world import (
    DAY,
    MIB,
    URL_SECONDS,
    FilesWorld,
    audit,
    large,
    part_of,
    refusal,
    small,
    wish,
)
from wideload_runtime.core.files.ports import Due
from wideload_runtime.core.files.records import NewName, Usage
from wideload_runtime.core.files.requests import Change, UploadRequest
from wideload_runtime.core.files.sweep import Report
from wideload_runtime.core.files.verifying import ObjectGoneError


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld()


def upload_named(world: FilesWorld, *names: str) -> list[str]:
    ids = []
    for name in names:
        world.clock.time += 1
        body = small(name)
        (answer,) = world.ann.uploads.create([wish(body, name)])
        world.s3.send(answer["action"], body)
        ids.append(world.ann.complete(answer["upload_id"])["file_id"])
    return ids


def listed(world: FilesWorld, **query: str) -> list[list[str]]:
    """Names of files, page by page."""
    pages: list[list[str]] = []
    while True:
        answer = world.ann.listed(query)
        pages.append([item["name"] for item in answer["items"]])
        if answer["cursor"] is None:
            return pages
        query["cursor"] = answer["cursor"]


def test_files_are_listed_newest_first(world: FilesWorld) -> None:
    upload_named(world, "a", "b", "c", "d")
    world.bob.upload(small())

    assert listed(world) == [["d", "c", "b", "a"]]
    assert listed(world, limit="3") == [["d", "c", "b"], ["a"]]
    assert listed(world, limit="2") == [["d", "c"], ["b", "a"]]  # no empty page at the end


def test_a_new_person_has_no_files(world: FilesWorld) -> None:
    assert listed(world) == [[]]


def test_files_are_found_by_name(world: FilesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wideload_runtime.core.files.listing.SCANNED", 3)
    upload_named(world, "Ä1.pdf", "x", "ä2.PDF", "y", "z", "a\u03083.pdf", "w")

    pages = listed(world, q="Ä", limit="2")

    assert [name for page in pages for name in page] == ["a\u03083.pdf", "ä2.PDF", "Ä1.pdf"]
    assert listed(world, q="none") == [[], [], []]
    assert listed(world, q="w", limit="1")[0] == ["w"]
    monkeypatch.undo()
    assert listed(world, q="ä", limit="1") == [["a\u03083.pdf"], ["ä2.PDF"], ["Ä1.pdf"]]


def test_a_deleted_file_does_not_break_a_cursor(world: FilesWorld) -> None:
    ids = upload_named(world, "a", "b", "c")
    page = world.ann.listed({"limit": "2"})
    world.ann.files.delete(ids[1])

    following = world.ann.listed({"cursor": page["cursor"]})

    assert [item["name"] for item in following["items"]] == ["a"]


def test_a_cursor_of_another_shows_ones_own_alone(world: FilesWorld) -> None:
    upload_named(world, "a", "b")
    cursor = world.ann.listed({"limit": "1"})["cursor"]
    world.bob.upload(small())

    found = world.bob.listed({"cursor": cursor})

    assert [item["name"] for item in found["items"]] == []  # it is newer than where it points


def test_a_file_is_renamed(world: FilesWorld) -> None:
    (file_id,) = upload_named(world, "a")

    renamed = world.ann.files.change(file_id, Change("Протокол"))

    assert renamed.name == "Протокол"
    assert world.ann.files.get(file_id) == renamed
    world.dynamo.conflicts = 5
    assert world.ann.files.change(file_id, Change("b")).name == "b"
    world.dynamo.conflicts = 6
    assert refusal(lambda: world.ann.files.change(file_id, Change("c"))).code == "conflict"


def test_a_file_is_deleted_once(world: FilesWorld) -> None:
    (file_id,) = upload_named(world, "a")

    world.ann.files.delete(file_id)

    assert refusal(lambda: world.ann.files.delete(file_id)).code == "unknown_file"
    assert refusal(lambda: world.ann.files.get(file_id)).code == "unknown_file"
    assert world.s3.objects == {}
    assert listed(world) == [[]]
    assert audit(world) == []
    for _ in range(2):
        world.end_urls()
    assert world.ann.usage == Usage()


def test_a_deletion_that_s3_does_not_answer_is_done_by_the_sweep(world: FilesWorld) -> None:
    (file_id,) = upload_named(world, "a")
    world.wire.refused = lambda name, number: "SlowDown" if name == "DeleteObject" else None
    world.ann.files.delete(file_id)
    world.wire.refused = lambda name, number: None
    assert len(world.s3.objects) == 1

    world.clock.time += DAY
    world.sweep()

    assert world.s3.objects == {}


def test_a_download_is_an_attachment_of_its_type(world: FilesWorld) -> None:
    body = small()
    (answer,) = world.ann.uploads.create(
        [UploadRequest(NewName(name="a", content_type="image/svg+xml"), wish(body).announced)]
    )
    world.s3.send(answer["action"], body)
    world.ann.complete(answer["upload_id"])
    world.ann.files.change(answer["upload_id"], Change("文.svg"))

    file, action = world.ann.files.download(answer["upload_id"])

    assert file.name == "文.svg"
    assert (action["method"], action["headers"], action["expires_in"]) == ("GET", {}, 3600)
    operation, params, _ = world.s3.signed(action)
    assert operation == "get_object"
    assert params["ResponseContentType"] == "image/svg+xml"
    assert params["ResponseContentDisposition"].startswith('attachment; filename="_.svg"; ')
    assert world.count("FileDownloadCount") == 1


@pytest.mark.parametrize("wanted", [None, "", "x", "USAGE", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_what_is_anothers_is_unknown(world: FilesWorld, wanted: str | None) -> None:
    file_id = world.ann.upload(small())["file_id"] if wanted is None else wanted

    told = {
        str(refusal(work))
        for work in (
            lambda: world.bob.files.get(file_id),
            lambda: world.bob.files.change(file_id, Change("b")),
            lambda: world.bob.files.delete(file_id),
            lambda: world.bob.files.download(file_id),
        )
    }

    assert told == {"unknown_file: No file of yours has this id."}


# The sweep


def test_uploads_expire(world: FilesWorld) -> None:
    single, parts = world.ann.begin(small()), world.ann.begin(large())
    world.ann.send_parts(parts, [1])
    world.clock.time += 7 * DAY - 1
    assert world.sweep().expired == 0
    world.clock.time += 1

    report = world.sweep()

    assert report.expired == 2
    assert world.count("ExpiredUploadCount") == 2
    assert world.ann.usage == Usage()
    assert (world.s3.objects, world.s3.multiparts) == ({}, {})
    for upload_id in (single, parts):
        assert refusal(lambda: world.ann.complete(upload_id)).code == "upload_gone"  # noqa: B023
    assert audit(world) == []


def test_a_late_put_is_removed_when_its_url_has_ended(world: FilesWorld) -> None:
    """S3 looks at a URL when the request starts: its bytes may come after the end."""
    aborted, deleted = world.ann.create(small("a")), world.ann.create(small("b"))
    late = world.s3.begin(aborted["action"])
    world.ann.uploads.abort(aborted["upload_id"])
    late(small("a"))
    world.s3.send(deleted["action"], small("b"))
    late = world.s3.begin(deleted["action"])
    world.ann.complete(deleted["upload_id"])
    world.ann.files.delete(deleted["upload_id"])
    late(small("b"))
    assert len(world.s3.objects) == 2

    world.clock.time += URL_SECONDS
    assert world.sweep().leftovers == 0

    assert world.end_urls().leftovers == 2
    assert world.count("LeftoverObjectCount") == 2
    assert world.s3.objects == {}
    world.clock.time += DAY - 1
    world.sweep()
    assert len(world.items("TRASH#")) == 1
    world.clock.time += 1
    assert world.sweep().leftovers == 0
    assert world.items("TRASH#") == []
    assert world.ann.record(aborted["upload_id"]).expires_at == int(world.clock.time + 7 * DAY)


def test_a_url_cannot_recreate_a_file_that_is_there(world: FilesWorld) -> None:
    answer = world.ann.create(small())
    world.s3.send(answer["action"], small())
    world.ann.complete(answer["upload_id"])

    with pytest.raises(S3Refused, match="PreconditionFailed"):
        world.s3.send(answer["action"], small())


def test_an_upload_left_completing_is_completed(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))
    world.seconds_left = 100
    world.clock.time += 15 * 60

    assert world.sweep().completed == 1
    assert world.ann.complete(upload_id)["file_id"] == upload_id


def test_an_upload_that_cannot_be_completed_is_open_again(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))
    world.s3.multiparts.clear()
    world.seconds_left = 100
    world.clock.time += 15 * 60

    assert (world.sweep().completed, world.failures) == (0, [])
    assert world.ann.record(upload_id).state == "open"
    world.clock.time += 7 * DAY
    assert world.sweep().expired == 1
    world.clock.time += DAY
    world.sweep()
    assert audit(world) == []


def test_one_failure_does_not_hold_up_the_others(world: FilesWorld) -> None:
    first, second = world.ann.begin(small("a")), world.ann.begin(small("b"))
    world.clock.time += 7 * DAY
    failing = iter(["ThrottlingException"])
    world.wire.refused = lambda name, number: (
        next(failing, None) if name == "TransactWriteItems" else None
    )

    report = world.sweep()

    assert (report.expired, report.failed) == (1, 1)
    assert [due.kind for due in world.failures] == ["upload"]
    assert {due.id for due in world.failures} < {first, second}
    assert world.sweep().expired == 1


def test_the_sweep_stops_in_time(world: FilesWorld) -> None:
    world.ann.begin(small())
    world.clock.time += 7 * DAY
    world.seconds_left = 0

    assert world.sweep().expired == 0


def test_an_index_that_lags_behind_harms_nothing(
    world: FilesWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_one, file_id = world.ann.begin(small("a")), world.ann.upload(small("b"))["file_id"]
    deleted = world.ann.upload(small("c"))["file_id"]
    world.ann.files.delete(deleted)
    before = dict(world.dynamo.items)
    stale = [
        Due("ann", "upload", open_one),
        Due("ann", "upload", file_id),
        Due("ann", "file", file_id),
        Due("ann", "trash", deleted),
        Due("ann", "upload", deleted),
        Due("ann", "file", deleted),
        Due("ann", "trash", file_id),
    ]
    monkeypatch.setattr(world.table, "due", lambda now: iter(stale))

    report = world.sweep()

    assert (report, world.failures) == (Report(), [])
    assert world.dynamo.items == before
    assert len(world.s3.objects) == 2


def test_the_sweep_of_many(world: FilesWorld) -> None:
    for number in range(120):
        world.ann.create(small(str(number))) if number < 100 else world.bob.create(
            small(str(number))
        )
    world.clock.time += 7 * DAY

    assert world.sweep().expired == 120
    assert world.sweep().expired == 0


def test_a_flood_of_uploads_does_not_delay_others(world: FilesWorld) -> None:
    """Begun before the other person's upload, so that they come first in each partition."""
    for number in range(60):
        world.ann.create(small(str(number)))
    world.clock.time += 1
    upload_id = world.bob.begin(small())
    world.clock.time += 7 * DAY + 3600

    looks = iter([True] * 4)
    sweep = world.transfer.sweep(seconds_left=lambda: next(looks, 0), tell=world.failures.append)
    report = sweep.run()

    assert world.bob.record(upload_id).state == "expired"
    # The oldest of the first sixty has been due for an hour and a second.
    assert (report.expired, report.backlog_seconds) == (4, 3601)
    assert world.metrics.values["SweepBacklogAge"] == [3601]


def test_files_expire_if_they_do() -> None:
    world = FilesWorld(life_seconds=30 * 24 * 3600)
    file = world.ann.upload(small())
    world.ann.files.change(file["file_id"], Change("b"))
    world.clock.time += 30 * DAY - 1
    assert world.sweep().deleted == 0
    world.clock.time += 1

    assert world.sweep().deleted == 1
    assert world.ann.usage == Usage()
    world.clock.time += DAY
    world.sweep()
    assert audit(world) == []
    assert world.ann.upload(small())["file_id"] != file["file_id"]


# The verifier

PART = 256 * 1024
PIECES = [bytes([number]) * size for number, size in enumerate([PART] * 8 + [3])]
WHOLE = b"".join(PIECES)


def upload_bytes(world: FilesWorld, announced: Body) -> str:
    upload_id = world.ann.begin(announced)
    for number, piece in enumerate(PIECES, start=1):
        body = Body.of(piece)
        (action,) = world.ann.sign(upload_id, (number, body))
        world.s3.send(action, body)
    return str(world.ann.complete(upload_id)["file_id"])


def verify(world: FilesWorld, file_id: str, time: bool = True) -> str:
    return world.verifier.verify("ann", file_id, has_time=lambda: time)


def test_a_file_is_verified() -> None:
    world = FilesWorld(verify=True, part=PART)
    file_id = upload_bytes(world, Body.of(WHOLE))
    assert world.ann.stored(file_id).verified is False

    assert verify(world, file_id) == "verified"

    assert world.ann.stored(file_id).verified is True
    assert world.ann.shown(file_id)["verified_by"] == "verifier"
    assert world.count("FileVerifiedCount") == 1
    ((kind, detail),) = world.events.told
    assert kind == "FileVerified"
    check_detail(detail)
    assert (detail["owner"], detail["file_id"]) == ("ann", file_id)
    assert audit(world) == []


def test_an_event_is_published_when_only_a_name_in_the_middle_is_left() -> None:
    world = FilesWorld(verify=True, part=PART)
    body = Body.of(WHOLE)
    first = upload_bytes(world, body)
    middle, newest = (world.ann.name(body, name)["file_id"] for name in ("b.bin", "c.bin"))
    world.ann.files.delete(first)
    world.ann.files.delete(newest)

    assert verify(world, first) == "verified"

    assert world.ann.shown(middle)["verified_by"] == "verifier"
    ((kind, detail),) = world.events.told
    assert kind == "FileVerified"
    check_detail(detail)
    assert (detail["owner"], detail["file_id"], detail["size"]) == ("ann", newest, len(WHOLE))


def check_detail(detail: dict[str, Any]) -> None:
    schema = (CONTRACT / "events" / "file-v1.schema.json").read_text()
    import json

    jsonschema.validate(detail, json.loads(schema), format_checker=jsonschema.FormatChecker())
    assert "name" not in detail
    assert detail["key"].startswith("files/")


def test_a_file_that_is_another_is_corrupt() -> None:
    world = FilesWorld(verify=True, part=PART)
    announced = Body.made_up(len(WHOLE), "announced")
    file_id = upload_bytes(world, announced)

    assert verify(world, file_id) == "corrupt"

    file = world.ann.shown(file_id)
    assert (file["verified"], file["corrupt"]) == (False, True)
    assert world.count("FileCorruptCount") == 1
    assert world.events.told[0][0] == "FileCorrupt"
    check_detail(world.events.told[0][1])
    assert refusal(lambda: world.ann.files.download(file_id)).code == "corrupt"
    assert audit(world) == []


def test_the_content_of_a_corrupt_file_can_be_uploaded_again() -> None:
    world = FilesWorld(verify=True, part=PART)
    announced = Body.made_up(len(WHOLE), "announced")
    corrupt = upload_bytes(world, announced)
    verify(world, corrupt)

    again = world.ann.upload(announced)["file_id"]

    assert again != corrupt
    assert refusal(lambda: world.ann.files.get(corrupt)).code == "unknown_file"
    assert world.ann.usage == Usage(len(WHOLE), 1, 0)
    assert world.ann.create(announced)["file"]["file_id"] == again
    assert audit(world) == []


@pytest.mark.parametrize("good", [True, False])
def test_verifying_is_repeatable(good: bool) -> None:
    world = FilesWorld(verify=True, part=PART)
    file_id = upload_bytes(world, Body.of(WHOLE) if good else Body.made_up(len(WHOLE), "x"))

    first, second = verify(world, file_id), verify(world, file_id)

    assert first == second
    assert world.wire.requests.count("GetObject") == 1
    assert len(world.events.told) == 2  # at least once
    assert world.count("FileVerifiedCount") + world.count("FileCorruptCount") == 1


def test_a_file_too_large_stays_as_it_is() -> None:
    world = FilesWorld(verify=True, part=PART)
    file_id = upload_bytes(world, Body.of(WHOLE))

    assert verify(world, file_id, time=False) == "too_large"

    assert world.ann.stored(file_id).verified is False
    assert world.count("FileUnverifiableCount") == 1
    assert world.events.told == []


def test_a_file_deleted_before_or_meanwhile_is_gone() -> None:
    world = FilesWorld(verify=True, part=PART)
    before = upload_bytes(world, Body.of(WHOLE))
    world.ann.files.delete(before)
    meanwhile = upload_bytes(world, Body.of(WHOLE))

    def delete(name: str) -> None:
        if name == "GetObject":
            world.wire.before = lambda name: None
            data = world.s3.objects[world.ann.files.get(meanwhile).key]
            world.ann.files.delete(meanwhile)
            world.s3.objects["kept for the reader"] = data

    assert verify(world, before) == "gone"
    world.wire.before = delete
    with pytest.raises(ObjectGoneError):  # delivered again
        verify(world, meanwhile)
    assert verify(world, meanwhile) == "gone"
    assert world.events.told == []


def test_a_file_deleted_while_it_was_read_is_gone() -> None:
    world = FilesWorld(verify=True, part=PART)
    for announced in (Body.of(WHOLE), Body.made_up(len(WHOLE), "x")):
        file_id = upload_bytes(world, announced)
        deletes = iter([True])

        def has_time(file_id: str = file_id, deletes: Any = deletes) -> bool:
            if next(deletes, False):
                world.ann.files.delete(file_id)
            return True

        assert world.verifier.verify("ann", file_id, has_time=has_time) == "gone"
    assert world.events.told == []
    assert world.ann.usage == Usage()
    assert audit(world) == []


def test_an_object_that_is_missing_is_a_fault() -> None:
    world = FilesWorld(verify=True, part=PART)
    file_id = upload_bytes(world, Body.of(WHOLE))
    world.s3.objects.clear()

    with pytest.raises(ObjectGoneError):
        verify(world, file_id)


def test_parts_of_made_up_bodies_have_their_length() -> None:
    """The tests' own: nine parts of which the last is shorter."""
    world = FilesWorld()
    upload = world.ann.record(world.ann.begin(large()))

    assert [part_of(upload, number).size for number in (1, 9)] == [8 * MIB, 2 * MIB]


def test_files_over_the_limit_are_not_verified() -> None:
    world = FilesWorld(verify=True)
    world.verifications.most = 66 * MIB

    within = world.ann.upload(large("within"))["file_id"]
    over = world.ann.upload(large("over", 66 * MIB + 1))["file_id"]

    assert world.verifications.asked == [("ann", within)]
    assert "due_at" not in world.dynamo.items["ann", f"UPLOAD#{over}"]
