"""The sweep, over fakes."""

from __future__ import annotations

import pytest

from tests.runtime.fakes import World
from tests.runtime.ingest.test_ingest import LARGE, only_payload, upload
from wideload_runtime.core.ingest.payloads import ISSUED_PARTITIONS, MAX_KNOWN
from wideload_runtime.core.ingest.requests import Inline, UploadRequest
from wideload_runtime.core.ingest.sweep import NAMED, OLDEST, Report

LONG = 2 * 3600


@pytest.fixture
def world() -> World:
    return World()


def test_an_unused_url_expires(world: World) -> None:
    world.ingest.issue_upload_url("acme", UploadRequest())
    issued = only_payload(world)

    early = world.sweep.run()
    world.clock.time += LONG
    late = world.sweep.run()
    again = world.sweep.run()

    assert (early.expired, late.expired, again.expired) == (0, 1, 0)
    assert world.metrics.values["ExpiredUploadCount"] == [0, 1, 0]
    assert only_payload(world) == issued, "a write for each unused URL"


def test_an_unused_url_is_shown_as_expired(world: World) -> None:
    payload_id = world.ingest.issue_upload_url("acme", UploadRequest()).body["payload_id"]

    shown = []
    for _ in range(3):
        shown.append(world.reader.payload("acme", payload_id)["state"])
        world.clock.time += 75 * 60

    assert shown == ["issued", "issued", "expired"]


def test_an_upload_after_its_url_expired_is_still_taken(world: World) -> None:
    key = world.ingest.issue_upload_url("acme", UploadRequest()).body["s3_key"]
    world.clock.time += LONG
    world.sweep.run()
    world.bucket.put(key, LARGE)

    done = world.processor.work(key, owner="worker", has_time=lambda: True)

    assert done is not None
    assert done.state == "stored"


@pytest.mark.parametrize("state", ["issued", "uploaded", "processing"])
def test_a_stuck_upload_is_queued_again(world: World, state: str) -> None:
    claim = upload(world, LARGE)
    payload_id = only_payload(world).payload_id
    if state == "uploaded":
        world.table.mark_uploaded(payload_id, size=1, etag="e", upload_duration_ms=1)
    if state == "processing":
        world.table.lease(payload_id, owner="a crashed one", now=1, until=2)
    world.clock.time += LONG

    report = world.sweep.run()

    assert report.repaired == 1
    assert world.queue.sent == [(claim.s3_key, "sweep")]


def test_a_claimed_payload_without_an_object_is_failed(world: World) -> None:
    claim = upload(world, LARGE)
    world.table.mark_uploaded(
        only_payload(world).payload_id, size=1, etag="e", upload_duration_ms=1
    )
    del world.bucket.objects[claim.s3_key]
    world.clock.time += LONG

    first, second = world.sweep.run(), world.sweep.run()

    assert (first.lost, second.lost) == (1, 0)
    assert world.told_failed == [only_payload(world)]
    assert (only_payload(world).state, only_payload(world).error_code) == ("failed", "upload_lost")


def test_the_sweep_leaves_a_payload_in_processing(world: World) -> None:
    upload(world, LARGE)
    world.clock.time += LONG
    now = int(world.clock.time * 1000)
    world.table.lease(only_payload(world).payload_id, owner="worker", now=now, until=now + 1000)

    assert world.sweep.run() == Report(expired=0, repaired=0, lost=0, orphans=0)


def test_the_sweep_leaves_a_finished_payload(world: World) -> None:
    world.ingest.accept(world.acme, upload(world, LARGE))
    world.clock.time += LONG

    assert world.sweep.run() == Report(expired=0, repaired=0, lost=0, orphans=0)


def test_objects_without_a_record_are_counted(world: World) -> None:
    claim = upload(world, LARGE)
    world.table.items.clear()
    world.bucket.put("transit/acme/nonsense", b"")

    young = world.sweep.run()
    world.clock.time += LONG
    counted = world.sweep.run()
    world.clock.time += 24 * 3600
    old = world.sweep.run()

    assert claim.s3_key in world.bucket.objects
    assert (young.orphans, counted.orphans, old.orphans) == (0, 1, 0)
    assert counted.orphan_keys == (claim.s3_key,)


