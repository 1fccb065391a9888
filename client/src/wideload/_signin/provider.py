"""Who signs people in for a deployment, and where: as its API says, or its issuer publishes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from wideload._signin.json_http import JsonHttp, checked_endpoint
from wideload.errors import SignInError

_OPTIONAL = (
    "authorization_endpoint",
    "token_endpoint",
    "revocation_endpoint",
    "cognito_endpoint",
)


@dataclass(frozen=True)
class Provider:
    """An identity provider, and what a deployment is called there.

    Attributes:
        issuer: Its name, a URL, which its tokens carry as `iss`.
        client_id: The deployment's public client (no secret).
        scopes: What to ask for.
        authorization_endpoint: The sign-in page.
        token_endpoint: Where a code or a refresh token becomes tokens.
        revocation_endpoint: Where a refresh token ends (RFC 7009), if anywhere.
        cognito_endpoint: Amazon Cognito's own API, if the provider is a Cognito user pool.
    """

    issuer: str
    client_id: str
    scopes: tuple[str, ...]
    authorization_endpoint: str | None = None
    token_endpoint: str | None = None
    revocation_endpoint: str | None = None
    cognito_endpoint: str | None = None

    @classmethod
    def of(cls, url: str, http: JsonHttp) -> Provider:
        """Ask the API at `url`.

        Raises:
            SignInError: It has no file transfer, or its answer can't be right.
            TransportError, ServerError, RateLimitError: No useful answer came.
        """
        status, members = http.get(f"{url}/sign-in")
        if status != 200:
            hint = " (is this the base URL of a file transfer API?)" if status in {403, 404} else ""
            raise SignInError(f"{url} doesn't say how to sign in: {status}{hint}")
        client_id, scopes = members.get("client_id"), members.get("scopes")
        if not isinstance(client_id, str) or not client_id or not _is_texts(scopes):
            raise SignInError(f"{url} doesn't say how to sign in: client_id or scopes is missing")
        return cls(
            issuer=checked_endpoint("issuer", members.get("issuer")),
            client_id=client_id,
            scopes=tuple(scopes or ()),
            **_endpoints(members),
        )

    def discovered(self, http: JsonHttp) -> Provider:
        """The same with the endpoints that the issuer publishes, where the API gave none.

        https://openid.net/specs/openid-connect-discovery-1_0.html

        Raises:
            SignInError: The issuer publishes nothing of the kind, or speaks for another one.
            TransportError, ServerError, RateLimitError: No useful answer came.
        """
        if self.authorization_endpoint and self.token_endpoint:
            return self
        where = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        status, members = http.get(where)
        if status != 200:
            raise SignInError(f"the issuer doesn't say how to sign in: {where}: {status}")
        if members.get("issuer") != self.issuer:
            raise SignInError(
                f"{where} speaks for another issuer than {self.issuer}: {members.get('issuer')!r}"
            )
        found: dict[str, Any] = _endpoints(members)
        # Without this scope most providers give no refresh token.
        offline = "offline_access"
        if offline in (members.get("scopes_supported") or ()) and offline not in self.scopes:
            found["scopes"] = (*self.scopes, offline)
        given = {name: value for name in _OPTIONAL if (value := getattr(self, name))}
        both = replace(self, **{**found, **given})
        if not (both.authorization_endpoint and both.token_endpoint):
            raise SignInError(f"{where} names no authorization_endpoint or no token_endpoint")
        return both


def _endpoints(members: dict[str, Any]) -> dict[str, str]:
    return {name: checked_endpoint(name, members[name]) for name in _OPTIONAL if members.get(name)}


def _is_texts(value: object) -> bool:
    return value is None or (
        isinstance(value, list) and all(isinstance(text, str) for text in value)
    )
