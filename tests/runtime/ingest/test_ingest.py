"""Decisions of payload ingest, over fakes."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from local.call_log import make_call_log
from tests.runtime.fakes import FakeUpload, World
from wideload_runtime.core.errors import LeaseHeldError, OutOfTimeError, Refused
from wideload_runtime.core.ingest.payloads import Payload
from wideload_runtime.core.ingest.requests import Claim, Inline, UploadRequest
from wideload_runtime.core.ingest.seekable_gzip import members
from wideload_runtime.core.ingest.summary import Scalars

SMALL = orjson.dumps({"call_id": "c-1", "n": 1, "token": "wl_secret"})
LARGE = orjson.dumps(make_call_log(1_500_000, call_id="c-2"))


@pytest.fixture
def world() -> World:
    return World()


def upload(world: World, body: bytes, *, tenant: str = "acme", **wish: Any) -> Claim:
    answer = world.ingest.issue_upload_url(tenant, UploadRequest(**wish)).body
    world.clock.time += 2
    world.bucket.put(answer["s3_key"], body)
    return Claim(answer["s3_key"])


def only_payload(world: World) -> Payload:
    (payload,) = world.table.items.values()
    return payload


def key_of(world: World) -> str:
    key = only_payload(world).s3_key
    assert key
    return key


# Upload URLs


def test_an_upload_url_is_recorded_before_it_is_answered(world: World) -> None:
    wish = UploadRequest(content_length=5, sha256="ab" * 32, call_id="c-9")

    answer = world.ingest.issue_upload_url("acme", wish).body

    payload = only_payload(world)
    assert (payload.state, payload.tenant, payload.call_id) == ("issued", "acme", "c-9")
    assert (payload.declared_size, payload.declared_sha256) == (5, "ab" * 32)
    assert payload.tenant_call is None
    assert (payload.open_shard or "").startswith("issued#")
    assert payload.expires_at == int(world.clock.time) + 8 * 24 * 3600
    assert answer["payload_id"] == payload.payload_id
    assert answer["s3_key"] == payload.s3_key == f"transit/acme/{payload.payload_id}"
    assert (answer["method"], answer["s3_bucket"], answer["expires_in"]) == ("PUT", "bucket", 900)
    assert answer["expires_at"] == "2026-09-21T14:28:20.000Z"


# Inline documents


@pytest.mark.parametrize(
    ("document", "recorded"),
    [
        (b'{"n": 1}', "c-9"),
        (b'{"call_id": null}', "c-9"),
        (b'{"call_id": "own"}', "own"),
    ],
)
def test_a_call_id_beside_a_document_is_recorded_if_it_has_none(
    world: World, document: bytes, recorded: str
) -> None:
    world.ingest.accept(world.acme, Inline(document, "c-9"))

    (payload,) = world.table.items.values()
    assert (payload.call_id, payload.tenant_call) == (recorded, f"acme#{recorded}")


@pytest.mark.parametrize("body", [SMALL, gzip.compress(SMALL)])
def test_a_small_document_stays_in_its_item(world: World, body: bytes) -> None:
    reply = world.ingest.accept(world.acme, Inline(body))

    payload = only_payload(world)
    assert (reply.status, reply.body["state"]) == (200, "stored")
    assert reply.body["sha256"] == hashlib.sha256(SMALL).hexdigest()
    assert payload.document is not None
    assert gzip.decompress(payload.document) == SMALL
    assert payload.summary == Scalars(b'{"call_id":"c-1","n":1}')
    assert (payload.source, payload.uploaded_size, payload.size) == (
        "inline",
        len(body),
        len(SMALL),
    )
    assert payload.tenant_call == "acme#c-1"
    assert payload.expires_at is None
    assert world.bucket.objects == {}
    assert world.metrics.values["InlinePayloadCount"] == [1]
    assert world.metrics.values["PayloadStoredCount"] == [1]


def test_a_larger_document_is_archived_whole(world: World) -> None:
    world.ingest.accept(world.acme, Inline(LARGE))

    payload = only_payload(world)
    assert payload.document is None
    assert payload.archive_key == f"archive/acme/{payload.payload_id}.json.gz"
    assert gzip.decompress(world.bucket.objects[payload.archive_key]) == LARGE


def test_a_document_that_compresses_to_nothing_is_archived_all_the_same(world: World) -> None:
    world.ingest.accept(world.acme, Inline(orjson.dumps({"x": "a" * 300_000})))

    assert only_payload(world).archive_key in world.bucket.objects


def test_any_page_of_records_is_one_range_of_the_archive(world: World) -> None:
    world.ingest.accept(world.acme, Inline(LARGE))

    payload = only_payload(world)
    assert payload.archive_key
    assert payload.member_index
    assert payload.prefix_size
    archive = world.bucket.objects[payload.archive_key]
    found = []
    pages = list(members(payload.member_index, payload.prefix_size))
    for page in pages:
        text = gzip.decompress(archive[page.offset : page.offset + page.size])
        records = orjson.loads(b"[%b]" % text.strip(b","))
        assert (len(records), page.first_record) == (page.records, len(found))
        found += records
    assert found == orjson.loads(LARGE)["transcript_with_metrics"]
    assert len(pages) > 3
    assert payload.records == len(found)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"nonsense", "invalid_json"),
        (b"[]", "not_an_object"),
        (gzip.compress(SMALL)[:-9], "invalid_gzip"),
        (gzip.compress(SMALL)[:-6] + b"rotten", "invalid_gzip"),
        (gzip.compress(SMALL) + b"rubbish", "invalid_gzip"),
        (LARGE[:-1], "invalid_json"),
    ],
)
def test_a_bad_document_leaves_nothing(world: World, body: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, Inline(body))

    assert refused.value.code == code
    assert world.table.items == {}
    assert world.bucket.objects == {}
    assert world.bucket.open_archives == []
    assert world.metrics.values == {"PayloadFailedCount": [1]}
    (told,) = world.told_failed
    assert (told.tenant, told.source, told.error_code) == ("acme", "inline", code)
    assert told.error_detail == refused.value.detail


def test_a_decompression_bomb_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wideload_runtime.core.ingest.gunzip.FREE_OUTPUT", 2_000_000)

    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, Inline(gzip.compress(b'{"x":"' + b"a" * 9_000_000)))

    assert refused.value.code == "document_too_large"
    assert world.bucket.open_archives == []


def test_a_gzip_of_mostly_members_is_refused(world: World) -> None:
    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, Inline(gzip.compress(b"") * 10_001 + gzip.compress(SMALL)))

    assert refused.value.code == "invalid_gzip"


def test_many_members_of_a_usual_size_are_taken(world: World) -> None:
    document = orjson.dumps({"text": "x" * 12_000_000})
    body = b"".join(
        gzip.compress(document[start : start + 1100], 1) for start in range(0, len(document), 1100)
    )

    assert world.ingest.accept(world.acme, Inline(body)).body["size"] == len(document)


def test_time_runs_out_within_a_gzip_that_unpacks_to_nothing(world: World) -> None:
    body = gzip.compress(b"") * 5_000 + gzip.compress(SMALL)
    claim = upload(world, body)
    asked: list[bool] = []

    def has_time() -> bool:
        asked.append(True)
        return len(asked) < 3

    with pytest.raises(OutOfTimeError):
        world.processor.work(claim.s3_key, owner="worker", has_time=has_time)

    assert len(asked) == 3


def test_an_inline_document_that_takes_too_long_is_sent_elsewhere(world: World) -> None:
    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.caller("acme", time=False), Inline(LARGE))

    assert refused.value.code == "document_too_large"
    assert "/get-upload-url" in refused.value.detail


# Claims


@pytest.mark.parametrize("body", [LARGE, gzip.compress(LARGE, 1)])
def test_a_claimed_object_is_processed(world: World, body: bytes) -> None:
    claim = upload(world, body)

    reply = world.ingest.accept(world.acme, claim)

    payload = only_payload(world)
    assert (reply.status, reply.body["state"]) == (200, "stored")
    assert reply.body["sha256"] == hashlib.sha256(LARGE).hexdigest()
    assert (payload.uploaded_size, payload.size) == (len(body), len(LARGE))
    assert payload.expires_at is None
    assert payload.lease_owner is None
    values = world.metrics.values
    assert values["LargePayloadCount"] == values["PayloadStoredCount"] == [1]
    assert values["S3UploadSize"] == [len(body)]
    assert values["S3UploadDuration"] == [2000]
    assert values["S3DownloadDuration"] == [250]


def test_processing_is_timed_in_milliseconds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, read, create = upload(world, LARGE), FakeUpload.chunks, world.table.create

    def read_slowly(fake: FakeUpload) -> Iterator[bytes]:
        world.clock.time += fake.read_seconds
        return read(fake)

    def create_slowly(payload: Payload) -> None:
        world.clock.time += 2
        create(payload)

    monkeypatch.setattr(FakeUpload, "chunks", read_slowly)
    world.ingest.accept(world.acme, claim)
    monkeypatch.setattr(world.table, "create", create_slowly)
    world.ingest.accept(world.acme, Inline(SMALL))

    assert world.metrics.values["ProcessingDuration"] == pytest.approx([250, 2000])


def test_the_clients_word_on_the_upload_counts(world: World) -> None:
    claim = upload(world, LARGE)

    world.ingest.accept(world.acme, Claim(claim.s3_key, upload_duration_ms=1234))

    assert world.metrics.values["S3UploadDuration"] == [1234]


def test_a_repeated_claim_gets_the_same_answer_and_does_nothing(world: World) -> None:
    claim = upload(world, LARGE)
    first = world.ingest.accept(world.acme, claim)
    world.bucket.put(claim.s3_key, b"something else")

    second = world.ingest.accept(world.acme, claim)

    assert second == first
    assert world.metrics.values["LargePayloadCount"] == [1]


@pytest.mark.parametrize(
    "key",
    [
        "transit/acme/01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "nonsense",
        "",
        "transit/acme/../globex/x",
        "a" * 5000,
    ],
)
def test_an_unknown_key_is_refused(world: World, key: str) -> None:
    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, Claim(key))

    assert refused.value.code == "unknown_key"


def test_a_foreign_key_is_as_unknown_as_one_that_never_was(world: World) -> None:
    claim = upload(world, LARGE)
    own_form = claim.s3_key.replace("/acme/", "/globex/")

    answers = []
    for key in (claim.s3_key, own_form, "transit/globex/01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        with pytest.raises(Refused) as refused:
            world.ingest.accept(world.globex, Claim(key))
        answers.append((refused.value.code, refused.value.detail))

    assert len(set(answers)) == 1
    assert only_payload(world).state == "issued"


def test_a_claim_before_the_upload_is_refused_and_can_be_repeated(world: World) -> None:
    answer = world.ingest.issue_upload_url("acme", UploadRequest()).body
    claim = Claim(answer["s3_key"])

    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, claim)
    world.bucket.put(claim.s3_key, LARGE)

    assert refused.value.code == "not_uploaded"
    assert world.ingest.accept(world.acme, claim).status == 200


def test_a_bad_object_fails_its_payload_for_good(world: World) -> None:
    claim = upload(world, gzip.compress(LARGE)[:-100])

    answers = []
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            world.ingest.accept(world.acme, claim)
        answers.append((refused.value.code, refused.value.detail))

    assert answers[0] == answers[1]
    assert answers[0][0] == "invalid_gzip"
    assert only_payload(world).state == "failed"
    assert only_payload(world).error_code == "invalid_gzip"
    assert list(world.bucket.objects) == [claim.s3_key]
    assert world.metrics.values["PayloadFailedCount"] == [1]
    assert world.told_failed == [only_payload(world)]


@pytest.mark.parametrize("wish", [{"sha256": "ab" * 32}, {"content_length": len(LARGE) + 1}])
def test_an_object_other_than_announced_is_refused(world: World, wish: dict[str, Any]) -> None:
    claim = upload(world, LARGE, **wish)

    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, claim)

    assert refused.value.code == "checksum_mismatch"
    assert list(world.bucket.objects) == [claim.s3_key]


def test_a_claim_of_a_payload_in_processing_is_answered_at_once(world: World) -> None:
    claim = upload(world, LARGE)
    now = int(world.clock.time * 1000)
    payload_id = only_payload(world).payload_id
    world.table.lease(payload_id, owner="the other", now=now, until=now + 900_000)

    replies = [world.ingest.accept(world.caller("acme", f"request-{n}"), claim) for n in (2, 3)]

    assert [(reply.status, reply.body["state"]) for reply in replies] == [(202, "queued")] * 2
    assert world.queue.sent == []  # who holds the lease sees to it
    assert world.clock.time * 1000 == now
    assert only_payload(world).lease_owner == "the other"


def test_a_claim_of_a_payload_finished_meanwhile_is_answered_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = upload(world, LARGE)
    lease = world.table.lease

    def finished_before(payload_id: str, **how: Any) -> Payload | None:
        monkeypatch.setattr(world.table, "lease", lease)
        world.ingest.accept(world.caller("acme", "the other"), claim)
        return lease(payload_id, **how)

    monkeypatch.setattr(world.table, "lease", finished_before)
    reply = world.ingest.accept(world.caller("acme", "request-2"), claim)

    assert (reply.status, reply.body["state"]) == (200, "stored")
    assert world.metrics.values["LargePayloadCount"] == [1]


def test_a_payload_is_handed_over_once_however_often_it_is_claimed() -> None:
    world = World(in_request_limit=10)
    claim = upload(world, LARGE)

    replies = [world.ingest.accept(world.acme, claim) for _ in range(3)]
    now = int(world.clock.time * 1000)
    world.table.lease(only_payload(world).payload_id, owner="a worker", now=now, until=now + 9000)
    replies += [world.ingest.accept(world.acme, claim) for _ in range(3)]
    sent = list(world.queue.sent)
    world.clock.time += 10  # the worker died
    replies.append(world.ingest.accept(world.acme, claim))

    assert [reply.status for reply in replies] == [202] * 7
    assert sent == [(claim.s3_key, "claimed")]
    assert world.queue.sent == [(claim.s3_key, "claimed")] * 2


def test_a_claim_that_died_before_its_message_is_handed_over_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(in_request_limit=10)
    claim = upload(world, LARGE)
    with monkeypatch.context() as failing:
        failing.setattr(world.queue, "send", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.ingest.accept(world.acme, claim)

    world.ingest.accept(world.acme, claim)

    assert world.queue.sent == [(claim.s3_key, "claimed")]


def test_a_lease_that_ended_is_taken_over(world: World) -> None:
    claim = upload(world, LARGE)
    now = int(world.clock.time * 1000)
    payload_id = only_payload(world).payload_id
    world.table.lease(payload_id, owner="a crashed one", now=now, until=now + 1000)
    world.clock.time += 2

    assert world.ingest.accept(world.acme, claim).status == 200


def test_who_lost_the_lease_writes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = upload(world, LARGE)
    payload_id = only_payload(world).payload_id
    finish = world.table.finish

    def taken_over(payload: Payload, *, owner: str) -> None:
        late = int(world.clock.time * 1000) + 60_000
        world.table.lease(payload_id, owner="the other", now=late, until=late + 1000)
        finish(payload, owner=owner)

    monkeypatch.setattr(world.table, "finish", taken_over)
    reply = world.ingest.accept(world.acme, claim)

    assert reply.status == 202
    assert world.table.items[payload_id].lease_owner == "the other"
    assert world.metrics.values == {}


def test_a_failure_of_ours_gives_the_payload_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = upload(world, LARGE)
    monkeypatch.setattr(world.bucket, "open_archive", lambda key: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        world.ingest.accept(world.acme, claim)
    monkeypatch.undo()

    assert only_payload(world).state == "uploaded"
    assert world.ingest.accept(world.acme, claim).status == 200


# The queued way


def test_a_large_object_is_queued_and_worked(world: World) -> None:
    world = World(in_request_limit=len(LARGE) - 1)
    claim = upload(world, LARGE)
    payload_id = only_payload(world).payload_id

    reply = world.ingest.accept(world.acme, claim)

    assert reply.status == 202
    assert reply.body == {
        "payload_id": payload_id, "state": "queued", "status_url": f"/call-logs/{payload_id}",
    }  # fmt: skip
    assert world.queue.sent == [(claim.s3_key, "claimed")]
    assert only_payload(world).state == "uploaded"
    assert only_payload(world).uploaded_size == len(LARGE)

    done = world.processor.work(key_of(world), owner="worker", has_time=lambda: True)
    assert done is not None
    assert done.state == only_payload(world).state == "stored"
    assert world.metrics.values["S3UploadDuration"] == [2000]
    assert world.ingest.accept(world.acme, claim).status == 200


def test_an_object_that_takes_too_long_for_a_request_is_queued(world: World) -> None:
    claim = upload(world, LARGE)

    reply = world.ingest.accept(world.caller("acme", time=False), claim)

    assert (reply.status, only_payload(world).state) == (202, "uploaded")
    assert world.queue.sent == [(claim.s3_key, "claimed")]
    assert world.bucket.open_archives == []


def test_a_worker_out_of_time_leaves_the_payload_for_the_next(world: World) -> None:
    upload(world, LARGE)

    with pytest.raises(OutOfTimeError):
        world.processor.work(key_of(world), owner="worker", has_time=lambda: False)

    assert only_payload(world).state == "uploaded"


def test_a_worker_leaves_payloads_leased_by_another(world: World) -> None:
    upload(world, LARGE)
    payload_id = only_payload(world).payload_id
    now = int(world.clock.time * 1000)
    world.table.lease(payload_id, owner="the other", now=now, until=now + 35_000)

    with pytest.raises(LeaseHeldError):
        world.processor.work(key_of(world), owner="worker", has_time=lambda: True)


def test_a_second_delivery_does_nothing(world: World) -> None:
    upload(world, LARGE)

    first = world.processor.work(key_of(world), owner="worker", has_time=lambda: True)
    second = world.processor.work(key_of(world), owner="worker", has_time=lambda: True)

    assert first == second
    assert world.metrics.values["LargePayloadCount"] == [1]


def test_a_message_without_payload_or_object_is_dropped(world: World) -> None:
    issued = world.ingest.issue_upload_url("acme", UploadRequest()).body["s3_key"]

    for key in ("unknown", "transit/acme/01ARZ3NDEKTSV4RRFFQ69G5FAV", issued):
        assert world.processor.work(key, owner="worker", has_time=lambda: True) is None


# Idempotency keys


def test_the_same_key_and_body_is_one_payload(world: World) -> None:
    first = world.ingest.accept(world.acme, Inline(SMALL), "key-1")
    second = world.ingest.accept(world.acme, Inline(SMALL), "key-1")

    assert second == first
    assert len(world.table.items) == 1


def test_keys_are_the_tenants_own(world: World) -> None:
    first = world.ingest.accept(world.acme, Inline(SMALL), "key-1")
    second = world.ingest.accept(world.globex, Inline(SMALL), "key-1")

    assert second.body["payload_id"] != first.body["payload_id"]


def test_the_same_key_for_another_body_is_refused(world: World) -> None:
    world.ingest.accept(world.acme, Inline(SMALL), "key-1")

    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, Inline(LARGE), "key-1")

    assert refused.value.code == "idempotency_key_reused"
    assert len(world.table.items) == 1


def test_a_refused_body_frees_its_key(world: World) -> None:
    with pytest.raises(Refused):
        world.ingest.accept(world.acme, Inline(b"nonsense"), "key-1")

    assert world.ingest.accept(world.acme, Inline(SMALL), "key-1").status == 200


def test_the_same_key_at_once_is_told_to_come_back(world: World) -> None:
    held = World()
    held.ingest.accept(held.acme, Inline(SMALL), "key-1")
    world.table.reservations.update(held.table.reservations)

    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, Inline(SMALL), "key-1")

    assert (refused.value.code, refused.value.retry_after) == ("in_progress", 2)


def test_a_key_whose_first_request_died_is_taken_over(world: World) -> None:
    held = World()
    held.ingest.accept(held.acme, Inline(SMALL), "key-1")
    world.table.reservations.update(held.table.reservations)
    (reservation,) = held.table.reservations.values()
    world.clock.time += 40

    reply = world.ingest.accept(world.acme, Inline(SMALL), "key-1")

    assert reply.body["payload_id"] == reservation.payload_id


def test_a_claim_can_be_repeated_under_its_key(world: World) -> None:
    claim = upload(world, LARGE)

    first = world.ingest.accept(world.acme, claim, "key-1")
    second = world.ingest.accept(world.acme, claim, "key-1")
    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, upload(world, LARGE), "key-1")

    assert first == second
    assert refused.value.code == "idempotency_key_reused"


def test_the_same_bytes_uploaded_again_under_a_key_are_the_same_payload(world: World) -> None:
    sha256 = hashlib.sha256(LARGE).hexdigest()
    first = upload(world, LARGE, sha256=sha256)
    second = upload(world, LARGE, sha256=sha256)

    answered = world.ingest.accept(world.acme, first, "key-1")
    again = world.ingest.accept(world.acme, second, "key-1")

    assert again == answered
    dropped = world.table.items[second.s3_key.rpartition("/")[2]]
    assert (dropped.state, dropped.error_code) == ("failed", "duplicate")
    assert (dropped.tenant_call, dropped.tenant_shard, dropped.open_shard) == (None, None, None)
    assert world.metrics.values["PayloadStoredCount"] == [1]


def test_a_client_that_begins_anew_under_its_key_uploads_to_the_same_object(
    world: World,
) -> None:
    wish = UploadRequest(sha256=hashlib.sha256(LARGE).hexdigest())
    first = world.ingest.issue_upload_url("acme", wish, "key-1").body
    world.bucket.put(first["s3_key"], LARGE)
    world.processor.work(first["s3_key"], owner="worker", has_time=lambda: True)

    second = world.ingest.issue_upload_url("acme", wish, "key-1").body
    reply = world.ingest.accept(world.acme, Claim(second["s3_key"]), "key-1")

    assert second["s3_key"] == first["s3_key"]
    assert reply.body["payload_id"] == first["payload_id"]
    assert len(world.table.items) == 1
    other = world.ingest.issue_upload_url("globex", wish, "key-1").body
    assert other["payload_id"] != first["payload_id"]


def test_a_key_is_for_one_upload(world: World) -> None:
    world.ingest.issue_upload_url("acme", UploadRequest(sha256="ab" * 32), "key-1")

    with pytest.raises(Refused) as refused:
        world.ingest.issue_upload_url("acme", UploadRequest(sha256="cd" * 32), "key-1")

    assert refused.value.code == "idempotency_key_reused"


def test_without_a_hash_a_key_binds_no_upload(world: World) -> None:
    answers = [
        world.ingest.issue_upload_url("acme", UploadRequest(), "key-1").body for _ in range(2)
    ]

    assert answers[0]["s3_key"] != answers[1]["s3_key"]


def test_a_claim_before_its_upload_frees_its_key(world: World) -> None:
    sha256 = hashlib.sha256(LARGE).hexdigest()
    never = world.ingest.issue_upload_url("acme", UploadRequest(sha256=sha256)).body["s3_key"]
    with pytest.raises(Refused):
        world.ingest.accept(world.acme, Claim(never), "key-1")

    reply = world.ingest.accept(world.acme, upload(world, LARGE, sha256=sha256), "key-1")

    assert reply.status == 200


def test_the_same_bytes_inline_and_uploaded_under_a_key_are_the_same_payload(
    world: World,
) -> None:
    claim = upload(world, SMALL, sha256=hashlib.sha256(SMALL).hexdigest())

    first = world.ingest.accept(world.acme, Inline(SMALL), "key-1")
    second = world.ingest.accept(world.acme, claim, "key-1")

    assert second == first
    assert world.table.items[claim.s3_key.rpartition("/")[2]].error_code == "duplicate"


def test_a_failure_under_a_key_lets_the_next_one_try_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.table, "create", lambda payload: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        world.ingest.accept(world.acme, Inline(SMALL), "key-1")
    monkeypatch.undo()
    before = world.clock.time

    reply = world.ingest.accept(world.acme, Inline(SMALL), "key-1")

    assert reply.status == 200
    assert world.clock.time == before
    assert len(world.table.items) == 1


# What is not final, and what is


def test_an_object_replaced_after_its_claim_is_refused() -> None:
    world = World(in_request_limit=1)
    claim = upload(world, LARGE)
    world.ingest.accept(world.acme, claim)
    world.bucket.put(claim.s3_key, SMALL)

    done = world.processor.work(claim.s3_key, owner="worker", has_time=lambda: True)

    assert done is not None
    assert (done.state, done.error_code) == ("failed", "object_changed")


def test_a_payload_given_up_can_be_claimed_again(world: World) -> None:
    claim = upload(world, LARGE)

    world.processor.give_up(claim.s3_key, owner="worker")
    given_up = only_payload(world)
    reply = world.ingest.accept(world.acme, claim)

    assert (given_up.state, given_up.error_code) == ("failed", "internal")
    assert world.told_failed == [given_up]
    assert reply.status == 200
    assert (only_payload(world).state, only_payload(world).error_code) == ("stored", None)


def test_giving_up_leaves_finished_and_unknown_payloads(world: World) -> None:
    claim = upload(world, LARGE)
    world.ingest.accept(world.acme, claim)

    for key in (claim.s3_key, "nonsense", "transit/acme/01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        world.processor.give_up(key, owner="worker")

    assert only_payload(world).state == "stored"
    assert "PayloadFailedCount" not in world.metrics.values
    assert world.told_failed == []


def test_finished_payloads_live_as_long_as_the_setting_says() -> None:
    world = World(retention_seconds=3600)

    world.ingest.accept(world.acme, Inline(SMALL))

    assert only_payload(world).expires_at == int(world.clock.time) + 3600
