"""Tokens, and who they say is signed in."""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

from wideload._json import parse_object
from wideload._signin.provider import Provider

SignInMethod = Literal["browser", "password"]

# Renewed so long before they end, or at half their life if that is shorter, so that none ends
# between here and the API, nor by a clock that is slow.
_MARGIN = 60.0


@dataclass(frozen=True)
class Tokens:
    """What a provider gave. Times are seconds of the Unix epoch, by this machine's clock.

    Attributes:
        access_token: For the API.
        refresh_token: For new ones; None if the provider gave none.
        issued_at: When they came.
        expires_at: When the access token ends; None if nobody said.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    issued_at: float
    expires_at: float | None

    @classmethod
    def of(
        cls, access_token: str, *, refresh_token: str | None, expires_in: object, now: float
    ) -> Tokens:
        """Tokens of an answer. `expires_in` (seconds) may be missing, or text."""
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
        """Whether they can be used as they are."""
        if self.expires_at is None:
            return True
        life = self.expires_at - self.issued_at
        return now < self.expires_at - min(_MARGIN, life / 2)

    def ended(self, now: float) -> bool:
        """Whether the access token is of no use any more."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True)
class SignIn:
    """Somebody signed in at one deployment: tokens, and all that it takes to renew them.

    Attributes:
        url: The API's base URL.
        provider: Who signed them in.
        way: How, which decides how to renew: Cognito renews only in the way it was asked first.
        tokens: The tokens.
        subject: The person's id at the provider (`sub`), which is the owner of their files.
        name: What a person calls them: e-mail address or user name.
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
        """Take from the ID token's claims, else from the access token's, who it is."""
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
        """The same with renewed tokens; without a new refresh token the old one stays."""
        if tokens.refresh_token is None:
            tokens = replace(tokens, refresh_token=self.tokens.refresh_token)
        return replace(self, tokens=tokens)

    def to_public(self) -> dict[str, Any]:
        """What a program may see of it: no token."""
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
        """As members of a JSON object."""
        return asdict(self)

    @classmethod
    def from_members(cls, members: dict[str, Any]) -> SignIn:
        """The reverse.

        Raises:
            KeyError, TypeError, ValueError: It isn't one.
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
    """What a JWT says, unverified; {} if it is none.

    Its signature is the API's to check. Here it only tells a person who they are, and when the
    token ends.
    """
    try:
        _, payload, _ = cast(str, token).split(".")
        return parse_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (AttributeError, ValueError):
        return {}


def name_of(known: dict[str, Any]) -> str | None:
    """What a person calls the one whom these claims are about."""
    wanted = ("email", "preferred_username", "cognito:username", "username", "name", "sub")
    return next((text for name in wanted if (text := _text(known.get(name)))), None)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
