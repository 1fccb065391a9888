"""`wideload doctor`: the way to the API, and each thing that may be wrong with it."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from tests.client.conftest import Authority, Command
from tests.client.fake_proxy import FakeProxy, proxying
from tests.fake_aws.ingest import IngestService, serving
from tests.fake_aws.messages import Fault

AWS = "abc123.execute-api.eu-west-1.amazonaws.com"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy() -> Iterator[FakeProxy]:
    with proxying() as made:
        yield made


def steps(command: Command, *arguments: str) -> dict[str, Any]:
    """Message of each step, by name; `exit` is the exit status."""
    ran = command("doctor", "--json", *arguments)
    assert ran.error == ""
    return {line["step"]: line for line in ran.lines} | {"exit": ran.status}


def statuses(found: dict[str, Any]) -> dict[str, str]:
    return {step: line["status"] for step, line in found.items() if step != "exit"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        return int(gone.getsockname()[1])


@contextmanager
def certified(tmp_path: Path, *names: str, **options: Any) -> Iterator[tuple[IngestService, str]]:
    """A server with a certificate for these names, and the file with its authority's."""
    issuer = trustme.CA(organization_name="Contoso Inspection")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*names, **options).configure_cert(context)
    ca_bundle = tmp_path / "inspection.pem"
    issuer.cert_pem.write_to_path(str(ca_bundle))
    with serving(context) as server:
        yield server, str(ca_bundle)


def test_all_steps_of_a_deployment_that_works(
    command: Command, tls_server: IngestService, authority: Authority
) -> None:
    found = steps(command, "--url", tls_server.url, "--ca-bundle", str(authority.ca_bundle))

    assert list(statuses(found).items()) == [
        (step, "ok")
        for step in ("settings", "dns", "tcp", "proxy", "tls", "clock", "api", "caller", "upload")
    ]
    assert found["exit"] == 0
    assert found["dns"]["message"] == "127.0.0.1"
    assert found["tcp"]["message"] == f"connected to 127.0.0.1, port {tls_server.url[-11:-6]}"
    assert found["proxy"]["message"] == "none"
    assert found["tls"]["message"].startswith("TLSv1.3, certificate for 127.0.0.1, localhost")
    assert 'issued by "trustme' in found["tls"]["message"]
    assert {line["url"] for step, line in found.items() if step not in {"exit", "settings"}} == {
        tls_server.url
    }


def test_a_name_that_cant_be_resolved(command: Command) -> None:
    found = steps(command, "--url", "https://api.invalid")

    assert found["exit"] == 3
    assert found["dns"]["status"] == "failed"
    assert found["dns"]["message"] == "the name api.invalid can't be resolved"
    assert "Is the URL right?" in found["dns"]["advice"]
    assert "set HTTPS_PROXY" in found["dns"]["advice"]
    assert found["upload"]["status"] == "skipped"
    assert found["upload"]["message"] == "not tried, since dns failed"


def test_a_port_that_nobody_listens_on(command: Command) -> None:
    port = free_port()

    found = steps(command, "--url", f"https://127.0.0.1:{port}")

    assert found["exit"] == 3
    assert (found["dns"]["status"], found["tcp"]["status"]) == ("ok", "failed")
    assert found["tcp"]["message"] == f"no connection to 127.0.0.1, port {port}: Connection refused"
    assert "A firewall may be in the way" in found["tcp"]["advice"]


