"""OAuth 2: authorization code with PKCE, refresh, revocation.

RFC 6749, RFC 7636 (PKCE), RFC 7009 (revocation), RFC 8252 (native apps), OpenID Connect Core 1.0.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from wideload._signin.json_http import JsonHttp
from wideload._signin.provider import Provider
from wideload._signin.tokens import Tokens, claims
from wideload.errors import SignInError

_LONGEST_DETAIL = 300


class OtherSignIn(Exception):  # noqa: N818 - no error: the wait for the callback continues
    """The callback belongs to another sign-in."""


@dataclass(frozen=True)
class Authorization:
    """One sign-in by browser: its authorization request, and the check of the callback.

    Args:
        provider: A provider with both endpoints.
        redirect_uri: The URI that the browser is redirected to at the end.
    """

    provider: Provider
    redirect_uri: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    # 64 bytes are 86 characters; PKCE takes 43 to 128.
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    @property
    def url(self) -> str:
        """URL of the page to open."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.provider.scopes),
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        if "openid" in self.provider.scopes:
            query["nonce"] = self.nonce
        page = self.provider.authorization_endpoint or ""
        return f"{page}{'&' if urlsplit(page).query else '?'}{urlencode(query)}"

    def code(self, query: str) -> str:
        """The code in the query of the callback.

        Raises:
            OtherSignIn: The query isn't of this sign-in.
            SignInError: The provider refused.
        """
        answer = dict(parse_qsl(query))
        # Without this check another page could sign this program in as another person.
        if not hmac.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise OtherSignIn
        if answer.get("iss", self.provider.issuer) != self.provider.issuer:  # RFC 9207
            raise OtherSignIn
        if "error" in answer:
            raise SignInError(f"signing in was refused: {_reason(answer)}", code=answer["error"])
        if not answer.get("code"):
            raise SignInError("signing in failed: the sign-in page sent no code")
        return answer["code"]

    def exchange(self, http: JsonHttp, code: str) -> tuple[Tokens, dict[str, Any]]:
        """Tokens for the code, and the claims of the ID token ({} if there is none).

        Raises:
            SignInError: The provider refused, or its ID token is of another sign-in.
            TransportError, ServerError, RateLimitError: No useful answer came.
        """
        fields = {
            "grant_type": "authorization_code",
            "client_id": self.provider.client_id,
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        # Never repeated: a provider must refuse the second use of a code (RFC 6749, 4.1.2).
        status, answer = http.post_form(self.provider.token_endpoint or "", fields)
        if status != 200:
            raise SignInError(
                f"signing in failed: {_reason(answer, status)}", code=_text(answer.get("error"))
            )
        known = claims(answer.get("id_token"))
        if known:
            self._check(known)
        return _tokens(answer, http.pacing.now()), known

    def _check(self, known: Mapping[str, Any]) -> None:
        """Check the ID token's claims; TLS vouches for its origin (OpenID Connect, 3.1.3.7)."""
        audience = known.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        expected = (
            ("issuer", known.get("iss") == self.provider.issuer),
            ("audience", self.provider.client_id in audiences),
            ("nonce", known.get("nonce") == self.nonce),
        )
        wrong = [name for name, right in expected if not right]
        if wrong:
            raise SignInError(f"signing in failed: the ID token has another {wrong[0]}")


def refresh(http: JsonHttp, provider: Provider, refresh_token: str) -> Tokens:
    """New tokens for a refresh token.

    Raises:
        SignInError: The provider refuses it.
        TransportError, ServerError, RateLimitError: No useful answer came.
    """
    fields = {
        "grant_type": "refresh_token",
        "client_id": provider.client_id,
        "refresh_token": refresh_token,
    }
    status, answer = http.post_form(provider.token_endpoint or "", fields, repeatable=True)
    if status != 200:
        raise SignInError(_reason(answer, status), code=_text(answer.get("error")))
    return _tokens(answer, http.pacing.now())


def revoke(http: JsonHttp, provider: Provider, refresh_token: str) -> bool:
    """Revoke a refresh token; False if the provider has no endpoint for that.

    Raises:
        SignInError: The provider refused.
        TransportError, ServerError, RateLimitError: No useful answer came.
    """
    if not provider.revocation_endpoint:
        return False
    fields = {
        "token": refresh_token,
        "token_type_hint": "refresh_token",
        "client_id": provider.client_id,
    }
    status, answer = http.post_form(provider.revocation_endpoint, fields, repeatable=True)
    if status != 200:
        raise SignInError(_reason(answer, status), code=_text(answer.get("error")))
    return True


def _tokens(answer: Mapping[str, Any], now: float) -> Tokens:
    access_token = answer.get("access_token")
    # Checked here, since the HTTP library would show a token that it can't send.
    if not isinstance(access_token, str) or not access_token or not _sendable(access_token):
        raise SignInError("signing in failed: the provider's answer holds no access token")
    return Tokens.of(
        access_token,
        refresh_token=_text(answer.get("refresh_token")),
        expires_in=answer.get("expires_in"),
        now=now,
    )


def _sendable(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token


def _reason(answer: Mapping[str, Any], status: int | None = None) -> str:
    says = ": ".join(
        text[:_LONGEST_DETAIL]
        for name in ("error", "error_description")
        if (text := _text(answer.get(name)))
    )
    return says or f"the provider answered {status}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
