"""Requests of `Client.send`, inline and through S3, and its receipts."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import os
import random
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

import wideload
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService
from tests.fake_aws.messages import DROP, problem
from wideload._ingest import document as document_module
from wideload._ingest.send import INLINE_LIMIT

BOTH_CLIENTS = True


def test_a_small_document_goes_inline_compressed(
    client: wideload.Client, server: IngestService, small: dict[str, Any]
) -> None:
    receipt = client.send(small)

    (request,) = server.seen
    assert (request.method, request.path) == ("POST", "/stage/send-call-log")
    assert request.headers["content-type"] == "application/gzip"
    assert request.headers["x-api-key"] == API_KEY
    assert request.headers["user-agent"] == f"wideload-python/{wideload.__version__}"
    sent = gzip.decompress(request.body)
    assert json.loads(sent) == small
    assert receipt == wideload.Receipt(
        payload_id=PAYLOAD_1,
        state="stored",
        size=len(sent),
        sha256=hashlib.sha256(sent).hexdigest(),
        records=3,
        via="inline",
        bytes_sent=len(request.body),
        idempotency_key=request.headers["idempotency-key"],
        created_at="2026-11-22T09:00:00.000Z",
    )
    assert receipt.answer["records"] == 3


def test_an_inline_document_fits_into_an_event_of_lambda() -> None:
    base64, headers = -(-INLINE_LIMIT // 3) * 4, 10_240  # API Gateway takes so many of these

    # Headers stand there twice at most: by name, and in a JWT's or an authorizer's context.
    assert base64 + 2 * headers + 10_000 < 6_291_456


def test_a_large_document_goes_through_s3_and_is_claimed(
    client: wideload.Client, server: IngestService, over_4_mib: dict[str, Any], clock: Any
) -> None:
    receipt = client.send(over_4_mib)

    asked, put, claim = server.seen
    assert json.loads(asked.body) == {
        "content_length": len(put.body),
        "sha256": hashlib.sha256(put.body).hexdigest(),
        "content_type": "application/gzip",
        "call_id": "call-large",
    }
    assert json.loads(gzip.decompress(put.body)) == over_4_mib
    assert json.loads(claim.body) == {
        "s3_key": f"transit/acme/{PAYLOAD_1}",
        "upload_duration_ms": receipt.upload_duration_ms,
    }
    assert claim.headers["idempotency-key"] == receipt.idempotency_key
    assert (receipt.via, receipt.state, receipt.bytes_sent) == ("s3", "stored", len(put.body))
    assert receipt.records == len(over_4_mib["transcript_with_metrics"])


def test_the_put_carries_the_given_headers_and_nothing_that_could_break_the_signature(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    client.send(large)

    (put,) = server.requests("PUT")
    given = {"content-type", "content-length", "x-amz-checksum-sha256", "if-none-match"}
    assert put.headers.keys() == given | {"host", "user-agent", "accept-encoding"}


@pytest.mark.parametrize(("short_by", "via"), [(1, "inline"), (0, "s3")])
def test_the_compressed_size_decides_the_way(
    client: wideload.Client, short_by: int, via: str
) -> None:
    size = 4 * 1024 * 1024 - short_by
    stored = gzip.compress(_padded(size), 0)
    exact = gzip.compress(_padded(2 * size - len(stored)), 0)
    assert len(exact) == size

    assert client.send(exact).via == via


def _padded(size: int) -> bytes:
    return b'{"a":"%b"}' % (b"x" * (size - 8))


def test_call_id_of_the_caller_wins_over_the_documents_own(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    client.send(large, call_id="other")

    assert json.loads(server.seen[0].body)["call_id"] == "other"


@pytest.mark.parametrize("call_id", [None, 7, "", "c" * 257])
def test_a_call_id_that_the_api_would_refuse_is_not_asked_for(
    client: wideload.Client, server: IngestService, large: dict[str, Any], call_id: Any
) -> None:
    client.send({**large, "call_id": call_id})

    assert "call_id" not in json.loads(server.seen[0].body)


def _bytes(document: bytes, folder: Path) -> Any:
    return document


def _bytearray(document: bytes, folder: Path) -> Any:
    return bytearray(document)


def _strided_memoryview(document: bytes, folder: Path) -> Any:
    return memoryview(b"".join(bytes([byte, 0]) for byte in document))[::2]


def _gzip(document: bytes, folder: Path) -> Any:
    return gzip.compress(document)


def _path(document: bytes, folder: Path) -> Any:
    path = folder / "call.json"
    path.write_bytes(document)
    return path


def _str_path(document: bytes, folder: Path) -> Any:
    return str(_path(document, folder))


def _gzip_path(document: bytes, folder: Path) -> Any:
    return _path(gzip.compress(document), folder)


def _file_past_its_beginning(document: bytes, folder: Path) -> Any:
    file = io.BytesIO(b"skipped" + document)
    file.seek(7)
    return file


def _gzip_file_past_its_beginning(document: bytes, folder: Path) -> Any:
    return _file_past_its_beginning(gzip.compress(document), folder)


class _Trickle(io.RawIOBase):
    """A pipe that gives a byte at a time."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(1)


