"""`wideload doctor`: its options and its output. The checks are in `_cli/doctor/`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click
from click.core import ParameterSource

from wideload._cli.doctor.api_check import ApiCheck
from wideload._cli.doctor.cors import checked_origin
from wideload._cli.doctor.finding import Finding
from wideload._cli.doctor.network import Network
from wideload._cli.doctor.settings import Setting, Settings, api_urls
from wideload._cli.exit_status import OK, Failed
from wideload._cli.options import (
    API_KEY,
    API_KEY_HEADER,
    CA_BUNDLE,
    PROXY,
    TEXT,
    TIMEOUT,
    json_option,
)
from wideload._cli.output import echo, print_json, printable
from wideload._http import Http
from wideload._retry import Pacing
from wideload._version import __version__

_STATUS = {"ok": "ok", "warning": "WARNING", "failed": "FAILED", "skipped": "-"}
_WIDTH = 80
_INDENT = 18
_LEGEND = """\b
Exit status (the highest of all steps):
  0  nothing failed
  1  refused: a key, an upload, a page's origin, or the clock is wrong
  2  a setting is missing or wrong, or a certificate isn't trusted
  3  no network, or the service is unavailable
  4  not signed in, or the sign-in has ended: wideload login
"""


@click.command(epilog=_LEGEND)
@click.option(
    "--url",
    type=TEXT,
    help="URL of the API to check.  [default: WIDELOAD_URL and WIDELOAD_FILES_URL]",
)
@API_KEY
@API_KEY_HEADER
@CA_BUNDLE
@PROXY
@TIMEOUT
@click.option(
    "--origin",
    type=TEXT,
    metavar="URL",
    help="Also check what browsers allow a page of this origin, such as https://app.example.com.",
)
@json_option("one JSON object per step")
def doctor(  # noqa: PLR0917 - click passes by name
    url: str | None,
    api_key: str | None,
    api_key_header: str,
    ca_bundle: str | None,
    proxy: str | None,
    timeout: float,
    origin: str | None,
    as_json: bool,
) -> None:
    """Find out why a deployment can't be reached or doesn't take uploads.

    \b
      wideload doctor
      wideload doctor --origin https://app.example.com

    It checks, in order: the settings, DNS, TCP, the proxy, TLS, the clock, the API and its
    version, the key or sign-in, and a small upload to S3, which it deletes again; for WIDELOAD_URL
    and for WIDELOAD_FILES_URL, if both are set. Each step prints what it found and what to do.

    With --json, each step gives one line on standard output: {"url", "step", "status", "message",
    "advice"}; "status" is ok, warning, failed or skipped.
    """
    page = checked_origin(origin) if origin else None
    if origin and page is None:
        raise click.UsageError(
            f"--origin {origin} isn't an origin: give scheme and host, such as "
            "https://app.example.com"
        )
    settings = Settings(
        urls=api_urls(url),
        key=_setting(api_key, "api_key", "WIDELOAD_API_KEY"),
        key_header=_setting(api_key_header, "api_key_header", "WIDELOAD_API_KEY_HEADER"),
        ca_bundle=_setting(ca_bundle, "ca_bundle", "WIDELOAD_CA_BUNDLE"),
        proxy=proxy,
    )
    worst = OK
    shown = None
    for api, finding in _findings(settings, page, timeout):
        if api != shown and not as_json:
            echo(f"\n{printable(api or '')}")
        shown = api
        _show(api, finding, as_json)
        worst = max(worst, finding.exit_status)
    if worst != OK:
        raise Failed(worst)


def _setting(value: str | None, name: str, variable: str) -> Setting:
    """A setting, and whether it comes from an option or a variable."""
    source = click.get_current_context().get_parameter_source(name)
    where = ""
    if source is ParameterSource.COMMANDLINE:
        where = f"--{name.replace('_', '-')}"
    elif source is ParameterSource.ENVIRONMENT:
        where = variable
    return Setting((value or "").strip(), where)


def _findings(
    settings: Settings, origin: str | None, timeout: float
) -> Iterator[tuple[str | None, Finding]]:
    found = settings.check()
    yield None, found
    if found.status == "failed":
        return
    pool = settings.pool()
    try:
        http = Http(pool, timeout=timeout, user_agent=f"wideload-python/{__version__}")
        network = Network(pool, http, Pacing())
        for url in settings.urls:
            for finding in ApiCheck(network, settings, url.value, origin).run():
                yield url.value, finding
    finally:
        pool.close()


def _show(api: str | None, finding: Finding, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "url": api,
                "step": finding.step,
                "status": finding.status,
                "message": finding.message,
                "advice": finding.advice or None,
            }
        )
        return
    head = f"{finding.step:<9} {_STATUS[finding.status]:<7} "
    for line in finding.message.splitlines():
        echo(_wrapped(line, head))
        head = " " * _INDENT
    if finding.advice:
        echo(_wrapped(finding.advice, " " * _INDENT + "-> "))


def _wrapped(text: str, head: str) -> str:
    return textwrap.fill(
        printable(text),
        width=_WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )
