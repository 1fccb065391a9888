"""Exit statuses of the command, and which errors lead to which."""

from __future__ import annotations

from wideload.errors import (
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
  1    refused or failed: the same command will fail again
  2    wrong usage: an option, a setting, a file that can't be read or
       written, or no TLS at that address
  3    no network, or the service is unavailable: try again later
  4    not signed in, or the sign-in has ended: wideload login
  130  interrupted with Ctrl-C
"""

BATCH_LEGEND = f"""\b
Several files or IDs:
  One that is given twice counts once. One that fails is named on standard
  error, and the others go on. What would fail them all stops the rest: a
  wrong key or sign-in, no network, or a service that is unavailable. The exit
  status is the highest of all. With --json, one that fails or is interrupted
  gives a line too. Ctrl-C ends what is under way and says how to go on; a
  second Ctrl-C ends it at once.

{LEGEND}"""


class Failed(Exception):  # noqa: N818 - not an error to print: its reason has been printed
    """The command failed, and the reason has been printed."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Interrupted(Exception):  # noqa: N818 - the user wanted it
    """Ctrl-C ended the command; the message says how to go on."""


def status_of(error: Exception) -> int:
    """The exit status of a command that fails with `error`."""
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


def stops_batch(error: Exception) -> bool:
    """Whether the next file or ID would fail for the same reason."""
    if isinstance(error, NotFoundError):
        return not error.code  # without a code, the API itself wasn't found
    if isinstance(error, UploadError):
        return error.status >= 500
    if isinstance(error, ServerError):
        # The request itself may cause a 500, and S3 may take long to join one file's parts.
        return error.status != 500 and error.code != "completing"
    return isinstance(error, (TransportError, RateLimitError, SignInError, AuthenticationError))
