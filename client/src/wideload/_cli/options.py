"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from wideload._cli.messages import verbose
from wideload._files.names import checked_folder
from wideload._retry import LONGEST_TIME

_Command = TypeVar("_Command", bound=Callable[..., Any])

FILES_URL = ("WIDELOAD_FILES_URL", "WIDELOAD_URL")


class _Text(click.types.StringParamType):
    """Text that isn't empty: `--name "$NAME"` with NAME not set is a mistake."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse an empty text."""
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
    help="API key. The variable is safer: other users of the machine can see options.",
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
    help="Longest time without a byte from the server, in seconds.",
)


class _Duration(click.ParamType):  # type: ignore[type-arg]
    """A duration, in seconds unless it ends in s, m or h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take text such as 90, 90s, 10m or 2h."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smh]?)", value.strip())
        if not found:
            self.fail(
                f"{value!r} is not a duration: give seconds, or such as 90s, 10m or 2h", param, ctx
            )
        return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


class _Rate(click.ParamType):  # type: ignore[type-arg]
    """Bytes per second, with the suffixes of curl, which count in powers of 1024."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take text such as 500K, 5M or 1.5G."""
        found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)([KMGTP]?)", value.strip().upper())
        rate = float(found[1]) * 1024 ** " KMGTP".index(found[2] or " ") if found else 0.0
        if rate < 1:
            self.fail(
                f"{value!r} is no number of bytes per second: give such as 500K, 5M or 1.5G",
                param,
                ctx,
            )
        return rate


class _Folder(_Text):
    """The path of a folder; "/" is the top."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take a path with or without / at its ends, as shells complete names."""
        return checked_folder(super().convert(value, param, ctx).strip("/"))


FOLDER = _Folder()
LIMIT_RATE = click.option(
    "--limit-rate",
    type=_Rate(),
    metavar="RATE",
    help="Bytes per second at most, of all connections together, such as 500K, 5M or 1.5G.",
)
IF_EXISTS = click.option(
    "--if-exists",
    type=click.Choice(["keep-both", "replace", "skip", "fail"]),
    default="keep-both",
    show_default=True,
    help="If another file of the folder has the name: keep-both gives this file a number, as in "
    "offer (2).txt; replace deletes the other file; skip leaves everything as it is; fail does so, "
    "and is a failure.",
    callback=lambda _context, _option, value: value.replace("-", "_"),
)
NO_MTIME = click.option(
    "--no-mtime",
    is_flag=True,
    help="Don't set the time of the last change that was recorded with the file.",
)
PARALLEL = click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Connections at most.",
)
QUIET = click.option(
    "--quiet", "-q", is_flag=True, help="Print no result and no progress, only errors."
)
YES = click.option("--yes", "-y", is_flag=True, help="Don't ask.")


def json_option(printed: str) -> Callable[[_Command], _Command]:
    """The option `--json`.

    Args:
        printed: Such as `one JSON object per file`.
    """
    return click.option("--json", "as_json", is_flag=True, help=f"Print {printed}.")


_RETRY_FOR = click.option(
    "--retry-for",
    type=_Duration(),
    metavar="TIME",
    help="Retry for this long, such as 10m, even when --retries are used up.",
)


def connection_options(command: _Command) -> _Command:
    """Add the options of commands for JSON documents: the API, the key, and retries."""
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
            help="Retries for one document, in all.",
        ),
        _RETRY_FOR,
        _VERBOSE,
    )
    return _with(options, command)


def sign_in_options(command: _Command) -> _Command:
    """Add the options of commands that sign in."""
    url = click.option(
        "--url",
        type=TEXT,
        envvar=FILES_URL,
        show_envvar=True,
        help="Base URL of the API of files, without /files.",
    )
    return _with((url, CA_BUNDLE, PROXY, _VERBOSE), command)


def files_options(command: _Command) -> _Command:
    """Add the options of commands for files: the API and retries."""
    retries = click.option(
        "--retries",
        type=click.IntRange(min=0),
        default=5,
        show_default=True,
        help="Retries for one file, in all.",
    )
    return sign_in_options(_with((TIMEOUT, retries, _RETRY_FOR), command))


def _with(options: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
