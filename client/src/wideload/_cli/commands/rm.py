"""`wideload rm`."""

from __future__ import annotations

from typing import Any

import click

from wideload._cli.connections import connect_files
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.id_batch import IdBatch, checked_ids, confirm_deletion
from wideload._cli.options import QUIET, TEXT, YES, files_options, json_option


@click.command(epilog=BATCH_LEGEND)
@click.argument("file_ids", type=TEXT, metavar="ID…", nargs=-1, required=True)
@files_options
@YES
@json_option("one JSON object per ID")
@QUIET
def rm(file_ids: tuple[str, ...], yes: bool, as_json: bool, quiet: bool, **connection: Any) -> None:
    """Delete the file of each ID for good.

    \b
      wideload rm ID
      wideload ls -q .tmp | cut -f1 | xargs wideload rm --yes

    On a terminal it asks once before it deletes; in a script it doesn't.

    With --json, each ID gives one line on standard output: {"file_id", "deleted": true}, or
    {"file_id", "error": {"type", "message", "status", "code", "request_id"}}.
    """
    ids = checked_ids("file", file_ids)
    batch = IdBatch(
        ids,
        item_member="file_id",
        done="deleted",
        again="deleting again",
        as_json=as_json,
        quiet=quiet,
    )
    with connect_files(**connection) as client:
        confirm_deletion("file", ids, yes=yes)
        batch.apply(client.files.delete)
