"""`wideload upload`."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click

from wideload import (
    Cancel,
    CancelledError,
    Client,
    UploadOutcome,
    UploadResult,
    WideloadError,
)
from wideload._cli.batch import Batch
from wideload._cli.exits import LEGEND, OK, Interrupted
from wideload._cli.options import TEXT, connect_files, files_options
from wideload._cli.output import echo, file_members, is_terminal, standard_input
from wideload._cli.stopping import stopping
from wideload._cli.transfers import Transfers
from wideload._cli.tree import STDIN, Found, find
from wideload._cli.units import human_size, human_time


@click.command(epilog=LEGEND)
@click.argument("files", type=TEXT, metavar="FILE…", nargs=-1, required=True)
@files_options
@click.option("--name", type=TEXT, help="Name of the file there.  [default: that of FILE]")
@click.option(
    "--content-type",
    type=TEXT,
    help="Such as application/pdf.  [default: guessed from the name]",
)
@click.option("--recursive", "-r", is_flag=True, help="Upload the files in directories too.")
@click.option(
    "--follow-links",
    is_flag=True,
    help="With --recursive: upload what links lead to, be it outside of the directory.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="Connections at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file.")
@click.option("--quiet", "-q", is_flag=True, help="Print no result and no progress, only errors.")
def upload(  # noqa: PLR0917 - click passes by name
    files: tuple[str, ...],
    name: str | None,
    content_type: str | None,
    recursive: bool,
    follow_links: bool,
    parallel: int,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Upload each FILE, of any size. "-" reads standard input, and needs --name.

    \b
      wideload upload film.mkv
      wideload upload --recursive photos/
      tar c folder | wideload upload - --name folder.tar
      wideload upload --json *.pdf | jq -r .file_id

    A file whose content you have uploaded before isn't sent again. An upload that was interrupted
    goes on where it was when the same command is run again.

    In directories, links, pipes, sockets and devices are passed over, and so are .DS_Store,
    Thumbs.db and desktop.ini; which ones, is said at the end and isn't a failure. What can't be
    read, files or directories, is: exit status 2, after all the rest was uploaded.

    With --json, each file gives one line on standard output, when it is done: {"file", "file_id",
    "name", "size", "content_type", "sha256", "verified", "created_at", "duplicate", "bytes_sent",
    "resumed_bytes", "upload_id"}, or {"file", "upload_id", "error": {"type", "message", …}}.
    """
    found = find(files, recursive=recursive, follow_links=follow_links)
    sources = found.files
    if len(sources) > 1 and (name or content_type):
        raise click.UsageError("--name and --content-type are of one file: give one FILE")
    if sources == [STDIN] and not name:
        raise click.UsageError("give --name: what comes on standard input has none")
    sizes = [_size(source) for source in sources]
    batch = Batch(len(sources) + len(found.unreadable), "not uploaded", as_json, quiet)
    with (
        connect_files(**connection) as client,
        stopping() as cancel,
        Transfers(sources, sizes, verb="uploading", wanted=not quiet) as bars,
    ):
        run = _Run(client, found, batch, bars, cancel)
        if len(sources) == 1:
            outcomes = run.one(name=name, content_type=content_type, parallel=parallel)
        else:
            outcomes = run.many(parallel=parallel)
        try:
            for outcome in outcomes:
                run.report(outcome)
        except KeyboardInterrupt:
            run.interrupted = True
    run.finish()


