"""The identity provider of a deployment, as its API and its issuer describe it."""

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
    """An identity provider, with the deployment's client there.

    Attributes:
        issuer: The issuer's URL, the claim `iss` of its tokens.
        client_id: Id of the deployment's public client (no secret).
        scopes: Scopes to request.
        authorization_endpoint: URL of the sign-in page.
        token_endpoint: URL that gives tokens for a code or a refresh token.
        revocation_endpoint: URL that revokes a refresh token (RFC 7009), if the provider has one.
        cognito_endpoint: URL of Amazon Cognito's API, if the provider is a Cognito user pool.
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
        """The provider of the API at `url`, which is asked for it.

        Raises:
            SignInError: The API has no file transfer, or its answer is wrong.
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
        """This provider with the endpoints that the issuer publishes, where the API gave none.

        https://openid.net/specs/openid-connect-discovery-1_0.html

        Raises:
            SignInError: The issuer publishes no such document, or that of another issuer.
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
