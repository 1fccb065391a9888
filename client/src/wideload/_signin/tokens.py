"""Tokens of an identity provider, and the sign-in that they belong to."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

from wideload._json import parse_object
from wideload._signin.provider import Provider

SignInMethod = Literal["browser", "password"]

# Seconds before its expiry at which an access token is renewed, or at half its life if that is
# later, so that none expires on its way to the API, or by a clock that is slow.
_MARGIN = 60.0


@dataclass(frozen=True)
class Tokens:
    """The tokens of a provider. Times are seconds of the Unix epoch, by this machine's clock.

    Attributes:
        access_token: The token for the API.
        refresh_token: The token for new tokens; None if the provider gave none.
        issued_at: Time at which they were received.
        expires_at: Time at which the access token expires; None if unknown.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    issued_at: float
    expires_at: float | None

    @classmethod
    def of(
        cls, access_token: str, *, refresh_token: str | None, expires_in: object, now: float
    ) -> Tokens:
        """The tokens of an answer. `expires_in` (seconds) may be missing, or text."""
        life: float | None
        try:
            life = float(cast(Any, expires_in))
        except (TypeError, ValueError, OverflowError):
            end = claims(access_token).get("exp")
            life = None
            if isinstance(end, (int, float)) and 0 <= end < 1 << 63:
                life = float(end) - now
        return cls(
            access_token=access_token,
            refresh_token=refresh_token,
            issued_at=now,
            expires_at=None if life is None else now + life,
        )

    def fresh(self, now: float) -> bool:
        """Whether the access token needn't be renewed yet."""
        if self.expires_at is None:
            return True
        life = self.expires_at - self.issued_at
        return now < self.expires_at - min(_MARGIN, life / 2)

    def ended(self, now: float) -> bool:
        """Whether the access token has expired."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True)
class SignIn:
    """A person's sign-in at one deployment: tokens, and what is needed to renew them.

    Attributes:
        url: The API's base URL.
        provider: The identity provider.
        way: The method of signing in, by which the tokens have to be renewed too.
        tokens: The tokens.
        subject: The person's id at the provider (`sub`), which owns the person's files.
        name: The person's e-mail address or user name.
    """

    url: str
    provider: Provider
    way: SignInMethod
    tokens: Tokens
    subject: str | None
    name: str | None

    @classmethod
    def of(
        cls,
        url: str,
        provider: Provider,
        way: SignInMethod,
        tokens: Tokens,
        id_claims: dict[str, Any],
    ) -> SignIn:
        """A sign-in whose person is named by the ID token's claims, or else the access token's."""
        known = {**claims(tokens.access_token), **id_claims}
        return cls(
            url=url,
            provider=provider,
            way=way,
            tokens=tokens,
            subject=_text(known.get("sub")),
            name=name_of(known),
        )

    def with_tokens(self, tokens: Tokens) -> SignIn:
        """This sign-in with renewed tokens. Without a new refresh token the old one stays."""
        if tokens.refresh_token is None:
            tokens = replace(tokens, refresh_token=self.tokens.refresh_token)
        return replace(self, tokens=tokens)

    def to_public(self) -> dict[str, Any]:
        """The members that may be shown: no token."""
        ends = self.tokens.expires_at
        return {
            "url": self.url,
            "name": self.name,
            "subject": self.subject,
            "issuer": self.provider.issuer,
            "way": self.way,
            "token_expires_at": iso(ends) if ends is not None else None,
        }

    def to_members(self) -> dict[str, Any]:
        """All members, as they are stored."""
        return asdict(self)

    @classmethod
    def from_members(cls, members: dict[str, Any]) -> SignIn:
        """Read the members that `to_members` gave.

        Raises:
            KeyError, TypeError, ValueError: They aren't those of a sign-in.
        """
        provider = dict(members["provider"])
        provider["scopes"] = tuple(provider["scopes"])
        found = cls(
            **{**members, "provider": Provider(**provider), "tokens": Tokens(**members["tokens"])}
        )
        if not isinstance(found.tokens.access_token, str):
            raise TypeError("no access token")
        return found


def iso(moment: float) -> str:
    """Seconds of the Unix epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def claims(token: object) -> dict[str, Any]:
    """The unverified claims of a JWT; {} if it isn't a JWT.

    The API checks the signature. Here the claims only show the person's name and the expiry.
    """
    try:
        _, payload, _ = cast(str, token).split(".")
        return parse_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (AttributeError, ValueError):
        return {}


def name_of(known: dict[str, Any]) -> str | None:
    """The name in the claims by which people know the person."""
    wanted = ("email", "preferred_username", "cognito:username", "username", "name", "sub")
    return next((text for name in wanted if (text := _text(known.get(name)))), None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
