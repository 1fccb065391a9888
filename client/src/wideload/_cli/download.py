"""`wideload download`."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import click

from wideload import Cancel, CancelledError, Client, DownloadResult, FileInfo, WideloadError
from wideload._cli.batch import Batch
from wideload._cli.exits import LEGEND, Interrupted, concerns_all
from wideload._cli.lookup import checked_file, file_id_of
from wideload._cli.options import TEXT, connect_files, files_options
from wideload._cli.output import (
    file_members,
    is_standard_output,
    is_terminal,
    standard_output,
)
from wideload._cli.stopping import stopping
from wideload._cli.transfers import Transfers
from wideload._cli.units import human_size, human_time
from wideload._files.target import Folder

# Names and sizes for the bars cost a request each, before the first byte comes.
_MOST_LOOKED_UP = 25


@click.command(epilog=LEGEND)
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
    "--force", "-f", is_flag=True, help="Replace files that exist, and keep their permissions."
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Connections at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per ID.")
@click.option("--quiet", "-q", is_flag=True, help="Print no result and no progress, only errors.")
def download(  # noqa: PLR0917 - click passes by name
    files: tuple[str, ...],
    output: str | None,
    force: bool,
    parallel: int,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Download the file of each ID, and check its SHA-256. Instead of an ID, give a name
    that only one of your files has.

    \b
      wideload download ID
      wideload download report.pdf
      wideload download ID -o copy.mkv
      wideload download ID -o - | tar x
      wideload ls -q .pdf | cut -f1 | xargs wideload download -o papers/

    A file gets its name when it is whole and right; of two with the same name, the second becomes
    "name (2).pdf". A download that was interrupted goes on where it was when the same command is
    run again in the same place. To a named pipe or a device, bytes go as they come.

    With --json, each ID gives one line on standard output: {"file_id", "path", "name", "size",
    "content_type", "sha256", "verified", "created_at", "bytes_received", "resumed_bytes"}, or
    {"file_id", "error": {"type", "message", "status", "code", "request_id"}}.
    """
    wanted = list(dict.fromkeys(map(checked_file, files)))
    batch = Batch(len(wanted), "not downloaded", as_json, quiet)
    with connect_files(**connection) as client, stopping() as cancel, ExitStack() as opened:
        target = _target(output, opened, several=len(wanted) > 1, as_json=as_json)
        drawn = not quiet and is_terminal(sys.stderr)
        known = _known(client, wanted) if drawn and len(wanted) <= _MOST_LOOKED_UP else {}
        labels = [known[file].name if file in known else file for file in wanted]
        sizes = [known[file].size if file in known else None for file in wanted]
        with Transfers(labels, sizes, verb="downloading", wanted=drawn) as bars:
            _Run(client, known, batch, bars, cancel, target, force, parallel).all(wanted)
    batch.finish()


@dataclass
class _Run:
    """One run of the command."""

    client: Client
    known: dict[str, FileInfo]
    batch: Batch
    bars: Transfers
    cancel: Cancel
    target: Folder | Path | IO[bytes]
    force: bool
    parallel: int

    def all(self, files: list[str]) -> None:
        """Download one after another; each uses all connections.

        Raises:
            Interrupted: By Ctrl-C.
        """
        for index, file in enumerate(files):
            started = time.monotonic()
            try:
                known = self.known.get(file)
                result = self.client.files.download(
                    known.file_id if known else file_id_of(self.client, file),
                    self.target,
                    overwrite=self.force,
                    parallel=self.parallel,
                    progress=partial(self.bars.moving, index),
                    cancel=self.cancel,
                )
            except (CancelledError, KeyboardInterrupt):
                raise Interrupted(self._interruption(index)) from None
            except (WideloadError, OSError) as error:
                if isinstance(error, OSError) and not error.filename and self._to_stream:
                    raise  # standard output's: it is full, or its reader has left
                self.bars.ended(index, 0)
                with self.bars.aside():
                    exists = isinstance(error, FileExistsError) and not self.force
                    note = ": add --force to replace it" if exists else ""
                    if self.batch.failed(file, error, {"file_id": file}, note=note):
                        self.batch.stopped()
                        break
            else:
                self.bars.ended(index, result.bytes_received)
                with self.bars.aside():
                    took = time.monotonic() - started
                    self.batch.succeeded(_sentence(result, took), _members(result))

    @property
    def _to_stream(self) -> bool:
        return not isinstance(self.target, (Folder, Path))

    def _interruption(self, done: int) -> str:
        if self._to_stream:
            return "Standard output has got a part of the file"
        size = self.batch.size
        here = f"{done} of {size} files are here. " if size > 1 else ""
        return f"{here}What came is kept: run the same command again to go on"


def _sentence(result: DownloadResult, took: float) -> str:
    if result.path is None:
        return ""
    shown = f"{result.path}: {human_size(result.file.size)} in {human_time(took)}"
    if result.resumed_bytes:
        shown += f", {human_size(result.resumed_bytes)} of it had come before"
    return shown


def _members(result: DownloadResult) -> dict[str, Any]:
    return {
        **file_members(result.file),
        "path": str(result.path),
        "bytes_received": result.bytes_received,
        "resumed_bytes": result.resumed_bytes,
    }


def _target(
    output: str | None, opened: ExitStack, *, several: bool, as_json: bool
) -> Folder | Path | IO[bytes]:
    """Where to write.

    Args:
        opened: Closes it, if that is needed.

    Raises:
        click.UsageError: It can't be written there.
    """
    if output and is_standard_output(output):
        if several or as_json:
            raise click.UsageError(f"--output {output} is for one ID, and without --json")
        return opened.enter_context(standard_output())
    path = Path(output or ".")
    if path.is_dir():
        return Folder(path)
    if several:
        raise click.UsageError(f"--output {output} is no directory, which several files need")
    named_directory = str(output).endswith(("/", os.sep))
    if named_directory or not path.parent.is_dir():
        missing = path if named_directory else path.parent
        raise click.UsageError(f"--output {output}: there is no directory {missing}")
    return path


def _known(client: Client, files: list[str]) -> dict[str, FileInfo]:
    """Names and sizes, for the bars; what can't be had now will be said when it is wanted."""
    known: dict[str, FileInfo] = {}
    for given in files:
        try:
            file = client.files.get(file_id_of(client, given))
        except WideloadError as error:
            if concerns_all(error):
                break
        else:
            known[given] = file
    return known
