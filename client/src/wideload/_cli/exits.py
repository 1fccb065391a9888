"""How a command ends: exit statuses, and errors as a person and a script read them."""

from __future__ import annotations

from typing import Any

import click

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
  2    wrong usage: an option, a setting, a file that can't be read, or no TLS to that address
  3    no network, or the service is unavailable: try again later
  4    not signed in, or the sign-in has ended: wideload login
  130  interrupted with Ctrl-C
"""


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
    return isinstance(
        error, (TransportError, ServerError, RateLimitError, SignInError, AuthenticationError)
    )


def describe(error: Exception) -> dict[str, Any]:
    """An error as the member `error` of a `--json` line."""
    described: dict[str, Any] = {"type": type(error).__name__, "message": sentence(error)}
    if isinstance(error, (ApiError, UploadError)):
        described |= {"status": error.status, "code": error.code, "request_id": error.request_id}
    elif isinstance(error, SignInError):
        described["code"] = error.code
    return described


def sentence(error: Exception) -> str:
    """An error as one line for a person."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def complain(message: str) -> None:
    """Say what went wrong, on stderr."""
    click.echo(printable(f"wideload: {message}"), err=True)


def printable(text: str) -> str:
    """`text` without what could steer the terminal: answers and file names may hold anything."""
    return "".join(char if char.isprintable() else "?" for char in text)
