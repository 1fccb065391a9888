"""Refusals that S3 sends before it has read the body, after which it closes the connection."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
import urllib3

import wideload
from tests.client.conftest import Authority, Clock
from tests.client.transfer_samples import bytes_of, file_of
from tests.fake_aws.files import MIB, TOKEN, FilesService
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService
from tests.fake_aws.messages import DROP, problem, s3_error
from tests.fake_aws.s3 import Body

BOTH_CLIENTS = True

_URL = "POST /stage/get-upload-url"
_SEND = "POST /stage/send-call-log"
_SIGN = "POST /stage/files/uploads"
_PUT = "PUT /s3/"
ONE, MANY = 8 * MIB, 20 * MIB
SIZES = pytest.mark.parametrize("size", [ONE, MANY])


@pytest.fixture(scope="module")
def huge() -> bytes:
    """A gzip of 12 MB, more than the buffers of two sockets hold."""
    return gzip.compress(b'{"a":"%b"}' % (b"x" * 12_000_000), compresslevel=0)


@pytest.fixture
def foreign(tls_server: IngestService, authority: Authority, clock: Clock) -> wideload.Client:
    """A client on urllib3's own connections, which lose what S3 says early over TLS."""
    pool = urllib3.PoolManager(ca_certs=str(authority.ca_bundle))
    return wideload.Client(tls_server.url, api_key=API_KEY, transport=pool, _pacing=clock.pacing())


def test_a_refusal_of_a_payload_is_read(
    tls_client: wideload.Client, tls_server: IngestService, huge: bytes
) -> None:
    tls_server.s3.refuses = "early"
    tls_server.fail(_PUT, *[s3_error(400, "InvalidRequest")] * 9)

    with pytest.raises(wideload.UploadError, match="400 InvalidRequest") as raised:
        tls_client.send(huge)

    assert raised.value.payload_id == PAYLOAD_1


def test_a_payloads_url_that_expired_is_signed_anew(
    tls_client: wideload.Client, tls_server: IngestService, huge: bytes, clock: Clock
) -> None:
    tls_server.s3.refuses = "early"
    tls_server.fail(_PUT, *[s3_error(403, "AccessDenied")] * 2)

    receipt = tls_client.send(huge)

    assert (receipt.payload_id, receipt.state) == (PAYLOAD_1, "stored")
    assert len(tls_server.requests(_URL)) == 3


def test_a_repeated_sending_finds_its_bytes_stored(
    tls_client: wideload.Client, tls_server: IngestService, huge: bytes
) -> None:
    tls_server.fail(_SEND, problem(400, "invalid_request"))
    with pytest.raises(wideload.PayloadRefusedError):
        tls_client.send(huge, idempotency_key="k-1")
    tls_server.s3.refuses = "early"

    receipt = tls_client.send(huge, idempotency_key="k-1")

    assert (receipt.payload_id, receipt.state) == (PAYLOAD_1, "stored")
    assert tls_server.stored() == [PAYLOAD_1]


def test_a_put_whose_refusal_is_lost_gets_a_new_url_once(
    foreign: wideload.Client, tls_server: IngestService, huge: bytes
) -> None:
    tls_server.s3.refuses = "early"
    tls_server.fail(_PUT, *[s3_error(403, "AccessDenied")] * 3)

    receipt = foreign.send(huge)

    assert receipt.state == "stored"
    assert len(tls_server.requests(_URL)) == 2
    assert len(tls_server.requests(_PUT)) == 4


def test_bytes_whose_refusal_is_always_lost_are_claimed(
    foreign: wideload.Client, tls_server: IngestService, huge: bytes
) -> None:
    tls_server.fail(_SEND, problem(400, "invalid_request"))
    with pytest.raises(wideload.PayloadRefusedError):
        foreign.send(huge, idempotency_key="k-1")
    tls_server.s3.refuses = "hangs up"

    receipt = foreign.send(huge, idempotency_key="k-1")

    assert (receipt.payload_id, receipt.state) == (PAYLOAD_1, "stored")
    assert receipt.upload_duration_ms is None


