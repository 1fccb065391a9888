"""`wideload rm`, `wideload mv` and `wideload abort`: small changes to files and uploads."""

from __future__ import annotations

from typing import Any

import click

from wideload._cli.batch import Batch, BatchAction, checked, confirm, each
from wideload._cli.exits import LEGEND
from wideload._cli.options import TEXT, connect_files, files_options
from wideload._cli.output import file_members

_DELETING = BatchAction(key="file_id", past="deleted", again="deleting again")
_ABORTING = BatchAction(key="upload_id", past="aborted", again="aborting again")


@click.command(epilog=LEGEND)
@click.argument("file_ids", type=TEXT, metavar="ID…", nargs=-1, required=True)
@files_options
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per ID.")
@click.option("--quiet", "-q", is_flag=True, help="Print no result, only errors.")
def rm(file_ids: tuple[str, ...], yes: bool, as_json: bool, quiet: bool, **connection: Any) -> None:
    """Delete the file of each ID for good.

    \b
      wideload rm ID
      wideload ls -q .tmp | cut -f1 | xargs wideload rm --yes

    On a terminal it asks once before it deletes; in a script it doesn't.

    With --json, each ID gives one line on standard output: {"file_id", "deleted": true}, or
    {"file_id", "error": {"type", "message", "status", "code", "request_id"}}.
    """
    ids = checked("file", file_ids)
    with connect_files(**connection) as client:
        confirm("file", many="files", ids=ids, action=_DELETING, yes=yes)
        each(ids, client.files.delete, _DELETING, as_json=as_json, quiet=quiet)


@click.command(epilog=LEGEND)
@click.argument("file_id", type=TEXT, metavar="ID")
@click.argument("name", type=TEXT)
@files_options
@click.option("--json", "as_json", is_flag=True, help="Print the file as one JSON object.")
@click.option("--quiet", "-q", is_flag=True, help="Print no result, only errors.")
def mv(file_id: str, name: str, as_json: bool, quiet: bool, **connection: Any) -> None:
    """Give the file of ID another NAME. Its ID and its content stay.

    \b
      wideload mv ID "Annual report.pdf"
    """
    with connect_files(**connection) as client:
        file = client.files.rename(file_id, name)
    Batch(1, "not renamed", as_json, quiet).succeeded(
        f"{file.file_id}: is now {file.name}", file_members(file)
    )


@click.command(epilog=LEGEND)
@click.argument("upload_ids", type=TEXT, metavar="UPLOAD_ID…", nargs=-1, required=True)
@files_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per UPLOAD_ID.")
@click.option("--quiet", "-q", is_flag=True, help="Print no result, only errors.")
def abort(upload_ids: tuple[str, ...], as_json: bool, quiet: bool, **connection: Any) -> None:
    """Give up each interrupted upload UPLOAD_ID, and delete what is stored of it.

    \b
      wideload abort UPLOAD_ID
      wideload uploads | cut -f1 | xargs wideload abort

    An interrupted upload counts against your quota until it is finished or given up, or expires
    by itself after some days.

    With --json, each UPLOAD_ID gives one line on standard output: {"upload_id", "aborted": true},
    or {"upload_id", "error": {"type", "message", "status", "code", "request_id"}}.
    """
    ids = checked("upload", upload_ids)
    with connect_files(**connection) as client:
        each(ids, client.files.abort, _ABORTING, as_json=as_json, quiet=quiet)
