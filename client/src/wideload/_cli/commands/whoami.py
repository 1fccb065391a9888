"""`wideload whoami`."""

from __future__ import annotations

import time
from typing import Any

import click

from wideload import SignInError
from wideload._cli.connections import credentials, files_url, given_token, provider_http
from wideload._cli.exit_status import LEGEND
from wideload._cli.options import json_option, sign_in_options
from wideload._cli.output import echo, print_json, printable
from wideload._signin.sign_in_methods import sign_in_with_password
from wideload._signin.token_sources import StoredSource, open_store
from wideload._signin.tokens import claims, iso, name_of


@click.command(epilog=LEGEND)
@sign_in_options
@json_option("who is signed in as one JSON object")
def whoami(url: str | None, ca_bundle: str | None, proxy: str | None, as_json: bool) -> None:
    """Show who is signed in. A sign-in that is about to expire is renewed.

    With --json: {"url", "name", "subject", "issuer", "way", "token_expires_at"}; "way" is browser,
    password or token, "subject" the id under which files are kept.
    """
    base_url = files_url(url)
    who = _signed_in(base_url, ca_bundle, proxy)
    if as_json:
        print_json(who)
    else:
        name = who["name"] or "an unnamed person"
        echo(printable(f"{name}, signed in to {base_url} by {who['way']}"))


def _signed_in(url: str, ca_bundle: str | None, proxy: str | None) -> dict[str, Any]:
    if token := given_token():
        return _members_of_token(url, token)
    username, password = credentials()
    http = provider_http(ca_bundle, proxy)
    if username and password:
        return sign_in_with_password(http, url, username, password).to_public()
    return StoredSource(url, open_store(), http).current().to_public()


def _members_of_token(url: str, token: str) -> dict[str, Any]:
    known = claims(token)
    ends = known.get("exp")
    if isinstance(ends, (int, float)) and ends <= time.time():
        raise SignInError(f"the token in WIDELOAD_TOKEN ended at {iso(ends)}: set another")
    return {
        "url": url,
        "name": name_of(known),
        "subject": known.get("sub"),
        "issuer": known.get("iss"),
        "way": "token",
        "token_expires_at": iso(ends) if isinstance(ends, (int, float)) else None,
    }
