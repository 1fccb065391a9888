"""`wideload logout`."""

from __future__ import annotations

import click

from wideload import SignInError, WideloadError
from wideload._cli.connections import files_url, provider_http
from wideload._cli.exit_status import LEGEND, OK, REFUSED, Failed, status_of
from wideload._cli.messages import print_message, sentence
from wideload._cli.options import sign_in_options
from wideload._cli.output import echo, printable
from wideload._cli.results import print_result
from wideload._signin.sign_in_methods import revoke
from wideload._signin.token_sources import open_store


@click.command(epilog=LEGEND)
@sign_in_options
def logout(url: str | None, ca_bundle: str | None, proxy: str | None) -> None:
    """Sign out: end the sign-in at its provider, and delete the stored tokens.

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
    status = OK
    try:
        revoke(provider_http(ca_bundle, proxy), found)
    except WideloadError as error:
        print_message(f"the provider didn't end the sign-in, which expires: {sentence(error)}")
        status = REFUSED if isinstance(error, SignInError) else status_of(error)
    print_result(f"signed out of {base_url}", {}, as_json=False)
    if status != OK:
        raise Failed(status)
