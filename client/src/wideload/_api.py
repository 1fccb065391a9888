"""Requests to the API itself: the key, retries, and answers turned into values or errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from wideload._http import Answer, Body, Http, NoAnswer
from wideload._models import parse_object
from wideload._retry import Attempts, Pacing, parse_retry_after
from wideload._upload import no_answer
from wideload.errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    NotFoundError,
    PayloadRefusedError,
    RateLimitError,
    RecordTooLargeError,
    ServerError,
    TransportError,
)

_ERRORS: dict[int, type[ApiError]] = {
    400: PayloadRefusedError,
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    409: ConflictError,
    413: PayloadRefusedError,
    415: PayloadRefusedError,
    422: PayloadRefusedError,
    429: RateLimitError,
}
# Codes that say something else than their status does by itself.
_ERRORS_BY_CODE: dict[str, type[ApiError]] = {
    # 409s that waiting doesn't mend: the payload has failed.
    "duplicate": PayloadRefusedError,
    "object_changed": PayloadRefusedError,
    "upload_lost": PayloadRefusedError,
    "record_too_large": RecordTooLargeError,  # a 413 to a GET, which sent nothing large
}
_PASSING_STATUSES = {429, 500, 502, 503, 504}
_PASSING_CONFLICTS = {"in_progress", "not_uploaded"}
_LONGEST_DETAIL = 1000
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Api:
    """One deployment's API, as one key sees it."""

    def __init__(
        self, http: Http, base_url: str, *, api_key: str, api_key_header: str, pacing: Pacing
    ) -> None:
        self.base_url = _checked_base_url(base_url)
        self._http = http
        self._key_header = {_checked_header_name(api_key_header): _checked_key(api_key)}
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
        """Make a request until it succeeds or there is no use in trying again.

        Raises:
            ApiError: The API answered with an error.
            TransportError: No answer came.
        """
        url = self.base_url + path + (f"?{urlencode(query)}" if query else "")
        lines = {"Accept": "application/json", **(headers or {}), **self._key_header}
        while True:
            attempts.requests += 1
            failure: ApiError | TransportError
            retry_after = None
            try:
                answer = self._http.request(method, url, headers=lines, body=body)
            except NoAnswer as error:
                again = error.retryable
                attempts.unknown += error.sent
                failure = no_answer(method, url, error, attempts)
            else:
                if answer.ok:
                    return answer
                failure = self._error(method, path, answer)
                retry_after = failure.retry_after
                attempts.unknown += failure.status >= 500
                again = failure.status in _PASSING_STATUSES or (
                    failure.status == 409 and failure.code in _PASSING_CONFLICTS
                )
            if not again or not attempts.again(retry_after):
                raise failure

    def absolute(self, url: object) -> str | None:
        """A URL of an answer; paths in answers are relative to the base URL."""
        if not isinstance(url, str):
            return None
        return self.base_url + url if url.startswith("/") else url

    def _error(self, method: str, path: str, answer: Answer) -> ApiError:
        try:
            problem = parse_object(answer.body)
        except ValueError:
            problem = {}
        code = _text(problem.get("code"))
        # API Gateway's own errors are {"message": …}.
        detail = _text(problem.get("detail")) or _text(problem.get("message"))
        request_id = _text(problem.get("request_id")) or _text(
            answer.headers.get("apigw-requestid")
        )
        message = f"{method} {path}: {answer.status}{' ' + code if code else ''}"
        if detail:
            message += f": {detail}"
        if answer.status in {401, 403}:
            (header,) = self._key_header
            message += f" (is the API key right, and does it go in the header {header}?)"
        elif answer.status == 404 and not code:
            message += f" (is {self.base_url} the API's base URL?)"
        if request_id:
            message += f" [request {request_id}]"
        kind = _ERRORS.get(answer.status, ServerError if answer.status >= 500 else ApiError)
        kind = _ERRORS_BY_CODE.get(code or "", kind)
        return kind(
            message,
            status=answer.status,
            code=code,
            detail=detail,
            request_id=request_id,
            retry_after=parse_retry_after(answer.headers.get("Retry-After"), self._pacing.now()),
        )


def unexpected(method: str, path: str, answer: Answer) -> ApiError:
    """The error for a success whose body isn't what the contract says."""
    return ApiError(
        f"{method} {path}: {answer.status}, but the answer isn't what this API gives: is the base "
        "URL right, and is there a proxy on the way that answers for it?",
        status=answer.status,
        request_id=_text(answer.headers.get("apigw-requestid")),
    )


def checked_payload_id(payload_id: object) -> str:
    """Take a payload's id for a path.

    Raises:
        ConfigurationError: It can't be one.
    """
    # Checked, since urllib3 resolves dots in a path and a slash would reach another route.
    if not isinstance(payload_id, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", payload_id):
        raise ConfigurationError(f"that is no payload id: {payload_id!r}")
    return payload_id


def parse_answer(method: str, path: str, answer: Answer) -> dict[str, Any]:
    """A success's JSON object.

    Raises:
        ApiError: The body is something else.
    """
    try:
        return parse_object(answer.body)
    except ValueError:
        raise unexpected(method, path, answer) from None


def _text(value: object) -> str | None:
    return value[:_LONGEST_DETAIL] if isinstance(value, str) and value else None


def _checked_base_url(base_url: str) -> str:
    if not isinstance(base_url, str):
        raise ConfigurationError("base_url is not a URL")
    if "@" in base_url:
        raise ConfigurationError("base_url must not hold a user name or password")
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError("base_url is not a URL") from None
    if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", base_url):
        raise ConfigurationError(
            f"base_url must be the API's URL, such as https://abc123.execute-api.eu-west-1"
            f".amazonaws.com, not {base_url!r}"
        )
    if parts.query or parts.fragment:
        raise ConfigurationError("base_url must have no query and no fragment")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise ConfigurationError(
            f"base_url must be https://, since the API key would cross the network readable: "
            f"{base_url!r}"
        )
    return base_url.rstrip("/")


def _checked_header_name(name: str) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise ConfigurationError(f"api_key_header is not a header name: {name!r}")
    return name


def _checked_key(key: str) -> str:
    # Checked here, since the HTTP library would show the key in its error.
    if not isinstance(key, str) or not key:
        raise ConfigurationError("api_key is empty")
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise ConfigurationError(
            "api_key holds a space, a line break or another character that no key has"
        )
    return key