def test_archives_without_a_record_are_counted(world: World) -> None:
    """As a function leaves them that died in between, whose client came no more."""
    world.ingest.accept(world.acme, Inline(LARGE))
    lost = only_payload(world)
    world.table.items.clear()
    world.ingest.accept(world.acme, Inline(LARGE))
    world.clock.time += LONG

    report = world.sweep.run()

    assert report.orphan_keys == (lost.archive_key,)
    assert world.metrics.values["OrphanObjectCount"] == [1]


def test_orphans_are_counted_beyond_one_look_at_the_table(world: World) -> None:
    keys = [upload(world, b"{}").s3_key for _ in range(MAX_KNOWN + 30)]
    kept = list(world.table.items.values())[-1]
    world.table.items.clear()
    world.table.items[kept.payload_id] = kept
    world.clock.time += LONG

    report = world.sweep.run()

    assert report.orphans == MAX_KNOWN + 29
    assert len(report.orphan_keys) == NAMED
    assert set(report.orphan_keys) < set(keys)


def test_without_time_the_rest_is_left_to_the_next_run(world: World) -> None:
    for _ in range(5):
        upload(world, LARGE)
        world.clock.time += 60
    world.clock.time += LONG
    looks = iter([True, True, True])  # one of them finds out which are stuck

    short = world.sweep.run(lambda: next(looks, False))
    whole = world.sweep.run()

    assert (short.repaired, whole.repaired) == (2, 5)


def test_a_flood_of_unused_urls_does_not_delay_others(world: World) -> None:
    """Issued before the other tenant's upload, so that they come first in each partition."""
    for _ in range(1500):
        world.ingest.issue_upload_url("globex", UploadRequest())
    world.clock.time += 1
    claim = upload(world, LARGE)  # acme's
    world.clock.time += LONG
    looks = iter([True] * 20)

    report = world.sweep.run(lambda: next(looks, False))

    assert world.queue.sent == [(claim.s3_key, "sweep")]
    assert (report.repaired, report.expired, report.backlog_seconds) == (1, 1500, 0)


def test_a_flood_of_stuck_uploads_does_not_delay_others(world: World) -> None:
    for _ in range(300):
        flood = world.ingest.issue_upload_url("globex", UploadRequest()).body
        world.bucket.put(flood["s3_key"], LARGE)
        world.table.mark_uploaded(flood["payload_id"], size=1, etag="e", upload_duration_ms=1)
    world.clock.time += 1
    claim = upload(world, LARGE)
    world.clock.time += LONG
    looks = iter([True] * 6)  # four to find out which are stuck: two sent

    report = world.sweep.run(lambda: next(looks, False))

    assert (claim.s3_key, "sweep") in world.queue.sent
    assert (report.repaired, len(world.queue.sent)) == (2, 2)


def test_how_far_the_sweep_is_behind_is_told(world: World) -> None:
    stuck = world.ingest.issue_upload_url("acme", UploadRequest()).body
    world.bucket.put(stuck["s3_key"], LARGE)
    world.clock.time += LONG

    late, in_time = world.sweep.run(lambda: False), world.sweep.run()

    # Due once its URL, of 15 minutes, and as many minutes of grace were over.
    assert (late.backlog_seconds, in_time.backlog_seconds) == (LONG - 30 * 60, 0)
    assert world.metrics.values["SweepBacklogAge"] == [LONG - 30 * 60, 0]


def test_payloads_left_by_a_run_are_never_too_old_for_the_next(world: World) -> None:
    """Nor hidden behind others that are older still."""
    for _ in range(5 * len(ISSUED_PARTITIONS) * OLDEST // 4):
        world.ingest.issue_upload_url("globex", UploadRequest())
    world.clock.time += 1
    world.sweep.run()
    claim = upload(world, LARGE)
    for _ in range(10):
        world.clock.time += LONG
        world.sweep.run(lambda: False)

    report = world.sweep.run()

    assert (report.repaired, world.queue.sent) == (1, [(claim.s3_key, "sweep")])
