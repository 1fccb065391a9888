"""One HTTP request over urllib3, and what all transports share: no retries, bounded answers."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import BadStatusLine
from typing import Any, Literal, Protocol

import urllib3
from urllib3 import exceptions as urllib3_errors

from wideload._steps import Work, at_once, iterate, run, settled

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


class BodyFailed(Exception):  # noqa: N818 - a signal within one request
    """The body of a request can't be read, or its progress callback failed.

    Attributes:
        error: The error.
    """

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
        return iterate(self.stream(at_once))

    async def stream(self, work: Work) -> AsyncGenerator[bytes | memoryview]:
        """The bytes from the beginning, of which `work` reads each block."""
        sent = 0
        try:
            if self._progress:
                self._progress(0, self.size)
            blocks = iter(self._blocks())
            while (block := await settled(work(next, blocks, None))) is not None:
                yield block
                sent += len(block)
                if self._progress:
                    self._progress(sent, self.size)
        except Exception as error:  # noqa: BLE001 - it is raised again in Http.open
            # urllib3 treats an OSError as a broken connection, and ignores BrokenPipeError. An
            # OSError of the file or of the callback must reach the caller unchanged.
            raise BodyFailed(error) from None


class Opened(Protocol):
    """An answer with its body unread. Close it after use.

    Attributes:
        status: HTTP status.
        headers: Its headers (case-insensitive).
    """

    status: int
    headers: Mapping[str, str]

    def read(self, amount: int) -> bytes | Awaitable[bytes]:
        """Read up to `amount` bytes, b"" at the end.

        Raises:
            NoAnswer: The connection broke; it is closed.
        """
        ...

    def release(self) -> object:
        """Give the connection back for other requests. All of the body has been read."""
        ...

    def close(self) -> object:
        """Close the connection, if it wasn't given back; may return an awaitable."""
        ...


class Requests(Protocol):
    """Makes HTTP requests: `Http`, which blocks, or its counterpart for event loops."""

    def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> Answer | Awaitable[Answer]:
        """Make one request and read its answer.

        Raises:
            NoAnswer: The connection failed or broke, or the answer was unreadable.
        """
        ...

    def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> Opened | Awaitable[Opened]:
        """Make one request and return the answer with its body unread; close it after use.

        Raises:
            NoAnswer: The connection failed or broke before the answer began.
        """
        ...


async def read_answer(opened: Opened) -> Answer:
    """Read the whole body of an answer.

    Raises:
        NoAnswer: The connection broke, or the answer is too long.
    """
    content = bytearray()
    # Until b"": only then is an answer that was cut short an error.
    while block := await settled(opened.read(_READ_BLOCK)):
        content += block
        if len(content) > _LONGEST_ANSWER:
            await settled(opened.close())
            raise NoAnswer("the answer is larger than 16 MiB", retryable=False)
    opened.release()
    return Answer(opened.status, opened.headers, bytes(content))


class Http:
    """Requests over one transport, with common settings. Its methods block."""

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
        return run(read_answer(self.open(method, url, headers=headers, body=body)))

    def open(
        self, method: str, url: str, *, headers: Mapping[str, str], body: Body | bytes | None = None
    ) -> BlockingAnswer:
        """Make one request and return the answer with its body unread; close it after use.

        Raises:
            NoAnswer: The connection failed or broke before the answer began.
        """
        lines = {"User-Agent": self._user_agent, **headers}
        if isinstance(body, Body) and "content-length" not in {name.lower() for name in headers}:
            # Without it urllib3 would send a chunked body, which S3 refuses.
            lines["Content-Length"] = str(body.size)
        try:
            response = self._transport.request(
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
        except BodyFailed as failed:
            raise failed.error from None
        except (urllib3_errors.HTTPError, OSError) as error:
            failure = _no_answer(error, url)
        else:
            return BlockingAnswer(response)
        # Outside of the handler, so that urllib3's error, which may hold the URL, isn't chained.
        raise failure


class BlockingAnswer:
    """An answer of urllib3 with its body unread, as `Opened` describes it."""

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    def read(self, amount: int) -> bytes:
        """Read up to `amount` bytes, b"" at the end.

        Raises:
            NoAnswer: The connection broke; it is closed.
        """
        try:
            return self._response.read(amount)
        except (urllib3_errors.HTTPError, OSError) as error:
            failure = _no_answer(error, "")
        self.close()
        raise failure

    def release(self) -> None:
        """Give the connection back for other requests. All of the body has been read."""
        self._response.release_conn()

    def close(self) -> None:
        """Close the connection."""
        self._response.close()


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
    if failure := tls_failure(cause) or _not_connected(error, cause):
        return failure
    if isinstance(error, urllib3_errors.ReadTimeoutError):
        return NoAnswer("the answer timed out", retryable=True)
    text = str(cause) if isinstance(cause, Exception) else str(error)
    reason = re.sub(r"\?\S*", "?…", text) or type(error).__name__
    return broken(reason, url if isinstance(cause, (BadStatusLine, ConnectionError)) else "")


def broken(reason: str, url: str) -> NoAnswer:
    """The failure of a connection that broke.

    Args:
        url: The request's URL if TLS on its port can be the reason, else "".
    """
    if url.startswith("http:"):
        reason += " (if this port speaks TLS, the URL begins with https://)"
    return NoAnswer(reason, retryable=True)


def tls_failure(cause: object) -> NoAnswer | None:
    """The failure of a TLS handshake; None for other exceptions."""
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
        return unresolved(cause)
    if isinstance(error, urllib3_errors.LocationValueError):
        reason, retryable, stage = "the URL can't be parsed", False, "dns"
    elif isinstance(error, urllib3_errors.NewConnectionError):
        reason = getattr(cause, "strerror", None) or "no connection"
    elif isinstance(error, urllib3_errors.ConnectTimeoutError):
        reason = "connecting timed out"
    else:
        return None
    return NoAnswer(reason, retryable=retryable, stage=stage)


def unresolved(cause: object) -> NoAnswer:
    """The failure of a look-up of a host's name."""
    # EAI_NONAME is a definite "no such host"; the other codes pass.
    final = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
    return NoAnswer("the host's name can't be resolved", retryable=not final, stage="dns")


def _proxy_failed(error: Exception) -> NoAnswer:
    refused = re.search(r"Tunnel connection failed: (\d+) ?(.*)", str(error))
    if refused is None:
        stage: Stage = "proxy"
        if isinstance(error, urllib3_errors.NameResolutionError):
            stage = "dns"
        elif isinstance(error, (urllib3_errors.NewConnectionError, urllib3_errors.TimeoutError)):
            stage = "tcp"
        plain = getattr(error.__cause__, "strerror", None) or str(error)
        return NoAnswer(f"the proxy can't be reached: {plain}", retryable=True, stage=stage)
    return proxy_refused(int(refused[1]), refused[2])


def proxy_refused(status: int, reason: str) -> NoAnswer:
    """The failure of a CONNECT that the proxy answered with an error."""
    hint = (
        ": give user name and password in the proxy's URL, as http://user:password@host:port"
        if status == 407
        else ""
    )
    return NoAnswer(
        f"the proxy refused: {status} {reason}{hint}", retryable=status >= 500, stage="proxy"
    )
