"""`wideload logout` and `wideload whoami`."""

from __future__ import annotations

import time
from typing import Any

import click

from wideload import SignInError, WideloadError
from wideload._cli.batch import Batch
from wideload._cli.exits import LEGEND, REFUSED, complain, sentence, status_of
from wideload._cli.options import (
    credentials,
    files_url,
    given_token,
    provider_web,
    sign_in_options,
)
from wideload._cli.output import echo, print_json, printable
from wideload._signin.sign_in_methods import revoke, sign_in_with_password
from wideload._signin.token_sources import StoredSource, open_store
from wideload._signin.tokens import claims, iso, name_of


@click.command(epilog=LEGEND)
@sign_in_options
def logout(url: str | None, ca_bundle: str | None, proxy: str | None) -> None:
    """Sign out: end the sign-in at its provider, and delete what is kept of it here.

    Your browser may stay signed in at the provider's page for a while.
    """
    base_url = files_url(url)
    store = open_store()
    with store.locked(base_url):
        found = store.load(base_url)
        store.delete(base_url)
    if found is None:
        echo(printable(f"not signed in to {base_url}"))
        return
    batch = Batch(1, "not signed out", as_json=False, quiet=False)
    try:
        revoke(provider_web(ca_bundle, proxy), found)
    except WideloadError as error:
        complain(f"the provider didn't end the sign-in, which ends by itself: {sentence(error)}")
        batch.worst = REFUSED if isinstance(error, SignInError) else status_of(error)
    batch.succeeded(f"signed out of {base_url}", {})
    batch.finish()


@click.command(epilog=LEGEND)
@sign_in_options
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON object.")
def whoami(url: str | None, ca_bundle: str | None, proxy: str | None, as_json: bool) -> None:
    """Say who is signed in, renewing the sign-in if it is about to end.

    With --json: {"url", "name", "subject", "issuer", "way", "token_expires_at"}; "way" is browser,
    password or token, "subject" the id under which files are kept.
    """
    base_url = files_url(url)
    who = _who(base_url, ca_bundle, proxy)
    if as_json:
        print_json(who)
    else:
        name = who["name"] or "someone unnamed"
        echo(printable(f"{name}, signed in to {base_url} by {who['way']}"))


def _who(url: str, ca_bundle: str | None, proxy: str | None) -> dict[str, Any]:
    if token := given_token():
        return _of_token(url, token)
    username, password = credentials()
    web = provider_web(ca_bundle, proxy)
    if username and password:
        return sign_in_with_password(web, url, username, password).to_public()
    return StoredSource(url, open_store(), web).current().to_public()


def _of_token(url: str, token: str) -> dict[str, Any]:
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