def _pipe(document: bytes, folder: Path) -> Any:
    return _Trickle(document)


def _gzip_pipe(document: bytes, folder: Path) -> Any:
    return _Trickle(gzip.compress(document))


@pytest.mark.parametrize(
    "form",
    [
        _bytes,
        _bytearray,
        _strided_memoryview,
        _gzip,
        _path,
        _str_path,
        _gzip_path,
        _file_past_its_beginning,
        _gzip_file_past_its_beginning,
        _pipe,
        _gzip_pipe,
    ],
)
def test_every_form_of_document_arrives_byte_for_byte(
    client: wideload.Client, form: Callable[[bytes, Path], Any], tmp_path: Path
) -> None:
    document = b' {"call_id": "c-1",\n "text": "\xc3\xa9"} \n'

    receipt = client.send(form(document, tmp_path))

    assert client.document(receipt.payload_id) == document


def test_gzip_is_sent_as_it_is(client: wideload.Client, server: IngestService) -> None:
    document = gzip.compress(b'{"a":1}', 9)

    client.send(document)

    assert server.seen[0].body == document


@pytest.mark.parametrize("form", [_bytes, _gzip, _gzip_path, _gzip_pipe, _pipe])
def test_a_retry_sends_the_same_bytes_and_key_again(
    client: wideload.Client,
    server: IngestService,
    form: Callable[[bytes, Path], Any],
    tmp_path: Path,
) -> None:
    server.fail("POST /stage/send-call-log", problem(503, "unavailable"), DROP)

    client.send(form(b'{"a":1}', tmp_path))

    first, second, third = server.seen
    assert first.body == second.body == third.body
    assert first.headers == second.headers == third.headers
    UUID(first.headers["idempotency-key"])


def test_the_callers_idempotency_key_is_sent(
    client: wideload.Client, server: IngestService
) -> None:
    receipt = client.send({"a": 1}, idempotency_key="call 7/final")
    again = client.send({"a": 1}, idempotency_key="call 7/final")

    assert server.seen[0].headers["idempotency-key"] == "call 7/final"
    assert again == receipt


def test_the_same_document_makes_the_same_bytes(
    client: wideload.Client, server: IngestService, small: dict[str, Any]
) -> None:
    client.send(small)
    client.send(small)

    assert server.seen[0].body == server.seen[1].body


def test_common_python_values_are_written_and_nan_becomes_null(
    client: wideload.Client,
) -> None:
    class Tags(dict[str, str]):
        pass

    receipt = client.send(
        {
            "at": datetime(2026, 1, 2, tzinfo=UTC),
            "id": UUID(int=1),
            "nan": float("nan"),
            "by_turn": {1: "a"},
            "path": Path("a/b"),
            "tags": Tags(a="b"),
            "environment": os.environ.__class__({}, str, str, str, str),
        }
    )

    assert client.document(receipt.payload_id) == (
        b'{"at":"2026-01-02T00:00:00+00:00","id":"00000000-0000-0000-0000-000000000001",'
        b'"nan":null,"by_turn":{"1":"a"},"path":"a/b","tags":{"a":"b"},"environment":{}}'
    )


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "empty"),
        (b" \n\t ", "empty"),
        (io.BytesIO(), "empty"),
        (b"[1]", r"begins with '\['"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "UTF-16"),
        (b"PK\x03\x04...", "a zip archive"),
        (b"\x28\xb5\x2f\xfd...", "zstd"),
        ('{"a":1}'.encode("utf-16-le"), "UTF-16"),
        ('{"a":1}'.encode("utf-16-be"), "UTF-16"),
        (b"PK\x05\x06" + bytes(18), "an empty zip"),
        (io.StringIO("{}"), "binary mode"),
        ('{"a": 1}', "looks like JSON"),
        (' [{"a": 1}]', "looks like JSON"),
        ({"a": object()}, "not JSON serializable: object"),
        ({1: 1, (2, 3): 4}, "as JSON"),
        (7, "not int"),
        (None, "not NoneType"),
    ],
)
def test_a_document_that_cannot_be_sent_is_refused_here(
    client: wideload.Client, server: IngestService, document: Any, says: str
) -> None:
    with pytest.raises(wideload.DocumentError, match=says):
        client.send(document)

    assert server.seen == []


