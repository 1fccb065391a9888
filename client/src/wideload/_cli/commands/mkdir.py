"""`wideload mkdir`."""

from __future__ import annotations

from typing import Any

import click

from wideload import FolderInfo
from wideload._cli.batch import Batch, Report, distinct, one_by_one
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.options import FOLDER, QUIET, files_options, json_option
from wideload._cli.output import members_of


@click.command(epilog=BATCH_LEGEND)
@click.argument("folders", type=FOLDER, metavar="FOLDER…", nargs=-1, required=True)
@files_options
@json_option("one JSON object per FOLDER")
@QUIET
def mkdir(folders: tuple[str, ...], as_json: bool, quiet: bool, **connection: Any) -> None:
    """Make each FOLDER, and the folders above it, unless it is there.

    \b
      wideload mkdir films/2026

    Folders are also made by uploading or moving files into them. With --json, each FOLDER gives
    one line on standard output: {"folder", "name", "created_at"}, or {"folder", "error": {"type",
    "message", "status", "code", "request_id"}}.
    """
    batch = _Folders(distinct(folders), as_json=as_json, quiet=quiet)
    with connect_files(**connection) as client:
        batch.run(one_by_one(batch.items, lambda _, folder: client.files.create_folder(folder)))
    batch.finish()


class _Folders(Batch[FolderInfo]):
    item_member = "folder"
    done = "made"

    def report(self, item: str, result: FolderInfo) -> Report:
        return Report(f"{item}: is there", members_of(result), outcome="made")

    def how_to_go_on(self) -> str:
        return "The same command can be run again"
