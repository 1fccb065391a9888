"""`wideload login`, `wideload whoami` and `wideload logout`."""

from __future__ import annotations

import io
import json
import os
import signal
import stat
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.client.browsing import visit
from tests.client.conftest import Command, Ran
from tests.client.fake_sign_in import FakeSignIn, Reply, jwt
from tests.client.running import Terminal, start
from wideload._cli.app import run

PASSWORD = "Correct horse 1!"
_SETTINGS = ("URL", "FILES_URL", "TOKEN", "USERNAME", "PASSWORD", "API_KEY", "CA_BUNDLE")

# A browser that is signed in already: follows the redirect to the loopback port.
_BROWSER = """
import sys, urllib.request
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(sys.argv[1], timeout=60).read()
"""


@pytest.fixture
def environment(provider: FakeSignIn, tmp_path: Path) -> dict[str, str]:
    script = tmp_path / "browser.py"
    script.write_text(_BROWSER)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("WIDELOAD_") and name not in {"DISPLAY", "WAYLAND_DISPLAY"}
    }
    return {
        **kept,
        "WIDELOAD_FILES_URL": provider.url,
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "BROWSER": f"{sys.executable} {script} %s",
        "TERM": "xterm",
    }


@pytest.fixture
def command(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfdbinary: Any
) -> Command:
    """Run the command in this process against the provider provider, without a terminal."""
    for name in _SETTINGS:
        monkeypatch.delenv(f"WIDELOAD_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def call(*arguments: str) -> Ran:
        status = run(arguments)
        output, error = capfdbinary.readouterr()
        return Ran(status, output.decode(), error.decode())

    return call


@pytest.fixture
def signed_in(command: Command, monkeypatch: pytest.MonkeyPatch, provider: FakeSignIn) -> None:
    """Ann, signed in by password."""
    monkeypatch.setenv("WIDELOAD_PASSWORD", PASSWORD)
    assert command("login", "--username", "ann").status == 0
    monkeypatch.delenv("WIDELOAD_PASSWORD")
    provider.seen.clear()


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "config" / "wideload" / "sign-ins").glob("*.json"))


# By browser


@pytest.mark.usefixtures("own_ports")
def test_login_opens_the_browser_and_keeps_the_tokens(
    environment: dict[str, str], provider: FakeSignIn, tmp_path: Path
) -> None:
    process = start(environment, "login")
    output, error = process.communicate(timeout=60)

    assert process.returncode == 0
    assert output.decode() == f"signed in to {provider.url} as ann@example.com\n"
    assert "Your browser should open" in error.decode()
    assert f"{provider.root}/oauth2/authorize?" in error.decode()
    (file,) = kept(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    for secret in (*provider.access, *provider.refresh):
        assert secret in file.read_text()
        assert secret.encode() not in output + error


@pytest.mark.usefixtures("own_ports")
@pytest.mark.parametrize("headless", [True, False])
def test_without_a_browser_the_address_is_printed(
    environment: dict[str, str], provider: FakeSignIn, headless: bool
) -> None:
    arguments = ["login", "--json"]
    if headless:
        del environment["BROWSER"]
    else:
        arguments.append("--no-browser")
    process = start(environment, *arguments)
    assert process.stderr
    address = b""
    while not address.startswith(b"  http"):
        address = process.stderr.readline()
    assert provider.requests("GET /oauth2/authorize") == []

    _, _, headers = visit(address.decode().strip())
    _, page, _ = visit(headers["location"])
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "You are signed in" in page
    who = json.loads(output)
    assert who.keys() == {"url", "name", "subject", "issuer", "way", "token_expires_at"}
    assert (who["name"], who["subject"], who["way"]) == ("ann@example.com", "sub-ann", "browser")


@pytest.mark.usefixtures("own_ports")
def test_the_last_address_of_a_browser_elsewhere_can_be_pasted(
    environment: dict[str, str], provider: FakeSignIn, tmp_path: Path
) -> None:
    with Terminal(environment, "login", "--no-browser") as terminal:
        shown = terminal.until("paste its address here.")
        address = next(line for line in shown.splitlines() if line.startswith("  http")).strip()
        _, _, headers = visit(address)
        terminal.type("http://localhost:8976/callback?code=x&state=y\n")
        terminal.until("That isn't the address of this sign-in's last page.")
        terminal.type(headers["location"] + "\n")
        terminal.until("signed in to")

    assert terminal.status == 0
    assert len(kept(tmp_path)) == 1


@pytest.mark.usefixtures("own_ports")
def test_nobody_who_signs_in_is_an_error(command: Command, tmp_path: Path) -> None:
    ran = command("login", "--no-browser", "--timeout", "0.3")

    assert ran.status == 4
    assert ran.error.endswith("wideload: no sign-in was completed within 0.3 s\n")
    assert kept(tmp_path) == []


@pytest.mark.usefixtures("own_ports")
def test_a_refusal_is_an_error(environment: dict[str, str], provider: FakeSignIn) -> None:
    provider.denies = True

    process = start(environment, "login")
    _, error = process.communicate(timeout=60)

    assert process.returncode == 4
    assert b"wideload: signing in was refused: access_denied: She said <no>.\n" in error


@pytest.mark.usefixtures("own_ports")
def test_ctrl_c_ends_the_wait(environment: dict[str, str]) -> None:
    process = start(environment, "login", "--no-browser")
    assert process.stderr
    while not process.stderr.readline().startswith(b"  http"):
        pass

    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)

    assert process.returncode == 130
    assert error.decode().strip() == "wideload: interrupted"


