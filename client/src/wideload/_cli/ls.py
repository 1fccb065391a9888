"""`wideload ls` and `wideload uploads`."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

import click

from wideload import FileInfo, UploadInfo
from wideload._cli.exits import LEGEND, complain
from wideload._cli.options import TEXT, connect_files, files_options
from wideload._cli.output import (
    echo,
    file_members,
    is_terminal,
    print_json,
    printable,
    reader_may_leave,
)
from wideload._cli.units import human_size, local_time

_ON_A_TERMINAL = 50


@click.command(epilog=LEGEND)
@files_options
@click.option(
    "--query",
    "-q",
    type=TEXT,
    metavar="TEXT",
    help="Only files whose name contains TEXT, in "
    "whatever case, with any kind of space and however accents are encoded.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"List so many at most.  [default: {_ON_A_TERMINAL} on a terminal, else all]",
)
@click.option("--long", "-l", "long", is_flag=True, help="Show content type and SHA-256 too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file.")
def ls(query: str | None, limit: int | None, long: bool, as_json: bool, **connection: Any) -> None:
    """List your files, newest first.

    \b
      wideload ls
      wideload ls -q report --limit 10
      wideload ls --json | jq -r 'select(.size > 1e9) | .name'

    On a terminal it is a table. Elsewhere each file is a line of seven fields with tabs between
    them and no heading: file id, time, bytes, content type, SHA-256, what is known of the content
    (verified, unverified or corrupt), name.
    """
    on_a_terminal = is_terminal(sys.stdout) and not as_json
    most = limit or (_ON_A_TERMINAL if on_a_terminal else None)
    with connect_files(**connection) as client, reader_may_leave():
        # One more than is shown tells whether there are more.
        found = client.files.list(q=query, limit=most and most + (limit is None))
        for position, file in enumerate(islice(found, most)):
            if as_json:
                print_json(file_members(file))
            elif on_a_terminal:
                if position == 0:
                    echo(_heading(long=long))
                echo(_row(file, long=long))
            else:
                echo(_fields(file))
        if limit is None and next(found, None):
            complain(f"the newest {most} are shown: see more with --limit, others with --query")


@click.command(epilog=LEGEND)
@files_options
@click.option("--limit", type=click.IntRange(min=1), help="List so many at most.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per upload.")
def uploads(limit: int | None, as_json: bool, **connection: Any) -> None:
    """List your uploads that aren't finished, newest first.

    \b
      wideload uploads
      wideload uploads | cut -f1 | xargs wideload abort

    Uploading the same file again goes on with its upload, from any machine. On a terminal it is a
    table. Elsewhere each upload is a line of six fields with tabs between them and no heading:
    upload id, time of its beginning, time at which it is given up, bytes of the file, state, name.
    """
    on_a_terminal = is_terminal(sys.stdout) and not as_json
    with connect_files(**connection) as client, reader_may_leave():
        for position, upload in enumerate(client.files.uploads(limit=limit)):
            if as_json:
                print_json(_upload_members(upload))
            elif on_a_terminal:
                if position == 0:
                    heading = ("UPLOAD ID", "BEGUN", "KEPT UNTIL", "SIZE")
                    echo("{:26}  {:16}  {:16}  {:>9}  NAME".format(*heading))
                echo(_upload_row(upload))
            else:
                echo(_upload_fields(upload))


def _upload_members(upload: UploadInfo) -> dict[str, Any]:
    unshown = {"answer", "parts", "file"}  # the list has no parts, and none has become a file
    return {name: getattr(upload, name) for name in upload.__slots__ if name not in unshown}


def _upload_row(upload: UploadInfo) -> str:
    begun, until = local_time(upload.created_at), local_time(upload.expires_at)
    size = human_size(upload.size)
    return printable(f"{upload.upload_id:26}  {begun:16}  {until:16}  {size:>9}  {upload.name}")


def _upload_fields(upload: UploadInfo) -> str:
    values = (upload.upload_id, upload.created_at, upload.expires_at, upload.size, upload.state)
    return "\t".join(printable(str(value)) for value in (*values, upload.name))


def _heading(*, long: bool) -> str:
    more = f"{'SHA-256':64}  {'TYPE':28}  " if long else ""
    return f"{'FILE ID':26}  {'CREATED':16}  {'SIZE':>9}  {more}NAME"


def _row(file: FileInfo, *, long: bool) -> str:
    more = f"{file.sha256:64}  {file.content_type:28}  " if long else ""
    state = (
        "  (corrupt)" if file.corrupt else "  (unverified)" if long and not file.verified else ""
    )
    return printable(
        f"{file.file_id:26}  {local_time(file.created_at):16}  {human_size(file.size):>9}  "
        f"{more}{file.name}{state}"
    )


def _fields(file: FileInfo) -> str:
    known = "corrupt" if file.corrupt else "verified" if file.verified else "unverified"
    values = (file.file_id, file.created_at, file.size, file.content_type, file.sha256, known)
    return "\t".join(printable(str(value)) for value in (*values, file.name))
