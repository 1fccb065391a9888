"""`wideload uploads`."""

from __future__ import annotations

from typing import Any

import click

from wideload import UploadInfo
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import LEGEND
from wideload._cli.formatting import human_size, local_time
from wideload._cli.listing import print_list
from wideload._cli.options import files_options, json_option
from wideload._cli.output import path_of

# The list has no parts, and no upload in it has become a file.
_NOT_LISTED = {"answer", "parts", "file"}


@click.command(epilog=LEGEND)
@files_options
@click.option("--limit", type=click.IntRange(min=1), help="List at most this many.  [default: all]")
@json_option("one JSON object per upload")
def uploads(limit: int | None, as_json: bool, **connection: Any) -> None:
    """List your uploads that aren't finished, newest first.

    \b
      wideload uploads
      wideload uploads | cut -f1 | xargs wideload abort

    Upload the same file again, from any machine, to resume its upload. On a terminal it is a
    table. Elsewhere each upload is a line of six fields with tabs between them and no heading:
    upload id, time of its beginning, time at which it expires, bytes of the file (empty for a
    pipe, which can't be resumed), state, path.
    """
    with connect_files(**connection) as client:
        print_list(
            lambda most: client.files.uploads(limit=most),
            as_json=as_json,
            limit=limit,
            heading=f"{'UPLOAD ID':26}  {'BEGUN':16}  {'KEPT UNTIL':16}  {'SIZE':>9}  NAME",
            row=_row,
            fields=_fields,
            members=_members,
        )


def _row(upload: UploadInfo) -> str:
    begun, until = local_time(upload.created_at), local_time(upload.expires_at)
    size = "?" if upload.size is None else human_size(upload.size)
    return f"{upload.upload_id:26}  {begun:16}  {until:16}  {size:>9}  {path_of(upload)}"


def _fields(upload: UploadInfo) -> tuple[object, ...]:
    times = (upload.created_at, upload.expires_at)
    return (
        upload.upload_id,
        *times,
        "" if upload.size is None else upload.size,
        upload.state,
        path_of(upload),
    )


def _members(upload: UploadInfo) -> dict[str, Any]:
    return {name: getattr(upload, name) for name in upload.__slots__ if name not in _NOT_LISTED}
