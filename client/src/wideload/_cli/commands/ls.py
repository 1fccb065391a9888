"""`wideload ls`."""

from __future__ import annotations

from typing import Any

import click

from wideload import FileInfo
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import LEGEND
from wideload._cli.formatting import human_size, local_time
from wideload._cli.listing import DEFAULT_ON_TERMINAL, LIMIT_ON_TERMINAL, print_list
from wideload._cli.options import TEXT, files_options, json_option
from wideload._cli.output import file_members


@click.command(epilog=LEGEND)
@files_options
@click.option(
    "--query",
    "-q",
    type=TEXT,
    metavar="TEXT",
    help="Only files whose name contains TEXT. Upper and lower case, kinds of spaces and encodings "
    "of accents don't matter.",
)
@LIMIT_ON_TERMINAL
@click.option("--long", "-l", "long", is_flag=True, help="Show content type and SHA-256 too.")
@json_option("one JSON object per file")
def ls(query: str | None, limit: int | None, long: bool, as_json: bool, **connection: Any) -> None:
    """List your files, newest first.

    \b
      wideload ls
      wideload ls -q report --limit 10
      wideload ls --json | jq -r 'select(.size > 1e9) | .name'

    On a terminal it is a table. Elsewhere each file is a line of seven fields with tabs between
    them and no heading: file id, time, bytes, content type, SHA-256, state of the content
    (verified, unverified or corrupt), name.
    """
    with connect_files(**connection) as client:
        print_list(
            lambda most: client.files.list(q=query, limit=most),
            as_json=as_json,
            limit=limit,
            heading=_heading(long=long),
            row=lambda file: _row(file, long=long),
            fields=_fields,
            members=file_members,
            default_limit=DEFAULT_ON_TERMINAL,
            more=f"the newest {DEFAULT_ON_TERMINAL} are shown: see more with --limit, others with "
            "--query",
        )


def _heading(*, long: bool) -> str:
    more = f"{'SHA-256':64}  {'TYPE':28}  " if long else ""
    return f"{'FILE ID':26}  {'CREATED':16}  {'SIZE':>9}  {more}NAME"


def _row(file: FileInfo, *, long: bool) -> str:
    more = f"{file.sha256:64}  {file.content_type:28}  " if long else ""
    state = (
        "  (corrupt)" if file.corrupt else "  (unverified)" if long and not file.verified else ""
    )
    return (
        f"{file.file_id:26}  {local_time(file.created_at):16}  {human_size(file.size):>9}  "
        f"{more}{file.name}{state}"
    )


def _fields(file: FileInfo) -> tuple[object, ...]:
    state = "corrupt" if file.corrupt else "verified" if file.verified else "unverified"
    known = (file.file_id, file.created_at, file.size, file.content_type, file.sha256)
    return (*known, state, file.name)
