"""Beginning, resuming, signing, aborting, and what people may have, over fakes."""

from __future__ import annotations

from typing import Any

import pytest

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
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.records import Content, Usage
from wideload_runtime.core.files.requests import Page, WantedPart
from wideload_runtime.core.times import epoch


@pytest.fixture
def world() -> FilesWorld:
    return FilesWorld()


@pytest.mark.parametrize("size", [0, 1, 64 * MIB])
def test_up_to_64_mib_is_one_put(world: FilesWorld, size: int) -> None:
    body = small(size=size)

    answer = world.ann.create(body)

    assert answer.keys() == {"upload_id", "action", "expires_at"}
    assert answer["action"]["method"] == "PUT"
    assert answer["action"]["headers"] == {
        "Content-Length": str(size),
        "x-amz-checksum-sha256": body.checksum,
        "If-None-Match": "*",
    }
    assert answer["action"]["expires_in"] == 3600
    assert epoch(answer["expires_at"]) == world.clock.time + 7 * DAY
    world.s3.send(answer["action"], body)
    assert world.ann.complete(answer["upload_id"])["verified"] is True
    assert audit(world) == []


def test_above_it_is_multipart(world: FilesWorld) -> None:
    answer = world.ann.create(large(size=64 * MIB + 1))

    assert answer.keys() == {"upload_id", "part_size", "part_count", "parts", "expires_at"}
    assert (answer["part_size"], answer["part_count"], answer["parts"]) == (8 * MIB, 9, [])
    assert world.s3.multiparts == {}  # only once parts are signed


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (Body.made_up(11, "other"), "BadDigest"),
        (Body(12, small().sha256), "IncompleteBody"),
    ],
)
def test_s3_takes_the_announced_bytes_alone(world: FilesWorld, wrong: Body, code: str) -> None:
    action = world.ann.create(small())["action"]

    with pytest.raises(S3Refused, match=code):
        world.s3.send(action, wrong)


def test_each_file_is_answered_in_order(world: FilesWorld) -> None:
    world.ann.upload(small("known"))
    wishes: list[Any] = [
        wish(small("known")),
        Refused("invalid_name", "no"),
        wish(small("new")),
        wish(large()),
        wish(Body.made_up(2 * 1024**4, "huge")),
    ]

    known, refused, new, parts, huge = world.ann.uploads.create(wishes)

    assert known["duplicate"] is True
    assert refused["error"]["code"] == "invalid_name"
    assert refused["error"].keys() == {"code", "title", "status", "detail"}
    assert "action" in new
    assert parts["part_count"] == 9
    assert (huge["error"]["code"], huge["error"]["status"]) == ("file_too_large", 413)


def test_when_all_are_refused_so_is_the_request() -> None:
    world = FilesWorld(max_open=1)
    world.ann.create(small("first"))

    refused = refusal(lambda: world.ann.create(small("a"), small("b")))

    assert (refused.code, refused.status, refused.retry_after) == ("too_many_uploads", 429, 30)
    assert [file["error"]["code"] for file in refused.members["files"]] == ["too_many_uploads"] * 2
    assert refused.members["files"][0]["error"]["retry_after"] == 30


def test_the_same_content_twice_is_one_upload(world: FilesWorld) -> None:
    first, other, again = world.ann.create(small(), small("other"), small())

    assert first == again != other
    assert world.ann.usage.open_uploads == 2


def test_25_files_cost_two_reads_and_a_write_each(world: FilesWorld) -> None:
    world.ann.create(*[small(str(number)) for number in range(25)])

    assert world.wire.requests == ["BatchGetItem"] + ["TransactWriteItems"] * 25


def test_100_files_are_checked_with_three_reads(world: FilesWorld) -> None:
    world.dynamo.unprocessed = 2
    bodies = [small(str(number)) for number in range(50)]
    for body in bodies:
        world.ann.upload(body)
    world.wire.requests.clear()
    wanted = [*bodies, *(small(f"new {number}") for number in range(50))]

    answers = world.ann.uploads.check([Content(body.sha256, body.size) for body in wanted])

    assert [answer["duplicate"] for answer in answers] == [True] * 50 + [False] * 50
    assert answers[3]["file"]["sha256"] == bodies[3].sha256
    assert set(world.wire.requests) == {"BatchGetItem"}
    assert len(world.wire.requests) == 3  # contents, objects, files
    assert world.count("DuplicateFileCount") == 0  # a check alone is no upload


