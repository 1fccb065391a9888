"""One HTTP request over urllib3: no retries, no redirects, bounded answers."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import BadStatusLine
from typing import Any, Literal, Protocol

import urllib3
from urllib3 import exceptions as urllib3_errors

# Bytes. API Gateway's limit on an answer is 10 MB, Lambda's 6 MB: a larger answer isn't the API's.
_LONGEST_ANSWER = 16 * 1024 * 1024
_READ_BLOCK = 64 * 1024
_REDIRECTS = {301, 302, 303, 307, 308}
# OpenSSL's reasons for an answer that isn't TLS.
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}

Progress = Callable[[int, int], object]

Stage = Literal["dns", "tcp", "proxy", "tls", "http"]
"""The stage at which a request failed; `http` is the request itself, the others precede it."""


class Transport(Protocol):
    """The interface to an HTTP library: the `request` method of urllib3's `PoolManager`.

    Pass `urllib3.contrib.socks.SOCKSProxyManager("socks5h://proxy:1080")`, for example.
    """

    def request(  # noqa: PLR0917 - urllib3's signature
        self,
        method: str,
        url: str,
        body: Any = None,
        fields: Any = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        **urlopen_kw: Any,
    ) -> urllib3.BaseHTTPResponse:
        """Make one request, as `urllib3.PoolManager.request` does."""
        ...


class HandshakeLostError(ssl.SSLError):
    """The connection broke or timed out during the TLS handshake."""


class NoAnswer(Exception):  # noqa: N818 - a signal between private modules
    """The request got no answer.

    Attributes:
        reason: The reason, without the URL, so that it can be shown.
        retryable: Whether a retry can help.
        stage: The stage that failed.
    """

    def __init__(self, reason: str, *, retryable: bool, stage: Stage = "http") -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.stage = stage

    @property
    def sent(self) -> bool:
        """Whether the server may have received it, and carried it out."""
        return self.stage == "http"


class _BodyFailed(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True)
class Answer:
    """An answer: status, headers (case-insensitive), and the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class Body:
    """A request body that can be sent more than once, and reports the bytes that are sent.

    Args:
        blocks: Returns an iterator over the bytes, from the beginning, at each call.
        size: Number of bytes that `blocks` yields.
        progress: Called with (bytes sent, `size`): first with 0, and from 0 again at each retry.
    """

    def __init__(
        self,
        blocks: Callable[[], Iterable[bytes | memoryview]],
        size: int,
        progress: Progress | None = None,
    ) -> None:
        self._blocks = blocks
        self.size = size
        self._progress = progress

    def __iter__(self) -> Iterator[bytes | memoryview]:
        sent = 0
        try:
            if self._progress:
                self._progress(0, self.size)
            for block in self._blocks():
                yield block
                sent += len(block)
                if self._progress:
                    self._progress(sent, self.size)
        except Exception as error:  # noqa: BLE001 - it is raised again in Http.open
            # urllib3 treats an OSError as a broken connection, and ignores BrokenPipeError. An
            # OSError of the file or of the callback must reach the caller unchanged.
            raise _BodyFailed(error) from None


