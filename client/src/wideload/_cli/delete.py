"""`wideload delete`."""

from __future__ import annotations

from typing import Any

import click

from wideload._cli.batch import BatchAction, checked, confirm, each
from wideload._cli.exits import LEGEND
from wideload._cli.options import TEXT, connect, connection_options

_DELETING = BatchAction(key="payload_id", past="deleted", again="deleting again")


@click.command(epilog=LEGEND)
@click.argument("payload_ids", type=TEXT, metavar="ID…", nargs=-1, required=True)
@connection_options
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per ID.")
@click.option("--quiet", "-q", is_flag=True, help="Print no result, only errors.")
def delete(
    payload_ids: tuple[str, ...], yes: bool, as_json: bool, quiet: bool, **connection: Any
) -> None:
    """Delete each payload ID for good: its record and its document.

    \b
      wideload delete ID
      wideload call-logs --call-id c-1 | cut -f1 | xargs wideload delete --yes

    On a terminal it asks once before it deletes; in a script it doesn't.

    With --json, each ID gives one line on standard output: {"payload_id", "deleted": true}, or
    {"payload_id", "error": {"type", "message", "status", "code", "request_id"}}.
    """
    ids = checked("payload", payload_ids)
    with connect(**connection) as client:
        confirm("payload", many="payloads", ids=ids, action=_DELETING, yes=yes)
        each(ids, client.delete, _DELETING, as_json=as_json, quiet=quiet)
