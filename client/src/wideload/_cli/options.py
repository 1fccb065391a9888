"""The options that say where to send to and as whom, the same for all commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from wideload import Client

_Command = TypeVar("_Command", bound=Callable[..., Any])


def connection_options(command: _Command) -> _Command:
    """Add the options that say where to send to, and as whom."""
    options = (
        click.option("--url", envvar="WIDELOAD_URL", show_envvar=True, help="The API's base URL."),
        click.option(
            "--api-key",
            envvar="WIDELOAD_API_KEY",
            show_envvar=True,
            help="Key; better given by the variable, since others can see a command's options.",
        ),
        click.option(
            "--api-key-header",
            envvar="WIDELOAD_API_KEY_HEADER",
            show_envvar=True,
            default="x-api-key",
            show_default=True,
            help="Header that carries the key.",
        ),
        click.option(
            "--ca-bundle",
            envvar="WIDELOAD_CA_BUNDLE",
            show_envvar=True,
            help="File with the certificates (PEM) to trust instead of the system's.",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(min=0, min_open=True),
            default=60.0,
            show_default=True,
            help="Seconds that the other side may be silent.",
        ),
        click.option(
            "--retries",
            type=click.IntRange(min=0),
            default=5,
            show_default=True,
            help="Further requests that one document may cost when some fail.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def connect(
    *,
    url: str | None,
    api_key: str | None,
    api_key_header: str,
    ca_bundle: str | None,
    timeout: float,
    retries: int,
) -> Client:
    """Make a client of the shared options.

    Raises:
        click.UsageError: One is missing.
        ConfigurationError: One can't be right.
    """
    if not url:
        raise click.UsageError("no API: give --url, or set WIDELOAD_URL")
    if not api_key or not api_key.strip():
        raise click.UsageError("no key: set WIDELOAD_API_KEY, or give --api-key")
    return Client(
        url.strip(),
        api_key=api_key.strip(),
        api_key_header=api_key_header,
        ca_bundle=ca_bundle or None,
        timeout=timeout,
        retries=retries,
    )