class Http:
    """Requests over one transport, with common settings."""

    def __init__(self, transport: Transport, *, timeout: float, user_agent: str) -> None:
        self._transport = transport
        # urllib3 applies `connect` while it sends as well, so both are the same. Connecting has a
        # limit of its own in `_connections`.
        self._timeout = urllib3.Timeout(connect=timeout, read=timeout)
        self._user_agent = user_agent

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> Answer:
        """Make one request and read its answer.

        Raises:
            NoAnswer: The connection failed or broke, or the answer was unreadable.
        """
        response = self.open(method, url, headers=headers, body=body)
        content = bytearray()
        # Until b"": only then does urllib3 raise an error for an answer that was cut short.
        while block := read(response, _READ_BLOCK):
            content += block
            if len(content) > _LONGEST_ANSWER:
                response.close()
                raise NoAnswer("the answer is larger than 16 MiB", retryable=False)
        response.release_conn()
        return Answer(response.status, response.headers, bytes(content))

    def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Make one request and return the answer with its body unread; close it after use.

        Raises:
            NoAnswer: The connection failed or broke before the answer began.
        """
        lines = {"User-Agent": self._user_agent, **headers}
        if isinstance(body, Body) and "content-length" not in {name.lower() for name in headers}:
            # Without it urllib3 would send a chunked body, which S3 refuses.
            lines["Content-Length"] = str(body.size)
        try:
            return self._transport.request(
                method,
                url,
                body=body,
                headers=lines,
                timeout=self._timeout,
                retries=False,
                redirect=False,  # a redirect must not carry the key to another host
                preload_content=False,
                decode_content=False,
            )
        except _BodyFailed as failed:
            raise failed.error from None
        except (urllib3_errors.HTTPError, OSError) as error:
            failure = _no_answer(error, url)
        # Outside of the handler, so that urllib3's error, which may hold the URL, isn't chained.
        raise failure


def read(response: urllib3.BaseHTTPResponse, amount: int) -> bytes:
    """Read up to `amount` bytes of an open answer, b"" at its end.

    Raises:
        NoAnswer: The connection broke; `response` is closed.
    """
    try:
        return response.read(amount)
    except (urllib3_errors.HTTPError, OSError) as error:
        failure = _no_answer(error, "")
    response.close()
    raise failure


def without_query(url: str) -> str:
    """`url` without its query: the query of a presigned URL is a secret."""
    return url.partition("?")[0]


def redirected(answer: Answer) -> str | None:
    """The URL that an answer redirects to, without the query; None for other answers."""
    location = answer.headers.get("Location", "")
    if answer.status not in _REDIRECTS or not location.isascii() or not location.isprintable():
        return None
    return without_query(location) or None


def _no_answer(error: Exception, url: str) -> NoAnswer:
    cause = error.__cause__ or (error.args[-1] if error.args else None)
    if isinstance(error, urllib3_errors.ProxyError):
        cause = error.original_error
        if isinstance(cause, urllib3_errors.SSLError) and cause.args:
            cause = cause.args[0]
    if failure := _no_tls(cause) or _not_connected(error, cause):
        return failure
    if isinstance(error, urllib3_errors.ReadTimeoutError):
        return NoAnswer("the answer timed out", retryable=True)
    text = str(cause) if isinstance(cause, Exception) else str(error)
    reason = re.sub(r"\?\S*", "?…", text) or type(error).__name__
    if url.startswith("http:") and isinstance(cause, (BadStatusLine, ConnectionError)):
        reason += " (if this port speaks TLS, the URL begins with https://)"
    return NoAnswer(reason, retryable=True)


def _no_tls(cause: object) -> NoAnswer | None:
    retryable = False
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = (
            f"the server's certificate isn't trusted ({cause.verify_message}): if it was issued "
            "by an authority of your own, give its certificate as ca_bundle (WIDELOAD_CA_BUNDLE)"
        )
    elif isinstance(cause, HandshakeLostError):
        reason, retryable = "the connection ended while TLS was being set up", True
    elif isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
        reason = "what answers on this port speaks no TLS: is it http:// instead of https://?"
    else:
        return None
    return NoAnswer(reason, retryable=retryable, stage="tls")


def _not_connected(error: Exception, cause: object) -> NoAnswer | None:
    if isinstance(error, urllib3_errors.ProxyError):
        return _proxy_failed(error.original_error)
    retryable = True
    stage: Stage = "tcp"
    if isinstance(error, urllib3_errors.NameResolutionError):
        reason, stage = "the host's name can't be resolved", "dns"
        # EAI_NONAME is a definite "no such host"; the other codes pass.
        retryable = not (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
    elif isinstance(error, urllib3_errors.LocationValueError):
        reason, retryable, stage = "the URL can't be parsed", False, "dns"
    elif isinstance(error, urllib3_errors.NewConnectionError):
        reason = getattr(cause, "strerror", None) or "no connection"
    elif isinstance(error, urllib3_errors.ConnectTimeoutError):
        reason = "connecting timed out"
    else:
        return None
    return NoAnswer(reason, retryable=retryable, stage=stage)


def _proxy_failed(error: Exception) -> NoAnswer:
    refused = re.search(r"Tunnel connection failed: (\d+) ?(.*)", str(error))
    if refused is None:
        stage: Stage = "proxy"
        if isinstance(error, urllib3_errors.NameResolutionError):
            stage = "dns"
        elif isinstance(error, (urllib3_errors.NewConnectionError, urllib3_errors.TimeoutError)):
            stage = "tcp"
        plain = re.sub(r"^\w+\(host=[^)]*\): ", "", str(error))  # urllib3 puts its class there
        return NoAnswer(f"the proxy can't be reached: {plain}", retryable=True, stage=stage)
    hint = (
        ": give user name and password in the proxy's URL, as http://user:password@host:port"
        if refused[1] == "407"
        else ""
    )
    return NoAnswer(
        f"the proxy refused: {refused[1]} {refused[2]}{hint}",
        retryable=int(refused[1]) >= 500,
        stage="proxy",
    )
