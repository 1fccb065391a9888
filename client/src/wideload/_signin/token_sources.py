"""Sources of access tokens for `Client(token=…)`, which renew them before they expire."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from wideload._signin.json_http import JsonHttp
from wideload._signin.sign_in_methods import renewed_sign_in, sign_in_with_password
from wideload._signin.tokens import SignIn
from wideload.errors import (
    ConfigurationError,
    RateLimitError,
    ServerError,
    SignInError,
    TransportError,
)

if TYPE_CHECKING:
    from wideload._signin.sign_in_store import Store  # it needs the extra `signin`

_TEMPORARY = (TransportError, ServerError, RateLimitError)


def open_store() -> Store:
    """The store of sign-ins.

    Raises:
        ConfigurationError: The packages of the extra `signin` are missing.
    """
    try:
        from wideload._signin.sign_in_store import Store
    except ModuleNotFoundError:
        raise ConfigurationError(
            "keeping sign-ins needs more packages: pip install wideload[signin]"
        ) from None
    return Store()


class _Source:
    """Gives access tokens for `Client(token=…)`, which calls it for each request, in any thread."""

    def __init__(self, http: JsonHttp) -> None:
        self._http = http
        self._lock = threading.Lock()
        self._held: SignIn | None = None

    def __call__(self) -> str:
        """The access token; a new one if the last expires soon.

        Raises:
            SignInError: A new sign-in is required.
            TransportError, ServerError, RateLimitError: The provider couldn't be asked.
        """
        return self.current().tokens.access_token

    def renew(self, refused: str) -> str:
        """Another access token than `refused`, which the API answered with 401.

        Raises:
            SignInError, TransportError, ServerError, RateLimitError: As for a call.
        """
        return self.current(refused).tokens.access_token

    def current(self, refused: str | None = None) -> SignIn:
        """The sign-in with such a token; raises as a call."""
        with self._lock:
            if self._held is None or not self._usable(self._held, refused):
                self._held = self._newer(refused)
            return self._held

    def _usable(self, sign_in: SignIn, refused: str | None) -> bool:
        tokens = sign_in.tokens
        return tokens.access_token != refused and tokens.fresh(self._http.pacing.now())

    def _newer(self, refused: str | None) -> SignIn:
        """A new sign-in, in place of the one that is held."""
        raise NotImplementedError


class StoredSource(_Source):
    """The tokens of `wideload login`, renewed by one process for all.

    Args:
        url: The API's base URL.
        store: The store of sign-ins.
        http: Makes requests to the provider.
    """

    def __init__(self, url: str, store: Store, http: JsonHttp) -> None:
        super().__init__(http)
        self._url = url
        self._store = store

    def _newer(self, refused: str | None) -> SignIn:
        found = self._load()
        if self._usable(found, refused):
            return found
        with self._store.locked(self._url):
            found = self._load()  # another process may just have renewed it
            while not self._usable(found, refused):
                try:
                    renewed = renewed_sign_in(self._http, found)
                except _TEMPORARY:
                    if refused is None and not found.tokens.ended(self._http.pacing.now()):
                        return found
                    raise
                except SignInError:
                    # A refresh token can be used once. Another process may have stored a new one:
                    # by a sign-in just now, or where locks don't work, as on some network drives.
                    used, found = found, self._load()
                    if found.tokens.refresh_token == used.tokens.refresh_token:
                        raise
                else:
                    self._store.save(renewed)
                    return renewed
            return found

    def _load(self) -> SignIn:
        found = self._store.load(self._url)
        if found is None:
            raise SignInError(f"not signed in to {self._url}: run wideload login")
        return found


class PasswordSource(_Source):
    """The tokens of a user name and a password, kept in memory alone.

    Args:
        url: The API's base URL.
        username: Name at the deployment's Cognito user pool.
        password: The password.
        http: Makes requests to the provider.
    """

    def __init__(self, url: str, username: str, password: str, http: JsonHttp) -> None:
        super().__init__(http)
        self._url = url
        self._username = username
        self._password = password

    def _newer(self, refused: str | None) -> SignIn:  # noqa: ARG002
        if self._held is not None:
            try:  # without the password, and without another entry in the pool's log of sign-ins
                return renewed_sign_in(self._http, self._held)
            except SignInError:
                pass  # the refresh token has ended, the password hasn't
        return sign_in_with_password(self._http, self._url, self._username, self._password)
