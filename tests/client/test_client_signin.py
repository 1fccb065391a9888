"""Signing in by browser: the request, the callback, and the person."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import urllib3

import wideload
from tests.client.browsing import browser, visit
from tests.client.conftest import Clock
from tests.client.fake_sign_in import CLIENT_ID, FakeSignIn, Reply, jwt
from wideload._signin import sign_in_methods
from wideload._signin.cognito import Cognito
from wideload._signin.json_http import JsonHttp
from wideload._signin.oauth import Authorization, OtherSignIn
from wideload._signin.provider import Provider
from wideload._signin.tokens import SignIn, Tokens
from wideload.errors import RateLimitError, ServerError, SignInError, TransportError


@pytest.mark.usefixtures("own_ports")
def test_signing_in_by_browser(provider: FakeSignIn, web: JsonHttp) -> None:
    pages: list[str] = []

    sign_in = sign_in_methods.sign_in_with_browser(
        web, provider.url, show=browser(pages), timeout=60
    )

    assert (sign_in.name, sign_in.subject, sign_in.way) == ("ann@example.com", "sub-ann", "browser")
    assert sign_in.tokens.access_token in provider.access
    assert sign_in.tokens.refresh_token in provider.refresh
    assert sign_in.tokens.expires_at == pytest.approx(time.time() + 3600, abs=5)
    assert "You are signed in" in pages[0]


def test_the_page_is_asked_for_a_code_bound_to_this_sign_in(
    provider: FakeSignIn, web: JsonHttp
) -> None:
    found = Provider.of(provider.url, web)

    authorization = Authorization(found, "http://localhost:8976/callback")

    asked = dict(parse_qsl(urlsplit(authorization.url).query))
    digest = hashlib.sha256(authorization.verifier.encode()).digest()
    assert authorization.url.startswith(f"{provider.root}/oauth2/authorize?")
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": "http://localhost:8976/callback",
        "scope": "openid email",
        "state": authorization.state,
        "nonce": authorization.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    assert 43 <= len(authorization.verifier) <= 128
    assert Authorization(found, "x").url != Authorization(found, "x").url
    for secret in (authorization.verifier, authorization.state, authorization.nonce):
        assert secret not in repr(authorization)


def test_no_nonce_is_asked_for_without_an_id_token(provider: FakeSignIn) -> None:
    found = Provider("https://i", CLIENT_ID, ("files",), "https://i/page?tenant=1")

    url = Authorization(found, "http://localhost:8976/callback").url

    assert url.startswith("https://i/page?tenant=1&response_type=code&")
    assert "nonce" not in url


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=c",
        "code=c&state=",
        "code=c&state=another",
        "error=access_denied&state=another",
        "code=c&state={state}&iss=https://another",
        "code=c&state=é",
    ],
)
def test_a_callback_of_another_sign_in_is_ignored(query: str) -> None:
    authorization = Authorization(Provider("https://i", CLIENT_ID, ()), "x")

    with pytest.raises(OtherSignIn):
        authorization.code(query.format(state=authorization.state))


def test_a_code_with_the_right_state_and_issuer_is_taken() -> None:
    authorization = Authorization(Provider("https://i", CLIENT_ID, ()), "x")

    assert authorization.code(f"code=c%2B1&iss=https://i&state={authorization.state}") == "c+1"
    with pytest.raises(SignInError, match="sent no code"):
        authorization.code(f"state={authorization.state}")


@pytest.mark.usefixtures("own_ports")
def test_a_refusal_of_the_provider_is_told_here_and_on_the_page(
    provider: FakeSignIn, web: JsonHttp
) -> None:
    provider.denies = True
    pages: list[str] = []

    with pytest.raises(SignInError, match="access_denied: She said <no>") as raised:
        sign_in_methods.sign_in_with_browser(web, provider.url, show=browser(pages), timeout=60)

    assert raised.value.code == "access_denied"
    assert "You are not signed in" in pages[0]
    assert "She said &lt;no&gt;." in pages[0]


@pytest.mark.usefixtures("own_ports")
@pytest.mark.parametrize(
    ("tamper", "what"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another"}, "audience"),
        ({"iss": "https://another"}, "issuer"),
    ],
)
def test_the_id_token_of_another_sign_in_is_refused(
    provider: FakeSignIn, web: JsonHttp, tamper: dict[str, Any], what: str
) -> None:
    provider.tamper = lambda claims: claims | tamper

    with pytest.raises(SignInError, match=f"the ID token has another {what}"):
        sign_in_methods.sign_in_with_browser(web, provider.url, show=browser([]), timeout=60)


@pytest.mark.usefixtures("own_ports")
def test_a_code_is_shown_once_only(provider: FakeSignIn, web: JsonHttp) -> None:
    provider.fail("POST /oauth2/token", Reply(503), Reply(503))

    with pytest.raises(ServerError):
        sign_in_methods.sign_in_with_browser(web, provider.url, show=browser([]), timeout=60)

    assert len(provider.requests("POST /oauth2/token")) == 1


def test_a_code_whose_answer_is_lost_is_not_sent_again(clock: Clock) -> None:
    class Lost:
        requests = 0

        def request(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
            self.requests += 1
            raise urllib3.exceptions.ProtocolError("broken", ConnectionResetError())

    transport = Lost()

    with pytest.raises(TransportError):
        JsonHttp(transport, clock.pacing()).post_form("https://id.example/token", {"code": "c"})

    assert transport.requests == 1


def test_a_code_of_another_authorization_is_refused(provider: FakeSignIn, web: JsonHttp) -> None:
    found = Provider.of(provider.url, web)
    redirect = "http://localhost:8976/callback"
    ours, theirs = Authorization(found, redirect), Authorization(found, redirect)
    _, _, headers = visit(theirs.url)
    code = theirs.code(urlsplit(headers["location"]).query)

    with pytest.raises(SignInError, match="invalid_grant"):
        ours.exchange(web, code)


@pytest.mark.parametrize("members", [{}, {"access_token": 1}, {"access_token": "a b"}])
def test_an_answer_without_a_token_is_an_error(
    provider: FakeSignIn, web: JsonHttp, members: dict[str, Any]
) -> None:
    provider.fail("POST /oauth2/token", Reply(200, members))
    authorization = Authorization(Provider.of(provider.url, web), "x")

    with pytest.raises(SignInError, match="holds no access token"):
        authorization.exchange(web, "code")


# Where to sign in


def test_an_issuer_is_asked_for_what_the_api_does_not_say(
    provider: FakeSignIn, web: JsonHttp
) -> None:
    provider.cognito = False

    found = Provider.of(provider.url, web).discovered(web)

    assert found.token_endpoint == f"{provider.root}/oauth2/token"
    assert found.revocation_endpoint == f"{provider.root}/oauth2/revoke"
    assert found.scopes == ("openid", "email", "offline_access")
    assert found.cognito_endpoint is None


def test_endpoints_of_the_api_are_not_requested_from_the_issuer(
    provider: FakeSignIn, web: JsonHttp
) -> None:
    Provider.of(provider.url, web).discovered(web)

    assert [seen.path for seen in provider.seen] == ["/api/sign-in"]


@pytest.mark.parametrize(
    ("discovery", "says"),
    [
        ({"issuer": "https://another"}, "another issuer"),
        ({"token_endpoint": "http://example.org/token"}, "must be https"),
        ({"authorization_endpoint": "file:///etc/passwd"}, "is no URL"),
        ({"authorization_endpoint": "--help"}, "is no URL"),
        ({"authorization_endpoint": "https://a/ b"}, "is no URL"),
        ({"authorization_endpoint": "https://a/\x1b[2J"}, "is no URL"),
        ({"authorization_endpoint": "https://[a"}, "is no URL"),
        ({"token_endpoint": None}, "names no"),
    ],
)
def test_the_answer_of_an_issuer_is_checked(
    provider: FakeSignIn, web: JsonHttp, discovery: dict[str, Any], says: str
) -> None:
    provider.cognito = False
    provider.discovery = discovery

    with pytest.raises(SignInError, match=says):
        Provider.of(provider.url, web).discovered(web)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(404, {"message": "Not Found"}), "is this the base URL of a file transfer API"),
        (Reply(200, {"issuer": "https://i"}), "client_id or scopes is missing"),
        (Reply(200, {"issuer": "i", "client_id": "c"}), "issuer is no URL"),
        (Reply(200, {"issuer": "http://i", "client_id": "c"}), "must be https"),
        (Reply(200, {"issuer": "https://i", "client_id": "c", "scopes": [1]}), "scopes is missing"),
        (Reply(200, {"issuer": "https://i", "client_id": "c", "scopes": "a"}), "scopes is missing"),
    ],
)
def test_the_sign_in_answer_of_an_api_is_checked(
    provider: FakeSignIn, web: JsonHttp, reply: Reply, says: str
) -> None:
    provider.fail("GET /api/sign-in", reply)

    with pytest.raises(SignInError, match=says):
        Provider.of(provider.url, web)


def test_passing_trouble_is_waited_for(provider: FakeSignIn, web: JsonHttp, clock: Clock) -> None:
    provider.fail(
        "GET /api/sign-in", Reply(503), Reply(429, headers={"Retry-After": "7"}), Reply(0)
    )

    Provider.of(provider.url, web)

    assert len(provider.seen) == 4
    assert 7.0 in clock.slept


def test_lasting_trouble_is_told(provider: FakeSignIn, web: JsonHttp) -> None:
    provider.fail("GET /api/sign-in", *[Reply(503)] * 4)
    with pytest.raises(ServerError, match="503"):
        Provider.of(provider.url, web)

    provider.fail("GET /api/sign-in", *[Reply(429)] * 4)
    with pytest.raises(RateLimitError, match="429"):
        Provider.of(provider.url, web)

    provider.fail("GET /api/sign-in", *[Reply(0)] * 4)
    with pytest.raises(TransportError, match="gave up after 4 requests"):
        Provider.of(provider.url, web)


# What comes of it


def test_no_secret_is_in_a_repr(provider: FakeSignIn, web: JsonHttp) -> None:
    sign_in = sign_in_methods.sign_in_with_password(web, provider.url, "ann", "Correct horse 1!")

    shown = repr(sign_in) + repr(sign_in.tokens) + json.dumps(sign_in.to_public())

    assert sign_in.tokens.access_token not in shown
    assert str(sign_in.tokens.refresh_token) not in shown


@pytest.mark.parametrize(
    ("life", "now", "fresh", "ended"),
    [
        (3600, 3539, True, False),
        (3600, 3541, False, False),
        (3600, 3600, False, True),
        (60, 29, True, False),
        (60, 31, False, False),
        (None, 1e9, True, False),
    ],
)
def test_tokens_are_renewed_a_little_before_they_end(
    life: float | None, now: float, fresh: bool, ended: bool
) -> None:
    tokens = Tokens.of("opaque", refresh_token=None, expires_in=life, now=0.0)

    assert (tokens.fresh(now), tokens.ended(now)) == (fresh, ended)


@pytest.mark.parametrize(
    ("token", "expires_in", "ends"),
    [
        ("opaque", "90", 190.0),
        (jwt({"exp": 500}), None, 500.0),
        (jwt({"exp": 500}), "soon", 500.0),
        (jwt({"exp": "x"}), None, None),
        ("a.b.c", None, None),
        ("a.=.c", None, None),
    ],
)
def test_when_a_token_ends(token: str, expires_in: object, ends: float | None) -> None:
    tokens = Tokens.of(token, refresh_token=None, expires_in=expires_in, now=100.0)

    assert tokens.expires_at == ends


def test_a_sign_in_survives_being_written_down(provider: FakeSignIn, web: JsonHttp) -> None:
    sign_in = sign_in_methods.sign_in_with_password(web, provider.url, "ann", "Correct horse 1!")

    assert SignIn.from_members(json.loads(json.dumps(sign_in.to_members()))) == sign_in


@pytest.mark.parametrize("cognito", [True, False])
@pytest.mark.usefixtures("own_ports")
def test_a_sign_in_is_ended_at_its_provider(
    provider: FakeSignIn, web: JsonHttp, cognito: bool
) -> None:
    provider.cognito = cognito
    sign_in = sign_in_methods.sign_in_with_browser(web, provider.url, show=browser([]), timeout=60)

    assert sign_in_methods.revoke(web, sign_in)

    assert provider.refresh == {}


def test_a_provider_without_revocation_is_reported(provider: FakeSignIn, web: JsonHttp) -> None:
    provider.cognito = False
    provider.discovery = {"revocation_endpoint": None}
    found = Provider.of(provider.url, web).discovered(web)
    tokens = Tokens.of("a", refresh_token="r", expires_in=1, now=0.0)

    assert not sign_in_methods.revoke(web, SignIn.of(provider.url, found, "browser", tokens, {}))


def test_signin_error_is_of_the_package() -> None:
    assert issubclass(SignInError, wideload.WideloadError)
    assert Cognito.__doc__
