"""`wideload download`."""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import click

from wideload import Client, DownloadResult, FileInfo, WideloadError
from wideload._cli.bars import Bars
from wideload._cli.batch import Batch, Report, distinct, one_by_one
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import BATCH_LEGEND, stops_batch
from wideload._cli.file_ids import checked_file, file_id_of
from wideload._cli.formatting import human_size, human_time
from wideload._cli.interrupts import cancelled_by_ctrl_c
from wideload._cli.options import (
    LIMIT_RATE,
    NO_MTIME,
    PARALLEL,
    QUIET,
    TEXT,
    files_options,
    json_option,
)
from wideload._cli.output import (
    check_standard_output,
    is_standard_output,
    is_terminal,
    members_of,
    standard_output,
)
from wideload._cli.tree_downloads import TreeDownloads, find_folders
from wideload._files.target import Folder

# Names and sizes for the bars cost a request each, before the first byte comes.
_MOST_LOOKED_UP = 25


@click.command(epilog=BATCH_LEGEND)
@click.argument("files", type=TEXT, metavar="ID…", nargs=-1, required=True)
@files_options
@click.option(
    "--output",
    "-o",
    type=TEXT,
    metavar="PATH",
    help="File or directory to write to; - is standard output.  [default: the current directory]",
)
@click.option(
    "--recursive",
    "-r",
    is_flag=True,
    help="Download folders with everything in them: give FOLDER in place of ID.",
)
@click.option(
    "--force", "-f", is_flag=True, help="Replace files that exist, and keep their permissions."
)
@NO_MTIME
@LIMIT_RATE
@PARALLEL
@json_option("one JSON object per ID")
@QUIET
def download(  # noqa: PLR0917 - click passes by name
    files: tuple[str, ...],
    output: str | None,
    recursive: bool,
    force: bool,
    no_mtime: bool,
    limit_rate: float | None,
    parallel: int,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Download the file of each ID, and check its SHA-256. In place of an ID, give the path
    of a file, or its name if no other of your files has it.

    \b
      wideload download ID
      wideload download films/2026/film.mkv -o copy.mkv
      wideload download ID -o - | tar x
      wideload download -r films/2026 -o disk/
      wideload ls -q .pdf | cut -f1 | xargs wideload download -o papers/

    A file gets its name when it is complete and its SHA-256 is right. Of two files with the same
    name, the second becomes "name (2).pdf". Run the same command again in the same place to
    resume a download that was interrupted. Named pipes and devices get the bytes as they come.

    With --recursive, the folder films/2026 becomes the directory 2026 within the output, with its
    folders as directories; "/" is the top, whose content is written into the output itself. Names
    that this system doesn't take are changed, links in the output aren't followed, and nothing is
    written outside of it. Files that are there with the right content are left as they are.

    With --json, each file gives one line on standard output: {"file_id", "path", "folder", "name",
    "size", "content_type", "sha256", "verified", "verified_by", "created_at", "modified_at",
    "quarantined", "metadata", "corrupt", "bytes_received", "resumed_bytes"}, or {"file_id",
    "error": {"type", "message", "status", "code", "request_id"}}; with --recursive, each folder
    gives {"path", "folder", "name", "created_at"}.
    """
    if recursive:
        _download_folders(
            files,
            output,
            force=force,
            no_mtime=no_mtime,
            limit_rate=limit_rate,
            parallel=parallel,
            as_json=as_json,
            quiet=quiet,
            **connection,
        )
        return
    ids = distinct(map(checked_file, files))
    target = _target(output, several=len(ids) > 1, as_json=as_json)
    batch = _Downloads(ids, force=force, to_stream=target is None, as_json=as_json, quiet=quiet)
    shown = not quiet and is_terminal(sys.stderr)
    with connect_files(**connection) as client, cancelled_by_ctrl_c() as cancel:
        known = _look_up(client, ids) if shown and len(ids) <= _MOST_LOOKED_UP else {}
        labels = [known[given].name if given in known else given for given in ids]
        sizes = [known[given].size if given in known else None for given in ids]

        def fetch(index: int, given: str) -> _Download:
            started = time.monotonic()
            file_id = known[given].file_id if given in known else file_id_of(client, given)
            with standard_output() if target is None else nullcontext(target) as to:
                result = client.files.download(
                    file_id,
                    to,
                    overwrite=force,
                    set_mtime=not no_mtime,
                    limit_rate=limit_rate,
                    parallel=parallel,
                    progress=partial(bars.transferring, index),
                    cancel=cancel,
                )
            return result, time.monotonic() - started

        with Bars(labels, sizes, verb="downloading", wanted=shown) as bars:
            batch.run(one_by_one(ids, fetch), bars=bars)
    batch.finish()


def _download_folders(
    given: tuple[str, ...],
    output: str | None,
    *,
    force: bool,
    no_mtime: bool,
    limit_rate: float | None,
    parallel: int,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    if output and is_standard_output(output):
        raise click.UsageError(f"--output {output} is for one file, without --recursive")
    with connect_files(**connection) as client, cancelled_by_ctrl_c() as cancel:
        found = find_folders(client, distinct(given), output or ".")
        batch = TreeDownloads(found, force=force, as_json=as_json, quiet=quiet)
        with Bars(batch.items, found.sizes, verb="downloading", wanted=not quiet) as bars:
            outcomes = found.download(
                client,
                overwrite=force,
                set_mtime=not no_mtime,
                limit_rate=limit_rate,
                parallel=parallel,
                progress=bars.transferring,
                cancel=cancel,
            )
            batch.run(outcomes, bars=bars, cancel=cancel)
    batch.finish()


_Download = tuple[DownloadResult, float]


class _Downloads(Batch[_Download]):
    item_member = "file_id"
    done = "downloaded"

    def __init__(
        self, ids: list[str], *, force: bool, to_stream: bool, as_json: bool, quiet: bool
    ) -> None:
        super().__init__(ids, as_json=as_json, quiet=quiet)
        self._force = force
        self._to_stream = to_stream

    def report(self, item: str, result: _Download) -> Report:  # noqa: ARG002
        downloaded, seconds = result
        return Report(
            _sentence(downloaded, seconds),
            {
                **members_of(downloaded.file),
                "path": str(downloaded.path),
                "bytes_received": downloaded.bytes_received,
                "resumed_bytes": downloaded.resumed_bytes,
            },
            outcome="downloaded",
            transferred=downloaded.bytes_received,
        )

    def note(self, error: Exception) -> str:
        exists = isinstance(error, FileExistsError) and not self._force
        return ": add --force to replace it" if exists else ""

    def how_to_go_on(self) -> str:
        if self._to_stream:
            return "Standard output has got a part of the file"
        return "What was received is kept: run the same command again to go on"


def _sentence(result: DownloadResult, seconds: float) -> str:
    if result.path is None:
        return ""
    sentence = f"{result.path}: {human_size(result.file.size)} in {human_time(seconds)}"
    if result.resumed_bytes:
        sentence += f", {human_size(result.resumed_bytes)} of it had been received before"
    return sentence


def _target(output: str | None, *, several: bool, as_json: bool) -> Folder | Path | None:
    """The path to write to; None is standard output.

    Raises:
        click.UsageError: It can't be written to.
    """
    if output and is_standard_output(output):
        if several or as_json:
            raise click.UsageError(f"--output {output} is for one ID, and without --json")
        check_standard_output()
        return None
    path = Path(output or ".")
    if path.is_dir():
        return Folder(path)
    if several:
        raise click.UsageError(f"--output {output} isn't a directory, which several files need")
    named_directory = str(output).endswith(("/", os.sep))
    if named_directory or not path.parent.is_dir():
        missing = path if named_directory else path.parent
        raise click.UsageError(f"--output {output}: there is no directory {missing}")
    return path


def _look_up(client: Client, ids: list[str]) -> dict[str, FileInfo]:
    """Names and sizes for the bars, of the files that are found."""
    known: dict[str, FileInfo] = {}
    for given in ids:
        try:
            known[given] = client.files.get(file_id_of(client, given))
        except WideloadError as error:  # the download itself will fail and say so
            if stops_batch(error):
                break
    return known
