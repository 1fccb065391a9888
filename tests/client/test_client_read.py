"""Looking payloads up, waiting for them, and reading documents."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from typing import Any

import pytest

import wideload
from tests.client.conftest import Clock
from tests.fake_aws.ingest import PAYLOAD_1, PAYLOAD_7, PAYLOAD_9, IngestService
from tests.fake_aws.messages import DROP, SIGNATURE, Fault, problem, s3_error
from wideload._json import split_document

BOTH_CLIENTS = True


def test_get_returns_the_record(client: wideload.Client, small: dict[str, Any]) -> None:
    receipt = client.send(small)

    log = client.get(receipt.payload_id)

    assert (log.payload_id, log.state, log.call_id) == (PAYLOAD_1, "stored", "call-small")
    assert (log.size, log.sha256, log.records) == (receipt.size, receipt.sha256, 3)
    assert log.source == "inline"
    assert log.summary == {"call_id": "call-small", "ok": True}
    assert log.array_lengths == {"transcript_with_metrics": 3}
    assert log.document is not None
    assert json.loads(log.document) == small
    assert log.document_url is None


def test_get_of_an_unknown_payload(client: wideload.Client) -> None:
    with pytest.raises(wideload.NotFoundError) as raised:
        client.get(PAYLOAD_9)

    assert raised.value.code == "unknown_payload"


@pytest.mark.parametrize("payload_id", ["", "..", "a/b", "a?b", "a b", "a%2e", None])
def test_a_wrong_payload_id_is_refused_before_a_request(
    client: wideload.Client, server: IngestService, payload_id: Any
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="payload id"):
        client.get(payload_id)

    assert server.seen == []


@pytest.mark.parametrize(
    "document",
    [
        b'{"a":1}',
        b' { "a" : 1.0,\t"a":2 }\r\n',
        b'{"document":{"x":1},"document":2}',
        b'{"a":{"b":1,"document":{"c":[{"d":1,"document":3}]}},"e":",\\"document\\":{"}',
        b'{"nested":{"z":1,"document":{}},"big":123456789012345678901234567890,"s":"\\ud800"}',
        '{"é":"ü\u2028"}'.encode(),
    ],
)
def test_the_document_comes_back_byte_for_byte(
    client: wideload.Client, server: IngestService, document: bytes
) -> None:
    client.send({"a": 1})
    # Some of these were taken by earlier versions of the service alone.
    sha256 = hashlib.sha256(document).hexdigest()
    packed = gzip.compress(document)
    server.change(PAYLOAD_1, document=packed, sha256=sha256, size=len(document))

    assert client.document(PAYLOAD_1) == document


def test_a_document_member_inside_another_is_not_taken_for_the_document() -> None:
    body = b'{"summary":{"a":1,"document":{"b":2}},"t":",\\"document\\":","document":{"c":3} }\n'

    members, _, document = split_document(body)

    assert document == b'{"c":3} '
    assert members == {"summary": {"a": 1, "document": {"b": 2}}, "t": ',"document":'}
    assert split_document(body.replace(b',"document":{"c":3} ', b""))[2] is None


def test_an_inline_document_that_is_another_is_refused(
    client: wideload.Client, server: IngestService
) -> None:
    receipt = client.send({"a": 1})
    server.change(PAYLOAD_1, document=gzip.compress(b'{"a":2}'))

    with pytest.raises(wideload.IntegrityError) as raised:
        client.document(receipt.payload_id)

    assert raised.value.payload_id == PAYLOAD_1


def test_a_large_document_is_downloaded_as_a_stream(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    receipt = client.send(large)

    file = io.BytesIO()
    log = client.document_to(receipt.payload_id, file)

    assert json.loads(file.getvalue()) == large
    assert log.sha256 == receipt.sha256
    assert log.document is None
    (download,) = server.requests("GET /s3/")
    assert "x-api-key" not in download.headers


def test_the_download_url_is_not_shown(client: wideload.Client, large: dict[str, Any]) -> None:
    log = client.get(client.send(large).payload_id)

    assert "X-Amz-Signature" in str(log.document_url)
    assert "X-Amz-Signature" not in repr(log)


def test_a_broken_download_is_taken_up_where_it_broke(
    client: wideload.Client, server: IngestService, over_4_mib: dict[str, Any]
) -> None:
    receipt = client.send(over_4_mib)
    client.get(receipt.payload_id)
    archived = server.objects[f"archive/acme/{PAYLOAD_1}.json.gz"]
    cut = archived[:1_500_000]
    server.fail("GET /s3/", Fault(200, cut, {"x-claimed-length": str(len(archived))}), DROP)

    assert json.loads(client.document(receipt.payload_id)) == over_4_mib

    _, _, last = server.requests("GET /s3/")
    start = int(last.headers["range"].removeprefix("bytes=").removesuffix("-"))
    assert 1_000_000 < start <= 1_500_000


def test_an_expired_download_url_is_replaced(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    receipt = client.send(large)
    server.fail("GET /s3/", s3_error(403, "AccessDenied"))

    assert json.loads(client.document(receipt.payload_id)) == large
    assert len(server.requests("GET /stage/call-logs/")) == 2


def test_a_download_that_s3_refuses(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    receipt = client.send(large)
    server.fail("GET /s3/", s3_error(404, "NoSuchKey"))

    with pytest.raises(wideload.UploadError, match="404 NoSuchKey"):
        client.document(receipt.payload_id)


def test_a_download_that_s3_never_answers(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    receipt = client.send(large)
    server.fail("GET /s3/", *[DROP] * 9)

    with pytest.raises(wideload.TransportError) as raised:
        client.document(receipt.payload_id)

    assert SIGNATURE not in str(raised.value)
    assert len(server.requests("GET /s3/")) == 6


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda whole: gzip.compress(b'{"other":1}'), "recorded are"),
        (lambda whole: whole[:-4], "no whole gzip"),
        (lambda whole: whole[:1000] + b"\0" * 1000 + whole[2000:], "no whole gzip"),
        (lambda whole: b"{}", "no whole gzip"),
    ],
)
def test_a_damaged_archive_is_not_given_as_the_document(
    client: wideload.Client, server: IngestService, large: dict[str, Any], damage: Any, says: str
) -> None:
    receipt = client.send(large)
    client.get(receipt.payload_id)
    server.damage_archive(PAYLOAD_1, damage)

    with pytest.raises(wideload.IntegrityError, match=says):
        client.document(receipt.payload_id)


def test_a_failed_payload_has_no_document(client: wideload.Client, server: IngestService) -> None:
    server.put(
        PAYLOAD_7, state="failed", error_code="invalid_json", error_detail="it ends at byte 7"
    )

    for call in (client.document, client.wait):
        with pytest.raises(wideload.PayloadRefusedError, match="ends at byte 7") as raised:
            call(PAYLOAD_7)
        assert (raised.value.code, raised.value.payload_id) == ("invalid_json", PAYLOAD_7)
    assert client.get(PAYLOAD_7).error_detail == "it ends at byte 7"


def test_a_payload_in_progress_has_no_document_yet(
    client: wideload.Client, server: IngestService
) -> None:
    server.put(PAYLOAD_7, state="processing")

    with pytest.raises(wideload.NotFoundError, match="state is processing"):
        client.document(PAYLOAD_7)


def test_an_expired_upload_url_ends_the_waiting(
    client: wideload.Client, server: IngestService
) -> None:
    server.put(PAYLOAD_7, state="issued", created_at="2026-11-20T09:00:00.000Z")

    with pytest.raises(wideload.PayloadRefusedError, match="expired"):
        client.wait(PAYLOAD_7)


def test_waiting_ends_in_time(client: wideload.Client, server: IngestService, clock: Clock) -> None:
    server.put(PAYLOAD_7, state="processing")

    with pytest.raises(wideload.WaitTimeoutError) as raised:
        client.wait(PAYLOAD_7, timeout=10)

    assert sum(clock.slept) == 10
    assert max(clock.slept) <= 5
    assert (raised.value.state, raised.value.payload_id) == ("processing", PAYLOAD_7)
    assert isinstance(raised.value, TimeoutError)


def test_waiting_survives_a_hiccup(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.in_request_limit = 0
    receipt = client.send(large)
    server.fail("GET", problem(503, "unavailable"), DROP)

    assert client.wait(receipt.payload_id).state == "stored"


def test_a_failure_while_waiting_names_the_payload(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.in_request_limit = 0
    server.fail("GET", *[DROP] * 9)

    with pytest.raises(wideload.TransportError) as raised:
        client.send(large, wait=True)

    assert raised.value.payload_id == PAYLOAD_1


def test_a_download_that_does_not_end_is_cut(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    receipt = client.send(large)
    server.damage_archive(PAYLOAD_1, lambda whole: gzip.compress(bytes(100_000_000), 1))
    file = io.BytesIO()

    with pytest.raises(wideload.IntegrityError):
        client.document_to(receipt.payload_id, file)

    assert len(file.getvalue()) < 10_000_000


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"payload_id":1,"state":2}'])
def test_a_record_that_is_none_is_an_api_error(
    client: wideload.Client, server: IngestService, body: bytes
) -> None:
    server.fail("GET", Fault(200, body))

    with pytest.raises(wideload.ApiError, match="isn't what this API gives"):
        client.get(PAYLOAD_1)
