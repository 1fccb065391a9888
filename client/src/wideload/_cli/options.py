"""The options that say where to go and as whom, the same for all commands of one kind."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from wideload import Client, Retry
from wideload._api import checked_base_url
from wideload._cli.exits import complain, sentence, verbose
from wideload._cli.output import is_terminal
from wideload._connections import Pool
from wideload._retry import LONGEST_TIME
from wideload._signin.json_http import JsonHttp
from wideload.signin import password_token, stored_token

_Command = TypeVar("_Command", bound=Callable[..., Any])

FILES_URL = ("WIDELOAD_FILES_URL", "WIDELOAD_URL")


class _Text(click.types.StringParamType):
    """Text, and some: `--name "$NAME"` with NAME not set is a mistake."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is empty."""
        text: str = super().convert(value, param, ctx)
        if not text:
            self.fail("it is empty: give a value, or leave it out", param, ctx)
        return text


TEXT = _Text()


def _set_verbose(context: click.Context, option: click.Parameter, value: bool) -> None:  # noqa: ARG001
    verbose.set(value)


_VERBOSE = click.option(
    "--verbose",
    "-v",
    is_flag=True,
    expose_value=False,
    callback=_set_verbose,
    help="With an error, show the request that failed, the answer's code and its request id.",
)
API_KEY = click.option(
    "--api-key",
    type=TEXT,
    envvar="WIDELOAD_API_KEY",
    show_envvar=True,
    help="Key; better given by the variable, since others can see a command's options.",
)
API_KEY_HEADER = click.option(
    "--api-key-header",
    type=TEXT,
    envvar="WIDELOAD_API_KEY_HEADER",
    show_envvar=True,
    default="x-api-key",
    show_default=True,
    help="Header that carries the key.",
)
CA_BUNDLE = click.option(
    "--ca-bundle",
    type=TEXT,
    envvar="WIDELOAD_CA_BUNDLE",
    show_envvar=True,
    help="File with the certificates (PEM) to trust instead of the system's.",
)
PROXY = click.option(
    "--proxy",
    type=TEXT,
    metavar="URL",
    help="Proxy, as http://user:password@host:port.  [default: HTTPS_PROXY, ALL_PROXY]",
)
TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True, max=LONGEST_TIME),
    default=60.0,
    show_default=True,
    help="Seconds that the other side may be silent.",
)


class _Seconds(click.ParamType):  # type: ignore[type-arg]
    """A duration, in seconds unless it ends in s, m or h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take text such as 90, 90s, 10m or 2h."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smh]?)", value.strip())
        if not found:
            self.fail(
                f"{value!r} is no duration: give seconds, or such as 90s, 10m or 2h", param, ctx
            )
        return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


_RETRY_FOR = click.option(
    "--retry-for",
    type=_Seconds(),
    metavar="TIME",
    help="Go on retrying for so long, such as 10m, even when --retries are used up.",
)


def connection_options(command: _Command) -> _Command:
    """Add the options that say where to send documents to, and with which key."""
    options = (
        click.option(
            "--url", type=TEXT, envvar="WIDELOAD_URL", show_envvar=True, help="The API's base URL."
        ),
        API_KEY,
        API_KEY_HEADER,
        CA_BUNDLE,
        PROXY,
        TIMEOUT,
        click.option(
            "--retries",
            type=click.IntRange(min=0),
            default=5,
            show_default=True,
            help="Further requests that one document may cost when some fail.",
        ),
        _RETRY_FOR,
        _VERBOSE,
    )
    return _with(options, command)


def sign_in_options(command: _Command) -> _Command:
    """Add the options that say where to sign in."""
    url = click.option(
        "--url",
        type=TEXT,
        envvar=FILES_URL,
        show_envvar=True,
        help="Base URL of the API of files, before /files.",
    )
    return _with((url, CA_BUNDLE, PROXY, _VERBOSE), command)


def files_options(command: _Command) -> _Command:
    """Add the options that say where files are."""
    retries = click.option(
        "--retries",
        type=click.IntRange(min=0),
        default=5,
        show_default=True,
        help="Further requests that one file may cost when some fail.",
    )
    return sign_in_options(_with((TIMEOUT, retries, _RETRY_FOR), command))


def connect(
    *,
    url: str | None,
    api_key: str | None,
    api_key_header: str,
    ca_bundle: str | None,
    proxy: str | None,
    timeout: float,
    retries: int,
    retry_for: float | None,
) -> Client:
    """Make a client of the options that documents are sent with.

    Raises:
        click.UsageError: One is missing.
        ConfigurationError: One can't be right.
    """
    if not url or not url.strip():
        raise click.UsageError("no API: give --url, or set WIDELOAD_URL")
    if not api_key or not api_key.strip():
        raise click.UsageError("no key: set WIDELOAD_API_KEY, or give --api-key")
    return Client(
        url.strip(),
        api_key=api_key.strip(),
        api_key_header=api_key_header,
        ca_bundle=ca_bundle or None,
        proxy=proxy,
        timeout=timeout,
        retries=retries,
        retry_for=retry_for,
        on_retry=_on_retry(),
    )


def connect_files(
    *,
    url: str | None,
    ca_bundle: str | None,
    proxy: str | None,
    timeout: float,
    retries: int,
    retry_for: float | None,
) -> Client:
    """Make a client of the options of files, for whoever the environment or `login` says.

    Raises:
        click.UsageError, ConfigurationError: As for `connect`.
    """
    base_url = files_url(url)
    username, password = credentials()
    token: str | Callable[[], str]
    if given := given_token():
        token = given
    elif username and password:
        token = password_token(
            base_url, username, password, ca_bundle=ca_bundle or None, proxy=proxy
        )
    else:
        token = stored_token(base_url, ca_bundle=ca_bundle or None, proxy=proxy)
    return Client(
        base_url,
        token=token,
        ca_bundle=ca_bundle or None,
        proxy=proxy,
        timeout=timeout,
        retries=retries,
        retry_for=retry_for,
        on_retry=_on_retry(),
    )


def files_url(url: str | None) -> str:
    """The base URL that was given, as sign-ins are kept under it.

    Raises:
        click.UsageError: None was given.
        ConfigurationError: It can't be right.
    """
    if not url or not url.strip():
        raise click.UsageError("no API: give --url, or set WIDELOAD_FILES_URL or WIDELOAD_URL")
    return checked_base_url(url.strip(), "--url")


def given_token() -> str | None:
    """WIDELOAD_TOKEN, which wins over all else."""
    return os.environ.get("WIDELOAD_TOKEN", "").strip() or None


def credentials() -> tuple[str | None, str | None]:
    """WIDELOAD_USERNAME and WIDELOAD_PASSWORD, which win over a stored sign-in."""
    return os.environ.get("WIDELOAD_USERNAME") or None, os.environ.get("WIDELOAD_PASSWORD") or None


def provider_web(ca_bundle: str | None, proxy: str | None) -> JsonHttp:
    """What identity providers are asked with."""
    return JsonHttp(Pool(ca_bundle or None, proxy))


def _on_retry() -> Callable[[Retry], object] | None:
    """What shows retries to a person; None if standard error is no terminal."""
    return _show_retry if is_terminal(sys.stderr) else None


def _show_retry(retry: Retry) -> None:
    number = f"{retry.number} of {retry.most}" if retry.most else str(retry.number)
    reason = getattr(retry.error, "reason", None) or sentence(retry.error)
    complain(f"trying again in {max(1, round(retry.delay))} s ({number}): {reason}")


def _with(options: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