def test_a_claim_of_nothing_leaves_the_error_of_the_put(
    client: wideload.Client, server: IngestService, over_4_mib: dict[str, Any]
) -> None:
    server.fail(_PUT, *[DROP] * 6)

    with pytest.raises(wideload.TransportError, match="no answer to PUT") as raised:
        client.send(over_4_mib)

    assert raised.value.attempts == 8  # 2 for URLs
    assert len(server.requests(_SEND)) == 1
    assert raised.value.payload_id == PAYLOAD_1


def test_a_claim_says_when_the_document_is_wrong(
    client: wideload.Client, server: IngestService, over_4_mib: dict[str, Any]
) -> None:
    server.fail(_PUT, *[DROP] * 6)
    server.fail(_SEND, problem(400, "invalid_json"))

    with pytest.raises(wideload.PayloadRefusedError, match="invalid_json"):
        client.send(over_4_mib)


@SIZES
def test_a_refusal_of_a_file_is_read(
    tls_person: wideload.Client, tls_files: FilesService, tmp_path: Path, size: int
) -> None:
    tls_files.s3.refuses = "early"
    tls_files.fail(_PUT, *[s3_error(400, "InvalidRequest")] * 40)

    with pytest.raises(wideload.UploadError, match="400 InvalidRequest"):
        tls_person.files.upload(file_of(tmp_path, bytes_of(size)), parallel=1)


@SIZES
def test_a_files_url_that_expired_is_signed_anew(
    tls_person: wideload.Client, tls_files: FilesService, tmp_path: Path, size: int
) -> None:
    content = bytes_of(size)
    tls_files.s3.refuses = "early"
    expired: list[str] = []

    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        if line in {"POST /files", "POST /files/uploads/{upload_id}/parts"} and len(expired) < 2:
            expired.append(line)
            tls_files.time += 2 * 3600  # what was signed until now is too old
        return answer

    tls_files.tamper = tamper

    done = tls_person.files.upload(file_of(tmp_path, content), parallel=1)

    assert tls_files.content(done.file.file_id) == content


def test_parts_of_an_upload_that_is_gone_are_completed_elsewhere(
    tls_person: wideload.Client, tls_files: FilesService, tmp_path: Path
) -> None:
    content = bytes_of(MANY)
    tls_files.s3.refuses = "early"
    path = file_of(tmp_path, content)
    done_elsewhere: list[str] = []

    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        if line.endswith("/parts") and not done_elsewhere:  # and then another process is quicker
            (upload,) = tls_files.uploads.values()
            parts = tls_files.parts(upload.upload_id)
            for number, start in enumerate(range(0, MANY, ONE), 1):
                parts[number] = Body.of(content[start : start + ONE])
            tls_files.complete(upload.upload_id)
            done_elsewhere.append(upload.upload_id)
        return answer

    tls_files.tamper = tamper

    done = tls_person.files.upload(path, parallel=1)

    assert done.file.file_id == done_elsewhere[0]
    assert len(tls_files.requests(_PUT)) == 1


@pytest.mark.parametrize("refuses", ["early", "hangs up"])
def test_a_whole_file_that_s3_holds_already_is_completed(
    tls_person: wideload.Client, tls_files: FilesService, tmp_path: Path, refuses: str
) -> None:
    content = bytes_of(ONE)

    def tamper(line: str, answer: dict[str, Any]) -> dict[str, Any]:
        if line == "POST /files":  # and then another process is quicker
            (upload,) = tls_files.uploads.values()
            tls_files.bucket.store(upload.key, Body.of(content))
        return answer

    tls_files.tamper = tamper
    tls_files.s3.refuses = refuses

    done = tls_person.files.upload(file_of(tmp_path, content))

    assert tls_files.content(done.file.file_id) == content


@SIZES
def test_completing_what_isnt_there_leaves_the_error_of_the_put(
    tls_files: FilesService, authority: Authority, clock: Clock, tmp_path: Path, size: int
) -> None:
    tls_files.fail(_PUT, *[DROP] * 100)
    person = wideload.Client(
        tls_files.url,
        token=TOKEN,
        ca_bundle=authority.ca_bundle,
        retries=1,
        _pacing=clock.pacing(),
    )

    with person, pytest.raises(wideload.TransportError, match="no answer to PUT"):
        person.files.upload(file_of(tmp_path, bytes_of(size)), parallel=1)
