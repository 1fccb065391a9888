"""File transfer when requests meet, in every order, and when answers are lost at any step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from tests.fake_aws.s3 import Body
from tests.fake_aws.wire import AtOnce, Choose, Outcome, every_order
from tests.runtime.files.files_world import (
    DAY,
    MIB,
    FilesWorld,
    audit,
    large,
    part_of,
    said,
    small,
)
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.files.completing import ASK_SECONDS
from wideload_runtime.core.files.records import Usage
from wideload_runtime.core.files.requests import Change

pytestmark = pytest.mark.exhaustive

Work = Callable[[], Any]


def small_world(**options: Any) -> FilesWorld:
    """Here `large()` has three parts, as each part adds to the requests of every order."""
    return FilesWorld(part=24 * MIB, one_put=24 * MIB, **options)


def at_once(
    prepare: Callable[[], tuple[FilesWorld, list[Work]]],
    *,
    switches: int = 3,
    then: Callable[[FilesWorld], object] = lambda world: None,
) -> set[str]:
    """Run requests in every order, and audit what comes of each.

    Args:
        then: Called at the end of each order.

    Returns:
        What the clients were told, in each way that occurred.
    """
    told: set[str] = set()

    def run(choose: Choose) -> None:
        world, works = prepare()
        outcomes = AtOnce(world.wire, choose, world.state).run(*works)
        told.add(" ".join(said(outcome) for outcome in outcomes))
        assert audit(world) == [], told
        settle(world)
        then(world)

    every_order(run, switches=switches)
    return told


def settle(world: FilesWorld) -> None:
    """After all sessions have ended, the sweep leaves nothing but files."""
    world.clock.time += 8 * DAY
    world.sweep()
    world.clock.time += 2 * DAY
    world.sweep()
    assert world.failures == []
    assert audit(world) == []
    objects = world.items("OBJECT#")
    assert set(world.s3.objects) == {one["key"] for one in objects}
    assert world.s3.multiparts == {}
    size, files = sum(int(one["size"]) for one in objects), len(world.items("FILE#"))
    assert world.ann.usage == Usage(size, files, 0)


def uploaded(body: Body, **options: Any) -> tuple[FilesWorld, str]:
    """An upload that only remains to be completed."""
    world = small_world(**options)
    upload_id = world.ann.begin(body)
    if body.size > 1000:
        world.ann.send_parts(upload_id)
    return world, upload_id


@pytest.mark.parametrize("body", [small(), large()])
@pytest.mark.parametrize("max_open", [1, 2])  # the twin takes no second place
def test_two_creates_share_an_upload(body: Body, max_open: int) -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world(max_open=max_open)
        answers = set()

        def create() -> None:
            answers.add(world.ann.create(body)["upload_id"])
            assert len(answers) == 1

        return world, [create, create]

    assert at_once(prepare) == {"ok ok"}


def test_first_parts_signed_twice_are_of_one_multipart_upload() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        upload_id = world.ann.create(large())["upload_id"]
        upload = world.ann.record(upload_id)

        def send(number: int) -> None:
            body = part_of(upload, number)
            (action,) = world.ann.sign(upload_id, (number, body))
            world.s3.send(action, body)

        return world, [lambda: send(1), lambda: send(2)]

    assert at_once(prepare) == {"ok ok"}


@pytest.mark.parametrize("body", [small(), large()])
def test_two_completes_make_one_file(body: Body) -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world, upload_id = uploaded(body)

        def complete() -> None:
            assert world.ann.complete(upload_id)["file_id"] == upload_id

        return world, [complete, complete]

    late = {"completing ok", "ok completing"} if body.size > 1000 else set()
    assert at_once(prepare) == {"ok ok"} | late


@pytest.mark.parametrize("body", [small(), large()])
def test_complete_meets_abort(body: Body) -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world, upload_id = uploaded(body)
        return world, [
            lambda: world.ann.complete(upload_id),
            lambda: world.ann.uploads.abort(upload_id),
        ]

    told = at_once(prepare)

    assert {"ok upload_completed", "upload_gone ok"} <= told
    late = {"completing ok"} if body.size > 1000 else {"not_uploaded ok"}
    assert told <= {"ok upload_completed", "upload_gone ok"} | late


@pytest.mark.parametrize("body", [small(), large()])
def test_complete_meets_the_sweep(body: Body) -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world, upload_id = uploaded(body)
        world.clock.time += 7 * DAY + 1
        return world, [lambda: world.ann.complete(upload_id), world.sweep]

    told = at_once(prepare)

    assert {"ok ok", "upload_gone ok"} <= told
    assert told <= {"ok ok", "upload_gone ok", "completing ok", "not_uploaded ok"}


def test_complete_meets_create() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world, upload_id = uploaded(large())

        def create() -> None:
            answer = world.ann.create(large())
            known = answer["file"]["file_id"] if "file" in answer else answer["upload_id"]
            assert known == upload_id

        return world, [lambda: world.ann.complete(upload_id), create]

    assert at_once(prepare) == {"ok ok"}


def test_create_meets_the_end_of_the_session() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world, _ = uploaded(small(), max_open=1)
        world.clock.time += 7 * DAY + 1
        return world, [lambda: world.ann.create(small()), world.sweep]

    assert at_once(prepare) == {"ok ok"}


def test_delete_meets_create_and_delete() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        file_id = world.ann.upload(small())["file_id"]

        def delete() -> None:
            world.ann.files.delete(file_id)

        return world, [delete, delete, lambda: world.ann.create(small())]

    assert at_once(prepare, switches=2) == {"ok unknown_file ok", "unknown_file ok ok"}


def test_delete_meets_complete_and_rename() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world, upload_id = uploaded(small())
        world.ann.complete(upload_id)
        return world, [
            lambda: world.ann.files.delete(upload_id),
            lambda: world.ann.complete(upload_id),
            lambda: world.ann.files.change(upload_id, Change("b")),
        ]

    told = at_once(prepare)

    assert told <= {
        f"ok {completed} {renamed}"
        for completed in ("ok", "unknown_upload", "upload_gone")
        for renamed in ("ok", "unknown_file")
    }


def test_delete_meets_the_verifier() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world(verify=True)
        file_id = world.ann.upload(large())["file_id"]  # corrupt, as its bytes are made up
        return world, [
            lambda: world.ann.files.delete(file_id),
            lambda: world.verifier.verify("ann", file_id, has_time=lambda: True),
            lambda: world.ann.create(large()),
        ]

    told = at_once(prepare, switches=2)

    assert told == {"ok ok ok", "ok missing ok"}


def test_two_aborts_give_back_once() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world, upload_id = uploaded(large())
        return world, [lambda: world.ann.uploads.abort(upload_id)] * 2

    assert at_once(prepare) == {"ok ok"}


def test_signing_meets_abort() -> None:
    def prepare() -> tuple[FilesWorld, list[Work]]:
        world = small_world()
        upload_id = world.ann.create(large())["upload_id"]
        upload = world.ann.record(upload_id)
        return world, [
            lambda: world.ann.sign(upload_id, (1, part_of(upload, 1))),
            lambda: world.ann.uploads.abort(upload_id),
        ]

    assert at_once(prepare) == {"ok ok", "upload_gone ok"}


def test_a_part_sent_anew_meets_complete() -> None:
    """The object is of the old part or of the new one, and no client is told to send it again. S3
    gets one request at a time, so one of the two may have to wait."""

    def prepare() -> tuple[FilesWorld, list[Work]]:
        world, upload_id = uploaded(large())
        upload = world.ann.record(upload_id)
        other = part_of(upload, 3, "other")
        (action,) = world.ann.sign(upload_id, (3, other))

        def send() -> None:
            world.wire.call("UploadPart", lambda: world.s3.send(action, other))

        return world, [lambda: world.ann.complete(upload_id)] * 2 + [send]

    told = at_once(prepare, switches=2)

    completions = {"ok ok", "ok completing", "completing ok"}
    assert told == {f"{two} {sent}" for two in completions for sent in ("ok", "s3:NoSuchUpload")}


# Lost answers


def client(world: FilesWorld, body: Body) -> list[Work]:
    """Steps of a client; each is repeated until it succeeds."""
    known: dict[str, Any] = {}

    def create() -> None:
        known.update(world.ann.create(body))

    def send() -> None:
        if "action" in known:
            world.s3.send(known.pop("action"), body)
        elif "part_size" in known:
            world.ann.send_parts(known["upload_id"])

    def complete() -> None:
        if "upload_id" in known:
            known["file"] = world.ann.complete(known["upload_id"])

    return [create, send, complete]


def repeat(world: FilesWorld, work: Work) -> None:
    """As a client does: it waits as long as it is told."""
    for _ in range(100):
        try:
            work()
        except (HTTPClientError, ClientError):
            continue
        except Refused as refused:
            if refused.retry_after is None:
                raise
            world.clock.time += refused.retry_after
            continue
        return
    raise AssertionError("it never succeeds")


@pytest.mark.parametrize("body", [small(), large()])
@pytest.mark.parametrize("kind", ["lost", "refused"])
@pytest.mark.parametrize("repeated", [True, False])
def test_an_answer_lost_at_any_step(body: Body, kind: str, repeated: bool) -> None:
    """A client that repeats gets a file; one that doesn't leaves nothing counted or kept."""
    number = 0
    while True:
        world = small_world(verify=True)
        if kind == "lost":
            world.wire.lost = lambda name, seen, number=number: seen == number
        else:
            world.wire.refused = lambda name, seen, number=number: (
                "SlowDown" if seen == number else None
            )
        try:
            for step in client(world, body):
                if repeated:
                    repeat(world, step)
                else:
                    step()
        except (HTTPClientError, ClientError, Refused):
            assert not repeated
        requests = len(world.wire.requests)
        mend(world)
        assert audit(world) == [], f"after request {number}"
        if repeated:
            assert world.ann.usage.files == 1
        settle(world)
        if number >= requests:
            break
        number += 1
    assert number >= 5