@pytest.mark.usefixtures("own_ports")
def test_another_issuer_is_discovered(environment: dict[str, str], provider: FakeSignIn) -> None:
    provider.cognito = False

    process = start(environment, "login")
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    assert b"as ann@example.com" in output
    (asked,) = provider.requests("GET /oauth2/authorize")
    assert asked.query["scope"] == "openid email offline_access"


def test_another_issuer_takes_no_password(
    command: Command, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.cognito = False
    monkeypatch.setenv("WIDELOAD_PASSWORD", PASSWORD)

    ran = command("login", "--username", "ann")

    assert ran.status == 4
    assert "sign in with a browser" in ran.error


# By password


def test_a_machine_signs_in_by_environment(
    command: Command, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WIDELOAD_USERNAME", "ann")
    monkeypatch.setenv("WIDELOAD_PASSWORD", PASSWORD)

    ran = command("login")

    assert (ran.status, ran.error) == (0, "")
    assert ran.output == f"signed in to {provider.url} as ann@example.com\n"
    assert PASSWORD not in kept(tmp_path)[0].read_text()


def test_a_password_comes_on_standard_input(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\r\nmore\n"))

    assert command("login", "--username", "ann").status == 0


def test_no_password_is_wrong_usage(command: Command, provider: FakeSignIn) -> None:
    ran = command("login", "--username", "ann")

    assert ran.status == 2
    assert "no password: set WIDELOAD_PASSWORD, or give it on standard input" in ran.error
    assert provider.seen == []


def test_there_is_no_option_for_a_password(command: Command) -> None:
    assert "--password" not in command("login", "--help").output
    assert command("login", "--username", "ann", "--password", "x").status == 2


def test_a_wrong_password_is_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WIDELOAD_PASSWORD", "wrong")

    ran = command("login", "--username", "ann")

    assert (ran.status, ran.output) == (4, "")
    assert ran.error == "wideload: Incorrect username or password.\n"
    assert kept(tmp_path) == []


def test_what_a_machine_can_not_answer_is_told(
    command: Command, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.people["ann"].challenges = ["SOFTWARE_TOKEN_MFA"]
    monkeypatch.setenv("WIDELOAD_PASSWORD", PASSWORD)

    ran = command("login", "--username", "ann")

    assert ran.status == 4
    assert "sign in on a terminal or with a browser" in ran.error


def test_a_person_is_asked_on_the_terminal(
    environment: dict[str, str], provider: FakeSignIn
) -> None:
    provider.people["ann"].challenges = ["NEW_PASSWORD_REQUIRED", "SMS_MFA"]

    with Terminal(environment, "login", "--username", "ann") as terminal:
        terminal.until("Password: ")
        terminal.type(f"{PASSWORD}\n")
        for policy in (None, "wideload: Password did not conform with policy"):
            if policy:
                terminal.until(policy)
            terminal.until("New password: ")
            terminal.type("long enough 1!\n" if policy else "short\n")
            terminal.until("Repeat for confirmation: ")
            terminal.type("long enough 1!\n" if policy else "short\n")
        terminal.until("Code from the text message to +*******1234: ")
        terminal.type("000000\n")
        terminal.until("wideload: that code was wrong")
        terminal.until("Code from the text message to +*******1234: ")
        terminal.type("123456\n")
        terminal.until("signed in to")

    assert terminal.status == 0
    assert PASSWORD not in terminal.shown
    assert "long enough 1!" not in terminal.shown


# Afterwards


@pytest.mark.usefixtures("signed_in")
def test_whoami(command: Command, provider: FakeSignIn) -> None:
    assert command("whoami").output == f"ann@example.com, signed in to {provider.url} by password\n"
    (who,) = command("whoami", "--json").lines
    assert who == {
        "url": provider.url,
        "name": "ann@example.com",
        "subject": "sub-ann",
        "issuer": provider.issuer,
        "way": "password",
        "token_expires_at": who["token_expires_at"],
    }
    assert who["token_expires_at"].endswith("Z")
    assert provider.seen == []


def test_nobody_is_signed_in_at_first(command: Command, provider: FakeSignIn) -> None:
    for arguments in (("whoami",), ("ls",), ("download", "01J"), ("rm", "01J")):
        ran = command(*arguments)

        assert (ran.status, ran.output) == (4, "")
        assert f"not signed in to {provider.url}: run wideload login" in ran.error
    assert provider.seen == []


@pytest.mark.usefixtures("signed_in")
def test_logout_ends_it_here_and_there(
    command: Command, provider: FakeSignIn, tmp_path: Path
) -> None:
    ran = command("logout")

    assert (ran.status, ran.error) == (0, "")
    assert ran.output == f"signed out of {provider.url}\n"
    assert provider.operations() == ["RevokeToken"]
    assert provider.refresh == {}
    assert kept(tmp_path) == []
    assert command("whoami").status == 4
    assert command("logout").output == f"not signed in to {provider.url}\n"


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(400, {"__type": "UnsupportedOperationException", "message": "switched off"}), 1),
        (Reply(503), 3),
    ],
)
def test_logout_forgets_even_what_it_can_not_end(
    command: Command, provider: FakeSignIn, tmp_path: Path, reply: Reply, status: int
) -> None:
    provider.fail("POST /cognito", *[reply] * 4)

    ran = command("logout")

    assert ran.status == status
    assert "the provider didn't end the sign-in" in ran.error
    assert kept(tmp_path) == []


def test_on_a_full_disk_it_is_said_that_somebody_signed_in_and_out(
    environment: dict[str, str], provider: FakeSignIn, tmp_path: Path
) -> None:
    said = []
    for arguments in (["login", "--username", "ann"], ["logout"]):
        with open("/dev/full", "wb") as full:
            given = {**environment, "WIDELOAD_PASSWORD": PASSWORD}
            _, error = start(given, *arguments, stdout=full).communicate(timeout=120)
            said.append(error.decode())

    why = "(standard output can't be written: No space left on device)\n"
    assert said == [
        f"wideload: signed in to {provider.url} as ann@example.com {why}",
        f"wideload: signed out of {provider.url} {why}",
    ]
    assert provider.refresh == {}  # ended at the provider too


@pytest.mark.usefixtures("signed_in")
def test_two_deployments_have_a_sign_in_each(
    command: Command, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("whoami", "--url", f"{provider.url}/").status == 0
    assert command("whoami", "--url", f"{provider.url}/v2").status == 4

    monkeypatch.delenv("WIDELOAD_FILES_URL")
    monkeypatch.setenv("WIDELOAD_URL", provider.url)
    assert command("whoami").status == 0


@pytest.mark.usefixtures("signed_in")
def test_a_token_in_the_environment_wins(
    command: Command, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = jwt({"sub": "sub-ben", "iss": "https://i", "exp": time.time() + 60})
    provider.access[token] = "ben"
    monkeypatch.setenv("WIDELOAD_TOKEN", token)

    (who,) = command("whoami", "--json").lines
    (file,) = command("ls", "--json").lines

    assert (who["name"], who["way"]) == ("sub-ben", "token")
    assert file["name"] == "file of ben"
    monkeypatch.setenv("WIDELOAD_PASSWORD", PASSWORD)
    assert "WIDELOAD_TOKEN is set, and comes before" in command("login", "--username", "ann").error


def test_a_token_that_ended_is_told(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIDELOAD_TOKEN", jwt({"sub": "s", "exp": 1_000_000_000}))

    whoami, ls = command("whoami"), command("ls")

    assert whoami.status == ls.status == 4
    assert "the token in WIDELOAD_TOKEN ended at 2001-09-09T01:46:40Z" in whoami.error


def test_a_name_and_a_password_in_the_environment_need_no_login(
    command: Command, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WIDELOAD_USERNAME", "ben")
    monkeypatch.setenv("WIDELOAD_PASSWORD", provider.people["ben"].password)

    (file,) = command("ls", "--json").lines

    assert file["name"] == "file of ben"
    assert "ben@example.com" in command("whoami").output
    assert kept(tmp_path) == []


@pytest.mark.usefixtures("signed_in")
def test_a_refused_token_is_renewed_silently(
    command: Command, provider: FakeSignIn, tmp_path: Path
) -> None:
    before = kept(tmp_path)[0].read_text()
    provider.end_access()

    ran = command("ls", "--json")

    assert (ran.status, ran.error) == (0, "")
    assert ran.lines[0]["name"] == "file of ann"
    assert provider.operations() == ["GetTokensFromRefreshToken"]
    assert kept(tmp_path)[0].read_text() != before


@pytest.mark.usefixtures("signed_in")
def test_an_ended_sign_in_is_told_in_one_line(command: Command, provider: FakeSignIn) -> None:
    provider.end_access()
    provider.refresh.clear()

    ran = command("ls")

    assert (ran.status, ran.output) == (4, "")
    assert ran.error.count("\n") == 1
    assert "run wideload login" in ran.error


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("login", "--url", " "), "give --url, or set WIDELOAD_FILES_URL or WIDELOAD_URL"),
        (("whoami", "--url", "http://example.org"), "--url must be https"),
        (("logout", "--url", "ftp://example.org"), "--url must be the API's URL"),
        (("login", "--ca-bundle", "none.pem"), "none.pem"),
        (("login", "--timeout", "0"), "--timeout"),
        (("login", "ann"), "ann"),
    ],
)
def test_wrong_usage_asks_nobody(
    command: Command, provider: FakeSignIn, arguments: Sequence[str], says: str
) -> None:
    ran = command(*arguments)

    assert (ran.status, ran.output) == (2, "")
    assert says in ran.error
    assert ran.error.count("\n") == 1
    assert provider.seen == []


def test_a_wrong_api_is_told(command: Command, provider: FakeSignIn) -> None:
    ran = command("login", "--url", provider.root)

    assert ran.status == 4
    assert "is this the base URL of a file transfer API" in ran.error


def test_a_service_that_is_down_is_told(
    command: Command, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wideload._signin.json_http._RETRIES", 0)
    provider.fail("GET /api/sign-in", Reply(503))

    assert command("login").status == 3


@pytest.mark.parametrize("name", ["login", "logout", "whoami"])
def test_help_has_the_exit_statuses(command: Command, name: str) -> None:
    text = command(name, "--help").output

    assert "4    not signed in" in text
    assert "WIDELOAD_FILES_URL" in text


def test_names_can_not_steer_the_terminal(
    command: Command, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.people["ann"].email = "a\x1b]0;mine\x07@example.com"
    monkeypatch.setenv("WIDELOAD_PASSWORD", PASSWORD)

    assert "as a?]0;mine?@example.com" in command("login", "--username", "ann").output
    assert "a?]0;mine?@example.com, signed in" in command("whoami").output
