"""The credentials of requests to an API: an API key, or a person's access token."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from wideload.errors import ConfigurationError

TokenSource = str | Callable[[], str]


class Auth(Protocol):
    """The credentials for one API.

    Attributes:
        hint: What to check when the API refuses them, for the error message.
    """

    hint: str

    def headers(self) -> dict[str, str]:
        """Headers to send."""
        ...

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Renew the credentials after a 401; False if they are those that the API `refused`."""
        ...


class ApiKey:
    """An API key, in the header that the deployment has set."""

    def __init__(self, key: str, header: str) -> None:
        if not isinstance(header, str) or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", header):
            raise ConfigurationError(f"api_key_header is not a header name: {header!r}")
        self._headers = {header: _checked("api_key", "key", key)}
        self.hint = f"is the API key right, and does it go in the header {header}?"

    def headers(self) -> dict[str, str]:
        """The header with the key."""
        return self._headers

    def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        """An API key can't be renewed."""
        return False


class Token:
    """An access token, or a function that gives one.

    A function is called for each request, by one thread at a time. After a 401 its `renew` is
    called with the refused token, if it has a `renew`; else the function is called once more.
    """

    hint = "is the token an access token of this deployment, and still valid?"

    def __init__(self, token: TokenSource) -> None:
        self._ask = token if callable(token) else None
        self._lock = threading.Lock()
        self._token = "" if callable(token) else _checked("token", "token", token)

    def headers(self) -> dict[str, str]:
        """The header with the token, from the function if there is one."""
        if self._ask is None:
            return _bearer(self._token)
        with self._lock:
            return _bearer(_checked("token", "token", self._ask()))

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Whether the function gives another token than the refused one."""
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
