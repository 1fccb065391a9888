"""`wideload rm`."""

from __future__ import annotations

from typing import Any

import click

from wideload import ConfigurationError
from wideload._cli.batch import distinct
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.id_batch import IdBatch, checked_ids, confirm_deletion
from wideload._cli.options import FOLDER, QUIET, TEXT, YES, files_options, json_option


@click.command(epilog=BATCH_LEGEND)
@click.argument("given", type=TEXT, metavar="ID…", nargs=-1, required=True)
@files_options
@click.option(
    "--recursive",
    "-r",
    is_flag=True,
    help="Delete folders with everything in them: give FOLDER in place of ID.",
)
@YES
@json_option("one JSON object per ID")
@QUIET
def rm(
    given: tuple[str, ...],
    recursive: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Delete the file of each ID for good.

    \b
      wideload rm ID
      wideload rm -r films/2026
      wideload ls -q .tmp | cut -f1 | xargs wideload rm --yes

    On a terminal it asks once before it deletes; in a script it doesn't. A folder is gone at once,
    with everything in it.

    With --json, each ID gives one line on standard output: {"file_id", "deleted": true}, or
    {"file_id", "error": {"type", "message", "status", "code", "request_id"}}; with --recursive,
    "folder" in place of "file_id".
    """
    items = _folders(given) if recursive else _ids(given)
    batch = IdBatch(
        items,
        item_member="folder" if recursive else "file_id",
        done="deleted",
        again="deleting again",
        as_json=as_json,
        quiet=quiet,
    )
    with connect_files(**connection) as client:
        if recursive:
            confirm_deletion("folder", items, yes=yes, more=" with everything in it")
            batch.apply(client.files.delete_folder)
        else:
            confirm_deletion("file", items, yes=yes)
            if len(items) == 1:
                batch.apply(client.files.delete)
            else:
                batch.apply_to_all(client.files.delete_many)


def _ids(given: tuple[str, ...]) -> list[str]:
    for each in given:
        if "/" in each:
            raise ConfigurationError(
                f"that is no file id: {each!r}. wideload ls shows ids; add --recursive for a folder"
            )
    return checked_ids("file", given)


def _folders(given: tuple[str, ...]) -> list[str]:
    folders = distinct(FOLDER.convert(each, None, None) for each in given)
    if "" in folders:
        raise click.UsageError("the top can't be deleted: give the folders in it")
    return folders
