"""Sign in by browser or by password; renew and revoke a sign-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wideload._signin import oauth
from wideload._signin.cognito import Cognito, Prompts
from wideload._signin.json_http import JsonHttp
from wideload._signin.loopback import listening
from wideload._signin.provider import Provider
from wideload._signin.tokens import SignIn, Tokens
from wideload.errors import SignInError


def sign_in_with_browser(
    http: JsonHttp, url: str, *, show: Callable[[str], object], timeout: float, paste: bool = False
) -> SignIn:
    """Sign in on the provider's page: authorization code with PKCE, and a loopback redirect.

    Args:
        http: Makes requests to the API and the provider.
        url: The API's base URL.
        show: Called once with the page's URL, when the callback can be received.
        timeout: Seconds to wait for the callback.
        paste: Whether the address of the last page may also be typed on standard input, for a
            browser on another machine.

    Raises:
        SignInError: It was refused, or wasn't completed in time.
        TransportError, ServerError, RateLimitError: No useful answer came.
    """
    provider = Provider.of(url, http).discovered(http)
    with listening() as callback:
        authorization = oauth.Authorization(provider, callback.redirect_uri)

        def settle(query: str) -> tuple[Tokens, dict[str, Any]]:
            return authorization.exchange(http, authorization.code(query))

        show(authorization.url)
        tokens, id_claims = callback.wait(settle, timeout=timeout, paste=paste)
    return SignIn.of(url, provider, "browser", tokens, id_claims)


def sign_in_with_password(
    http: JsonHttp, url: str, username: str, password: str, prompts: Prompts | None = None
) -> SignIn:
    """Sign in at the deployment's Cognito user pool; the password isn't sent (SRP).

    Raises:
        SignInError: It was refused, or the pool requires an answer that `prompts` can't give.
        TransportError, ServerError, RateLimitError: No useful answer came.
    """
    provider = Provider.of(url, http)
    tokens, id_claims = Cognito(http, provider).sign_in(username, password, prompts or Prompts())
    return SignIn.of(url, provider, "password", tokens, id_claims)


def renewed_sign_in(http: JsonHttp, old: SignIn) -> SignIn:
    """The sign-in with new tokens.

    Raises:
        SignInError: The provider requires the person to sign in again.
        TransportError, ServerError, RateLimitError: No useful answer came.
    """
    refresh_token = old.tokens.refresh_token
    if refresh_token is None:
        raise SignInError(
            f"the sign-in at {old.url} has ended, and its provider gave nothing to renew it with: "
            "run wideload login",
        )
    try:
        if old.way == "password":
            tokens = Cognito(http, old.provider).refresh(refresh_token)
        else:
            tokens = oauth.refresh(http, old.provider, refresh_token)
    except SignInError as error:
        raise SignInError(
            f"the sign-in at {old.url} has ended ({error}): run wideload login", code=error.code
        ) from None
    return old.with_tokens(tokens)


def revoke(http: JsonHttp, sign_in: SignIn) -> bool:
    """Revoke a sign-in at its provider; False if the provider has no endpoint for that.

    Raises:
        SignInError: The provider refused.
        TransportError, ServerError, RateLimitError: No useful answer came.
    """
    refresh_token = sign_in.tokens.refresh_token
    if refresh_token is None:
        return False
    if sign_in.provider.cognito_endpoint:
        Cognito(http, sign_in.provider).revoke(refresh_token)
        return True
    return oauth.revoke(http, sign_in.provider, refresh_token)
