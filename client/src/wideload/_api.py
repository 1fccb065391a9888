"""Requests to an API: credentials, retries, and its answers as values or exceptions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from wideload._auth import ApiKey, Auth
from wideload._error_codes import ErrorCodes
from wideload._http import Answer, Body, NoAnswer, Requests, redirected
from wideload._json import parse_object
from wideload._presigned import PresignedRequest
from wideload._proxies import LOOPBACK
from wideload._retry import LONGEST_TIME, AttemptFailed, Attempts, Pacing, parse_retry_after
from wideload._steps import run, settled
from wideload.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
)

_LONGEST_DETAIL = 1000


class Api:
    """One API of a deployment, for one API key or one person.

    Args:
        base_url: URL of the API, checked by `checked_base_url`.
        codes: The exceptions for its error answers.
    """

    def __init__(
        self, http: Requests, base_url: str, *, auth: Auth, codes: ErrorCodes, pacing: Pacing
    ) -> None:
        self.base_url = base_url
        self._http = http
        self._auth = auth
        self._codes = codes
        self._pacing = pacing

    def request(
        self,
        method: str,
        path: str,
        attempts: Attempts,
        *,
        query: Mapping[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: Body | bytes | None = None,
    ) -> Answer:
        """Do as `request_async` does, with `http` and a pause between retries that block."""
        return run(
            self.request_async(method, path, attempts, query=query, headers=headers, body=body)
        )

    async def request_async(
        self,
        method: str,
        path: str,
        attempts: Attempts,
        *,
        query: Mapping[str, str] | None = None,
        headers: dict[str, str] | None = None,
        body: Body | bytes | None = None,
    ) -> Answer:
        """Make a request, with retries, and once more with renewed credentials after a 401.

        Raises:
            ApiError: The API answered with an error.
            TransportError: No answer came.
        """
        url = self.base_url + path + (f"?{urlencode(query)}" if query else "")
        lines = {"Accept": "application/json", **(headers or {})}
        shown: dict[str, str] = {}

        async def attempt() -> Answer:
            nonlocal shown
            shown = self._auth.headers()
            return await self._attempt(method, path, url, {**lines, **shown}, body, attempts)

        try:
            return await attempts.run_async(attempt)
        except AuthenticationError as refused:
            if refused.status != 401 or not self._auth.renew(shown):
                raise
        return await attempts.run_async(attempt)

    async def _attempt(  # noqa: PLR0917 - private, and called once
        self,
        method: str,
        path: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | bytes | None,
        attempts: Attempts,
    ) -> Answer:
        attempts.requests += 1
        try:
            answer = await settled(self._http.request(method, url, headers=headers, body=body))
        except NoAnswer as lost:
            attempts.ambiguous += lost.sent
            failure = attempts.lost(method, url, lost)
        else:
            if answer.ok:
                return answer
            error = self._error(method, path, answer)
            attempts.ambiguous += error.status >= 500
            again = self._codes.is_retryable(error.status, error.code)
            failure = AttemptFailed(
                error, "later" if again else "never", retry_after=error.retry_after
            )
        raise failure

    def presigned_request(
        self, members: Mapping[str, Any], *, url: str = "href"
    ) -> PresignedRequest:
        """Read a presigned request of an answer.

        Args:
            members: Its `method`, URL, `headers` and `expires_in` (seconds).
            url: Name of the member with the URL.

        Raises:
            AttributeError, KeyError, OverflowError, TypeError, ValueError: It isn't one, or can't
                be sent.
        """
        method, headers = members["method"], dict(members["headers"])
        lines = (method, *headers, *headers.values())
        if not all(isinstance(line, str) for line in lines):
            raise TypeError("a member that must be text is not")
        # Checked here, since the HTTP library would show what it can't send.
        if not all(line.isascii() and line.isprintable() for line in lines):
            raise ValueError("a line can't be sent")
        life = float(members["expires_in"])
        # S3 checks the expiry when the request arrives, so some of the time is left for that.
        deadline = self._pacing.monotonic() + life - min(30.0, life / 10)
        return PresignedRequest(method, self.checked_url(members[url]), headers, deadline)

    def absolute(self, url: object) -> str | None:
        """A URL of an answer as absolute URL; a path is relative to the base URL."""
        if not isinstance(url, str):
            return None
        return self.base_url + url if url.startswith("/") else url

    def checked_url(self, url: object) -> str:
        """Check a URL of an answer that a request will be sent to, and return it.

        Raises:
            ValueError: It isn't a URL, or doesn't use TLS although the API does.
        """
        schemes = {"https"} if self.base_url.startswith("https:") else {"http", "https"}
        if not isinstance(url, str) or not url.isascii() or not url.isprintable():
            raise ValueError("that is no URL")
        if urlsplit(url).scheme not in schemes or not urlsplit(url).hostname:
            raise ValueError("that is no URL for a request")
        return url

    def error(self, what: str, problem: Mapping[str, Any], status: int) -> ApiError:
        """The exception for problem details.

        Args:
            what: The request, such as `POST /files`.
            problem: The problem details; members may be missing.
            status: HTTP status.
        """
        code = _text(problem.get("code"))
        # API Gateway's own errors are {"message": …}.
        detail = _text(problem.get("detail")) or _text(problem.get("message"))
        request_id = _text(problem.get("request_id"))
        retry_after = problem.get("retry_after")
        message = f"{what}: {status}{' ' + code if code else ''}"
        if detail:
            message += f": {detail}"
        kind = self._codes.error(status, code)
        if issubclass(kind, AuthenticationError):
            message += f" ({self._auth.hint})"
        elif status == 404 and not code:
            message += f" (is {self.base_url} the API's base URL?)"
        if request_id:
            message += f" [request {request_id}]"
        error = kind(
            message,
            status=status,
            code=code,
            detail=detail,
            request_id=request_id,
            retry_after=_seconds(retry_after),
        )
        error.answer = problem
        if isinstance(error, AuthenticationError):
            error.by_key = isinstance(self._auth, ApiKey)
        return error

    def _error(self, method: str, path: str, answer: Answer) -> ApiError:
        try:
            problem = parse_object(answer.body)
        except ValueError:
            problem = {}
        if not _text(problem.get("request_id")):
            problem["request_id"] = answer.headers.get("apigw-requestid")
        problem["retry_after"] = parse_retry_after(
            answer.headers.get("Retry-After"), self._pacing.now()
        )
        error = self.error(f"{method} {path}", problem, answer.status)
        if hint := self._hint(path, answer, error):
            error.args = (f"{error} ({hint})",)
        return error

    def _hint(self, path: str, answer: Answer, error: ApiError) -> str | None:
        """Advice for an answer that isn't the API's own."""
        if where := redirected(answer):
            base = where.removesuffix(path)
            what = f"set the base URL to {base}" if base != where else "set the right base URL"
            return f"redirected to {where}: {what}"
        if answer.status == 413 and not error.code:
            return (
                "the request never reached Wideload: API Gateway takes 10 MB, Lambda some 4.5 MiB "
                "of gzip, and a proxy on the way may take less"
            )
        if answer.status == 400 and not error.code and self.base_url.startswith("http:"):
            return "if this port speaks TLS, the URL begins with https://"
        return None


def unexpected(method: str, path: str, answer: Answer) -> ApiError:
    """The exception for a success whose body isn't as the contract says."""
    return ApiError(
        f"{method} {path}: {answer.status}, but the answer isn't what this API gives: is the base "
        "URL right, and is there a proxy on the way that answers for it?",
        status=answer.status,
        request_id=_text(answer.headers.get("apigw-requestid")),
    )


