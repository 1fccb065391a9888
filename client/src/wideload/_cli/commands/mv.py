"""`wideload mv`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from wideload import CancelledError, Client, ConflictError, FileInfo, FolderInfo, NotFoundError
from wideload._cli.batch import Batch, Report, distinct, one_by_one
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.file_ids import checked_file, file_id_of
from wideload._cli.options import IF_EXISTS, QUIET, TEXT, files_options, json_option
from wideload._cli.output import members_of, path_of
from wideload._files.models import IfExists
from wideload._files.names import checked_folder, checked_name


@click.command(epilog=BATCH_LEGEND)
@click.argument("sources", type=TEXT, metavar="SOURCE…", nargs=-1, required=True)
@click.argument("target", type=TEXT, metavar="TARGET")
@IF_EXISTS
@files_options
@json_option("one JSON object per SOURCE")
@QUIET
def mv(
    sources: tuple[str, ...],
    target: str,
    if_exists: IfExists,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Rename or move files and folders. Their content, and the IDs of files, stay.

    SOURCE is the ID of a file, its path, its name if no other of your files has it, or a folder
    with / at its end. TARGET is one of:

    \b
      NAME         another name, in the same folder
      FOLDER/      that folder, under the same name; / is the top
      FOLDER/NAME  that folder, and another name; /NAME is at the top

    \b
      wideload mv ID "Annual report.pdf"
      wideload mv report.pdf draft.pdf papers/2026/
      wideload mv films/2026/ films/old/2026
      wideload ls -q .raw | cut -f1 | xargs sh -c 'wideload mv "$@" raw/' sh

    Folders that aren't there are made. A folder is moved at once, with everything in it.

    With --json, each SOURCE gives one line on standard output: {"source", "skipped"} with the
    members of the file, or of the folder, as in ls; or {"source", "error": {"type", "message",
    "status", "code", "request_id"}}. With "skipped": true, the file is the other one.
    """
    into, slash, name = target.rpartition("/")
    into = checked_folder(into.removeprefix("/"))
    if name:
        checked_name(name)
    items = distinct(sources)
    if len(items) > 1 and name:
        raise click.UsageError(f"several go into a folder: give the target as {target}/")
    for source in items:
        checked_folder(source.strip("/")) if source.endswith("/") else checked_file(source)
    folder = into if slash else None
    with connect_files(**connection) as client:
        batch = _Moves(items, as_json=as_json, quiet=quiet)
        if name:
            batch.run(
                one_by_one(
                    items, lambda _, source: _rename(client, source, folder, name, if_exists)
                )
            )
        else:
            batch.run(_move(client, items, into, if_exists))
    batch.finish()


@dataclass(frozen=True)
class _Skipped:
    """A source that stays where it is, since another file has its name there."""

    other: FileInfo


_Moved = FileInfo | FolderInfo | _Skipped


def _rename(
    client: Client, source: str, folder: str | None, name: str, if_exists: IfExists
) -> _Moved:
    """Give a file or a folder another name.

    Args:
        folder: Its new folder; None: as it is.
    """
    if source.endswith("/"):
        path = source.strip("/")
        above = path.rpartition("/")[0] if folder is None else folder
        return client.files.move_folder(path, f"{above}/{name}" if above else name)
    file_id = file_id_of(client, source)
    try:
        return client.files.rename(file_id, name, folder=folder, if_exists=if_exists)
    except ConflictError as error:
        if if_exists == "skip" and error.code == "name_exists" and "file" in error.answer:
            return _Skipped(FileInfo.of(error.answer["file"]))
        raise


def _move(
    client: Client, sources: Sequence[str], folder: str, if_exists: IfExists
) -> Iterator[tuple[int, _Moved | Exception]]:
    """Move files and folders into a folder: first the folders, then the files together."""
    ids: dict[int, str] = {}

    def move_one(index: int, source: str) -> FolderInfo | None:
        if source.endswith("/"):
            path = source.strip("/")
            name = path.rpartition("/")[2]
            return client.files.move_folder(path, f"{folder}/{name}" if folder else name)
        ids[index] = file_id_of(client, source)
        return None

    for index, end in one_by_one(sources, move_one):
        if end is not None:
            yield index, end
        if isinstance(end, CancelledError):
            return
    try:
        moved = client.files.move(list(ids.values()), folder, if_exists=if_exists)
    except KeyboardInterrupt:
        yield from ((index, CancelledError("interrupted")) for index in ids)
        return
    for index, outcome in zip(ids, moved, strict=True):
        if outcome.file is None:
            assert outcome.error is not None  # noqa: S101 - for mypy
            yield index, outcome.error
        else:
            yield index, _Skipped(outcome.file) if outcome.skipped else outcome.file


class _Moves(Batch[_Moved]):
    item_member = "source"
    done = "moved"

    def report(self, item: str, result: _Moved) -> Report:
        if isinstance(result, _Skipped):
            other = result.other
            return Report(
                f"{item}: skipped, since {path_of(other)} is there ({other.file_id})",
                {"source": item, **members_of(other), "skipped": True},
                outcome="skipped",
            )
        return Report(
            f"{item}: is now {path_of(result)}",
            {"source": item, **members_of(result), "skipped": False},
            outcome="moved",
        )

    def note(self, error: Exception) -> str:
        if isinstance(error, NotFoundError) and not error.file_id:  # it wasn't given by its ID
            return "; a folder is given with / at its end"
        return ""

    def how_to_go_on(self) -> str:
        return "Some may have been moved or not; to see: wideload ls"
