"""Stored sign-ins: permissions of the files, and renewal by one process at a time."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import wideload
from tests.client.browsing import browser
from tests.client.conftest import Clock
from tests.client.fake_sign_in import FakeSignIn, Reply
from wideload import signin
from wideload._signin import sign_in_methods
from wideload._signin.json_http import JsonHttp
from wideload._signin.sign_in_store import Store, directory
from wideload._signin.token_sources import PasswordSource, StoredSource
from wideload._signin.tokens import SignIn, SignInMethod
from wideload.errors import ServerError, SignInError

PASSWORD = "Correct horse 1!"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "config" / "sign-ins")


@pytest.fixture
def kept(provider: FakeSignIn, web: JsonHttp, store: Store) -> SignIn:
    """Ann, signed in by password."""
    sign_in = sign_in_methods.sign_in_with_password(web, provider.url, "ann", PASSWORD)
    store.save(sign_in)
    provider.seen.clear()
    return sign_in


@pytest.fixture
def source(provider: FakeSignIn, store: Store, web: JsonHttp) -> StoredSource:
    return StoredSource(provider.url, store, web)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# Keeping


def test_only_the_user_can_read_what_is_kept(
    kept: SignIn, store: Store, provider: FakeSignIn, tmp_path: Path
) -> None:
    with store.locked(provider.url):
        files = list((tmp_path / "config" / "sign-ins").iterdir())

    assert {path.suffix for path in files} == {".json", ".lock"}
    assert {_mode(path) for path in files} == {0o600}
    assert _mode(tmp_path / "config") == _mode(tmp_path / "config" / "sign-ins") == 0o700


def test_a_folder_that_was_open_to_others_is_closed(
    kept: SignIn, store: Store, provider: FakeSignIn
) -> None:
    folder = store.path(provider.url).parent
    folder.chmod(0o755)

    store.save(kept)

    assert _mode(folder) == 0o700


def test_a_wide_umask_opens_nothing(kept: SignIn, store: Store, provider: FakeSignIn) -> None:
    before = os.umask(0)
    try:
        store.save(kept)
        with store.locked(provider.url):
            pass
    finally:
        os.umask(before)

    assert {_mode(path) for path in store.path(provider.url).parent.iterdir()} == {0o600}


def test_a_stored_sign_in_is_read_back(kept: SignIn, store: Store, provider: FakeSignIn) -> None:
    assert store.path(provider.url) != store.path(f"{provider.url}/other")
    assert store.load(provider.url) == kept
    assert store.load(f"{provider.url}/other") is None
    store.path(provider.url).rename(store.path(f"{provider.url}/other"))
    assert store.load(f"{provider.url}/other") is None


def test_a_write_that_fails_leaves_the_old_one_and_nothing_else(
    kept: SignIn, store: Store, provider: FakeSignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(OSError, match="No space left"):
        store.save(kept.with_tokens(kept.tokens))

    assert store.load(provider.url) == kept
    assert [path.suffix for path in store.path(provider.url).parent.iterdir()] == [".json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"url":"x","provider":{"scopes":[]},"tokens":{}}', b"\xff"],
)
def test_a_file_of_an_unknown_format_is_no_sign_in(
    store: Store, source: StoredSource, kept: SignIn, provider: FakeSignIn, content: bytes
) -> None:
    store.path(provider.url).write_bytes(content)

    assert store.load(provider.url) is None
    with pytest.raises(SignInError, match=f"not signed in to {provider.url}: run wideload login"):
        source()


def test_deleting_twice_is_fine(kept: SignIn, store: Store, provider: FakeSignIn) -> None:
    store.delete(provider.url)
    store.delete(provider.url)

    assert store.load(provider.url) is None


def test_it_is_the_users_config_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert directory() == tmp_path / "wideload" / "sign-ins"


# Renewing


def test_a_token_that_is_good_is_given_without_asking(
    kept: SignIn, source: StoredSource, provider: FakeSignIn
) -> None:
    assert source() == kept.tokens.access_token
    assert provider.seen == []


def test_a_token_that_is_about_to_end_is_renewed_and_kept(
    kept: SignIn, source: StoredSource, store: Store, provider: FakeSignIn, clock: Clock
) -> None:
    clock.time += 3541

    token = source()

    renewed = store.load(provider.url)
    assert renewed
    assert token == renewed.tokens.access_token != kept.tokens.access_token
    assert renewed.tokens.refresh_token == kept.tokens.refresh_token
    assert (renewed.name, renewed.subject) == (kept.name, kept.subject)
    assert provider.operations() == ["GetTokensFromRefreshToken"]


def test_a_token_that_the_api_refused_is_renewed(
    kept: SignIn, source: StoredSource, provider: FakeSignIn
) -> None:
    first = source()

    second = source.renew(first)

    assert first == kept.tokens.access_token
    assert second != first
    assert second in provider.access
    assert source() == source.renew(first) == second
    assert provider.operations() == ["GetTokensFromRefreshToken"]


def test_a_token_that_another_process_renewed_is_taken(
    kept: SignIn, source: StoredSource, store: Store, web: JsonHttp, provider: FakeSignIn
) -> None:
    refused = source()
    other = sign_in_methods.renewed_sign_in(web, kept)
    store.save(other)
    provider.seen.clear()

    assert source.renew(refused) == other.tokens.access_token
    assert provider.seen == []


@pytest.mark.usefixtures("own_ports")
@pytest.mark.parametrize("way", ["browser", "password"])
def test_a_rotated_refresh_token_is_kept(
    provider: FakeSignIn, web: JsonHttp, store: Store, source: StoredSource, clock: Clock, way: str
) -> None:
    provider.rotates = True
    if way == "browser":
        provider.cognito = False
        store.save(
            sign_in_methods.sign_in_with_browser(web, provider.url, show=browser([]), timeout=60)
        )
    else:
        store.save(sign_in_methods.sign_in_with_password(web, provider.url, "ann", PASSWORD))

    tokens = set()
    for _ in range(3):
        clock.time += 3600
        tokens.add(source())

    assert len(tokens) == 3
    assert len(provider.refresh) == 1


class RacedStore(Store):
    """A store whose lock doesn't hold: another process renews once after it was read in there.

    Args:
        life: Seconds of the access token that the other process gets.
    """

    def __init__(self, store: Store, web: JsonHttp, provider: FakeSignIn, life: int) -> None:
        super().__init__(store.path("").parent)
        self._web, self._provider, self._life = web, provider, life
        self.reads = 0

    def load(self, url: str) -> SignIn | None:
        found = super().load(url)
        self.reads += 1
        if self.reads == 2:
            assert found
            self._provider.life = self._life
            self.save(sign_in_methods.renewed_sign_in(self._web, found))
            self._provider.life = 3600
        return found


@pytest.mark.parametrize(("life", "renewals"), [(3600, 2), (0, 3)])
@pytest.mark.usefixtures("kept")
def test_a_refresh_token_that_another_process_has_used_up_ends_nothing(
    store: Store, web: JsonHttp, provider: FakeSignIn, clock: Clock, life: int, renewals: int
) -> None:
    provider.rotates = True
    clock.time += 3600
    raced = RacedStore(store, web, provider, life)

    token = StoredSource(provider.url, raced, web)()

    found = store.load(provider.url)
    assert found
    assert token == found.tokens.access_token
    assert token in provider.access
    assert list(provider.refresh) == [found.tokens.refresh_token]
    assert provider.operations() == ["GetTokensFromRefreshToken"] * renewals


def test_an_ended_sign_in_says_what_to_do(
    kept: SignIn, source: StoredSource, store: Store, provider: FakeSignIn, clock: Clock
) -> None:
    provider.refresh.clear()
    clock.time += 3600

    with pytest.raises(SignInError, match=r"has ended .*revoked.*: run wideload login") as raised:
        source()

    assert raised.value.code == "NotAuthorizedException"
    assert str(kept.tokens.refresh_token) not in str(raised.value)


def test_a_sign_in_that_can_not_be_renewed_says_so(
    kept: SignIn, source: StoredSource, store: Store, clock: Clock
) -> None:
    store.save(replace(kept, tokens=replace(kept.tokens, refresh_token=None)))
    clock.time += 3600

    with pytest.raises(SignInError, match="gave nothing to renew it with: run wideload login"):
        source()


def test_trouble_while_renewing_early_is_no_trouble(
    kept: SignIn, source: StoredSource, provider: FakeSignIn, clock: Clock
) -> None:
    provider.fail("POST /cognito", *[Reply(503)] * 4)
    clock.time += 3545

    assert source() == kept.tokens.access_token


def test_trouble_while_renewing_late_is(
    kept: SignIn, source: StoredSource, provider: FakeSignIn, clock: Clock
) -> None:
    provider.fail("POST /cognito", *[Reply(503)] * 4)
    clock.time += 3600

    with pytest.raises(ServerError):
        source()


def test_trouble_while_replacing_a_refused_token_is_told(
    kept: SignIn, source: StoredSource, provider: FakeSignIn
) -> None:
    provider.fail("POST /cognito", *[Reply(503)] * 4)

    with pytest.raises(ServerError):
        source.renew(source())


def test_threads_that_are_refused_at_once_get_good_tokens(
    kept: SignIn, source: StoredSource, provider: FakeSignIn
) -> None:
    client = wideload.Client(provider.url, token=source)
    names: list[str] = []
    provider.end_access()

    def ask() -> None:
        names.extend(file.name for file in client.files.list())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    with client:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert names == ["file of ann"] * 8
    assert provider.operations() == ["GetTokensFromRefreshToken"]


_RENEW = """
import sys, time
from pathlib import Path
import urllib3
from wideload._signin.token_sources import StoredSource
from wideload._signin.sign_in_store import Store
from wideload._signin.json_http import JsonHttp
folder, url, go = sys.argv[1:]
web = JsonHttp(urllib3.PoolManager())
source = StoredSource(url, Store(Path(folder)), web)
print("ready", flush=True)
while not Path(go).exists():
    time.sleep(0.001)
