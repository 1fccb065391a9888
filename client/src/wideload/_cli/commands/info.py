"""`wideload info`."""

from __future__ import annotations

from typing import Any

import click

from wideload import FileInfo
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import LEGEND
from wideload._cli.file_ids import checked_file, file_id_of
from wideload._cli.formatting import human_size, local_time
from wideload._cli.options import TEXT, files_options, json_option
from wideload._cli.output import echo, file_state, members_of, path_of, print_json, printable

_CHECKED_BY = {"s3": "by S3", "verifier": "by the verifier"}


@click.command(epilog=LEGEND)
@click.argument("file", type=TEXT, metavar="ID")
@files_options
@json_option("the file as one JSON object")
def info(file: str, as_json: bool, **connection: Any) -> None:
    """Show all that is known of the file of ID. In place of an ID, give the path of a file, or
    its name if no other of your files has it.

    \b
      wideload info films/2026/film.mkv

    With --json: {"file_id", "folder", "name", "size", "content_type", "sha256", "verified",
    "verified_by", "created_at", "modified_at", "quarantined", "metadata", "corrupt"}.
    """
    checked_file(file)
    with connect_files(**connection) as client:
        found = client.files.get(file_id_of(client, file))
    if as_json:
        print_json(members_of(found))
        return
    for title, text in _lines(found):
        echo(printable(f"{title + ':':14}{text}"))


def _lines(file: FileInfo) -> list[tuple[str, str]]:
    state = file_state(file)
    if file.quarantined:
        state += f" ({file.quarantined.reason.replace('_', ' ')}): {file.quarantined.detail}"
    elif file.verified_by:
        state += f" {_CHECKED_BY.get(file.verified_by, f'by {file.verified_by}')}"
    lines = [
        ("Path", path_of(file)),
        ("File ID", file.file_id),
        ("Size", f"{human_size(file.size)} ({file.size:,} bytes)"),
        ("Type", file.content_type),
        ("Content", state),
        ("SHA-256", file.sha256),
        ("Created", local_time(file.created_at)),
    ]
    if file.modified_at:
        lines.append(("Last change", local_time(file.modified_at)))
    return lines + [(name, text) for name, text in file.metadata.items()]
