"""`wideload delete`."""

from __future__ import annotations

from typing import Any

import click

from wideload._cli.connections import connect
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.id_batch import IdBatch, checked_ids, confirm_deletion
from wideload._cli.options import QUIET, TEXT, YES, connection_options, json_option


@click.command(epilog=BATCH_LEGEND)
@click.argument("payload_ids", type=TEXT, metavar="ID…", nargs=-1, required=True)
@connection_options
@YES
@json_option("one JSON object per ID")
@QUIET
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
    ids = checked_ids("payload", payload_ids)
    batch = IdBatch(
        ids,
        item_member="payload_id",
        done="deleted",
        again="deleting again",
        as_json=as_json,
        quiet=quiet,
    )
    with connect(**connection) as client:
        confirm_deletion("payload", ids, yes=yes)
        batch.apply(client.delete)
