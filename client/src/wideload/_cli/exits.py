"""How a command ends: exit statuses, and errors as a person and a script read them."""

from __future__ import annotations

import re
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import click

from wideload._cli.output import printable
from wideload.errors import (
    ApiError,
    AuthenticationError,
    CancelledError,
    ConfigurationError,
    NotFoundError,
    RateLimitError,
    ServerError,
    SignInError,
    TlsError,
    TransportError,
    UploadError,
    WaitTimeoutError,
)

OK = 0
REFUSED = 1
USAGE = 2
UNAVAILABLE = 3
NOT_SIGNED_IN = 4
INTERRUPTED = 130

LEGEND = """\b
Exit status:
  0    done
  1    refused or failed: trying again as it is won't help
  2    wrong usage: an option, a setting, a file that can't be read or written, or no TLS at
       that address
  3    no network, or the service is unavailable: try again later
  4    not signed in, or the sign-in has ended: wideload login
  130  interrupted with Ctrl-C

Of several files or IDs, each that fails is named, the others go on, and the status is the highest
of theirs. Only what would fail them all stops the rest: a wrong key or sign-in, no network, or a
service that is unavailable.
"""

verbose: ContextVar[bool] = ContextVar("verbose", default=False)
"""Whether errors tell what a person doesn't need: the request, the answer's code and request id."""

_THINGS = {"unknown_file": "file", "unknown_upload": "upload", "unknown_payload": "payload"}
# What `wideload` puts before the API's own sentence: "GET /files/01J: 404 unknown_file: …"
_REQUEST = re.compile(r"[A-Z]+ /\S*: (?P<answer>\d{3}(?: [\w.-]+)?)(?P<says>: )?")


class Failed(Exception):  # noqa: N818 - no error of the command: what went wrong has been said
    """The command failed and has said why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Interrupted(Exception):  # noqa: N818 - what the user wanted
    """Ctrl-C, with what the user should know about it."""


def status_of(error: Exception) -> int:
    """The exit status that tells a script what to do about `error`."""
    settings = (ConfigurationError, TlsError, OSError)
    if isinstance(error, settings) and not isinstance(error, WaitTimeoutError):
        return USAGE
    unavailable = (TransportError, ServerError, RateLimitError, WaitTimeoutError)
    if isinstance(error, unavailable):
        return UNAVAILABLE
    if isinstance(error, UploadError) and error.status >= 500:
        return UNAVAILABLE
    if isinstance(error, SignInError) or (
        isinstance(error, AuthenticationError) and error.status == 401 and not error.by_key
    ):
        return NOT_SIGNED_IN
    if isinstance(error, CancelledError):
        return INTERRUPTED
    return REFUSED


def concerns_all(error: Exception) -> bool:
    """Whether the next file or id would fare the same."""
    if isinstance(error, NotFoundError):
        return not error.code  # then it isn't the id that is unknown, but the API
    if isinstance(error, UploadError):
        return error.status >= 500
    if isinstance(error, ServerError):
        # What was sent may have caused a 500, and S3 may take long for one file alone.
        return error.status != 500 and error.code != "completing"
    return isinstance(error, (TransportError, RateLimitError, SignInError, AuthenticationError))


def describe(error: Exception) -> dict[str, Any]:
    """An error as the member `error` of a `--json` line."""
    described: dict[str, Any] = {"type": type(error).__name__, "message": _whole(error)}
    if isinstance(error, (ApiError, UploadError)):
        described |= {"status": error.status, "code": error.code, "request_id": error.request_id}
    elif isinstance(error, SignInError):
        described["code"] = error.code
    return described


def sentence(error: Exception, item: str | None = None) -> str:
    """An error as one line for a person.

    Args:
        item: The id that it is about.
    """
    text = _whole(error)
    if not isinstance(error, ApiError):
        return text
    if error.code in _THINGS:
        thing = _THINGS[error.code]
        item = item or getattr(error, f"{thing}_id")
        return f"there is no {thing} {item}" if item else f"there is no such {thing}"
    text = text.removesuffix(f" [request {error.request_id}]")
    found = _REQUEST.match(text)
    if not found:
        return text
    said = text[found.end() :]
    return said if found["says"] else f"the API answered {found['answer']}{said}"


def complain(message: str) -> None:
    """Say what went wrong, on stderr."""
    with suppress(OSError):  # there is nobody left to tell
        click.echo(printable(f"wideload: {message}"), err=True)


def complain_of(error: Exception, item: str | None = None, *, note: str = "") -> None:
    """Say what went wrong with `item`, in a second line also what helps those who run the API."""
    said = sentence(error, item)
    file = getattr(error, "filename", None)
    about = [str(name) for name in (item, file) if name and str(name) not in said]
    complain(": ".join([*dict.fromkeys(about), said]) + note)
    whole = _whole(error)
    if isinstance(error, UploadError) and error.request_id:
        whole += f" [request {error.request_id}]"
    if verbose.get() and whole != said:
        complain(f"  {whole}")


def _whole(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