def test_an_open_upload_is_no_duplicate(world: FilesWorld) -> None:
    world.ann.begin(small())

    assert world.ann.uploads.check([Content(small().sha256, small().size)]) == [
        {"duplicate": False}
    ]


# Duplicates


def test_a_duplicate_is_not_uploaded(world: FilesWorld) -> None:
    file = world.ann.upload(small())

    assert world.ann.create(small()) == {"duplicate": True, "file": file}
    assert world.count("DuplicateFileCount") == 1
    assert world.count("BytesSaved") == small().size


def test_content_of_another_person_is_no_duplicate(world: FilesWorld) -> None:
    world.ann.upload(small())

    assert "action" in world.bob.create(small())
    assert world.bob.uploads.check([Content(small().sha256, small().size)]) == [
        {"duplicate": False}
    ]


def test_the_same_hash_with_another_size_is_another_content(world: FilesWorld) -> None:
    world.ann.upload(small())

    assert "action" in world.ann.create(Body(12, small().sha256))


def test_a_deleted_file_is_uploaded_again(world: FilesWorld) -> None:
    first = world.ann.upload(small())
    world.ann.files.delete(first["file_id"])

    second = world.ann.upload(small())

    assert second["file_id"] != first["file_id"]
    assert audit(world) == []


# Resuming


def test_a_single_put_is_taken_up_again(world: FilesWorld) -> None:
    first = world.ann.create(small(), name="first")
    world.clock.time += 1
    second = world.ann.create(small(), name="second")

    assert second["upload_id"] == first["upload_id"]
    assert second["action"]["href"] != first["action"]["href"]
    world.s3.send(second["action"], small())
    assert world.ann.create(small()) == {
        "upload_id": first["upload_id"],
        "expires_at": first["expires_at"],
    }
    assert world.ann.complete(first["upload_id"])["name"] == "first"


def test_a_multipart_upload_is_taken_up_with_its_parts(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id, [2, 9, 1])
    upload = world.ann.record(upload_id)

    answer = world.ann.create(large())

    assert answer["upload_id"] == upload_id
    assert answer["parts"] == [
        {"number": number, "sha256": part_of(upload, number).sha256} for number in (1, 2, 9)
    ]


def test_10000_parts_are_listed(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large(size=80_000 * MIB))
    upload = world.ann.record(upload_id)
    world.ann.send_parts(upload_id, [1])
    multipart = world.s3.multiparts[world.ann.record(upload_id).s3_upload_id or ""]
    for number in range(2, 10_001):
        multipart.parts[number] = part_of(upload, number)
    world.wire.requests.clear()

    assert len(world.ann.create(large(size=80_000 * MIB))["parts"]) == 10_000
    assert world.wire.requests.count("ListParts") == 10
    assert world.ann.complete(upload_id)["size"] == 80_000 * MIB


