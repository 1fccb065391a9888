"""JSON requests to an API's `/sign-in` and to identity providers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from wideload._http import Answer, Http, NoAnswer, Transport, redirected
from wideload._json import parse_object
from wideload._proxies import LOOPBACK
from wideload._retry import AttemptFailed, Attempts, Pacing, RetryPolicy, parse_retry_after
from wideload._version import __version__
from wideload.errors import ApiError, RateLimitError, ServerError, SignInError

_TIMEOUT = 30.0
_RETRIES = 3


class JsonHttp:
    """Requests that are answered with a JSON object, with retries.

    Args:
        transport: Makes the HTTP requests, as for `Client`.
        pacing: The clocks and the sleep of retries.
    """

    def __init__(self, transport: Transport, pacing: Pacing | None = None) -> None:
        self.pacing = pacing or Pacing()
        self._http = Http(transport, timeout=_TIMEOUT, user_agent=f"wideload-python/{__version__}")

    def get(self, url: str) -> tuple[int, dict[str, Any]]:
        """Status and members of the answer to a GET."""
        return self._request("GET", url, {}, None, repeatable=True)

    def post_form(
        self, url: str, fields: Mapping[str, str], *, repeatable: bool = False
    ) -> tuple[int, dict[str, Any]]:
        """Status and members of the answer to a form.

        Args:
            repeatable: Whether it may be sent again when it may have been carried out.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._request("POST", url, headers, urlencode(fields).encode(), repeatable)

    def post_json(
        self, url: str, members: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, dict[str, Any]]:
        """Status and members of the answer to a JSON object, which may be sent again."""
        return self._request("POST", url, headers, json.dumps(members).encode(), repeatable=True)

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        repeatable: bool,
    ) -> tuple[int, dict[str, Any]]:
        """Make a request, with retries after 429, 5xx and lost answers.

        Raises:
            TransportError: No answer came.
            ServerError, RateLimitError: 5xx or 429, after all retries.
            SignInError: The answer isn't JSON, or a redirect.
        """
        attempts = Attempts(RetryPolicy(_RETRIES), self.pacing)
        lines = {"Accept": "application/json", **headers}

        def attempt() -> Answer:
            attempts.requests += 1
            try:
                answer = self._http.request(method, url, headers=lines, body=body)
            except NoAnswer as lost:
                failure = attempts.lost(method, url, lost)
                if lost.sent and not repeatable:
                    failure.retry = "never"
            else:
                if answer.status < 500 and answer.status != 429:
                    return answer
                kind: type[ApiError] = RateLimitError if answer.status == 429 else ServerError
                retry_after = parse_retry_after(
                    answer.headers.get("Retry-After"), self.pacing.now()
                )
                failure = AttemptFailed(
                    kind(
                        f"{method} {url}: {answer.status}",
                        status=answer.status,
                        retry_after=retry_after,
                    ),
                    "later" if repeatable else "never",
                    retry_after=retry_after,
                )
            raise failure

        answer = attempts.run(attempt)
        if where := redirected(answer):
            raise SignInError(f"{url} redirects to {where}: set the right URL")
        return answer.status, _members(url, answer.status, answer.body)


def checked_endpoint(name: str, url: object) -> str:
    """Check a URL of an answer to which secrets will be sent, and return it.

    Raises:
        SignInError: It isn't a URL, or neither https nor on this machine.
    """
    text = url if isinstance(url, str) else ""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or not text.isascii() or not text.isprintable() or " " in text:
        raise SignInError(f"this deployment's {name} is no URL: {url!r}")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise SignInError(f"this deployment's {name} must be https://, not {text!r}")
    return text


def _members(url: str, status: int, body: bytes) -> dict[str, Any]:
    if not body.strip():  # as a revocation is answered
        return {}
    try:
        return parse_object(body)
    except ValueError:
        raise SignInError(
            f"{url}: {status}, but the answer isn't JSON: is the URL right, and is there a proxy "
            "on the way that answers for it?"
        ) from None
