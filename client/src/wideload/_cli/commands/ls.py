"""`wideload ls`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from typing import Any, cast

import click

from wideload import Client, FileInfo, FolderInfo
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import LEGEND
from wideload._cli.formatting import human_size, local_time
from wideload._cli.listing import DEFAULT_ON_TERMINAL, LIMIT_ON_TERMINAL, print_list
from wideload._cli.options import FOLDER, TEXT, files_options, json_option
from wideload._cli.output import file_state, members_of, path_of
from wideload._files.file_records import Sort

_Item = FileInfo | FolderInfo


@click.command(epilog=LEGEND)
@click.argument("folder", type=FOLDER, required=False)
@files_options
@click.option("--recursive", "-R", is_flag=True, help="List folders with everything in them.")
@click.option(
    "--query",
    "-q",
    type=TEXT,
    metavar="TEXT",
    help="Only files whose name contains TEXT, of all folders unless FOLDER is given. Upper and "
    "lower case, kinds of spaces and encodings of accents don't matter.",
)
@click.option(
    "--prefix",
    type=TEXT,
    metavar="TEXT",
    help="Only files whose name begins with TEXT, of all folders unless FOLDER is given.",
)
@click.option(
    "--sort",
    type=click.Choice(["created_at", "-created_at", "name", "-name", "size", "-size"]),
    help="Order of the files; - for the opposite.  [default: -created_at, the newest first; name "
    "with --prefix or --recursive]",
)
@LIMIT_ON_TERMINAL
@click.option("--long", "-l", "long", is_flag=True, help="Show content type and SHA-256 too.")
@json_option("one JSON object per file or folder")
def ls(  # noqa: PLR0917 - click passes by name
    folder: str | None,
    recursive: bool,
    query: str | None,
    prefix: str | None,
    sort: str | None,
    limit: int | None,
    long: bool,
    as_json: bool,
    **connection: Any,
) -> None:
    """List a folder: its folders by name, then its files, newest first. Default: the top.

    \b
      wideload ls
      wideload ls films/2026 --sort -size
      wideload ls -R --json | jq -r 'select(.size > 1e9) | .name'
      wideload ls -q report --limit 10

    With --query or --prefix it lists the files of all folders that match.

    On a terminal it is a table. Elsewhere each file is a line of seven fields with tabs between
    them and no heading: file id, time, bytes, content type, SHA-256, state of the content
    (verified, unverified, corrupt or quarantined), path. A folder has no id, bytes, type and
    SHA-256; its state is "folder", and its path ends in /. With --json, a folder gives {"folder",
    "name", "created_at"}.
    """
    searching = query is not None or prefix is not None
    if recursive and (searching or sort):
        raise click.UsageError("--recursive lists all by name: leave --query, --prefix, --sort out")
    if folder is None and not searching:
        folder = ""
    with connect_files(**connection) as client:
        print_list(
            partial(
                _items,
                client,
                folder=folder,
                recursive=recursive,
                query=query,
                prefix=prefix,
                sort=sort,
            ),
            as_json=as_json,
            limit=limit,
            heading=_heading(long=long),
            row=lambda item: _row(item, _relative(item, folder), long=long),
            fields=_fields,
            members=members_of,
            default_limit=DEFAULT_ON_TERMINAL,
            more=f"the first {DEFAULT_ON_TERMINAL} are shown: see more with --limit, others with "
            "--query",
        )


def _items(
    client: Client,
    most: int | None,
    *,
    folder: str | None,
    recursive: bool,
    query: str | None,
    prefix: str | None,
    sort: str | None,
) -> Iterator[_Item]:
    if recursive:
        return islice(client.files.walk(folder or ""), most)
    files = partial(
        client.files.list, folder=folder, sort=cast("Sort | None", sort), prefix=prefix, q=query
    )
    if query is not None or prefix is not None:
        return files(limit=most)
    files()  # checks the options before the first request
    return islice(chain(client.files.folders(folder or "", limit=most), files(limit=most)), most)


def _relative(item: _Item, folder: str | None) -> str:
    """The path of an item from the folder that is listed."""
    return path_of(item).removeprefix(f"{folder}/" if folder else "")


def _heading(*, long: bool) -> str:
    more = f"{'SHA-256':64}  {'TYPE':28}  " if long else ""
    return f"{'FILE ID':26}  {'CREATED':16}  {'SIZE':>9}  {more}NAME"


def _row(item: _Item, path: str, *, long: bool) -> str:
    time = local_time(item.created_at)
    if isinstance(item, FolderInfo):
        more = f"{'':64}  {'folder':28}  " if long else ""
        return f"{'':26}  {time:16}  {'-':>9}  {more}{path}"
    more = f"{item.sha256:64}  {item.content_type:28}  " if long else ""
    return f"{item.file_id:26}  {time:16}  {human_size(item.size):>9}  {more}{path}" + _remark(
        item, long=long
    )


def _remark(file: FileInfo, *, long: bool) -> str:
    """The state of a file's content, for the end of a row, unless it is as it should be."""
    if file.quarantined:
        return f"  (quarantined: {file.quarantined.reason.replace('_', ' ')})"
    if file.corrupt:
        return "  (corrupt)"
    return "  (unverified)" if long and not file.verified else ""


def _fields(item: _Item) -> tuple[object, ...]:
    if isinstance(item, FolderInfo):
        return ("", item.created_at, "", "", "", "folder", path_of(item))
    known = (item.file_id, item.created_at, item.size, item.content_type, item.sha256)
    return (*known, file_state(item), path_of(item))