def _seconds(value: object) -> float | None:
    """The seconds to wait that an answer names; None if they aren't a number, or too many."""
    sane = isinstance(value, (int, float)) and 0 <= value <= LONGEST_TIME
    return float(cast(float, value)) if sane else None


def checked_id(what: str, id: object) -> str:
    """Check an id that becomes part of a path, and return it.

    Args:
        what: The kind of id, for the error: `payload`, `file` or `upload`.

    Raises:
        ConfigurationError: It isn't an id.
    """
    # Checked, since urllib3 resolves dots in a path and a slash would reach another route.
    if not isinstance(id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", id):
        raise ConfigurationError(f"that is no {what} id: {id!r}")
    return id


def parse_answer(method: str, path: str, answer: Answer) -> dict[str, Any]:
    """The JSON object of a success.

    Raises:
        ApiError: The body isn't a JSON object.
    """
    try:
        return parse_object(answer.body)
    except ValueError:
        raise unexpected(method, path, answer) from None


def _text(value: object) -> str | None:
    return value[:_LONGEST_DETAIL] if isinstance(value, str) and value else None


def checked_base_url(base_url: str, argument: str = "base_url") -> str:
    """Check the base URL of an API, and return it without a slash at its end.

    Raises:
        ConfigurationError: It isn't such a URL, or sends credentials without TLS.
    """
    if not isinstance(base_url, str):
        raise ConfigurationError(f"{argument} is not a URL")
    if "@" in base_url:
        raise ConfigurationError(f"{argument} must not hold a user name or password")
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"{argument} is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", base_url):
        raise ConfigurationError(
            f"{argument} must be the API's URL, such as https://abc123.execute-api.eu-west-1"
            f".amazonaws.com, not {base_url!r}"
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{argument} must have no query and no fragment")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ConfigurationError(
            f"{argument} must be https://, since the API key or token would cross the network "
            f"readable: {base_url!r}"
        )
    return base_url.rstrip("/")
