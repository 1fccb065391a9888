"""`wideload abort`."""

from __future__ import annotations

from typing import Any

import click

from wideload._cli.connections import connect_files
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.id_batch import IdBatch, checked_ids
from wideload._cli.options import QUIET, TEXT, files_options, json_option


@click.command(epilog=BATCH_LEGEND)
@click.argument("upload_ids", type=TEXT, metavar="UPLOAD_ID…", nargs=-1, required=True)
@files_options
@json_option("one JSON object per UPLOAD_ID")
@QUIET
def abort(upload_ids: tuple[str, ...], as_json: bool, quiet: bool, **connection: Any) -> None:
    """Give up each interrupted upload UPLOAD_ID, and delete what is stored of it.

    \b
      wideload abort UPLOAD_ID
      wideload uploads | cut -f1 | xargs wideload abort

    An interrupted upload counts against your quota until it is finished, aborted, or expires after
    some days.

    With --json, each UPLOAD_ID gives one line on standard output: {"upload_id", "aborted": true},
    or {"upload_id", "error": {"type", "message", "status", "code", "request_id"}}.
    """
    batch = IdBatch(
        checked_ids("upload", upload_ids),
        item_member="upload_id",
        done="aborted",
        again="aborting again",
        as_json=as_json,
        quiet=quiet,
    )
    with connect_files(**connection) as client:
        batch.apply(client.files.abort)
