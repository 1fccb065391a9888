"""Proxies of the environment and of the argument."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

import wideload
from tests.client.conftest import Authority, Command, Connect
from tests.client.fake_proxy import FakeProxy, proxying
from tests.fake_aws.ingest import API_KEY, IngestService
from wideload import signin
from wideload._proxies import Proxies

BOTH_CLIENTS = True
Send = Callable[..., wideload.Receipt]

_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy() -> Iterator[FakeProxy]:
    with proxying() as made:
        yield made


@pytest.fixture
def send(connect: Connect, authority: Authority) -> Send:
    def to(server: IngestService, **options: Any) -> wideload.Receipt:
        client = connect(server.url, ca_bundle=authority.ca_bundle, retries=0, **options)
        return client.send({"a": 1})

    return to


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_the_environments_proxy_is_used(
    tls_server: IngestService,
    send: Send,
    proxy: FakeProxy,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    monkeypatch.setenv(name, f"http://{proxy.address}")

    assert send(tls_server).state == "stored"
    assert proxy.seen == [f"CONNECT {urlsplit(tls_server.url).netloc}"]


def test_s3_is_reached_through_it_too(
    tls_server: IngestService, authority: Authority, proxy: FakeProxy, over_4_mib: dict[str, Any]
) -> None:
    with wideload.Client(
        tls_server.url.replace("127.0.0.1", "api.example"),
        api_key=API_KEY,
        ca_bundle=authority.ca_bundle,
        proxy=proxy.address,
    ) as client:
        port = urlsplit(tls_server.url).port or 0
        proxy.hosts["api.example"] = ("127.0.0.1", port)

        assert client.send(over_4_mib).via == "s3"

    assert proxy.seen == [f"CONNECT api.example:{port}", f"CONNECT 127.0.0.1:{port}"]


@pytest.mark.parametrize("given", [False, True])
def test_credentials_in_the_proxys_url_are_shown_to_it(
    tls_server: IngestService,
    send: Send,
    proxy: FakeProxy,
    monkeypatch: pytest.MonkeyPatch,
    given: bool,
) -> None:
    proxy.credentials = "ann:p@ss:wörd"
    url = f"http://ann:p%40ss%3Aw%C3%B6rd@{proxy.address}"
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9" if given else url)

    assert send(tls_server, proxy=url if given else None).state == "stored"
    assert len(proxy.seen) == 1


def test_a_proxy_that_wants_credentials_says_so(
    tls_server: IngestService, send: Send, proxy: FakeProxy
) -> None:
    proxy.credentials = "ann:secret"

    with pytest.raises(wideload.TransportError) as raised:
        send(tls_server, proxy=f"http://bob:wrong@{proxy.address}")

    assert "407 Proxy Authentication Required" in str(raised.value)
    assert "user name and password" in str(raised.value)
    assert "wrong" not in str(raised.value)


def test_plain_http_goes_through_a_proxy_on_this_machine(
    server: IngestService, proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch, send: Send
) -> None:
    monkeypatch.setenv("http_proxy", proxy.address)

    assert send(server).state == "stored"
    assert proxy.seen == [f"POST {server.url}/send-call-log"]


def test_sign_in_goes_through_it(proxy: FakeProxy, authority: Authority) -> None:
    token = signin.password_token(
        "https://api.example",
        "ann",
        "secret",
        ca_bundle=authority.ca_bundle,
        proxy=f"http://{proxy.address}",
    )
    proxy.credentials = "nobody:knows"

    with pytest.raises(wideload.TransportError, match="407"):
        token()

    assert set(proxy.seen) == {"CONNECT api.example:443"}


def test_the_command_has_an_option_for_it(
    command: Command, server: IngestService, proxy: FakeProxy, tmp_path: Any
) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a":1}')

    assert command("send", "--proxy", proxy.address, "a.json").status == 0
    assert proxy.seen == [f"POST {server.url}/send-call-log"]


@pytest.mark.parametrize(
    ("no_proxy", "url", "direct"),
    [
        ("", "https://api.example", False),
        ("*", "https://api.example", True),
        ("api.example", "https://api.example", True),
        ("api.example", "https://v2.api.example/path", True),
        (".example", "https://api.example", True),
        ("other, API.example ", "https://api.example:8443", True),
        ("pi.example", "https://api.example", False),
        ("api.example:443", "https://api.example", True),
        ("api.example:8443", "https://api.example", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("127.0.0.1", "https://127.0.0.1:8000", True),
        ("localhost", "https://localhost:8000", True),
        ("::1", "https://[::1]:8000", True),
        ("x:\u00b2", "https://api.example", False),
        ("[::1]", "https://[::1]", True),
        ("fd00::/8", "https://[fd00::7]", True),
    ],
)
def test_hosts_of_no_proxy_are_reached_directly(
    monkeypatch: pytest.MonkeyPatch, no_proxy: str, url: str, direct: bool
) -> None:
    monkeypatch.setenv("NO_PROXY", no_proxy)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")

    assert (Proxies(None).proxy_for(url) is None) == direct
    assert (Proxies("http://proxy.example:3128").proxy_for(url) is None) == direct


@pytest.mark.parametrize(
    ("environment", "url", "found"),
    [
        ({"HTTPS_PROXY": "a", "https_proxy": "http://b:1"}, "https://x", "http://b:1"),
        ({"HTTPS_PROXY": "a:3128", "https_proxy": ""}, "https://x", None),
        ({"HTTPS_PROXY": "a:3128", "ALL_PROXY": "http://b"}, "https://x", "http://a:3128"),
        ({"ALL_PROXY": "https://b"}, "https://x", "https://b:443"),
        ({"HTTP_PROXY": "http://a:1"}, "https://x", None),
        ({"HTTP_PROXY": "http://localhost:1"}, "http://localhost", "http://localhost:1"),
        ({"ALL_PROXY": "socks5://proxy.example:1080"}, "http://127.0.0.1", None),
        # The key would cross the network readable.
        ({"HTTP_PROXY": "http://proxy.example:1"}, "http://localhost", None),
        # In a CGI program a caller sets HTTP_PROXY, by the header Proxy.
        ({"HTTP_PROXY": "http://localhost:1", "REQUEST_METHOD": "GET"}, "http://localhost", None),
        ({"HTTPS_PROXY": "http://[::1]:3128"}, "https://x", "http://[::1]:3128"),
    ],
)
def test_which_variable_counts(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, found: str | None
) -> None:
    for name, text in environment.items():
        monkeypatch.setenv(name, text)

    proxy = Proxies(None).proxy_for(url)

    assert (proxy.url if proxy else None) == found


@pytest.mark.parametrize(
    "url", ["socks5h://ann:secret@proxy:1080", "http://ann:secret@proxy:port", "http://ann:secret@"]
)
def test_the_refusal_of_a_proxy_url_shows_no_credentials(
    monkeypatch: pytest.MonkeyPatch, url: str, connect: Connect
) -> None:
    with pytest.raises(wideload.ConfigurationError, match=r"^proxy ") as given:
        connect("https://api.example", proxy=url)
    monkeypatch.setenv("ALL_PROXY", url)
    with pytest.raises(wideload.ConfigurationError, match=r"^ALL_PROXY ") as found:
        connect("https://api.example").send({"a": 1})

    assert "secret" not in f"{given.value} {found.value}"
    if url.startswith("socks"):
        assert "proxy or --proxy, name the API's host in NO_PROXY" in str(found.value)


def test_a_proxy_is_given_to_the_transport_or_to_the_client() -> None:
    with pytest.raises(wideload.ConfigurationError, match="proxy"):
        wideload.Client(
            "https://api.example",
            api_key=API_KEY,
            proxy="http://proxy:1",
            transport=object(),  # type: ignore[arg-type]
        )


def test_a_proxy_that_is_not_there_is_named_without_the_insides_of_a_library(
    connect: Connect,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"http://127.0.0.1:{gone.getsockname()[1]}"
    client = connect("https://api.example", proxy=address, retries=0)

    with pytest.raises(wideload.TransportError) as raised:
        client.send({"a": 1})

    assert "the proxy can't be reached: Connection refused" in str(raised.value)