def test_the_proxy_in_use_is_named_with_its_source(
    command: Command,
    tls_server: IngestService,
    authority: Authority,
    proxy: FakeProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://ann:secret@{proxy.address}")
    url = tls_server.url.replace("127.0.0.1", "api.example")  # known to the proxy alone
    proxy.hosts["api.example"] = ("127.0.0.1", urlsplit(url).port or 0)

    found = steps(command, "--url", url, "--ca-bundle", str(authority.ca_bundle))

    assert found["exit"] == 0
    assert found["proxy"]["message"] == f"http://{proxy.address}, from HTTPS_PROXY"
    assert found["dns"]["message"] == "127.0.0.1, the proxy"
    assert "secret" not in str(found)
    assert proxy.seen[0] == f"CONNECT {urlsplit(url).netloc}"


def test_no_proxy_is_told_of(
    command: Command, server: IngestService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    assert steps(command)["proxy"]["message"] == "none: NO_PROXY names the host"


def test_a_proxy_that_isnt_there(
    command: Command, tls_server: IngestService, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")

    found = steps(command, "--url", tls_server.url)

    assert found["exit"] == 3
    assert found["tcp"]["message"].startswith(f"no connection to 127.0.0.1, port {port}: ")
    assert found["tcp"]["advice"] == "Is the proxy in HTTPS_PROXY right, and running?"


def test_a_proxy_whose_name_cant_be_resolved(command: Command, tls_server: IngestService) -> None:
    found = steps(command, "--url", tls_server.url, "--proxy", "http://proxy.invalid:3128")

    assert found["dns"]["message"] == "the name proxy.invalid can't be resolved"
    assert found["dns"]["advice"] == "Is the proxy's name in --proxy right?"


def test_a_proxy_that_wants_credentials(
    command: Command, tls_server: IngestService, proxy: FakeProxy
) -> None:
    proxy.credentials = "ann:secret"

    found = steps(command, "--url", tls_server.url, "--proxy", f"http://{proxy.address}")

    assert found["exit"] == 3
    assert (found["tcp"]["status"], found["proxy"]["status"]) == ("ok", "failed")
    assert "407 Proxy Authentication Required" in found["proxy"]["message"]
    assert found["proxy"]["advice"] == "Put the right user name and password into --proxy."


def test_a_proxy_that_refuses_the_host(
    command: Command, proxy: FakeProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = b"HTTP/1.1 403 Forbidden by policy\r\nContent-Length: 0\r\n\r\n"
    monkeypatch.setattr(proxy, "refusal", lambda headers: refusal)

    found = steps(command, "--url", f"https://{AWS}", "--proxy", f"http://{proxy.address}")

    assert "403 Forbidden by policy" in found["proxy"]["message"]
    assert found["proxy"]["advice"] == f"Ask the operators of the proxy to let {AWS} through."


def test_a_proxy_setting_that_is_none(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")

    found = steps(command, "--url", f"https://{AWS}")

    assert found["exit"] == 2
    assert found["proxy"]["status"] == "failed"
    assert "HTTPS_PROXY names a socks5:// proxy" in found["proxy"]["message"]


def test_an_intercepting_proxy_whose_authority_isnt_trusted(
    command: Command, proxy: FakeProxy, tmp_path: Path
) -> None:
    with certified(tmp_path, AWS) as (server, _):
        proxy.hosts[AWS] = ("127.0.0.1", urlsplit(server.url).port or 0)
        found = steps(command, "--url", f"https://{AWS}", "--proxy", f"http://{proxy.address}")

    assert found["exit"] == 2
    assert (found["proxy"]["status"], found["tls"]["status"]) == ("ok", "failed")
    message, advice = found["tls"]["message"], found["tls"]["advice"]
    assert f'the certificate of {AWS}, issued by "Contoso Inspection", isn\'t trusted' in message
    assert "AWS's own certificates are issued by Amazon" in message
    assert "--ca-bundle or WIDELOAD_CA_BUNDLE" in advice
    assert server.seen == []  # nothing was sent over it


def test_an_intercepting_proxy_that_this_machine_trusts(
    command: Command, proxy: FakeProxy, tmp_path: Path
) -> None:
    with certified(tmp_path, AWS, "127.0.0.1") as (server, ca_bundle):
        proxy.hosts[AWS] = ("127.0.0.1", urlsplit(server.url).port or 0)
        server.url = f"https://{AWS}"
        found = steps(
            command,
            *("--url", f"https://{AWS}/stage", "--proxy", f"http://{proxy.address}"),
            *("--ca-bundle", ca_bundle),
        )

    assert found["exit"] == 0
    assert found["tls"]["status"] == "warning"
    assert 'issued by "Contoso Inspection": AWS\'s own' in found["tls"]["message"]
    assert found["tls"]["advice"].endswith(f"to except {AWS}.")


def test_an_authority_of_ones_own_that_isnt_named(
    command: Command, tls_server: IngestService
) -> None:
    found = steps(command, "--url", tls_server.url)

    assert found["exit"] == 2
    assert 'the certificate of 127.0.0.1, issued by "trustme' in found["tls"]["message"]
    assert "Amazon" not in found["tls"]["message"]


def test_a_certificate_for_another_host(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with certified(tmp_path, "portal.example") as (server, ca_bundle):
        monkeypatch.setenv("WIDELOAD_CA_BUNDLE", ca_bundle)
        found = steps(command, "--url", server.url)

    assert found["exit"] == 2
    assert found["tls"]["message"] == (
        "the server that answers for 127.0.0.1 has a certificate for portal.example, "
        'issued by "Contoso Inspection"'
    )
    assert "Is the URL right?" in found["tls"]["advice"]


@pytest.mark.parametrize("days", [-2, 2])
def test_a_certificate_out_of_its_time(command: Command, tmp_path: Path, days: int) -> None:
    now = datetime.datetime.now(datetime.UTC)
    begins = now + datetime.timedelta(days=days)
    validity = {"not_before": begins, "not_after": begins + datetime.timedelta(days=1)}
    with certified(tmp_path, "127.0.0.1", **validity) as (server, ca_bundle):
        found = steps(command, "--url", server.url, "--ca-bundle", ca_bundle)

    assert found["exit"] == 2
    word = "expired" if days < 0 else "not yet valid"
    assert f"{word}: that of 127.0.0.1" in found["tls"]["message"]
    assert f"valid from {begins:%Y-%m-%d}" in found["tls"]["message"]
    assert f"this machine's clock says {now:%Y-%m-%dT}" in found["tls"]["message"]
    assert "If the clock is wrong, set it." in found["tls"]["advice"]


def test_a_port_that_speaks_no_tls(command: Command, server: IngestService) -> None:
    found = steps(command, "--url", server.url.replace("http:", "https:"))

    assert found["exit"] == 2
    assert "speaks no TLS: is it http:// instead of https://?" in found["tls"]["message"]


def test_a_firewall_that_ends_the_handshake(command: Command) -> None:
    def end_each() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            connection.recv(64)  # the host's name stands here
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=end_each, daemon=True).start()
        found = steps(command, "--url", f"https://127.0.0.1:{listener.getsockname()[1]}")

    assert found["exit"] == 3
    assert (found["tcp"]["status"], found["tls"]["status"]) == ("ok", "failed")
    assert found["tls"]["message"] == ("127.0.0.1: the connection ended while TLS was being set up")
    assert "A firewall or proxy that doesn't let 127.0.0.1 through" in found["tls"]["advice"]


@pytest.mark.parametrize(("ahead", "word"), [(1000.0, "behind"), (-1000.0, "ahead of")])
def test_a_clock_that_is_wrong(
    command: Command, server: IngestService, ahead: float, word: str
) -> None:
    server.clock_ahead = ahead

    found = steps(command)

    assert found["exit"] == 1
    assert found["clock"]["status"] == "failed"
    assert f"s {word} the server's: here it is 2" in found["clock"]["message"]
    assert int(found["clock"]["message"].partition(" ")[0]) in range(990, 1011)
    assert "Set this machine's clock" in found["clock"]["advice"]
    assert found["upload"]["status"] == "ok"  # the rest is tried all the same


def test_a_clock_that_is_a_minute_off_is_told(command: Command, server: IngestService) -> None:
    server.clock_ahead = -60

    found = steps(command)

    assert (found["exit"], found["clock"]["status"]) == (0, "ok")
    assert found["clock"]["message"].endswith(" s ahead of the server's")


def test_an_answer_that_never_comes(command: Command, server: IngestService) -> None:
    server.fail("GET /stage/sign-in", Fault(0))

    found = steps(command)

    assert found["exit"] == 3
    assert found["api"]["status"] == "failed"
    assert "127.0.0.1 took the request and gave no answer" in found["api"]["message"]
