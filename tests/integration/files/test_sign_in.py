"""Signing in with the user pool as it is deployed: where codes are sent, and whom they serve."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import urllib3

from local.outputs import Outputs
from tests.integration.conftest import Api
from wideload._signin.json_http import JsonHttp
from wideload._signin.sign_in_methods import renewed_sign_in, sign_in_with_password

HERE = "http://localhost:8976/callback"
ELSEWHERE = (
    "https://evil.example.com/",
    "http://localhost:9999/callback",
    f"{HERE}/../elsewhere",
    f"{HERE}?next=https://evil.example.com/",
    f"{HERE}#evil",
    "http://localhost:8976.evil.example.com/callback",
    "javascript:alert(1)",
)


@dataclass(frozen=True)
class SignIn:
    """A program that signs the first person in."""

    http: urllib3.PoolManager
    told: dict[str, str]
    person: dict[str, str]
    verifier: str

    def authorize(self, **changed: str) -> urllib3.BaseHTTPResponse:
        """Ask for the page where people sign in."""
        query = urlencode(self._request() | changed)
        url = f"{self.told['authorization_endpoint']}?{query}"
        return self.http.request("GET", url, redirect=False)

    def code(self, **changed: str) -> str:
        """Have the person sign in; the code that the browser is sent back with."""
        answer = self.http.request(
            "POST",
            self.told["authorization_endpoint"].replace("/oauth2/authorize", "/login"),
            body=urlencode(self._request() | changed | self.person),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            redirect=False,
        )
        back = urlsplit(answer.headers["Location"])
        assert answer.headers["Location"].startswith(f"{HERE}?"), back
        return parse_qs(back.query)["code"][0]

    def redeem(self, code: str, **changed: str) -> int:
        """Ask for tokens; the status of the answer."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.told["client_id"],
            "code": code,
            "redirect_uri": HERE,
            "code_verifier": self.verifier,
        }
        answer = self.http.request(
            "POST",
            self.told["token_endpoint"],
            body=urlencode(form | changed),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        assert (answer.status == 200) == (b"access_token" in answer.data)
        return answer.status

    def _request(self) -> dict[str, str]:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return {
            "response_type": "code",
            "client_id": self.told["client_id"],
            "redirect_uri": HERE,
            "scope": "openid email",
            "state": "state",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }


@pytest.fixture
def sign_in(http: urllib3.PoolManager, nobody: Api, outputs: Outputs) -> SignIn:
    person = outputs["files"]["users"][0]
    return SignIn(
        http=http,
        told=nobody.get("/sign-in").json,
        person={"username": person["username"], "password": person["password"]},
        verifier=secrets.token_urlsafe(48),
    )


@pytest.mark.parametrize("url", ELSEWHERE)
def test_nobody_is_sent_elsewhere_with_a_code(sign_in: SignIn, url: str) -> None:
    answer = sign_in.authorize(redirect_uri=url)

    assert answer.status == 400
    assert "Location" not in answer.headers


def test_nobody_is_sent_elsewhere_after_signing_out(sign_in: SignIn) -> None:
    query = urlencode({"client_id": sign_in.told["client_id"], "logout_uri": ELSEWHERE[0]})
    url = f"{sign_in.told['end_session_endpoint']}?{query}"
    answer = sign_in.http.request("GET", url, redirect=False)

    assert answer.status == 400
    assert "Location" not in answer.headers


def test_no_token_is_sent_by_a_redirect(sign_in: SignIn) -> None:
    assert sign_in.authorize(response_type="token").status == 400


def test_a_sign_in_by_password_is_renewed_without_the_flow_that_rotation_forbids(
    nobody: Api, outputs: Outputs, http: urllib3.PoolManager
) -> None:
    """The emulator doesn't replace refresh tokens; the flow is off there, too."""
    person, url = outputs["files"]["users"][0], outputs["files"]["api_url"]
    web = JsonHttp(http)
    first = sign_in_with_password(web, url, person["username"], person["password"])

    second = renewed_sign_in(web, first)

    assert second.tokens.access_token != first.tokens.access_token
    bearer = {"Authorization": f"Bearer {second.tokens.access_token}"}
    assert nobody.request("GET", "/files", headers=bearer).status == 200


def test_a_code_is_for_who_asked_for_it_and_once(sign_in: SignIn) -> None:
    assert sign_in.redeem(sign_in.code(), code_verifier=secrets.token_urlsafe(48)) == 400
    assert sign_in.redeem(sign_in.code(), code_verifier="") == 400
    assert sign_in.redeem(sign_in.code(), redirect_uri="http://localhost:8977/callback") == 400

    code = sign_in.code()

    assert sign_in.redeem(code) == 200
    assert sign_in.redeem(code) == 400
