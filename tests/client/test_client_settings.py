"""Arguments of `Client`, TLS, and closing."""

from __future__ import annotations

import gc
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3

import wideload
from tests.client.conftest import Clock
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "api.example",
        "ftp://api.example",
        "https://",
        "https://api.example/?a=1",
        "https://api.example/#a",
        "https://user:pass@api.example",
        "user:pass@api.example",
        "https://api.example:port",
        "https://api example",
        "http://api.example",
        "http://localhost.example",
        None,
    ],
)
def test_a_base_url_that_cannot_be_right(base_url: Any) -> None:
    with pytest.raises(wideload.ConfigurationError, match="base_url") as raised:
        wideload.Client(base_url, api_key="k")

    assert isinstance(raised.value, ValueError)
    assert "pass@" not in str(raised.value)


@pytest.mark.parametrize("key", ["", "hunter 2", "hunter2\n", "ключ", None])
def test_a_key_that_cannot_be_right_is_not_shown(key: Any) -> None:
    with pytest.raises(wideload.ConfigurationError, match="api_key") as raised:
        wideload.Client("https://api.example", api_key=key)

    assert not key or key.strip() not in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {"api_key_header": "x key"},
        {"api_key_header": "x\r\nEvil: 1"},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": 1e10},
        {"retry_for": float("nan")},
        {"retry_for": -1},
        {"retry_for": "10"},
        {"retries": -1},
        {"ca_bundle": "/nowhere.pem"},
        {"ca_bundle": __file__},
        {"ca_bundle": "/nowhere.pem", "transport": urllib3.PoolManager()},
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(wideload.ConfigurationError):
        wideload.Client("https://api.example", api_key="k", **options)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e10, -1])
def test_a_time_to_wait_that_cannot_be_right(
    client: wideload.Client, server: IngestService, seconds: float
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="wait_timeout must be 0 to 1,000,000"):
        client.send({"a": 1}, wait=True, wait_timeout=seconds)
    with pytest.raises(wideload.ConfigurationError, match="timeout must be 0 to 1,000,000"):
        client.wait(PAYLOAD_1, timeout=seconds)

    assert server.seen == []


@pytest.mark.parametrize("key", ["", " a", "a ", "a\r\nEvil: 1", "é", "a" * 256])
def test_an_idempotency_key_that_cannot_be_right(
    client: wideload.Client, server: IngestService, key: str
) -> None:
    with pytest.raises(wideload.ConfigurationError, match="idempotency key"):
        client.send({"a": 1}, idempotency_key=key)

    assert server.seen == []


def test_the_key_goes_in_the_header_that_the_deployment_names(server: IngestService) -> None:
    server.api_key_header = "x-pype-token"

    with wideload.Client(
        server.url + "/", api_key=API_KEY, api_key_header="x-pype-token"
    ) as client:
        assert client.send({"a": 1}).state == "stored"

    assert "x-api-key" not in server.seen[0].headers


def test_the_repr_holds_no_key(server: IngestService) -> None:
    client = wideload.Client(server.url, api_key=API_KEY)

    assert repr(client) == f"<wideload.Client {server.url}>"


def test_a_given_transport_is_used_and_not_closed(server: IngestService) -> None:
    with urllib3.PoolManager() as pool:
        with wideload.Client(server.url, api_key=API_KEY, transport=pool) as client:
            client.send({"a": 1})

        assert len(pool.pools) == 1


def test_a_closed_client_says_so(server: IngestService) -> None:
    client = wideload.Client(server.url, api_key=API_KEY)
    client.send({"a": 1})

    client.close()
    client.close()

    for call in (
        lambda: client.send({"a": 1}),
        lambda: client.get(PAYLOAD_1),
        lambda: client.document(PAYLOAD_1),
        lambda: client.wait(PAYLOAD_1),
    ):
        with pytest.raises(wideload.ConfigurationError, match="closed"):
            call()
    gc.collect()  # a connection left open would be a ResourceWarning, which is an error here


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def https_port(authority: trustme.CA) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = b'{"payload_id":"pl-1","state":"queued"}'
            self.send_response(202)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_ca_bundle_is_trusted(authority: trustme.CA, https_port: int, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))

    with wideload.Client(
        f"https://localhost:{https_port}", api_key=API_KEY, ca_bundle=bundle
    ) as client:
        assert client.send({"a": 1}).state == "queued"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_an_untrusted_server_gets_no_key_and_no_second_request(
    authority: trustme.CA, https_port: int, tmp_path: Path, clock: Clock, host: str
) -> None:
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    trusting = {"ca_bundle": bundle} if host == "127.0.0.1" else {}  # the wrong name, or authority

    with (
        wideload.Client(
            f"https://{host}:{https_port}", api_key=API_KEY, _pacing=clock.pacing(), **trusting
        ) as client,
        pytest.raises(wideload.TransportError, match="certificate isn't trusted"),
    ):
        client.send({"a": 1})

    assert clock.slept == []
