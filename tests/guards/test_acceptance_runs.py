"""Clients, output and clean-up of the acceptance tests."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import trustme

from tests.acceptance import deployment as deployments
from tests.acceptance import run as runs
from tests.acceptance import test_limits
from tests.acceptance.conftest import clear_up
from tests.acceptance.deployment import Deployment
from tests.acceptance.http import Answer, Api, Http
from tests.acceptance.refusals import CHUNK
from tests.acceptance.report import Report
from tests.acceptance.sign_in import Tokens


def test_urls_are_signed_for_the_host_of_the_bucket_in_its_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The global host redirects to a new bucket, and browsers don't follow a preflight there."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    session = boto3.Session("id", "secret", region_name="eu-central-1")

    url = (
        Deployment("prod", session)
        .client("s3")
        .generate_presigned_url("put_object", Params={"Bucket": "uploads", "Key": "x"})
    )

    assert url.startswith("https://uploads.s3.eu-central-1.amazonaws.com/x?X-Amz-Algorithm=")


def test_urls_of_the_embedded_cloud_name_the_bucket_in_their_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://localhost:4566")
    session = boto3.Session("id", "secret", region_name="eu-central-1")

    url = (
        Deployment("local", session)
        .client("s3")
        .generate_presigned_url("put_object", Params={"Bucket": "uploads", "Key": "x"})
    )

    assert url.startswith("https://localhost:4566/uploads/x?X-Amz-Algorithm=")


def test_a_failed_test_shows_neither_key_nor_token_nor_answer_in_full() -> None:
    api = Api(Http(), "https://api.example.com", {"x-api-key": "wl_id_sekret"}, print)
    answer = Answer(500, {"set-cookie": "sekret"}, b"x" * 300 + b"sekret", 0.1)

    shown = f"{api!r} {answer!r} {Tokens('sekret', 'sekret')!r}"

    assert "sekret" not in shown
    assert "500 xxx" in shown


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (lambda: ["a key of acceptance-1"], "**This run left a key of acceptance-1.**"),
        (list, "The run left nothing behind."),
        (lambda: 1 / 0, "**Nobody could tell whether this run left something behind.**"),
    ],
)
def test_the_report_says_what_is_left_when_clearing_up_fails(
    left: Callable[[], list[str]], told: str
) -> None:
    class Broken:
        leftovers = staticmethod(left)

        @staticmethod
        def clear() -> None:
            raise AssertionError("the API is down")

    report = Report("prod")

    with pytest.raises((AssertionError, ZeroDivisionError)):
        clear_up(Broken(), report)

    assert report.traces == [told]


def test_a_list_that_lags_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    run = object.__new__(runs.Run)
    lists = [["the person acceptance-1@example.com"], [], []]
    monkeypatch.setattr(run, "_left", lambda: lists.pop(0))
    monkeypatch.setattr(deployments.time, "sleep", lambda _seconds: None)

    assert run.leftovers() == []


def test_an_answer_that_comes_before_the_end_of_the_body_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    issuer, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert("127.0.0.1").configure_cert(context)
    issuer.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    noted: list[Any] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        plain, _ = listener.accept()
        with context.wrap_socket(plain, server_side=True) as tls:
            tls.recv(CHUNK)
            tls.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
            # As one that takes its time to close does: what resets a connection at once may take
            # the answer with it.
            time.sleep(0.5)

    server = threading.Thread(target=refuse)
    server.start()
    with listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        api = Api(Http(), url, {}, lambda *of: noted.append(of))
        answer = test_limits.send(api, 10.5, "gzip")
    server.join()

    assert (answer.status, answer.body) == (413, b"{}")
    assert noted == [("POST", "/send-call-log", answer)]
