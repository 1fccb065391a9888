"""`wideload download`."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import click

from wideload import Cancel, CancelledError, Client, DownloadResult, WideloadError
from wideload._cli.each import checked
from wideload._cli.exits import (
    LEGEND,
    OK,
    Failed,
    Interrupted,
    complain,
    concerns_all,
    describe,
    printable,
    sentence,
    status_of,
)
from wideload._cli.options import connect_files, files_options
from wideload._cli.output import echo, file_members, human_size, human_time, print_json
from wideload._cli.stopping import stopping
from wideload._cli.transfers import Transfers

_STDOUT = "-"
# Names and sizes for the bars cost a request each, before the first byte comes.
_MOST_LOOKED_UP = 25


@click.command(epilog=LEGEND)
@click.argument("file_ids", metavar="ID…", nargs=-1, required=True)
@files_options
@click.option(
    "--output",
    "-o",
    metavar="PATH",
    help="File or directory to write to; - is standard output.  [default: the current directory]",
)
@click.option("--force", "-f", is_flag=True, help="Replace files that exist.")
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
    file_ids: tuple[str, ...],
    output: str | None,
    force: bool,
    parallel: int,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Download the file of each ID, and check its SHA-256.

    \b
      wideload download ID
      wideload download ID -o copy.mkv
      wideload download ID -o - | tar x
      wideload ls -q .pdf | cut -f1 | xargs wideload download -o papers/

    A file gets its name when it is whole and right. A download that was interrupted goes on where
    it was when the same command is run again in the same place.

    With --json, each ID gives one line on standard output: {"file_id", "path", "name", "size",
    "content_type", "sha256", "verified", "created_at", "bytes_received", "resumed_bytes"}, or
    {"file_id", "error": {"type", "message", "status", "code", "request_id"}}. An ID that is unknown
    doesn't keep the others from being downloaded; trouble with the sign-in, the network or the
    service does.
    """
    ids = checked("file", file_ids)
    target = _target(output, several=len(ids) > 1, as_json=as_json)
    with connect_files(**connection) as client, stopping() as cancel:
        drawn = not quiet and sys.stderr.isatty()
        known = _known(client, ids) if drawn and len(ids) <= _MOST_LOOKED_UP else {}
        labels = [known[file_id][0] if file_id in known else file_id for file_id in ids]
        sizes = [known[file_id][1] if file_id in known else None for file_id in ids]
        with Transfers(labels, sizes, verb="downloading", wanted=drawn) as bars:
            run = _Run(client, ids, bars, cancel, target, force, parallel, as_json, quiet)
            run.all()
    if run.worst != OK:
        raise Failed(run.worst)


@dataclass
class _Run:
    """One run of the command."""

    client: Client
    ids: list[str]
    bars: Transfers
    cancel: Cancel
    target: Path | IO[bytes] | None
    force: bool
    parallel: int
    as_json: bool
    quiet: bool
    worst: int = OK

    def all(self) -> None:
        """Download one after another; each uses all connections.

        Raises:
            Interrupted: By Ctrl-C.
        """
        for index, file_id in enumerate(self.ids):
            left = len(self.ids) - index - 1
            started = time.monotonic()
            try:
                result = self.client.files.download(
                    file_id,
                    self.target,
                    overwrite=self.force,
                    parallel=self.parallel,
                    progress=partial(self.bars.moving, index),
                    cancel=self.cancel,
                )
            except (CancelledError, KeyboardInterrupt):
                raise Interrupted(self._interruption(index)) from None
            except BrokenPipeError:
                raise  # standard output's reader has left
            except (WideloadError, OSError) as error:
                self.bars.ended(index, 0)
                with self.bars.aside():
                    self._report_failure(file_id, error)
                    if left and concerns_all(error):
                        complain(f"stopped: {left} more not downloaded")
                        break
            else:
                self.bars.ended(index, result.bytes_received)
                with self.bars.aside():
                    self._report(result, time.monotonic() - started)

    def _report(self, result: DownloadResult, took: float) -> None:
        if self.as_json:
            path = os.fspath(result.path) if result.path else None
            counts = {
                "path": path,
                "bytes_received": result.bytes_received,
                "resumed_bytes": result.resumed_bytes,
            }
            print_json({**file_members(result.file), **counts})
        elif not self.quiet and result.path:
            shown = f"{result.path}: {human_size(result.file.size)} in {human_time(took)}"
            if result.resumed_bytes:
                shown += f", {human_size(result.resumed_bytes)} of it had come before"
            echo(printable(shown))

    def _report_failure(self, file_id: str, error: Exception) -> None:
        if self.as_json:
            print_json({"file_id": file_id, "error": describe(error)})
        self.worst = max(self.worst, status_of(error))
        if isinstance(error, FileExistsError):
            complain(f"{file_id}: {error.filename} exists: add --force to replace it")
            return
        file = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        complain(f"{file_id}: {file}{sentence(error)}")

    def _interruption(self, done: int) -> str:
        if self.target is not None and not isinstance(self.target, Path):
            return "Standard output has got a part of the file"
        here = f"{done} of {len(self.ids)} files are here. " if len(self.ids) > 1 else ""
        return f"{here}What came is kept: run the same command again to go on"


def _target(output: str | None, *, several: bool, as_json: bool) -> Path | IO[bytes] | None:
    """Where to write.

    Raises:
        click.UsageError: It can't be written there.
    """
    if output is None:
        return None
    if output == _STDOUT:
        if several or as_json:
            raise click.UsageError("--output - is for one ID, and without --json")
        return sys.stdout.buffer
    path = Path(output)
    if path.is_dir():
        return path
    if several:
        raise click.UsageError(f"--output {output} is no directory, which several files need")
    if output.endswith(("/", os.sep)) or not path.parent.is_dir():
        missing = path if output.endswith(("/", os.sep)) else path.parent
        raise click.UsageError(f"--output {output}: there is no directory {missing}")
    return path


def _known(client: Client, ids: list[str]) -> dict[str, tuple[str, int]]:
    """Names and sizes, for the bars; what can't be had now will be said when it is wanted."""
    known: dict[str, tuple[str, int]] = {}
    for file_id in ids:
        try:
            file = client.files.get(file_id)
        except WideloadError as error:
            if concerns_all(error):
                break
        else:
            known[file_id] = (file.name, file.size)
    return known
