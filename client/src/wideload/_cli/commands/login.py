"""`wideload login`."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from contextlib import suppress

import click

from wideload._cli.connections import credentials, files_url, given_token, provider_http
from wideload._cli.exit_status import LEGEND
from wideload._cli.messages import print_message
from wideload._cli.options import TEXT, json_option, sign_in_options
from wideload._cli.output import is_terminal, printable
from wideload._cli.results import print_result
from wideload._signin.cognito import Prompts
from wideload._signin.json_http import JsonHttp
from wideload._signin.sign_in_methods import sign_in_with_browser, sign_in_with_password
from wideload._signin.token_sources import open_store
from wideload._signin.tokens import SignIn


@click.command(epilog=LEGEND)
@sign_in_options
@click.option(
    "--username",
    type=TEXT,
    envvar="WIDELOAD_USERNAME",
    show_envvar=True,
    help="Sign in with this name and a password instead of a browser.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address; don't open a browser.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    help="Longest wait for the sign-in in the browser, in seconds.",
)
@json_option("who is signed in as one JSON object")
def login(  # noqa: PLR0917 - click passes by name
    url: str | None,
    ca_bundle: str | None,
    proxy: str | None,
    username: str | None,
    no_browser: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Sign in, so that upload, download and the like act for you.

    \b
      wideload login
      wideload login --no-browser           # prints the address to open
      wideload login --username ann@example.com

    Your browser opens the deployment's sign-in page. If it runs on another machine, its last page
    won't load: paste that page's address here.

    With --username, the password comes from WIDELOAD_PASSWORD, from standard input, or from a
    prompt. With WIDELOAD_USERNAME and WIDELOAD_PASSWORD set, the other commands need no login at
    all. An access token in WIDELOAD_TOKEN comes before everything else.

    The sign-in is stored in your config directory, readable only by your user, until: wideload
    logout
    """
    base_url = files_url(url)
    store = open_store()
    http = provider_http(ca_bundle, proxy)
    if username:
        sign_in = sign_in_with_password(http, base_url, username, _password(), _prompts())
    else:
        sign_in = _in_the_browser(http, base_url, opened=not no_browser, timeout=timeout)
    with store.locked(base_url):
        store.save(sign_in)
    print_result(
        f"signed in to {base_url} as {sign_in.name or 'an unnamed person'}",
        sign_in.to_public(),
        as_json=as_json,
    )
    if given_token():
        print_message("WIDELOAD_TOKEN is set, and comes before this sign-in")


def _in_the_browser(http: JsonHttp, url: str, *, opened: bool, timeout: float) -> SignIn:
    paste = is_terminal(sys.stdin)

    def show(address: str) -> None:
        opens = opened and _browser_is_there()
        first = "Your browser should open. If it doesn't, go to:" if opens else "To sign in, go to:"
        click.echo(f"{first}\n\n  {printable(address)}\n", err=True)
        if paste:
            click.echo(
                "On another machine the last page won't load: paste its address here.", err=True
            )
        if opens:
            # In a thread: a text browser runs until it gets an answer from this process.
            threading.Thread(target=_open, args=(address,), daemon=True).start()

    return sign_in_with_browser(http, url, show=show, timeout=timeout, paste=paste)


def _browser_is_there() -> bool:
    # Without a display, Python would start a text browser such as w3m on the terminal.
    return not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )


def _open(address: str) -> None:
    with suppress(webbrowser.Error, OSError):
        webbrowser.open(address)


def _password() -> str:
    _, password = credentials()
    if password:
        return password
    if is_terminal(sys.stdin):
        typed: str = click.prompt("Password", hide_input=True, err=True)
        return typed
    line = sys.stdin.readline().rstrip("\r\n") if sys.stdin else ""
    if not line:
        raise click.UsageError("no password: set WIDELOAD_PASSWORD, or give it on standard input")
    return line


def _prompts() -> Prompts:
    return Prompts(code=_code, new_password=_new_password) if is_terminal(sys.stdin) else Prompts()


def _code(source: str, wrong: bool) -> str:
    if wrong:
        print_message("that code was wrong")
    code: str = click.prompt(f"Code from {printable(source)}", err=True)
    return code


def _new_password(why: str | None) -> str:
    if why:
        print_message(why)
    chosen: str = click.prompt(
        "Your password is a temporary one. New password",
        hide_input=True,
        confirmation_prompt=True,
        err=True,
    )
    return chosen
