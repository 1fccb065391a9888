"""Listing payloads, reading records in pages, and deleting."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest
import urllib3

import wideload
from tests.client.conftest import Clock, Connect
from tests.fake_aws.ingest import (
    API_KEY,
    PAYLOAD_1,
    PAYLOAD_2,
    PAYLOAD_3,
    PAYLOAD_4,
    PAYLOAD_5,
    PAYLOAD_7,
    PAYLOAD_9,
    IngestService,
)
from tests.fake_aws.messages import DROP, DROP_AFTER, Fault, problem

BOTH_CLIENTS = True

_LIST = "GET /stage/call-logs"
_DELETE = "DELETE /stage/call-logs/"


def _send(client: wideload.Client, count: int, **members: Any) -> None:
    for number in range(count):
        client.send({"call_id": f"call-{number}", **members})


def _ids(logs: Any) -> list[str]:
    return [log.payload_id for log in logs]


def test_call_logs_follow_the_cursors(client: wideload.Client, server: IngestService) -> None:
    server.longest_page = 2
    _send(client, 5)

    logs = list(client.call_logs())

    assert _ids(logs) == [PAYLOAD_5, PAYLOAD_4, PAYLOAD_3, PAYLOAD_2, PAYLOAD_1]
    assert (logs[0].state, logs[0].call_id, logs[0].records) == ("stored", "call-4", 0)
    pages = server.requests(_LIST)
    assert len(pages) == 3
    assert "cursor" not in pages[0].query
    assert pages[1].query["cursor"] != pages[2].query["cursor"]


def test_call_logs_ask_only_for_what_is_taken(
    client: wideload.Client, server: IngestService
) -> None:
    server.longest_page = 2
    _send(client, 5)

    logs = client.call_logs()

    assert server.requests(_LIST) == []
    assert _ids(islice(logs, 2)) == [PAYLOAD_5, PAYLOAD_4]
    assert len(server.requests(_LIST)) == 1


def test_the_query_stays_the_same_from_page_to_page(
    client: wideload.Client, server: IngestService
) -> None:
    server.longest_page = 1
    _send(client, 2, call_id="mine & yours")
    _send(client, 2)

    logs = client.call_logs(call_id="mine & yours", after="2026-11-22T09:00:00Z")

    assert _ids(logs) == [PAYLOAD_2, PAYLOAD_1]
    first, second, *_ = server.requests(_LIST)
    assert second.query == {**first.query, "cursor": second.query["cursor"]}


@pytest.mark.parametrize(("limit", "asked"), [(3, ["3", "1"]), (2, ["2"]), (0, [])])
def test_a_limit_is_kept_over_pages(
    client: wideload.Client, server: IngestService, limit: int, asked: list[str]
) -> None:
    server.longest_page = 2
    _send(client, 5)

    assert len(list(client.call_logs(limit=limit))) == limit
    assert [page.query["limit"] for page in server.requests(_LIST)] == asked


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 22, 9, 2, tzinfo=UTC),
        datetime(2026, 11, 22, 10, 2, tzinfo=timezone(timedelta(hours=1))),
        "2026-11-22T09:02:00Z",
        "2026-11-22T11:02+02:00",
        datetime(2026, 11, 22, 9, 2, tzinfo=UTC).astimezone().replace(tzinfo=None),  # local time
        datetime(2026, 11, 22, 9, 2, tzinfo=UTC).astimezone().replace(tzinfo=None).isoformat(),
    ],
)
def test_times_part_the_list_without_gap_or_overlap(
    client: wideload.Client, server: IngestService, moment: Any
) -> None:
    _send(client, 4)

    assert _ids(client.call_logs(after=moment)) == [PAYLOAD_4, PAYLOAD_3]
    assert _ids(client.call_logs(before=moment)) == [PAYLOAD_2, PAYLOAD_1]
    assert server.requests(_LIST)[0].query["after"] == "2026-11-22T09:02:00Z"


def test_fractions_of_a_second_are_kept(client: wideload.Client, server: IngestService) -> None:
    list(client.call_logs(after=datetime(2026, 11, 22, 9, 2, 3, 456000, tzinfo=UTC)))

    assert server.requests(_LIST)[0].query["after"] == "2026-11-22T09:02:03.456000Z"


def test_failed_payloads_are_listed_with_their_error(
    client: wideload.Client, server: IngestService
) -> None:
    server.put(
        PAYLOAD_7, state="failed", error_code="invalid_json", error_detail="it ends at byte 7"
    )

    (log,) = client.call_logs()

    assert (log.state, log.error_code) == ("failed", "invalid_json")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"call_id": ""}, "call_id is empty"),
        ({"after": "yesterday"}, "after must be a datetime or ISO 8601 text.* not 'yesterday'"),
        ({"before": 7}, "before must be"),
        ({"limit": -1}, "limit must be a whole number of 0 or more, not -1"),
        ({"limit": 1.5}, "limit must be"),
    ],
)
def test_wrong_arguments_of_lists_are_refused_at_once(
    client: wideload.Client, server: IngestService, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(wideload.ConfigurationError, match=says):
        client.call_logs(**arguments)

    assert server.seen == []


def test_each_page_has_retries_of_its_own(
    server: IngestService, client: wideload.Client, connect: Connect
) -> None:
    server.longest_page = 1
    _send(client, 3)

    logs = connect(server.url, retries=1).call_logs()

    for _ in range(3):
        server.fail(_LIST, problem(503, "unavailable"))
        next(logs)
    assert list(logs) == []


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"items":[]}',
        b'{"items":{},"cursor":7}',
        b'{"items":[7],"cursor":null}',
        b'{"items":[{"payload_id":"pl-1"}],"cursor":null}',
        b'{"items":[],"cursor":""}',
        b'{"items":[],"cursor":null',
        json.dumps(
            {"items": [{"payload_id": "a", "state": "stored"}] * 101, "cursor": None}
        ).encode(),
    ],
)
def test_a_page_that_is_none_is_an_api_error(
    client: wideload.Client, server: IngestService, body: bytes
) -> None:
    server.fail(_LIST, Fault(200, body))

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        list(client.call_logs())


def test_a_cursor_that_leads_nowhere_ends_the_list(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_LIST, *[Fault(200, b'{"items":[],"cursor":"x"}')] * 9)

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        list(client.call_logs())

    assert len(server.seen) == 2


def test_records_follow_the_cursors(client: wideload.Client, server: IngestService) -> None:
    server.longest_page = 3
    turns = [{"turn": number} for number in range(8)]
    client.send({"transcript_with_metrics": turns})

    assert list(client.records(PAYLOAD_1)) == turns
    assert len(server.requests(_LIST)) == 3


def test_records_ask_only_for_what_is_taken(client: wideload.Client, server: IngestService) -> None:
    server.longest_page = 3
    client.send({"transcript_with_metrics": list(range(8))})

    records = client.records(PAYLOAD_1)

    assert server.requests(_LIST) == []
    assert [next(records), next(records)] == [0, 1]
    assert len(server.requests(_LIST)) == 1


@pytest.mark.parametrize(
    ("first", "limit", "expected"),
    [
        (2, None, [2, 3, 4, 5, 6, 7]),
        (2, 4, [2, 3, 4, 5]),
        (7, 9, [7]),
        (8, None, []),
        (99, None, []),
        (0, 0, []),
    ],
)
def test_records_from_anywhere(
    client: wideload.Client,
    server: IngestService,
    first: int,
    limit: int | None,
    expected: list[int],
) -> None:
    server.longest_page = 3
    client.send({"transcript_with_metrics": list(range(8))})

    assert list(client.records(PAYLOAD_1, first=first, limit=limit)) == expected


def test_records_keep_their_values(client: wideload.Client, server: IngestService) -> None:
    text = r'[123456789012345678901234567890,"\ud800",null,0.1,{"a":[]}]'
    server.fail("GET", Fault(200, b'{"items":%b,"cursor":null}' % text.encode()))

    assert list(client.records(PAYLOAD_1)) == json.loads(text)


def test_a_record_that_is_too_large_is_named(
    client: wideload.Client, server: IngestService
) -> None:
    server.longest_page, server.max_page = 3, 50
    client.send({"transcript_with_metrics": [0, 1, 2, 3, "x" * 100, 5, 6]})
    records = client.records(PAYLOAD_1, first=1)

    with pytest.raises(wideload.RecordTooLargeError) as raised:
        list(records)

    error = raised.value
    assert (error.record, error.payload_id, error.status) == (4, PAYLOAD_1, 413)
    assert (error.code, error.request_id) == ("record_too_large", "req-1")
    assert str(error) == (
        f"record 4 of payload {PAYLOAD_1} is too large for an answer of the API: "
        "the whole document has it "
        f"(Client.document_to, or: wideload get {PAYLOAD_1} --document)"
    )


def test_records_before_one_that_is_too_large_are_given(
    client: wideload.Client, server: IngestService
) -> None:
    server.max_page = 50
    client.send({"transcript_with_metrics": [0, 1, "x" * 100]})

    assert list(islice(client.records(PAYLOAD_1), 2)) == [0, 1]


@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        ("processing", wideload.ConflictError, "not_stored"),
        ("failed", wideload.ConflictError, "not_stored"),
        (None, wideload.NotFoundError, "unknown_payload"),
    ],
)
def test_a_payload_that_is_not_stored_has_no_records(
    client: wideload.Client,
    server: IngestService,
    clock: Clock,
    state: str | None,
    kind: type[wideload.ApiError],
    code: str,
) -> None:
    if state:
        server.put(PAYLOAD_7, state=state)

    with pytest.raises(kind) as raised:
        list(client.records(PAYLOAD_7))

    assert (raised.value.code, raised.value.payload_id) == (code, PAYLOAD_7)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("payload_id", "options"),
    [("../x", {}), (PAYLOAD_1, {"first": -1}), (PAYLOAD_1, {"limit": -1})],
)
def test_records_that_cannot_be_are_refused_at_once(
    client: wideload.Client, server: IngestService, payload_id: str, options: dict[str, Any]
) -> None:
    with pytest.raises(wideload.ConfigurationError):
        client.records(payload_id, **options)

    assert server.seen == []


def test_an_object_that_was_replaced_is_a_refusal(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.fail("POST /stage/send-call-log", problem(409, "object_changed"))

    with pytest.raises(wideload.PayloadRefusedError) as raised:
        client.send(large)

    assert (raised.value.status, raised.value.code) == (409, "object_changed")


def test_delete_removes_the_payload(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    client.send(large)

    assert client.delete(PAYLOAD_1) is None  # type: ignore[func-returns-value]

    assert (server.payloads, server.documents, server.objects) == ({}, {}, {})
    with pytest.raises(wideload.NotFoundError):
        client.get(PAYLOAD_1)


def test_deleting_again_says_that_it_is_gone(
    client: wideload.Client, server: IngestService, small: dict[str, Any]
) -> None:
    client.send(small)
    client.delete(PAYLOAD_1)

    with pytest.raises(wideload.NotFoundError) as raised:
        client.delete(PAYLOAD_1)

    assert (raised.value.code, raised.value.payload_id) == ("unknown_payload", PAYLOAD_1)


@pytest.mark.parametrize("lost", [DROP_AFTER, Fault(500, b"{}", after=True), Fault(502, b"")])
def test_a_delete_whose_answer_was_lost_is_done(
    client: wideload.Client, server: IngestService, small: dict[str, Any], lost: Fault
) -> None:
    client.send(small)
    server.fail(_DELETE, lost)

    client.delete(PAYLOAD_1)

    assert server.payloads == {}
    assert len(server.requests(_DELETE)) == 2


@pytest.mark.parametrize(
    "harmless", [problem(429, "slow_down"), problem(409, "in_progress", Retry_After="5")]
)
def test_a_retry_after_what_deleted_nothing_is_no_excuse(
    client: wideload.Client, server: IngestService, harmless: Fault
) -> None:
    server.fail(_DELETE, harmless)

    with pytest.raises(wideload.NotFoundError):
        client.delete(PAYLOAD_9)

    assert len(server.requests(_DELETE)) == 2


def test_a_route_that_does_not_exist_deletes_nothing(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_DELETE, DROP, Fault(404, b'{"message":"Not Found"}'))

    with pytest.raises(wideload.NotFoundError, match="base URL"):
        client.delete(PAYLOAD_1)


def test_deleting_waits_for_processing_to_end(
    client: wideload.Client, server: IngestService, small: dict[str, Any], clock: Clock
) -> None:
    client.send(small)
    server.fail(_DELETE, problem(409, "in_progress", Retry_After="5"))

    client.delete(PAYLOAD_1)

    assert clock.slept == [5.0]
    assert server.payloads == {}


def test_a_payload_in_processing_is_not_deleted(
    client: wideload.Client, server: IngestService
) -> None:
    server.put(PAYLOAD_7, state="processing")

    with pytest.raises(wideload.ConflictError) as raised:
        client.delete(PAYLOAD_7)

    assert (raised.value.code, raised.value.payload_id) == ("in_progress", PAYLOAD_7)


def test_only_204_is_a_deletion(client: wideload.Client, server: IngestService) -> None:
    server.fail(_DELETE, Fault(200, b"<html>"))

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        client.delete(PAYLOAD_1)


class _NoWayAtFirst(urllib3.PoolManager):
    """Connects from the second request on."""

    calls = 0

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        if self.calls == 1:
            raise urllib3.exceptions.ConnectTimeoutError
        return super().request(method, url, *arguments, **options)


def test_a_delete_that_never_left_is_no_excuse(clock: Clock, server: IngestService) -> None:
    transport = _NoWayAtFirst()
    client = wideload.Client(
        server.url, api_key=API_KEY, transport=transport, _pacing=clock.pacing()
    )

    with pytest.raises(wideload.NotFoundError):
        client.delete(PAYLOAD_9)

    assert transport.calls == 2
    transport.clear()


def test_a_closed_client_lists_and_deletes_nothing(client: wideload.Client) -> None:
    client.close()

    for call in (
        client.call_logs,
        lambda: client.records(PAYLOAD_1),
        lambda: client.delete(PAYLOAD_1),
    ):
        with pytest.raises(wideload.ConfigurationError, match="closed"):
            call()
