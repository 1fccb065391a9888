"""Access tokens for `Client(token=…)`: of `wideload login`, or of a user name and a password.

    import wideload, wideload.signin

    url = "https://….amazonaws.com"
    with wideload.Client(url, token=wideload.signin.stored_token(url)) as client:
        client.files.upload("film.mkv")

Each function returns a function that gives an access token, and renews it when it expires soon or
the API has refused it. Clients and threads may share that function. It makes its first request when
it is first called, and may raise

- `SignInError`: there is no sign-in, or it has ended, or the name or password is wrong;
- `TransportError`, `ServerError`, `RateLimitError`: the identity provider gave no useful answer.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from wideload._api import checked_base_url
from wideload._connections import Pool
from wideload._http import Transport
from wideload._signin.json_http import JsonHttp
from wideload._signin.token_sources import PasswordSource, StoredSource, open_store

__all__ = ["password_token", "stored_token"]


def stored_token(
    url: str,
    *,
    ca_bundle: str | os.PathLike[str] | None = None,
    proxy: str | None = None,
    transport: Transport | None = None,
) -> Callable[[], str]:
    """The tokens of `wideload login`, which this user of this machine has run.

    Renewed tokens are stored, for other processes too.

    Args:
        url: URL of the API of files, before `/files`, as in `wideload login`.
        ca_bundle: As for `Client`.
        proxy: As for `Client`.
        transport: As for `Client`.

    Raises:
        ConfigurationError: An argument is wrong, or packages are missing:
            `pip install wideload[signin]`.
    """
    base_url = checked_base_url(url, "url")
    return StoredSource(base_url, open_store(), _http(ca_bundle, proxy, transport))


def password_token(
    url: str,
    username: str,
    password: str,
    *,
    ca_bundle: str | os.PathLike[str] | None = None,
    proxy: str | None = None,
    transport: Transport | None = None,
) -> Callable[[], str]:
    """The tokens of a person or a machine with a user name and a password, kept in memory.

    For deployments with a Cognito user pool. The password itself is never sent (SRP). If the
    account requires a second factor or a new password, `SignInError` says so.

    Args:
        url: URL of the API of files, before `/files`.
        username: User name or e-mail address.
        password: The password.
        ca_bundle: As for `Client`.
        proxy: As for `Client`.
        transport: As for `Client`.

    Raises:
        ConfigurationError: An argument is wrong.
    """
    http = _http(ca_bundle, proxy, transport)
    return PasswordSource(checked_base_url(url, "url"), username, password, http)


def _http(
    ca_bundle: str | os.PathLike[str] | None, proxy: str | None, transport: Transport | None
) -> JsonHttp:
    return JsonHttp(Pool(ca_bundle, proxy) if transport is None else transport)
