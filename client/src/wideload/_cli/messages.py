"""Messages and errors, for people on standard error and for programs in `--json` lines."""

from __future__ import annotations

import re
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import click

from wideload._cli.output import printable
from wideload.errors import ApiError, SignInError, UploadError

verbose: ContextVar[bool] = ContextVar("verbose", default=False)
"""Whether errors also show the request, the code of the answer and its request id."""

_THINGS = {"unknown_file": "file", "unknown_upload": "upload", "unknown_payload": "payload"}
# The prefix of an `ApiError`'s message: "GET /files/01J: 404 unknown_file: …"
_REQUEST = re.compile(r"[A-Z]+ /\S*: (?P<answer>\d{3}(?: [\w.-]+)?)(?P<colon>: )?")


def print_message(message: str) -> None:
    """Print a line on standard error, with the command's name in front."""
    with suppress(OSError):  # standard error itself may be closed
        click.echo(printable(f"wideload: {message}"), err=True)


def print_failure(error: Exception, item: str | None = None, *, note: str = "") -> None:
    """Print an error on standard error, and with `--verbose` a second line with its details.

    Args:
        item: The file or ID that failed, which the line begins with.
        note: Appended to the line.
    """
    text = sentence(error, item)
    names = [str(name) for name in (item, getattr(error, "filename", None)) if name]
    if isinstance(error, ApiError) and error.code in _THINGS:
        names = []  # the sentence has it
    print_message(": ".join([*dict.fromkeys(names), text]) + note)
    details = _message(error)
    if isinstance(error, UploadError) and error.request_id:
        details += f" [request {error.request_id}]"
    if verbose.get() and details != text:
        print_message(f"  {details}")


def sentence(error: Exception, item: str | None = None) -> str:
    """An error as one line for a person.

    Args:
        item: The file or ID that failed.
    """
    text = _message(error)
    if not isinstance(error, ApiError):
        return text
    if error.code in _THINGS:
        thing = _THINGS[error.code]
        if item := item or getattr(error, f"{thing}_id"):
            return f"there is no {thing} {item}"
    text = text.removesuffix(f" [request {error.request_id}]")
    prefix = _REQUEST.match(text)
    if not prefix:
        return text
    rest = text[prefix.end() :]
    return rest if prefix["colon"] else f"the API answered {prefix['answer']}{rest}"


def error_members(error: Exception) -> dict[str, Any]:
    """The value of the member `error` in a `--json` line."""
    members: dict[str, Any] = {"type": type(error).__name__, "message": _message(error)}
    if isinstance(error, (ApiError, UploadError)):
        members |= {"status": error.status, "code": error.code, "request_id": error.request_id}
    elif isinstance(error, SignInError):
        members["code"] = error.code
    return members


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
