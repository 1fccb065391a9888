"""The cheap end answers as S3 and the APIs do, and notes what was sent."""

from __future__ import annotations

import base64
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import urllib3
from boto3.s3.transfer import TransferConfig

import wideload
from bench.cheap_end.s3 import BUCKET
from bench.shared.commands import SparseFile
from bench.shared.ends import End, Log
from tests.bench.conftest import OBJECT_SIZE

MIB = 1024 * 1024


@pytest.fixture
def log(files_end: End) -> Log:
    assert files_end.log is not None
    files_end.log.settle()
    files_end.log.clear()
    return files_end.log


@pytest.fixture
def pool(files_end: End) -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(
        ca_certs=files_end.environment["AWS_CA_BUNDLE"], retries=False
    ) as made:
        yield made


@pytest.fixture
def client(files_end: End) -> Iterator[wideload.Client]:
    with client_of(files_end) as made:
        yield made


def client_of(end: End) -> wideload.Client:
    settings = end.environment
    return wideload.Client(
        settings["WIDELOAD_URL"],
        token=settings["WIDELOAD_TOKEN"],
        ca_bundle=settings["WIDELOAD_CA_BUNDLE"],
    )


def test_a_body_is_noted_with_its_size_and_its_first_byte(
    files_end: End, log: Log, pool: urllib3.PoolManager
) -> None:
    before = time.monotonic()

    answer = pool.request(
        "PUT", files_end.put_url("a"), body=b"x" * MIB, headers={"x-amz-checksum-sha256": "c"}
    )

    assert (answer.status, answer.headers["x-amz-checksum-sha256"]) == (200, "c")
    assert log.size() == MIB
    first = log.first()
    assert first is not None
    assert before < first < time.monotonic()


def test_a_body_in_chunks_is_read_to_its_end(
    files_end: End, log: Log, pool: urllib3.PoolManager
) -> None:
    chunks = [b"x" * 70_000] * 9

    for _ in range(2):  # on one connection: the second request is found after the first body
        answer = pool.request("PUT", files_end.put_url("a"), body=iter(chunks), chunked=True)
        assert answer.status == 200

    assert log.size() == 2 * 9 * 70_000


def test_a_client_that_expects_100_gets_it(ingest_end: End) -> None:
    url = urlsplit(ingest_end.put_url("a"))
    assert url.port is not None
    with socket.create_connection(("127.0.0.1", url.port), timeout=60) as connection:
        head = "PUT /a HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())

        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("wanted", "status", "shown", "size"),
    [
        (None, 200, None, OBJECT_SIZE),
        ("bytes=0-9", 206, "bytes 0-9/300000", 10),
        ("bytes=299990-", 206, "bytes 299990-299999/300000", 10),
    ],
)
def test_objects_are_zeros(
    files_end: End,
    pool: urllib3.PoolManager,
    wanted: str | None,
    status: int,
    shown: str | None,
    size: int,
) -> None:
    headers = {"Range": wanted} if wanted else {}

    answer = pool.request("GET", files_end.get_url("a"), headers=headers)

    assert (answer.status, answer.headers.get("Content-Range")) == (status, shown)
    assert answer.data == bytes(size)


def test_boto3_uploads_in_parts_and_downloads(files_end: End, log: Log, tmp_path: Path) -> None:
    settings = files_end.environment
    s3 = boto3.client(
        "s3",
        endpoint_url=settings["AWS_ENDPOINT_URL"],
        region_name=settings["AWS_REGION"],
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        verify=settings["AWS_CA_BUNDLE"],
    )
    file = SparseFile(tmp_path / "film", 12 * MIB)
    parts = TransferConfig(multipart_threshold=MIB, multipart_chunksize=5 * MIB)

    s3.upload_file(str(file.path), BUCKET, "film", Config=parts)
    s3.download_file(BUCKET, "film", str(tmp_path / "copy"), Config=TransferConfig(1, 4, 100_000))
    s3.close()

    assert log.size() > file.size
    assert (tmp_path / "copy").read_bytes() == bytes(OBJECT_SIZE)


@pytest.mark.parametrize("size", [1_000_000, 66 * MIB])
def test_wideload_sends_all_of_a_renewed_file(
    client: wideload.Client, log: Log, tmp_path: Path, size: int
) -> None:
    file = SparseFile(tmp_path / "film", size)

    sent = []
    for _ in range(2):
        file.renew()
        sent.append(client.files.upload(file.path).bytes_sent)
        assert client.files.upload(file.path).duplicate

    assert sent == [size, size]
    assert log.size() == 2 * size


def test_wideload_downloads_zeros(client: wideload.Client, tmp_path: Path) -> None:
    file = SparseFile(tmp_path / "film", OBJECT_SIZE)
    stored = client.files.upload(file.path).file

    client.files.download(stored.file_id, tmp_path / "copy")

    assert (tmp_path / "copy").read_bytes() == bytes(OBJECT_SIZE)


def test_a_document_goes_through_the_cheap_s3_and_is_queued(ingest_end: End) -> None:
    noise = base64.b64encode(random.Random(7).randbytes(4_500_000)).decode()
    settings = ingest_end.environment
    assert ingest_end.log is not None

    with wideload.Client(settings["WIDELOAD_URL"], api_key=settings["WIDELOAD_API_KEY"]) as client:
        receipt = client.send({"call_id": "c-1", "noise": noise})

    assert (receipt.state, receipt.via) == ("queued", "s3")
    assert ingest_end.log.size() == receipt.bytes_sent > 4_194_304