@dataclass
class _Run:
    """One run of the command: what its files have come to."""

    client: Client
    found: Found
    batch: Batch
    bars: Transfers
    cancel: Cancel
    interrupted: bool = False
    stopped: bool = False
    bytes_sent: int = 0
    uploaded: int = 0
    duplicates: int = 0
    left_open: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def sources(self) -> list[str]:
        """Paths of the files."""
        return self.found.files

    def one(
        self, *, name: str | None, content_type: str | None, parallel: int
    ) -> Iterator[UploadOutcome]:
        """Upload the only source."""
        source = self.sources[0]
        try:
            result = self.client.files.upload(
                standard_input() if source == STDIN else Path(source),
                name=name,
                content_type=content_type,
                parallel=parallel,
                progress=partial(self.bars.moving, 0),
                hashing=partial(self.bars.hashing, 0),
                cancel=self.cancel,
            )
        except (WideloadError, OSError) as error:
            yield UploadOutcome(index=0, source=source, error=error)
        else:
            yield UploadOutcome(index=0, source=source, result=result)

    def many(self, *, parallel: int) -> Iterator[UploadOutcome]:
        """Upload all sources."""
        return self.client.files.upload_many(
            map(Path, self.sources),
            parallel=parallel,
            progress=self.bars.moving,
            hashing=self.bars.hashing,
            cancel=self.cancel,
        )

    def report(self, outcome: UploadOutcome) -> None:
        """Say what became of one source."""
        source = self.sources[outcome.index]
        result, error = outcome.result, outcome.error
        moved = result.bytes_sent if result else 0
        self.bars.ended(outcome.index, moved)
        self.bytes_sent += moved
        with self.bars.aside():
            if result:
                self._report_result(source, result)
            elif isinstance(error, CancelledError):
                # By Ctrl-C, or by the trouble of another file: said in one line for all of them.
                self.left_open += [error.upload_id] if error.upload_id else []
                self.batch.print_error({"file": source, "upload_id": error.upload_id}, error)
            elif error and self._report_failure(source, error) and not self.cancel.cancelled:
                self.stopped = True
                self.cancel.cancel()

    def finish(self) -> None:
        """Say what there is to say about all of them.

        Raises:
            Interrupted, Failed: Not all are uploaded.
        """
        if not self.stopped and (self.cancel.cancelled or self.interrupted):
            raise Interrupted(self._interruption(self.uploaded + self.duplicates))
        for path, error in self.found.unreadable:
            self._report_failure(path, error)
        self.batch.stopped()
        if not self.batch.quiet:
            self.found.tell()
        if self.batch.worst == OK and len(self.sources) > 1 and is_terminal(sys.stdout):
            self._sum_up()
        self.batch.finish()

    def _report_result(self, source: str, result: UploadResult) -> None:
        self.uploaded += not result.duplicate
        self.duplicates += result.duplicate
        how = {name: getattr(result, name) for name in result.__slots__ if name != "file"}
        self.batch.succeeded(
            f"{source}: {self._sentence(source, result)}",
            {"file": source, **file_members(result.file), **how},
        )

    def _report_failure(self, source: str, error: Exception) -> bool:
        upload_id = getattr(error, "upload_id", None)
        return self.batch.failed(source, error, {"file": source, "upload_id": upload_id})

    def _sentence(self, source: str, result: UploadResult) -> str:
        file = result.file
        if result.duplicate:
            return f"is there already, as {file.file_id} ({file.name}); nothing was sent"
        shown = f"uploaded as {file.file_id}, {human_size(file.size)}"
        if len(self.sources) == 1:
            shown += f" in {human_time(time.monotonic() - self.started)}"
        if result.resumed_bytes:
            shown += f", {human_size(result.resumed_bytes)} of it had been sent before"
        if "\ufffd" in file.name and file.name != os.path.basename(source):
            shown += f"; it is named {file.name}, since its name here is no UTF-8"
        return shown

    def _interruption(self, done: int) -> str:
        if len(self.sources) > 1:
            return (
                f"{done} of {len(self.sources)} files are uploaded, and what was sent of the "
                "others is kept: run the same command again to go on"
            )
        if not self.left_open:
            return "Run the same command again to go on"
        return (
            f"What was sent of {self.sources[0]} is kept: run the same command again to go on, or "
            f"give it up with: wideload abort {self.left_open[0]}"
        )

    def _sum_up(self) -> None:
        took = time.monotonic() - self.started
        rate = (
            f", {human_size(round(self.bytes_sent / took))}/s" if self.bytes_sent and took else ""
        )
        there = f", {self.duplicates} were there already" if self.duplicates else ""
        echo(
            f"{self.uploaded} uploaded{there}; {human_size(self.bytes_sent)} sent in "
            f"{human_time(took)}{rate}"
        )


def _size(source: str) -> int | None:
    if source == STDIN:
        return None
    try:
        status = os.stat(source)
    except OSError:  # it has gone since it was found, which will be said of it alone
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