def mend(world: FilesWorld) -> None:
    """End the faults. A multipart upload whose id was lost is left to the bucket's own rule."""
    world.wire.lost = lambda name, number: False
    world.wire.refused = lambda name, number: None
    known = {item.get("s3_upload_id") for item in world.items("UPLOAD#")}
    for upload_id in [name for name in world.s3.multiparts if name not in known]:
        del world.s3.multiparts[upload_id]


@pytest.mark.parametrize("body", [small(), large()])
def test_an_answer_lost_while_aborting_or_deleting(body: Body) -> None:
    number, requests = 0, 1
    while number < requests:
        world = small_world()
        aborted = world.ann.begin(body)
        if body.size > 1000:
            world.ann.send_parts(aborted, [1, 2])
        file_id = world.ann.upload(small("another"))["file_id"]
        first = len(world.wire.requests)
        world.wire.lost = lambda name, seen, at=first + number: seen == at
        repeat(world, lambda: world.ann.uploads.abort(aborted))  # noqa: B023
        told = said_by(lambda: repeat(world, lambda: world.ann.files.delete(file_id)))  # noqa: B023
        assert told in {"ok", "unknown_file"}
        requests = len(world.wire.requests) - first
        mend(world)
        assert audit(world) == [], f"after request {number}"
        world.end_urls()
        assert world.ann.usage.bytes == 0
        settle(world)
        number += 1


def lost_completion(world: FilesWorld) -> None:
    world.wire.lost = lambda name, number: name == "CompleteMultipartUpload"


def test_a_lost_completion_is_found_by_its_object() -> None:
    world, upload_id = uploaded(large())
    lost_completion(world)

    file = world.ann.complete(upload_id)

    assert file["file_id"] == upload_id
    assert world.count("FileUploadCount") == 1


def test_s3_that_takes_long_is_asked_again() -> None:
    world, upload_id = uploaded(large())
    world.seconds_left = 0
    outcome = said_by(lambda: world.ann.complete(upload_id))
    assert outcome == "completing"
    assert world.ann.record(upload_id).state == "completing"

    world.seconds_left = 20
    world.clock.time += ASK_SECONDS
    assert world.ann.complete(upload_id)["file_id"] == upload_id


def said_by(work: Work) -> str:
    outcome = Outcome()
    try:
        work()
    except Refused as refused:
        outcome.error = refused
    return said(outcome)
