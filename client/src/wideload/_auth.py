"""What a request shows to be let in: an API key, or a person's access token."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from wideload.errors import ConfigurationError

TokenSource = str | Callable[[], str]


class Auth(Protocol):
    """How requests to one API are let in.

    Attributes:
        hint: What to look at when they aren't.
    """

    hint: str

    def headers(self) -> dict[str, str]:
        """Headers to send."""
        ...

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Whether `headers` now gives others than those that the API `refused` with a 401."""
        ...


class ApiKey:
    """A key in a header of the deployment's choice."""

    def __init__(self, key: str, header: str) -> None:
        if not isinstance(header, str) or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", header):
            raise ConfigurationError(f"api_key_header is not a header name: {header!r}")
        self._headers = {header: _checked("api_key", "key", key)}
        self.hint = f"is the API key right, and does it go in the header {header}?"

    def headers(self) -> dict[str, str]:
        """The header with the key."""
        return self._headers

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        """No: there is one key."""
        return False


class Token:
    """An access token, or a function that gives one and may know how to renew it.

    A function is asked at each request, by one thread at a time. After a 401 its `renew` is called
    with the token that was refused, if it has a `renew`; else it is asked once more.
    """

    hint = "is the token an access token of this deployment, and still valid?"

    def __init__(self, token: TokenSource) -> None:
        self._ask = token if callable(token) else None
        self._lock = threading.Lock()
        self._token = "" if callable(token) else _checked("token", "token", token)

    def headers(self) -> dict[str, str]:
        """The header with the token, which the function is asked for if there is one."""
        if self._ask is None:
            return _bearer(self._token)
        with self._lock:
            return _bearer(_checked("token", "token", self._ask()))

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Whether the function has another token now than the one that was refused."""
        renew = getattr(self._ask, "renew", None)
        if renew is not None:
            with self._lock:
                token = renew(refused["Authorization"].removeprefix("Bearer "))
            return _bearer(_checked("token", "token", token)) != refused
        return self._ask is not None and self.headers() != refused


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _checked(argument: str, what: str, text: object) -> str:
    # Checked here, since the HTTP library would show it in its error.
    if not isinstance(text, str) or not text:
        raise ConfigurationError(f"{argument} is empty")
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ConfigurationError(
            f"{argument} holds a space, a line break or another character that no {what} has"
        )
    return text
