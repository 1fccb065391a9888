"""Clients, sign-ins and settings, from the options and the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import click

from wideload import Client, Retry
from wideload._api import checked_base_url
from wideload._cli.messages import print_message, sentence
from wideload._cli.output import is_terminal
from wideload._connections import Pool
from wideload._signin.json_http import JsonHttp
from wideload.signin import password_token, stored_token


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
    """Make a client for payload ingest from its options.

    Raises:
        click.UsageError: The URL or the key is missing.
        ConfigurationError: An option has an invalid value.
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
    """Make a client for file transfer from its options, with the sign-in to use.

    WIDELOAD_TOKEN comes before WIDELOAD_USERNAME and WIDELOAD_PASSWORD, and these before the
    sign-in that `wideload login` stored.

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
    """The base URL of the API of files, in the form under which sign-ins are stored.

    Raises:
        click.UsageError: It is missing.
        ConfigurationError: It is invalid.
    """
    if not url or not url.strip():
        raise click.UsageError("no API: give --url, or set WIDELOAD_FILES_URL or WIDELOAD_URL")
    return checked_base_url(url.strip(), "--url")


def given_token() -> str | None:
    """WIDELOAD_TOKEN, which comes before any sign-in."""
    return os.environ.get("WIDELOAD_TOKEN", "").strip() or None


def credentials() -> tuple[str | None, str | None]:
    """WIDELOAD_USERNAME and WIDELOAD_PASSWORD, which come before a stored sign-in."""
    return os.environ.get("WIDELOAD_USERNAME") or None, os.environ.get("WIDELOAD_PASSWORD") or None


def provider_http(ca_bundle: str | None, proxy: str | None) -> JsonHttp:
    """Connections to identity providers."""
    return JsonHttp(Pool(ca_bundle or None, proxy))


def _on_retry() -> Callable[[Retry], object] | None:
    """A callback that prints retries; None if standard error isn't a terminal."""
    return _show_retry if is_terminal(sys.stderr) else None


def _show_retry(retry: Retry) -> None:
    number = f"{retry.number} of {retry.most}" if retry.most else str(retry.number)
    reason = getattr(retry.error, "reason", None) or sentence(retry.error)
    print_message(f"trying again in {max(1, round(retry.delay))} s ({number}): {reason}")
