"""Pages of records, as the document spells them and no larger than a function may answer."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fake_aws.gateway import Context
from tests.runtime.fakes import World
from tests.runtime.ingest.test_ingest_api import gateway_event
from wideload_runtime.core.ingest.payloads import Payload, archive_key
from wideload_runtime.core.ingest.reading import MAX_PAGE
from wideload_runtime.core.ingest.records import cut, records_of
from wideload_runtime.core.ingest.requests import Inline

MAX_ANSWER = 6_291_556
"""Bytes of a function's answer.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
PAYLOAD_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SPELLED = (
    b'[1.000000000000000005,1.0 , 1e15,\n-0,12345678901234567890123,{"\\u00e9": "\xc3\xa9,]"}]'
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    from wideload_runtime.handlers import ingest_api

    world = World()
    monkeypatch.setattr(ingest_api, "reader", world.reader)
    return world


def store(world: World, records: bytes, before: bytes = b"") -> str:
    document = b'{"transcript_with_metrics":%b%b}' % (records, before)
    payload_id: str = world.ingest.accept(world.acme, Inline(document)).body["payload_id"]
    return payload_id


def archive(world: World, text: bytes, records: int) -> str:
    """An archive of one member, as an earlier version may have written it."""
    member = gzip.compress(text)
    world.bucket.put(archive_key("acme", PAYLOAD_ID), member)
    world.table.create(
        Payload(
            payload_id=PAYLOAD_ID,
            tenant="acme",
            state="stored",
            source="inline",
            created_at="2026-11-22T09:00:00.000Z",
            records=records,
            archive_key=archive_key("acme", PAYLOAD_ID),
            prefix_size=0,
            member_index=struct.pack("<QI", len(member), records),
        )
    )
    return PAYLOAD_ID


def read(payload_id: str, query: str = "") -> tuple[int, bytes]:
    """A page as the function answers it; never more than Lambda takes."""
    from wideload_runtime.handlers import ingest_api

    path = f"/call-logs/{payload_id}/records{query}"
    answer = ingest_api.handler(gateway_event("GET", path), Context())
    assert len(json.dumps(answer)) <= MAX_ANSWER
    body = answer["body"]
    return answer["statusCode"], (
        base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()
    )


@pytest.mark.parametrize("beside", [b"", b',"large":"%b"' % (b"x" * 300_000)])
def test_records_are_spelled_as_in_the_document(world: World, beside: bytes) -> None:
    payload_id = store(world, SPELLED, beside)

    status, body = read(payload_id)
    _, third = read(payload_id, "?first=2&limit=1")

    assert (status, body) == (200, b'{"items":%b,"cursor":null}' % SPELLED)
    assert third.startswith(b'{"items":[1e15],"cursor":"')


def test_a_record_of_numbers_stays_as_long_as_it_is(world: World) -> None:
    record = b"[%b]" % b",".join([b"1e15"] * 880_000)

    status, body = read(store(world, b"[%b]" % record))

    assert (status, len(body)) == (200, len(record) + len('{"items":[],"cursor":null}'))


@pytest.mark.parametrize(("size", "status"), [(MAX_PAGE, 200), (MAX_PAGE + 1, 413)])
def test_a_record_has_a_page_at_most(world: World, size: int, status: int) -> None:
    record = b'"%b"' % (b"x" * (size - 2))

    answered, body = read(store(world, b"[1,%b]" % record), "?first=1")

    assert answered == status
    if status == 413:
        problem = json.loads(body)
        assert problem["code"] == "record_too_large"
        assert "Record 1 " in problem["detail"]
        assert "document_url, bytes " in problem["detail"]


def test_a_member_larger_than_a_page_is_read_in_several(world: World) -> None:
    record = b'"%b"' % (b"x" * 1_000_000)
    payload_id = archive(world, b",".join([record] * 6) + b",", 6)

    status, body = read(payload_id)
    page = json.loads(body)
    _, rest = read(payload_id, f"?cursor={page['cursor']}")

    assert (status, len(page["items"])) == (200, 4)
    assert json.loads(rest) == {"items": ["x" * 1_000_000] * 2, "cursor": None}


def test_lone_surrogates_of_an_old_archive_are_answered_as_they_stand(world: World) -> None:
    text = b'{"t":"\\ud800"},1'

    assert read(archive(world, text, 2)) == (200, b'{"items":[%b],"cursor":null}' % text)


def test_nesting_that_is_too_deep_ends_a_page_and_is_refused_alone(world: World) -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    payload_id = archive(world, b"1," + deep + b",2", 3)

    before, at, after = (read(payload_id, f"?first={first}") for first in (0, 1, 2))

    assert (before[0], json.loads(before[1])["items"]) == (200, [1])
    for status, body in (at, after):
        assert (status, json.loads(body)["code"]) == (413, "record_too_large")


def test_records_of_another_field_end(world: World) -> None:
    """As after the setting `records_field` was changed."""
    payload_id = store(world, b"[1,2]")
    document = gzip.compress(b'{"other":[1,2]}')
    kept = world.table.items[payload_id]
    world.table.items[payload_id] = Payload(
        **{name: getattr(kept, name) for name in kept.__slots__} | {"document": document}
    )

    assert read(payload_id) == (200, b'{"items":[],"cursor":null}')


values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(values, max_size=8),
    st.sampled_from([",", " , ", ",\n", "\r\n\t,"]),
    st.integers(0, 9),
    st.integers(1, 9),
    st.integers(0, 60),
)
def test_cuts_are_between_records(
    records: list[Any], between: str, first: int, limit: int, max_size: int
) -> None:
    texts = [json.dumps(record) for record in records]
    document = f'{{"other":[1],"records": [ {between.join(texts)} ]}}'.encode()
    text, total = records_of(document, "records")

    items, count = cut(text, first, limit, max_size)

    assert total == len(records)
    assert json.loads(items) == records[first : first + count]
    assert len(items) - 2 <= max_size
    following = between.join(texts[first : first + count + 1])
    ended = count == limit or first + count >= total
    assert ended or len(following.encode()) > max_size
