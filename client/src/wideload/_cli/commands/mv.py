"""`wideload mv`."""

from __future__ import annotations

from typing import Any

import click

from wideload._cli.connections import connect_files
from wideload._cli.exit_status import LEGEND
from wideload._cli.options import QUIET, TEXT, files_options, json_option
from wideload._cli.output import file_members
from wideload._cli.results import print_result


@click.command(epilog=LEGEND)
@click.argument("file_id", type=TEXT, metavar="ID")
@click.argument("name", type=TEXT)
@files_options
@json_option("the file as one JSON object")
@QUIET
def mv(file_id: str, name: str, as_json: bool, quiet: bool, **connection: Any) -> None:
    """Give the file of ID another NAME. Its ID and its content stay.

    \b
      wideload mv ID "Annual report.pdf"
    """
    with connect_files(**connection) as client:
        file = client.files.rename(file_id, name)
    print_result(
        f"{file.file_id}: is now {file.name}", file_members(file), as_json=as_json, quiet=quiet
    )
