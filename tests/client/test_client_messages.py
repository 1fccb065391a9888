"""Messages of errors for wrong settings, and the report of retries."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wideload
from tests.client.conftest import Authority, Clock, Command, Connect, spawn
from tests.client.running import read_terminal
from tests.fake_aws.ingest import API_KEY, IngestService
from tests.fake_aws.messages import Fault, s3_error
from wideload import signin
from wideload._cli.exit_status import NOT_SIGNED_IN, REFUSED, UNAVAILABLE, USAGE, status_of

BOTH_CLIENTS = True

_SEND = "POST /stage/send-call-log"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_names_where_to_and_what_to_set(
    client: wideload.Client, server: IngestService, status: int
) -> None:
    location = "https://api.example/v2/send-call-log?key=secret"
    server.fail(_SEND, Fault(status, b"", {"Location": location}))

    with pytest.raises(wideload.ApiError) as raised:
        client.send({"a": 1})

    assert str(raised.value) == (
        f"POST /send-call-log: {status} (redirected to https://api.example/v2/send-call-log: "
        "set the base URL to https://api.example/v2)"
    )


def test_a_redirect_of_s3_names_where_to(
    client: wideload.Client, server: IngestService, large: dict[str, object]
) -> None:
    away = s3_error(307, "TemporaryRedirect", Location="https://b.s3.eu-west-1.example/k?X=secret")
    server.fail("PUT", away)

    with pytest.raises(wideload.UploadError) as raised:
        client.send(large)

    assert "redirected to https://b.s3.eu-west-1.example/k: the deployment" in str(raised.value)
    assert "X=secret" not in str(raised.value)


def test_an_upload_too_large_for_a_proxy_is_told_from_s3s_refusals(
    client: wideload.Client, server: IngestService, large: dict[str, object]
) -> None:
    server.fail("PUT", Fault(413, b"<html>"), s3_error(413, "EntityTooLarge"))

    with pytest.raises(wideload.UploadError) as by_proxy:
        client.send(large)
    with pytest.raises(wideload.UploadError) as by_s3:
        client.send(large)

    assert str(by_proxy.value) == (
        "S3 refused the upload: 413 "
        "(not S3's answer: a proxy on the way takes no request this large)"
    )
    assert str(by_s3.value).startswith("S3 refused the upload: 413 EntityTooLarge")
    assert "proxy" not in str(by_s3.value)


def test_an_untrusted_certificate_names_the_setting(
    tls_server: IngestService, clock: Clock, connect: Connect
) -> None:
    client = connect(tls_server.url)

    with pytest.raises(wideload.TlsError, match="WIDELOAD_CA_BUNDLE") as raised:
        client.send({"a": 1})

    assert (clock.slept, status_of(raised.value)) == ([], USAGE)


def test_https_at_a_port_without_tls_says_so(
    server: IngestService, authority: Authority, clock: Clock, connect: Connect
) -> None:
    url = server.url.replace("http:", "https:")
    client = connect(url, ca_bundle=authority.ca_bundle)

    with pytest.raises(wideload.TlsError, match="http:// instead of https://") as raised:
        client.send({"a": 1})

    assert (clock.slept, status_of(raised.value)) == ([], USAGE)


def test_http_at_a_tls_port_says_so(tls_server: IngestService, connect: Connect) -> None:
    url = tls_server.url.replace("https:", "http:")
    client = connect(url, retries=0)

    with pytest.raises(wideload.TransportError, match="begins with https://"):
        client.send({"a": 1})


def test_http_at_a_port_that_answers_for_tls_says_so(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_SEND, Fault(400, b"Client sent an HTTP request to an HTTPS server."))

    with pytest.raises(wideload.PayloadRefusedError, match="begins with https://"):
        client.send({"a": 1})


def test_a_wrong_key_is_no_sign_in_that_ended(
    client: wideload.Client, server: IngestService
) -> None:
    server.fail(_SEND, Fault(401, b'{"message":"Unauthorized"}'))

    with pytest.raises(wideload.AuthenticationError) as raised:
        client.send({"a": 1})

    assert raised.value.by_key
    assert status_of(raised.value) == REFUSED
    raised.value.by_key = False
    assert status_of(raised.value) == NOT_SIGNED_IN


def test_the_caller_hears_of_each_retry(
    server: IngestService, clock: Clock, connect: Connect
) -> None:
    told: list[wideload.Retry] = []
    server.fail(_SEND, Fault(503), Fault(503))

    connect(server.url, on_retry=told.append).send({"a": 1})

    assert [(retry.number, retry.most, retry.delay) for retry in told] == [(1, 5, 0.5), (2, 5, 1.0)]
    assert clock.slept == [0.5, 1.0]
    assert all(isinstance(retry.error, wideload.ServerError) for retry in told)


def test_retry_for_goes_on_until_its_time_is_over(
    server: IngestService, clock: Clock, connect: Connect
) -> None:
    server.fail(_SEND, *[Fault(503)] * 99)
    began = clock.time
    client = connect(server.url, retries=2, retry_for=600)

    with pytest.raises(wideload.ServerError):
        client.send({"a": 1})

    assert 580 <= clock.time - began <= 600
    assert len(server.seen) > 30


def test_with_retry_for_a_long_retry_after_is_waited_for(
    server: IngestService, clock: Clock, connect: Connect
) -> None:
    server.fail(_SEND, Fault(503, b"", {"Retry-After": "300"}))

    assert connect(server.url, retry_for=600).send({"a": 1}).state == "stored"

    assert clock.slept == [300.0]


def test_retry_for_is_no_negative_time() -> None:
    with pytest.raises(wideload.ConfigurationError, match="retry_for"):
        wideload.Client("https://api.example", api_key=API_KEY, retry_for=-1)


@pytest.mark.parametrize(
    ("text", "status"),
    [("10m", 0), ("90", 0), ("0.5s", 0), ("1h", 0), ("soon", USAGE), ("-1", USAGE)],
)
def test_the_command_takes_a_duration(
    command: Command, server: IngestService, tmp_path: Path, text: str, status: int
) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a":1}')

    ran = command("send", f"--retry-for={text}", "a.json")

    assert ran.status == status
    assert ("such as 90s, 10m or 2h" in ran.error) == (status == USAGE)


def test_retries_show_on_a_terminal(server: IngestService, tmp_path: Path) -> None:
    import os
    import pty

    server.fail(_SEND, Fault(503, b""))
    (tmp_path / "a.json").write_bytes(b'{"a":1}')
    screen, terminal = pty.openpty()
    process = spawn(server, "send", str(tmp_path / "a.json"), stdout=terminal, stderr=terminal)
    os.close(terminal)

    shown = " ".join(read_terminal(screen).decode().split())

    assert process.wait(120) == 0
    assert re.search(r"trying again in 1 s \(1 of 5\): the API answered 503", shown), shown


def test_retries_do_not_show_elsewhere(
    command: Command, server: IngestService, tmp_path: Path
) -> None:
    server.fail(_SEND, Fault(503, b""))
    (tmp_path / "a.json").write_bytes(b'{"a":1}')

    ran = command("send", "a.json")

    assert (ran.status, ran.error) == (0, "")


def test_no_network_is_worth_another_try() -> None:
    assert status_of(wideload.TransportError("no")) == UNAVAILABLE


def test_a_redirect_of_a_sign_in_names_where_to(server: IngestService) -> None:
    server.fail("GET", Fault(301, b"", {"Location": "https://files.example/sign-in"}))

    with pytest.raises(wideload.SignInError, match=r"redirects to https://files\.example/sign-in"):
        signin.password_token(server.url, "ann", "secret")()


def test_a_tls_error_of_the_put_costs_one_claim(
    tls_server: IngestService,
    server: IngestService,
    authority: Authority,
    clock: Clock,
    connect: Connect,
    large: dict[str, object],
) -> None:
    tls_server.bucket.endpoint = server.root.replace("http:", "https:")
    client = connect(tls_server.url, ca_bundle=authority.ca_bundle)

    with pytest.raises(wideload.TlsError, match="no answer to PUT"):
        client.send(large)

    assert len(tls_server.requests(_SEND)) == 1
    assert clock.slept == []
