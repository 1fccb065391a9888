"""Sending over slow networks: only a pause longer than the timeout ends it."""

from __future__ import annotations

import io
import time

import pytest

import wideload
from tests.client.conftest import Authority
from tests.client.transfer_samples import bytes_of
from tests.fake_aws.files import MIB, TOKEN, FilesService
from tests.fake_aws.messages import Seen
from wideload import _connections

SIZE = 5 * MIB


def _client(server: FilesService, authority: Authority, timeout: float) -> wideload.Client:
    return wideload.Client(
        server.url, token=TOKEN, ca_bundle=authority.ca_bundle, timeout=timeout, retries=0
    )


def _upload(client: wideload.Client, content: bytes) -> str:
    source = io.BytesIO(content)
    source.name = "film.bin"  # type: ignore[misc]
    with client:
        return client.files.upload(source, parallel=1).file.file_id


def test_a_pause_longer_than_connecting_may_take_ends_no_upload(
    tls_files: FilesService, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connections, "CONNECT_TIMEOUT", 2)
    content = bytes_of(SIZE)
    # Another host than the API's, so that the PUT needs a connection of its own.
    tls_files.bucket.endpoint = tls_files.root.replace("127.0.0.1", "localhost")
    tls_files.s3.during_put = lambda seen, count: time.sleep(4 if count <= 64 * 1024 else 0)

    file_id = _upload(_client(tls_files, authority, timeout=30), content)

    assert tls_files.content(file_id) == content
    assert len(tls_files.requests("PUT")) == 1


def test_a_slow_line_is_not_taken_for_a_silent_one(
    tls_files: FilesService, authority: Authority
) -> None:
    content = bytes_of(SIZE)

    def slowly(seen: Seen, count: int) -> None:  # 80 blocks: the whole takes twice the timeout
        time.sleep(0.1)

    tls_files.s3.during_put = slowly

    file_id = _upload(_client(tls_files, authority, timeout=4), content)

    assert tls_files.content(file_id) == content
    assert len(tls_files.requests("PUT")) == 1


def test_silence_while_sending_ends_it(tls_files: FilesService, authority: Authority) -> None:
    tls_files.s3.during_put = lambda seen, count: time.sleep(3 if count <= 64 * 1024 else 0)

    with pytest.raises(wideload.TransportError, match="timed out"):
        _upload(_client(tls_files, authority, timeout=0.5), bytes_of(SIZE))