print(source())
"""


@pytest.mark.parametrize(
    ("way", "asked"), [("browser", "POST /oauth2/token"), ("password", "POST /cognito")]
)
def test_one_of_many_processes_renews(
    provider: FakeSignIn, store: Store, kept: SignIn, tmp_path: Path, way: SignInMethod, asked: str
) -> None:
    # A refresh token of which only the first use counts: a second renewal would end the sign-in.
    now = time.time()
    ended = replace(kept.tokens, issued_at=now - 3600, expires_at=now)
    store.save(replace(kept, tokens=ended, way=way))
    provider.rotates, provider.delay = True, 0.2
    go = tmp_path / "go"

    arguments = [str(store.path(provider.url).parent), provider.url, str(go)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _RENEW, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    go.touch()
    ran = [process.communicate(timeout=60) for process in processes]

    assert [error for _, error in ran] == [""] * 6
    assert len({output for output, _ in ran}) == 1
    assert len(provider.requests(asked)) == 1


def test_a_process_that_dies_while_renewing_leaves_no_lock(
    store: Store, provider: FakeSignIn, kept: SignIn
) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from wideload._signin.sign_in_store import Store\n"
        "with Store(Path(sys.argv[1])).locked(sys.argv[2]): os._exit(9)"
    )
    folder = store.path(provider.url).parent

    died = subprocess.run(
        [sys.executable, "-c", code, str(folder), provider.url], timeout=60, check=False
    )

    assert died.returncode == 9
    started = time.monotonic()
    with store.locked(provider.url):
        pass
    assert time.monotonic() - started < 5


# For programs


def test_a_program_uses_the_stored_sign_in(
    provider: FakeSignIn, web: JsonHttp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    Store().save(
        sign_in_methods.sign_in_with_password(
            web, provider.url, "ben", provider.people["ben"].password
        )
    )

    with wideload.Client(provider.url, token=signin.stored_token(f"{provider.url}/")) as client:
        names = [file.name for file in client.files.list()]

    assert names == ["file of ben"]


def test_a_program_acts_with_a_name_and_a_password(provider: FakeSignIn) -> None:
    with wideload.Client(
        provider.url, token=signin.password_token(provider.url, "ann", PASSWORD)
    ) as client:
        first = [file.name for file in client.files.list()]
        provider.end_access()
        second = [file.name for file in client.files.list()]
        provider.end_access()
        provider.refresh.clear()
        third = [file.name for file in client.files.list()]

    assert first == second == third == ["file of ann"]
    # By password, by refresh token, and, that having ended, by password again.
    assert provider.operations() == [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "GetTokensFromRefreshToken",
        "GetTokensFromRefreshToken",
        "InitiateAuth",
        "RespondToAuthChallenge",
    ]


def test_threads_that_begin_at_once_sign_in_once(provider: FakeSignIn) -> None:
    token = signin.password_token(provider.url, "ann", PASSWORD)
    provider.delay = 0.1
    got: list[str] = []

    threads = [threading.Thread(target=lambda: got.append(token())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 4
    assert len(set(got)) == 1
    assert provider.operations() == ["InitiateAuth", "RespondToAuthChallenge"]


def test_a_password_is_kept_out_of_sight(web: JsonHttp) -> None:
    assert "secret" not in repr(PasswordSource("https://a", "ann", "secret", web))


def test_a_wrong_url_is_refused_at_once() -> None:
    with pytest.raises(wideload.ConfigurationError, match="url must be https"):
        signin.stored_token("http://example.org")
    with pytest.raises(wideload.ConfigurationError, match="url must be https"):
        signin.password_token("http://example.org", "ann", "secret")


def test_missing_packages_are_named() -> None:
    code = (
        "import sys; sys.modules['filelock'] = None\n"
        "from wideload import signin, ConfigurationError\n"
        "signin.password_token('https://a', 'ann', 'x')\n"
        "try: signin.stored_token('https://a')\n"
        "except ConfigurationError as error: print(error)"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "keeping sign-ins needs more packages: pip install wideload[signin]\n"


def test_the_file_holds_what_a_renewal_needs_and_no_more(
    kept: SignIn, store: Store, provider: FakeSignIn
) -> None:
    members = json.loads(store.path(provider.url).read_bytes())

    assert members.keys() == {"url", "provider", "way", "tokens", "subject", "name"}
    assert PASSWORD not in store.path(provider.url).read_text()
