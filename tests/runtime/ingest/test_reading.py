"""Reading, listing and deleting, over fakes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest

from local.call_log import make_call_log
from tests.runtime.fakes import World
from tests.runtime.ingest.test_ingest import LARGE, SMALL, only_payload, upload
from wideload_runtime.core.cursors import decode_cursor, encode_cursor
from wideload_runtime.core.errors import Refused
from wideload_runtime.core.ingest.paging import Listing, Page
from wideload_runtime.core.ingest.payloads import archive_key
from wideload_runtime.core.ingest.requests import Inline, UploadRequest
from wideload_runtime.core.ingest.seekable_gzip import MAX_MEMBER, MEMBER, member_size
from wideload_runtime.handlers._http import to_json

EVERY_RECORD = Page()


@pytest.fixture
def world() -> World:
    return World()


def store(world: World, body: bytes, tenant: str = "acme") -> str:
    world.clock.time += 1
    reply = world.ingest.accept(world.caller(tenant), Inline(body))
    payload_id: str = reply.body["payload_id"]
    return payload_id


def refusal(read: Any, *arguments: Any) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        read(*arguments)
    return refused.value.code, refused.value.detail


def answered(answer: dict[str, Any]) -> Any:
    """The answer as a client reads it, with numbers as they are written."""
    return json.loads(to_json(answer), parse_int=Number, parse_float=Number)


class Number(str):
    """The text of a JSON number."""

    __slots__ = ()


def test_a_small_document_is_answered_inline(world: World) -> None:
    known = world.reader.payload("acme", store(world, SMALL))

    assert list(known)[-1] == "document"
    assert known["document"].text == SMALL
    assert known["state"] == "stored"
    assert answered(known)["summary"] == {"call_id": "c-1", "n": "1"}
    assert "document_url" not in known


def test_a_large_document_is_answered_by_url(world: World) -> None:
    known = world.reader.payload("acme", store(world, LARGE))

    assert "document" not in known
    assert known["document_encoding"] == "gzip"
    assert known["document_url"].startswith("https://bucket.test/archive/acme/")


def test_a_failure_is_answered_with_its_reason(world: World) -> None:
    claim = upload(world, b"nonsense")
    payload_id = only_payload(world).payload_id
    with pytest.raises(Refused) as refused:
        world.ingest.accept(world.acme, claim)

    known = world.reader.payload("acme", payload_id)

    assert known["error"] == {"code": "invalid_json", "detail": refused.value.detail}


def test_a_foreign_payload_is_as_unknown_as_a_missing_one(world: World) -> None:
    payload_id = store(world, LARGE)

    for read in (
        world.reader.payload,
        world.reader.delete,
        lambda tenant, wanted: world.reader.records(tenant, wanted, Page()),
    ):
        foreign = refusal(read, "globex", payload_id)
        never = refusal(read, "globex", "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        assert foreign == never
        assert foreign[0] == "unknown_payload"
    assert world.reader.payload("acme", payload_id)["state"] == "stored"


# Listing


def pages(world: World, tenant: str, **query: str) -> list[list[str]]:
    found = []
    while True:
        answer = world.reader.listed(tenant, Listing.parse(query))
        found.append([item["payload_id"] for item in answer["items"]])
        if answer["cursor"] is None:
            return found
        query = {**query, "cursor": answer["cursor"]}


def test_a_tenants_payloads_are_listed_newest_first_in_pages(world: World) -> None:
    stored = [store(world, SMALL) for _ in range(7)]
    store(world, SMALL, tenant="globex")

    found = pages(world, "acme", limit="3")

    assert [len(page) for page in found] == [3, 3, 1]
    assert [item for page in found for item in page] == stored[::-1]


def test_a_calls_payloads_are_listed_newest_first(world: World) -> None:
    wanted = [store(world, b'{"call_id": "x"}'), store(world, b'{"call_id": "x", "n": 2}')]
    store(world, b'{"call_id": "y"}')
    store(world, b'{"call_id": "x"}', tenant="globex")

    assert pages(world, "acme", call_id="x") == [wanted[::-1]]


def test_payloads_are_listed_by_time(world: World) -> None:
    stored = [store(world, SMALL) for _ in range(5)]
    times = [world.table.items[payload_id].created_at for payload_id in stored]

    assert pages(world, "acme", after=times[1], before=times[4]) == [stored[3:0:-1]]
    assert pages(world, "acme", after=times[3].replace("Z", "+00:00")) == [stored[4:2:-1]]


def test_no_time_at_all_holds_nothing(world: World) -> None:
    created_at = world.table.items[store(world, SMALL)].created_at

    assert pages(world, "acme", after=created_at, before=created_at) == [[]]
    assert pages(world, "acme", after="2030-01-01", before="2020-01-01") == [[]]


def test_only_finished_payloads_are_listed(world: World) -> None:
    world.ingest.issue_upload_url("acme", UploadRequest(call_id="c-1"))
    claim = upload(world, b"nonsense")
    with pytest.raises(Refused):
        world.ingest.accept(world.acme, claim)

    assert pages(world, "acme") == [[claim.s3_key.rpartition("/")[2]]]


def test_a_cursor_of_another_tenant_shows_ones_own_alone(world: World) -> None:
    foreign = [store(world, SMALL) for _ in range(2)]
    own = store(world, SMALL, tenant="globex")
    cursor = world.reader.listed("acme", Listing(limit=1))["cursor"]

    found = pages(world, "globex", cursor=cursor)

    assert not set(found[0]) & set(foreign)
    assert own not in found[0]  # it is newer than where the cursor points


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"limit": "-1"}, {"limit": "9" * 5000},
        {"limit": "000000001999"}, {"limit": "²"},
        {"cursor": "!"}, {"cursor": "é"}, {"cursor": "a"}, {"cursor": encode_cursor("x" * 27)},
        {"cursor": encode_cursor("a/b")}, {"after": "yesterday"}, {"before": "9999"},
        {"call_id": ""}, {"call_id": "x" * 257},
    ],
)  # fmt: skip
def test_refused_listings(query: dict[str, str]) -> None:
    assert refusal(Listing.parse, query)[0] == "invalid_request"


def test_cursors_come_back() -> None:
    assert (
        decode_cursor(encode_cursor("01ARZ3NDEKTSV4RRFFQ69G5FAV")) == "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    )


# Records


def read_page(world: World, payload_id: str, page: Page = EVERY_RECORD) -> Any:
    answer = world.reader.records("acme", payload_id, page)
    return json.loads(to_json(answer))


def read_records(world: World, payload_id: str, **query: str) -> tuple[list[Any], int]:
    found: list[Any] = []
    count = 0
    while True:
        answer = read_page(world, payload_id, Page.parse(query))
        found += answer["items"]
        count += 1
        if answer["cursor"] is None:
            return found, count
        query = {**query, "cursor": answer["cursor"]}


@pytest.mark.parametrize("size", [100, 5_000, 1_500_000])
@pytest.mark.parametrize("limit", [None, "7", "1000"])
def test_records_are_read_in_pages(world: World, size: int, limit: str | None) -> None:
    log = make_call_log(size)
    payload_id = store(world, orjson.dumps(log))

    found, count = read_records(world, payload_id, **({"limit": limit} if limit else {}))

    assert found == log["transcript_with_metrics"]
    assert len(world.bucket.ranges) == (count if size > 1_000_000 else 0)


def test_a_page_reads_one_member_however_large_the_document(world: World) -> None:
    payload_id = store(world, orjson.dumps(make_call_log(2_000_000)))

    world.reader.records("acme", payload_id, Page(first=2000))

    ((_, _, size),) = world.bucket.ranges
    assert size < 2 * MEMBER


def test_a_document_without_records_has_an_empty_page(world: World) -> None:
    assert read_records(world, store(world, SMALL)) == ([], 1)


def test_beyond_the_last_record_is_nothing(world: World) -> None:
    payload_id = store(world, LARGE)

    answer = read_page(world, payload_id, Page(first=10**9))

    assert answer == {"items": [], "cursor": None}


def test_records_can_be_read_from_any_number_on() -> None:
    assert Page.parse({"first": "12", "limit": "3"}) == Page(12, 3)
    assert Page.parse({"first": str(2**53 - 1)}).first == 2**53 - 1
    for query in (
        {"first": "x"},
        {"first": "-1"},
        {"first": str(2**53)},
        {"first": "9" * 5000},
        {"first": "1", "cursor": encode_cursor("1")},
        {"cursor": encode_cursor(str(2**53))},
        {"cursor": encode_cursor("A")},
    ):
        assert refusal(Page.parse, query)[0] == "invalid_request"


def test_records_of_an_unfinished_payload_are_refused(world: World) -> None:
    issued = world.ingest.issue_upload_url("acme", UploadRequest()).body["payload_id"]

    assert refusal(world.reader.records, "acme", issued, Page())[0] == "not_stored"


def test_members_grow_but_stay_pages() -> None:
    assert member_size(0) == member_size(512 * 1024**2) == MEMBER
    assert member_size(4 * 1024**3) == 2 * 1024**2
    assert member_size(16 * 1024**3) == MAX_MEMBER
    size = count = 0
    while size < 16 * 1024**3:
        size += member_size(size)
        count += 1
    assert count * 12 < 150_000  # bytes of index, in an item of 400 KB


# Deleting


def test_deleting_removes_item_and_objects(world: World) -> None:
    claim = upload(world, LARGE)
    world.ingest.accept(world.acme, claim)
    payload_id = only_payload(world).payload_id

    world.reader.delete("acme", payload_id)

    assert world.table.items == {}
    assert world.bucket.objects == {}
    assert refusal(world.reader.delete, "acme", payload_id)[0] == "unknown_payload"


def test_a_delete_that_is_cut_off_can_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload_id = store(world, LARGE)
    monkeypatch.setattr(world.table, "delete", lambda payload: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        world.reader.delete("acme", payload_id)
    reachable = payload_id in world.table.items
    monkeypatch.undo()
    world.reader.delete("acme", payload_id)

    assert reachable  # the item outlives its object, so that nothing is left that no item names
    assert world.table.items == {}


def test_a_claim_that_comes_while_its_payload_is_deleted_leaves_nothing_behind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = upload(world, LARGE)
    payload_id = only_payload(world).payload_id
    delete, replies = world.bucket.delete, []

    def claimed_meanwhile(*keys: str) -> None:
        if not replies:
            replies.append(world.ingest.accept(world.acme, claim))
        delete(*keys)

    monkeypatch.setattr(world.bucket, "delete", claimed_meanwhile)
    world.reader.delete("acme", payload_id)

    assert replies[0].body["state"] == "stored"
    assert world.table.items == {}
    assert world.bucket.objects == {}


def test_deleting_removes_an_archive_that_no_record_names(world: World) -> None:
    """As a worker leaves it that died in between, before the payload was failed."""
    upload(world, LARGE)
    failed = replace(only_payload(world), state="failed", error_code="internal")
    world.table.items[failed.payload_id] = failed
    world.bucket.put(archive_key("acme", failed.payload_id), b"half")

    world.reader.delete("acme", failed.payload_id)

    assert world.bucket.objects == {}


def test_a_payload_in_processing_is_not_deleted(world: World) -> None:
    upload(world, LARGE)
    payload_id = only_payload(world).payload_id
    now = int(world.clock.time * 1000)
    world.table.lease(payload_id, owner="worker", now=now, until=now + 1000)

    assert refusal(world.reader.delete, "acme", payload_id)[0] == "in_progress"
