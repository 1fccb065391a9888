"""`wideload doctor`: settings, key or token, an upload to S3, and what a page may do."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Command
from tests.client.fake_sign_in import jwt
from tests.client.test_client_doctor_network import free_port, statuses, steps
from tests.fake_aws import cors as fake_cors
from tests.fake_aws.cors import Cors
from tests.fake_aws.files import ISSUER, TOKEN, FilesService
from tests.fake_aws.ingest import API_KEY, PAYLOAD_1, IngestService
from tests.fake_aws.messages import DROP, Fault, problem, s3_error
from wideload._http import Http
from wideload._signin.provider import Provider
from wideload._signin.sign_in_store import Store
from wideload._signin.tokens import SignIn, Tokens
from wideload_runtime import __version__

APP = "https://app.example"
_SIGN_IN = "GET /stage/sign-in"
_LIST = "GET /stage/call-logs"
_PUT = "PUT /s3/"


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's user, and no proxy."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("URL", "FILES_URL", "API_KEY", "TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"WIDELOAD_{name}", raising=False)
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# Settings


def test_settings_are_named_with_their_source_and_without_secrets(
    command: Command, server: IngestService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIDELOAD_API_KEY_HEADER", "x-pype-token")
    server.api_key_header = "x-pype-token"

    found = steps(command, "--api-key", API_KEY)

    assert found["settings"]["message"].splitlines() == [
        f"{server.url} from WIDELOAD_URL",
        "wl_abcdefghijkl_… from --api-key, sent as x-pype-token (from WIDELOAD_API_KEY_HEADER)",
    ]
    assert found["exit"] == 0
    assert "secret-of-the-key" not in json.dumps(found)


def test_without_a_url_it_says_which_to_set(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDELOAD_URL")

    found = steps(command)

    assert found["exit"] == 2
    assert statuses(found) == {"settings": "failed"}
    assert "set WIDELOAD_FILES_URL or WIDELOAD_URL, or give --url" in found["settings"]["message"]


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("WIDELOAD_URL", "http://api.example", "WIDELOAD_URL must be https://"),
        ("WIDELOAD_API_KEY", "wl_a b", "api_key holds a space"),
        ("WIDELOAD_CA_BUNDLE", "nowhere.pem", "can't be read: No such file"),
    ],
)
def test_a_setting_that_cant_be_right(
    command: Command, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)

    found = steps(command)

    assert (found["exit"], statuses(found)) == (2, {"settings": "failed"})
    assert says in found["settings"]["message"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:sekret@api.example/x", "…@api.example/x from WIDELOAD_URL"),
        ("https://api.example/x?token=sekret", "https://api.example/x?… from WIDELOAD_URL"),
        ("https://api.example/x#sekret", "https://api.example/x?… from WIDELOAD_URL"),
    ],
)
def test_a_url_that_holds_a_secret_is_shown_without_it(
    command: Command, monkeypatch: pytest.MonkeyPatch, url: str, shown: str
) -> None:
    monkeypatch.setenv("WIDELOAD_URL", url)

    found = steps(command)

    assert (found["exit"], statuses(found)) == (2, {"settings": "failed"})
    assert found["settings"]["message"].splitlines()[0] == shown
    assert "sekret" not in json.dumps(found)


def test_a_key_in_quotes_is_pointed_at(command: Command) -> None:
    found = steps(command, "--api-key", f"'{API_KEY}'")

    assert found["settings"]["status"] == "warning"
    assert "without quotes?" in found["settings"]["advice"]


def test_an_origin_that_is_none_is_refused(command: Command) -> None:
    ran = command("doctor", "--origin", "https://app.example/page")

    assert ran.status == 2
    assert "give scheme and host, such as https://app.example.com" in ran.error


# The API, its version, and who asks


def test_the_version_and_whose_key(command: Command, server: IngestService) -> None:
    found = steps(command)

    assert found["api"]["message"].startswith(
        f"payload ingest, version {__version__} (this client: "
    )
    assert found["caller"]["message"] == "wl_abcdefghijkl_… of tenant acme"


def test_an_older_api_doesnt_tell_its_version(command: Command, server: IngestService) -> None:
    server.tells_version = False

    found = steps(command)

    assert (found["exit"], found["api"]["status"]) == (0, "warning")
    assert found["api"]["message"] == "payload ingest, which doesn't tell its version"
    assert found["caller"]["message"] == "wl_abcdefghijkl_… is taken"


@pytest.mark.parametrize(
    ("fault", "status", "says", "advice"),
    [
        (
            Fault(302, b"", {"Location": "https://portal.example/login?x=y"}),
            2,
            "302: redirected to https://portal.example/login",
            "sign-in page of a network",
        ),
        (
            Fault(403, b"<html>Blocked", {"Content-Type": "text/html", "Via": "proxy"}),
            1,
            "something other than the API answers: 403, Content-Type: text/html",
            "Is it the API's URL",
        ),
        (
            Fault(200, b"<html>Welcome to our guest network", {"Content-Type": "text/html"}),
            1,
            "something other than the API answers: 200, Content-Type: text/html",
            "a network answers in its place",
        ),
        (
            Fault(503, b'{"message":"Service Unavailable"}', {"apigw-requestid": "R1"}),
            3,
            "503 from 127.0.0.1 [request R1]",
            "try again in a few minutes",
        ),
    ],
)
def test_what_answers_instead_of_the_api(
    command: Command, server: IngestService, fault: Fault, status: int, says: str, advice: str
) -> None:
    server.fail(_SIGN_IN, fault)

    found = steps(command)

    assert (found["exit"], found["api"]["status"]) == (status, "failed")
    assert says in found["api"]["message"]
    assert advice in found["api"]["advice"]
    assert found["caller"]["message"] == "not tried, since api failed"


def test_another_api_behind_the_url(command: Command, server: IngestService) -> None:
    server.fail(_LIST, Fault(404, b'{"message":"Not Found"}'))

    found = steps(command)

    assert (found["exit"], found["api"]["status"]) == (1, "failed")
    assert f"is {server.url} the API's base URL?" in found["api"]["message"]


def test_a_service_that_is_down(command: Command, server: IngestService) -> None:
    server.fail(_LIST, problem(503, "unavailable"))

    found = steps(command)

    assert (found["exit"], found["api"]["status"]) == (3, "failed")
    assert "what unavailable means" in found["api"]["message"]


def test_a_wrong_key(command: Command, server: IngestService) -> None:
    found = steps(command, "--api-key", "wl_000000000000_wrong")

    assert (found["exit"], found["api"]["status"], found["caller"]["status"]) == (1, "ok", "failed")
    assert found["caller"]["message"] == "the API refuses wl_000000000000_… (403)"
    assert "revoked" in found["caller"]["advice"]
    assert found["upload"]["status"] == "skipped"


def test_a_key_in_the_wrong_header(command: Command, server: IngestService) -> None:
    server.api_key_header = "x-pype-token"

    found = steps(command)

    assert found["exit"] == 1
    assert found["caller"]["message"] == "the API found no key in the header x-api-key (401)"
    assert "set WIDELOAD_API_KEY_HEADER" in found["caller"]["advice"]


def test_no_key(command: Command, server: IngestService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIDELOAD_API_KEY")

    found = steps(command)

    assert (found["exit"], found["api"]["status"]) == (2, "ok")
    assert found["caller"]["message"] == "there is no API key"


def test_a_token_and_whose(files_command: Command) -> None:
    found = steps(files_command)

    assert found["exit"] == 0
    assert found["api"]["message"].startswith(f"file transfer, version {__version__}")
    assert found["caller"]["message"] == "subject auth0|5"


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": ISSUER, "exp": time.time() - 60}, ": it ended at 2"),
        ({"iss": ISSUER, "token_use": "id"}, ": it is an ID token"),
        (
            {"iss": "https://other.example"},
            f": it is one of https://other.example, this API takes those of {ISSUER}",
        ),
        (None, ": it isn't a JWT"),
    ],
)
def test_a_token_that_is_refused(
    files_command: Command,
    monkeypatch: pytest.MonkeyPatch,
    claims: dict[str, Any] | None,
    says: str,
) -> None:
    token = "not-a-token" if claims is None else jwt({"email": "ann@example.com", **claims})
    monkeypatch.setenv("WIDELOAD_TOKEN", token)

    found = steps(files_command)

    assert (found["exit"], found["caller"]["status"]) == (4, "failed")
    assert f"the API refuses the access token (401){says}" in found["caller"]["message"]
    assert token not in json.dumps(found)


def test_nobody_is_signed_in(files_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WIDELOAD_TOKEN")
    monkeypatch.setenv("WIDELOAD_API_KEY", API_KEY)

    found = steps(files_command)

    assert (found["exit"], found["api"]["status"]) == (4, "ok")
    assert "not signed in" in found["caller"]["message"]
    assert found["caller"]["advice"] == ("Run: wideload login (the API key is for payload ingest)")


def test_who_signed_in_before(
    files_command: Command, fake_files: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDELOAD_TOKEN")
    fake_files.token = token = jwt({"iss": ISSUER, "sub": "sub-ann", "email": "ann@example.com"})
    provider = Provider(ISSUER, "client-1", ())
    tokens = Tokens(token, None, time.time(), time.time() + 900)
    Store().save(SignIn.of(fake_files.url, provider, "browser", tokens, {}))

    found = steps(files_command)

    assert found["exit"] == 0
    assert found["caller"]["message"] == "ann@example.com, subject auth0|5"


def test_a_sign_in_that_has_ended(
    files_command: Command, fake_files: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDELOAD_TOKEN")
    tokens = Tokens(jwt({"iss": ISSUER}), None, time.time() - 4500, time.time() - 900)
    provider = Provider(ISSUER, "client-1", ())
    Store().save(SignIn.of(fake_files.url, provider, "browser", tokens, {}))

    found = steps(files_command)

    assert (found["exit"], found["caller"]["status"]) == (4, "failed")
    assert "has ended" in found["caller"]["message"]


def test_an_identity_provider_that_cant_be_reached(
    files_command: Command, fake_files: FilesService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDELOAD_TOKEN")
    tokens = Tokens(jwt({"iss": ISSUER}), "refresh", time.time() - 4500, time.time() - 900)
    issuer = "https://issuer.invalid"
    provider = Provider(issuer, "client-1", (), f"{issuer}/authorize", f"{issuer}/token")
    Store().save(SignIn.of(fake_files.url, provider, "browser", tokens, {}))

    found = steps(files_command)

    assert (found["exit"], found["api"]["status"], found["caller"]["status"]) == (3, "ok", "failed")
    assert f"no answer to POST {issuer}/token" in found["caller"]["message"]


def test_a_password_that_the_provider_doesnt_take(
    files_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WIDELOAD_TOKEN")
    monkeypatch.setenv("WIDELOAD_USERNAME", "ann")
    monkeypatch.setenv("WIDELOAD_PASSWORD", "secret")

    found = steps(files_command)

    assert (found["exit"], found["caller"]["status"]) == (4, "failed")
    assert "sign in with a browser" in found["caller"]["message"]
    assert found["settings"]["message"].splitlines()[-1] == (
        "ann from WIDELOAD_USERNAME, with WIDELOAD_PASSWORD"
    )


def test_both_apis_are_tried(
    command: Command,
    server: IngestService,
    fake_files: FilesService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WIDELOAD_FILES_URL", fake_files.url)
    monkeypatch.setenv("WIDELOAD_TOKEN", TOKEN)

    ran = command("doctor", "--json")

    callers = [(line["url"], line["message"]) for line in ran.lines if line["step"] == "caller"]
    assert ran.status == 0
    assert callers == [
        (server.url, "wl_abcdefghijkl_… of tenant acme"),
        (fake_files.url, "subject auth0|5"),
    ]


# The upload


def test_nothing_is_left_behind(
    command: Command,
    server: IngestService,
    fake_files: FilesService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WIDELOAD_FILES_URL", fake_files.url)
    monkeypatch.setenv("WIDELOAD_TOKEN", TOKEN)

    ran = command("doctor")

    assert ran.status == 0
    assert (server.payloads, server.objects, server.reservations) == ({}, {}, set())
    assert (len(server.requests(_PUT)), len(server.requests("DELETE "))) == (1, 1)
    assert "idempotency-key" not in server.requests("POST ")[0].headers  # whose record would stay
    assert (fake_files.files, fake_files.s3.objects) == ({}, {})
    assert [upload.state for upload in fake_files.uploads.values()] == ["aborted"]
    assert fake_files.s3.bytes_put == 49


@pytest.mark.parametrize(
    ("fault", "says", "advice"),
    [
        (s3_error(403, "SignatureDoesNotMatch"), "403 SignatureDoesNotMatch", "as it was signed"),
        (s3_error(403, "AccessDenied"), "403 AccessDenied", "a policy denies it"),
        (
            Fault(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message>"),
            "403 AccessDenied: Request has expired",
            "made with a wrong clock",
        ),
        (
            s3_error(403, "RequestTimeTooSkewed"),
            "403 RequestTimeTooSkewed",
            "over 15 minutes apart",
        ),
        (
            s3_error(
                301,
                "PermanentRedirect",
                Location="https://b.s3.eu-west-1.amazonaws.com/k?X-Amz-Signature=5f0c0ffee",
                x_amz_bucket_region="eu-west-1",
            ),
            "the bucket is in eu-west-1",
            "in another region",
        ),
        (
            Fault(
                400,
                b"<Error><Code>AuthorizationQueryParametersError</Code><Message>the region "
                b"'us-east-1' is wrong; expecting 'eu-west-1'</Message><Region>eu-west-1</Region>",
            ),
            "the bucket is in eu-west-1",
            "in another region",
        ),
        (s3_error(400, "BadDigest"), "400 BadDigest", "The bytes changed on the way"),
        (
            s3_error(400, "XAmzContentChecksumMismatch"),
            "400 XAmzContentChecksumMismatch",
            "The bytes changed on the way",
        ),
        (s3_error(411, "MissingContentLength"), "411", "removes Content-Length"),
        (s3_error(400, "ExpiredToken"), "400 ExpiredToken", "credentials that have expired"),
        (
            Fault(
                400,
                b"<Error><Code>ExpiredToken</Code>"
                b"<Message>The provided token has expired.</Message></Error>",
            ),
            "400 ExpiredToken",
            "The function signed with credentials that have expired",
        ),
        (s3_error(404, "NoSuchBucket"), "404 NoSuchBucket", "bucket is gone"),
        (s3_error(418, "Unheard"), "418 Unheard", "with S3's request id"),
        (
            Fault(403, b"<html>Upload blocked", {"Content-Type": "text/html"}),
            "something other than S3 answered for 127.0.0.1: 403, text/html",
            "to let 127.0.0.1 through",
        ),
    ],
)
def test_what_s3_refuses_is_explained(
    command: Command, server: IngestService, fault: Fault, says: str, advice: str
) -> None:
    server.fail(_PUT, fault)

    found = steps(command)

    assert (found["exit"], found["upload"]["status"]) == (1, "failed")
    assert says in found["upload"]["message"]
    assert advice in found["upload"]["advice"]
    assert "5f0c0ffee" not in json.dumps(found)
    assert server.payloads == {}  # deleted, since its URL would live on


def test_s3_that_is_too_busy(command: Command, server: IngestService) -> None:
    server.fail(_PUT, s3_error(503, "SlowDown"))

    found = steps(command)

    assert (found["exit"], found["upload"]["advice"]) == (3, "Try again in a moment.")
    assert found["upload"]["message"].endswith("[request S3REQ]")


def test_bytes_that_change_on_the_way(files_command: Command, fake_files: FilesService) -> None:
    fake_files.fail(_PUT, s3_error(400, "BadDigest"))

    found = steps(files_command)

    assert (found["exit"], found["upload"]["status"]) == (1, "failed")
    assert "400 BadDigest" in found["upload"]["message"]
    assert [upload.state for upload in fake_files.uploads.values()] == ["aborted"]


@pytest.mark.parametrize(
    ("root", "says"),
    [
        ("http://bucket.invalid", "the name bucket.invalid can't be resolved"),
        ("http://127.0.0.1:{port}", "no connection to 127.0.0.1, port {port}: Connection refused"),
        ("https://127.0.0.1:{own}", "127.0.0.1: what answers on this port speaks no TLS"),
    ],
)
def test_s3_that_cant_be_reached(
    command: Command, server: IngestService, root: str, says: str
) -> None:
    port = free_port()
    server.bucket.endpoint = root.format(port=port, own=server.root.rpartition(":")[2])

    found = steps(command)

    assert (found["api"]["status"], found["upload"]["status"]) == ("ok", "failed")
    assert says.format(port=port) in found["upload"]["message"]
    assert server.payloads == {}


def test_s3_that_hangs_up(command: Command, server: IngestService) -> None:
    server.fail(_PUT, DROP)

    found = steps(command)

    assert (found["exit"], found["upload"]["status"]) == (3, "failed")
    assert "127.0.0.1 took the request and gave no answer" in found["upload"]["message"]


def test_what_cant_be_deleted_is_named(command: Command, server: IngestService) -> None:
    server.fail("DELETE ", Fault(404, b'{"message":"Not Found"}'))

    found = steps(command)

    assert (found["exit"], found["upload"]["status"]) == (0, "warning")
    assert f"Left behind: payload {PAYLOAD_1}, which can't be deleted" in found["upload"]["advice"]
    assert "S3 deletes it after seven days" in found["upload"]["advice"]


def test_an_api_that_gives_no_url(files_command: Command, fake_files: FilesService) -> None:
    fake_files.quota = 10

    found = steps(files_command)

    assert (found["exit"], found["upload"]["status"]) == (1, "failed")
    says = "gives no upload URL: The file has 49 bytes; 0 of 10 bytes are taken"
    assert says in found["upload"]["message"]


def test_ctrl_c_leaves_nothing_behind(
    command: Command, server: IngestService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: object, method: str, *args: Any, **options: Any) -> Any:
        if method == "PUT":
            raise KeyboardInterrupt
        return request(self, method, *args, **options)

    request = Http.request
    monkeypatch.setattr(Http, "request", interrupt)

    ran = command("doctor")

    assert ran.status == 130
    assert server.payloads == {}


# Pages


def test_a_page_that_may_do_all(files_command: Command, fake_files: FilesService) -> None:
    fake_files.api_cors, fake_files.s3_cors = fake_cors.of_api(APP), fake_cors.of_bucket(APP)

    found = steps(files_command, "--origin", f"{APP}/")

    assert found["exit"] == 0
    assert found["origin"]["message"] == (
        f"a page of {APP} may call the API (GET, POST, PATCH, DELETE), PUT to the bucket, and "
        "read ETag and x-amz-checksum-sha256"
    )
    asked = [
        s.headers["access-control-request-headers"] for s in fake_files.requests("OPTIONS /s3")
    ]
    assert asked == ["if-none-match,x-amz-checksum-sha256"]


API, BUCKET = fake_cors.of_api(APP), fake_cors.of_bucket(APP)


@pytest.mark.parametrize(
    ("api", "bucket", "says"),
    [
        (None, BUCKET, f"the API lets no page of {APP} in (204, no allowed origin)"),
        (API, None, f"the bucket lets no page of {APP} in (403, no allowed origin)"),
        (
            dataclasses.replace(API, origin="*"),
            BUCKET,
            f"the API lets no page of {APP} in",
        ),
        (dataclasses.replace(API, methods="GET,POST"), BUCKET, "the API doesn't let pages PATCH"),
        (
            dataclasses.replace(API, headers="*"),
            BUCKET,
            "the API doesn't let pages send authorization",
        ),
        (
            dataclasses.replace(API, exposes=""),
            BUCKET,
            "the API doesn't let pages read retry-after",
        ),
        (API, dataclasses.replace(BUCKET, methods="GET"), f"the bucket lets no page of {APP} in"),
        (
            API,
            dataclasses.replace(BUCKET, headers="content-type"),
            f"the bucket lets no page of {APP} in",
        ),
        (
            API,
            dataclasses.replace(BUCKET, exposes="ETag"),
            "the bucket doesn't let pages read x-amz-checksum-sha256",
        ),
        (
            API,
            dataclasses.replace(BUCKET, exposes=""),
            "the bucket doesn't let pages read etag, x-amz-checksum-sha256",
        ),
    ],
)
def test_what_a_page_may_not_do(
    files_command: Command,
    fake_files: FilesService,
    api: Cors | None,
    bucket: Cors | None,
    says: str,
) -> None:
    fake_files.api_cors, fake_files.s3_cors = api, bucket

    found = steps(files_command, "--origin", APP)

    assert (found["exit"], found["origin"]["status"]) == (1, "failed")
    assert says in found["origin"]["message"].splitlines()[0]
    assert "among web_urls" in found["origin"]["advice"]


def test_payload_ingest_lets_no_page_in(command: Command, server: IngestService) -> None:
    found = steps(command, "--origin", APP)

    assert (found["exit"], found["origin"]["status"]) == (0, "warning")
    assert "its key would be readable" in found["origin"]["advice"]


# What is printed


def test_it_fits_a_terminal_of_80_columns(command: Command, server: IngestService) -> None:
    server.fail(_PUT, s3_error(403, "SignatureDoesNotMatch"))

    ran = command("doctor")

    lines = ran.output.splitlines()
    assert max(map(len, lines)) <= 80
    assert f"{'caller':<9} ok      wl_abcdefghijkl_… of tenant acme" in lines
    assert "upload    FAILED  S3 refused the upload: 403 SignatureDoesNotMatch: About" in lines
    assert f"{'':18}-> The request didn't arrive as it was signed. Most often a" in lines


def test_the_help_tells_the_exit_status(command: Command) -> None:
    shown = command("doctor", "--help").output

    assert "4  not signed in, or the sign-in has ended: wideload login" in shown
    assert "--origin" in shown