def test_a_path_that_looks_like_json_but_exists_is_a_path(
    client: wideload.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("{draft}.json").write_bytes(b'{"a":1}')

    assert client.send("{draft}.json").size == 7


def test_a_missing_file_is_an_os_error(client: wideload.Client, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.send(tmp_path / "none.json")


def test_more_than_s3_takes_is_refused_before_anything_is_sent(
    client: wideload.Client, server: IngestService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_module, "LARGEST_UPLOAD", 20)

    for document in (b'{"a":"0123456789abcdef"}', gzip.compress(b'{"a":"0123456789"}')):
        with pytest.raises(wideload.DocumentError, match="larger than 5 GiB"):
            client.send(document)

    assert server.seen == []


def test_a_file_that_shrinks_while_it_is_sent_is_an_error_of_the_document(
    client: wideload.Client, server: IngestService, tmp_path: Path
) -> None:
    path = tmp_path / "call.json.gz"
    path.write_bytes(gzip.compress(b"{}") + bytes(1_000_000))

    with pytest.raises(wideload.DocumentError, match="shorter"):
        client.send(path, progress=lambda sent, total: os.truncate(path, 100))


def test_large_documents_are_spooled_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_module, "_SPOOL_IN_MEMORY", 1000)
    noise = random.Random(1).randbytes(200_000).hex()
    document = orjson.dumps({"noise": noise})

    with closing(document_module.prepare(document)) as steps:
        prepared = next(done for done in steps if done)
        blocks = b"".join(prepared.blocks())
        again = b"".join(prepared.blocks())

    assert gzip.decompress(blocks) == document
    assert blocks == again
    assert prepared.sha256 == hashlib.sha256(blocks).hexdigest()
    assert (prepared.json_size, prepared.size) == (len(document), len(blocks))


def test_progress_counts_the_compressed_bytes_on_both_ways(
    client: wideload.Client, server: IngestService, large: dict[str, Any], small: dict[str, Any]
) -> None:
    for document, what in ((large, "PUT"), (small, "POST /stage/send")):
        seen: list[tuple[int, int]] = []
        client.send(document, progress=lambda *now, seen=seen: seen.append(now))

        total = len(server.requests(what)[-1].body)
        assert seen[0] == (0, total)
        assert seen[-1] == (total, total)
        assert seen == sorted(seen)


def test_progress_goes_back_on_a_retry(client: wideload.Client, server: IngestService) -> None:
    server.fail("POST /stage/send-call-log", problem(503, "unavailable"))
    seen: list[int] = []

    client.send({"a": 1}, progress=lambda sent, total: seen.append(sent))

    assert seen == [0, seen[1], 0, seen[1]]


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError("disk"), RuntimeError("mine")])
def test_an_error_of_the_progress_callback_surfaces_and_is_not_retried(
    client: wideload.Client, server: IngestService, error: Exception, clock: Any
) -> None:
    calls: list[int] = []

    def progress(sent: int, total: int) -> None:
        calls.append(sent)
        raise error

    with pytest.raises(type(error)) as raised:
        client.send({"a": 1}, progress=progress)

    assert raised.value is error
    assert calls == [0]


def test_a_queued_document_returns_at_once(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.in_request_limit = 0

    receipt = client.send(large)

    assert receipt.state == "queued"
    assert receipt.status_url == f"{server.url}/call-logs/{PAYLOAD_1}"
    assert receipt.size == len(orjson.dumps(large))
    assert receipt.sha256 == hashlib.sha256(orjson.dumps(large)).hexdigest()
    assert receipt.records is None
    assert server.requests("GET") == []


def test_waiting_returns_the_stored_receipt(
    client: wideload.Client, server: IngestService, large: dict[str, Any]
) -> None:
    server.in_request_limit = 0

    receipt = client.send(large, wait=True)

    assert receipt.state == "stored"
    assert receipt.records == len(large["transcript_with_metrics"])
    assert receipt.created_at == "2026-11-22T09:00:00.000Z"
    assert len(server.requests(f"GET /stage/call-logs/{PAYLOAD_1}")) == 2


@pytest.mark.parametrize("member", ["size", "sha256"])
def test_a_receipt_for_other_bytes_is_an_error(
    client: wideload.Client, server: IngestService, member: str
) -> None:
    wrong = 5 if member == "size" else "0" * 64
    server.tamper = lambda line, answer: {**answer, member: wrong}

    with pytest.raises(wideload.IntegrityError) as raised:
        client.send({"a": 1})

    assert raised.value.payload_id == PAYLOAD_1


def test_connections_are_kept_and_threads_may_share_a_client(
    client: wideload.Client, server: IngestService, small: dict[str, Any]
) -> None:
    threads = [threading.Thread(target=client.send, args=(small,)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(server.seen) == 8


def test_nothing_is_printed_and_logging_is_left_alone(
    client: wideload.Client, large: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    handlers = list(logging.getLogger().handlers)

    client.send(large)

    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger("wideload").handlers == []