def test_an_answer_lists_only_so_many_parts(
    world: FilesWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wideload_runtime.core.files.uploads.MAX_LISTED_PARTS", 9)
    for name in ("a", "b", "c"):
        upload_id = world.ann.begin(large(name))
        world.ann.send_parts(upload_id)

    first, second, third = world.ann.create(large("a"), large("b"), large("c"))

    assert len(first["parts"]) == len(second["parts"]) == 9
    assert (third["error"]["code"], third["error"]["retry_after"]) == ("unavailable", 1)


def test_parts_of_the_wrong_size_are_not_held(world: FilesWorld) -> None:
    """S3 takes none by our URLs; but a list is trusted no more than a client."""
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    multipart = world.s3.multiparts[world.ann.record(upload_id).s3_upload_id or ""]
    multipart.parts[3] = Body.made_up(5 * MIB, "short")
    multipart.parts[9] = Body.made_up(8 * MIB, "long")
    multipart.parts[10] = Body.made_up(8 * MIB, "beyond")

    numbers = [part["number"] for part in world.ann.create(large())["parts"]]

    assert numbers == [1, 2, 4, 5, 6, 7, 8]
    refused = refusal(lambda: world.ann.complete(upload_id))
    assert (refused.code, refused.members["missing"]) == ("parts_missing", [3, 9])


def test_a_part_after_the_last_is_not_held(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large(size=72 * MIB))
    world.ann.send_parts(upload_id)
    multipart = world.s3.multiparts[world.ann.record(upload_id).s3_upload_id or ""]
    multipart.parts[10] = small(size=0)

    assert len(world.ann.create(large(size=72 * MIB))["parts"]) == 9
    assert world.ann.complete(upload_id)["size"] == 72 * MIB


def test_after_its_session_an_upload_begins_anew() -> None:
    world = FilesWorld(max_open=1)
    first = world.ann.begin(large())
    world.ann.send_parts(first, [1])
    world.clock.time += 7 * DAY + 1

    second = world.ann.create(large())

    assert second["upload_id"] != first
    assert second["parts"] == []
    assert world.ann.usage == Usage(large().size, 1, 1)
    assert world.s3.multiparts == {}
    assert audit(world) == []


def test_parts_aborted_in_s3_are_sent_again(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    world.s3.multiparts.clear()

    assert world.ann.create(large())["parts"] == []
    world.ann.send_parts(upload_id)
    assert world.ann.complete(upload_id)["file_id"] == upload_id
    assert audit(world) == []


def test_a_completion_without_an_answer_is_found_by_create(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    world.wire.lost = lambda name, number: name == "CompleteMultipartUpload"
    world.wire.refused = lambda name, number: "SlowDown" if name == "HeadObject" else None
    with pytest.raises(Exception, match="SlowDown"):
        world.ann.complete(upload_id)
    world.wire.refused = lambda name, number: None

    answer = world.ann.create(large())

    assert (answer["duplicate"], answer["file"]["file_id"]) == (True, upload_id)


# Signing


def test_parts_are_signed_with_length_and_hash(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    upload = world.ann.record(upload_id)

    first, last = world.ann.sign(upload_id, (1, part_of(upload, 1)), (9, part_of(upload, 9)))

    assert first["headers"] == {
        "Content-Length": str(8 * MIB),
        "x-amz-checksum-sha256": part_of(upload, 1).checksum,
    }
    assert last["headers"]["Content-Length"] == str(2 * MIB)
    with pytest.raises(S3Refused, match="BadDigest"):
        world.s3.send(first, part_of(upload, 2))


def test_a_part_beyond_the_last_is_refused(world: FilesWorld) -> None:
    for body, number in ((large(), 10), (small(), 2)):
        upload_id = world.ann.begin(body)
        refused = refusal(lambda: world.ann.sign(upload_id, (number, body)))  # noqa: B023
        assert refused.code == "invalid_request"


def test_a_single_put_is_signed_again(world: FilesWorld) -> None:
    upload_id = world.ann.create(small())["upload_id"]

    (action,) = world.ann.sign(upload_id, (1, small()))

    world.s3.send(action, small())
    assert action["headers"]["If-None-Match"] == "*"
    assert refusal(lambda: world.ann.sign(upload_id, (1, small("x")))).code == "invalid_request"


def test_a_url_never_outlives_its_session(world: FilesWorld) -> None:
    answer = world.ann.create(small())
    world.clock.time += 7 * DAY - 60

    (action,) = world.ann.sign(answer["upload_id"], (1, small()))

    assert action["expires_in"] == 60
    world.clock.time += 60
    refused = refusal(lambda: world.ann.sign(answer["upload_id"], (1, small())))
    assert refused.code == "upload_gone"


def test_an_expired_url_is_refused_by_s3(world: FilesWorld) -> None:
    action = world.ann.create(small())["action"]
    world.clock.time += 3601

    with pytest.raises(S3Refused, match="403"):
        world.s3.send(action, small())


def test_the_loser_of_two_multipart_uploads_aborts_its_own(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    upload = world.ann.record(upload_id)
    meets = iter([True])

    def another(name: str) -> None:
        if name == "UpdateItem" and next(meets, False):
            world.ann.sign(upload_id, (1, part_of(upload, 1)))

    world.wire.before = another
    world.ann.sign(upload_id, (2, part_of(upload, 2)))

    assert list(world.s3.multiparts) == [world.ann.record(upload_id).s3_upload_id]


# State, lists, abort


def test_state_of_a_single_put(world: FilesWorld) -> None:
    upload_id = world.ann.create(small())["upload_id"]
    before = world.ann.uploads.show(upload_id)
    world.ann.begin(small())
    after = world.ann.uploads.show(upload_id)
    file = world.ann.complete(upload_id)
    done = world.ann.uploads.show(upload_id)

    assert (before["state"], before["part_size"], before["part_count"], before["parts"]) == (
        "open", 11, 1, [],
    )  # fmt: skip
    assert after["parts"] == [{"number": 1, "sha256": small().sha256}]
    assert (done["state"], done["parts"], done["file"]) == ("completed", [], file)


def test_state_of_a_multipart_upload(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id, [1])

    assert [part["number"] for part in world.ann.uploads.show(upload_id)["parts"]] == [1]
    world.s3.multiparts.clear()
    assert world.ann.uploads.show(upload_id)["parts"] == []
    world.ann.send_parts(upload_id, [3])
    assert [part["number"] for part in world.ann.uploads.show(upload_id)["parts"]] == [3]


def test_state_after_a_completion_without_an_answer(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    world.seconds_left = 0
    assert refusal(lambda: world.ann.complete(upload_id)).code == "completing"

    shown = world.ann.uploads.show(upload_id)

    assert (shown["state"], len(shown["parts"])) == ("completing", 9)


def test_states_of_ended_uploads(world: FilesWorld) -> None:
    aborted, expired = world.ann.begin(small("a")), world.ann.begin(small("b"))
    world.ann.uploads.abort(aborted)
    world.clock.time += 7 * DAY + 1

    assert world.ann.uploads.show(aborted)["state"] == "aborted"
    assert world.ann.uploads.show(expired)["state"] == "expired"
    assert world.ann.uploads.show(expired)["parts"] == []
    world.sweep()
    assert world.ann.uploads.show(expired)["state"] == "expired"


def test_unfinished_uploads_are_listed(world: FilesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wideload_runtime.core.files.uploads.SCANNED", 4)
    made = []
    for number in range(10):
        world.clock.time += 1
        made.append(world.ann.begin(small(str(number))))
        if number % 3 == 0:
            world.ann.complete(made[-1])
    world.bob.begin(small())

    listed, page = [], Page(limit=2)
    for _ in range(20):
        answer = world.ann.uploads.listed(page)
        listed += [item["upload_id"] for item in answer["items"]]
        assert len(answer["items"]) <= 2
        if answer["cursor"] is None:
            break
        page = Page.parse({"limit": "2", "cursor": answer["cursor"]})

    assert listed == [
        upload_id for number, upload_id in reversed(list(enumerate(made))) if number % 3
    ]
    assert world.ann.uploads.listed(Page(limit=1))["items"][0].keys() >= {"name", "state", "size"}


def test_a_page_of_uploads_ends_at_its_limit(world: FilesWorld) -> None:
    for name in ("a", "b", "c"):
        world.ann.begin(small(name))

    first = world.ann.uploads.listed(Page(limit=2))
    second = world.ann.uploads.listed(Page.parse({"limit": "2", "cursor": first["cursor"]}))

    assert (len(first["items"]), len(second["items"]), second["cursor"]) == (2, 1, None)


def test_an_abort_removes_a_multipart_upload_that_just_began(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    meets = iter([True])

    def another(name: str) -> None:
        if name == "TransactWriteItems" and next(meets, False):
            world.ann.send_parts(upload_id, [1])

    world.wire.before = another
    world.ann.uploads.abort(upload_id)

    assert world.s3.multiparts == {}


def test_an_abort_gives_back_and_removes_once(world: FilesWorld) -> None:
    single, parts = world.ann.begin(small()), world.ann.begin(large())
    world.ann.send_parts(parts, [1, 2])

    for _ in range(2):
        world.ann.uploads.abort(single)
        world.ann.uploads.abort(parts)

    assert world.ann.usage == Usage(small().size, 1, 0)
    assert (world.s3.objects, world.s3.multiparts) == ({}, {})
    assert refusal(lambda: world.ann.complete(single)).code == "upload_gone"
    assert refusal(lambda: world.ann.sign(parts, (1, small()))).code == "upload_gone"
    assert audit(world) == []
    for _ in range(2):
        world.end_urls()
    assert world.ann.usage == Usage()


def test_a_completed_upload_is_not_aborted(world: FilesWorld) -> None:
    file = world.ann.upload(small())

    for work in (world.ann.uploads.abort, lambda one: world.ann.sign(one, (1, small()))):
        assert refusal(lambda: work(file["file_id"])).code == "upload_completed"  # noqa: B023
    assert world.ann.shown(file["file_id"]) == file


def test_while_it_completes_nothing_is_signed_but_it_may_be_aborted(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id)
    world.seconds_left = 0
    refusal(lambda: world.ann.complete(upload_id))

    refused = refusal(lambda: world.ann.sign(upload_id, (1, small())))
    world.ann.uploads.abort(upload_id)

    assert (refused.code, refused.retry_after) == ("completing", 5)
    assert world.ann.usage == Usage(large().size, 1, 0), "S3 may still make the object"
    assert audit(world) == []
    world.seconds_left = 20
    world.end_urls()
    assert world.ann.usage == Usage()


# Whose they are


def test_what_is_anothers_is_unknown(world: FilesWorld) -> None:
    upload_id = world.ann.begin(small())
    strangers = [
        lambda: world.bob.sign(upload_id, (1, small())),
        lambda: world.bob.complete(upload_id),
        lambda: world.bob.uploads.show(upload_id),
        lambda: world.bob.uploads.abort(upload_id),
    ]
    told = [refusal(work) for work in strangers]
    world.ann.uploads.abort(upload_id)
    never = [
        lambda: world.bob.sign("01ARZ3NDEKTSV4RRFFQ69G5FAV", (1, small())),
        lambda: world.bob.complete("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        lambda: world.bob.uploads.show("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        lambda: world.bob.uploads.abort("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    ]

    assert [str(refused) for refused in told] == [str(refusal(work)) for work in never]
    assert {refused.code for refused in told} == {"unknown_upload"}


@pytest.mark.parametrize("wanted", ["", "x", "USAGE", "01ARZ3NDEKTSV4RRFFQ69G5FA#", "a" * 9000])
def test_an_id_of_any_form_is_unknown(world: FilesWorld, wanted: str) -> None:
    parts = [WantedPart(1, small().sha256)]
    for work in (
        lambda: world.ann.uploads.signing.sign(wanted, parts),
        lambda: world.ann.complete(wanted),
        lambda: world.ann.uploads.show(wanted),
        lambda: world.ann.uploads.abort(wanted),
    ):
        assert refusal(work).code == "unknown_upload"
    assert world.wire.requests == []


def test_keys_are_the_servers_and_hide_the_owner(world: FilesWorld) -> None:
    world.ann.upload(small())
    world.transfer.uploads("a/../b#ü", seconds_left=lambda: 1).create([wish(small())])

    keys = [item["key"] for item in world.dynamo.items.values() if "key" in item]

    assert all(key.startswith("files/") and key.count("/") == 2 for key in keys)
    assert not any("ann" in key or ".." in key for key in keys)


# Quotas


def test_bytes_are_reserved_and_given_back() -> None:
    world = FilesWorld(quota_bytes=100)
    first = world.ann.begin(small("a", 60))

    refused = refusal(lambda: world.ann.create(small("b", 41)))
    world.ann.begin(small("c", 40))
    world.ann.uploads.abort(first)
    world.end_urls()

    assert (refused.code, refused.status) == ("quota_exceeded", 413)
    assert world.ann.usage == Usage(40, 1, 1)
    file = world.ann.upload(small("d", 60))
    assert refusal(lambda: world.ann.create(small("e", 1))).code == "quota_exceeded"
    world.end_urls()
    world.ann.files.delete(file["file_id"])
    world.ann.create(small("e", 1))
    world.bob.create(small("b", 100))
    assert audit(world) == []


@pytest.mark.parametrize("end", ["abort", "delete"])
def test_bytes_that_a_live_url_can_store_again_are_not_given_back(end: str) -> None:
    world = FilesWorld(quota_bytes=100)
    body = small("a", 60)
    begun = world.ann.create(body)
    world.s3.send(begun["action"], body)
    if end == "abort":
        world.ann.uploads.abort(begun["upload_id"])
    else:
        world.ann.complete(begun["upload_id"])
        world.ann.files.delete(begun["upload_id"])
    world.clock.time += URL_SECONDS - 1
    world.s3.send(begun["action"], body)  # the object is there again
    world.sweep()

    refused = refusal(lambda: world.ann.create(small("b", 41)))

    assert refused.code == "quota_exceeded"
    assert "What was just aborted or deleted counts until its upload URL has expired." in str(
        refused
    )
    assert world.ann.usage == Usage(60, 1, 0)
    assert audit(world) == []
    report = world.end_urls()
    assert (report.leftovers, world.s3.objects) == (1, {})
    assert world.ann.usage == Usage()
    assert "upload_id" in world.ann.create(small("b", 41))


def test_a_url_signed_again_is_waited_for_too() -> None:
    world = FilesWorld(quota_bytes=100)
    upload_id = world.ann.create(small("a", 60))["upload_id"]
    world.clock.time += URL_SECONDS
    world.ann.create(small("a", 60))

    world.ann.uploads.abort(upload_id)
    world.clock.time += URL_SECONDS
    world.sweep()

    assert world.ann.usage == Usage(60, 1, 0)
    world.end_urls()
    assert world.ann.usage == Usage()


def test_an_abort_that_s3_does_not_answer_gives_nothing_back_yet(world: FilesWorld) -> None:
    upload_id = world.ann.begin(large())
    world.ann.send_parts(upload_id, [1])
    world.wire.refused = lambda name, number: "SlowDown" if name == "AbortMultipartUpload" else None
    world.ann.uploads.abort(upload_id)
    world.wire.refused = lambda name, number: None

    assert world.ann.usage == Usage(large().size, 1, 0), "its parts are still there"
    world.end_urls()
    assert (world.ann.usage, world.s3.multiparts) == (Usage(), {})


def test_files_are_limited_with_open_uploads_and_live_urls() -> None:
    world = FilesWorld(quota_files=2)
    kept = world.ann.upload(small("a"))["file_id"]
    opened = world.ann.begin(small("b", 0))

    refused = refusal(lambda: world.ann.create(small("c")))

    assert (refused.code, refused.status) == ("quota_exceeded", 413)
    assert refused.detail.startswith(
        "2 files are there, those of open uploads among them, and 2 are allowed: delete files, or "
        "abort uploads."
    )
    assert world.ann.create(small("a"))["duplicate"]
    assert world.ann.create(small("b", 0))["upload_id"] == opened
    world.ann.complete(opened)
    world.ann.files.delete(kept)
    assert refusal(lambda: world.ann.create(small("c"))).code == "quota_exceeded"
    world.end_urls()
    world.ann.begin(small("c"))
    assert world.ann.usage.files == 2
    assert audit(world) == []


def test_a_file_over_the_quota_never_fits() -> None:
    world = FilesWorld(quota_bytes=100)

    assert refusal(lambda: world.ann.create(small(size=101))).code == "quota_exceeded"
    assert "upload_id" in world.ann.create(small(size=100))


def test_open_uploads_are_limited() -> None:
    world = FilesWorld(max_open=2)
    first, second = world.ann.begin(small("a")), world.ann.begin(small("b"))

    assert refusal(lambda: world.ann.create(small("c"))).code == "too_many_uploads"
    assert world.ann.create(small("a"))["upload_id"] == first  # resumed
    world.ann.complete(first)
    world.ann.begin(small("c"))
    world.ann.uploads.abort(second)
    world.ann.begin(small("d"))
    assert world.ann.usage.open_uploads == 2


def test_part_of_a_request_may_fit() -> None:
    world = FilesWorld(quota_bytes=100)

    answers = world.ann.create(small("a", 90), small("b", 20), small("c", 10))

    assert ["error" in answer for answer in answers] == [False, True, False]


def test_writes_that_meet_are_repeated_then_refused(world: FilesWorld) -> None:
    world.dynamo.conflicts = 5
    world.ann.create(small())
    world.dynamo.conflicts = 6

    refused = refusal(lambda: world.ann.create(small("b")))

    assert (refused.code, refused.status, refused.retry_after) == ("conflict", 409, 1)
    assert world.ann.usage.open_uploads == 1
    assert audit(world) == []
