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

_STDIN = "-"


@click.command(epilog=LEGEND)
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@files_options
@click.option("--name", help="Name of the file there.  [default: that of FILE]")
@click.option("--content-type", help="Such as application/pdf.  [default: guessed from the name]")
@click.option("--recursive", "-r", is_flag=True, help="Upload the files in directories too.")
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

    With --json, each file gives one line on standard output, when it is done: {"file", "file_id",
    "name", "size", "content_type", "sha256", "verified", "created_at", "duplicate", "bytes_sent",
    "resumed_bytes", "upload_id"}, or {"file", "upload_id", "error": {"type", "message", …}}. A FILE
    that is refused doesn't keep the others from being uploaded; trouble with the sign-in, the
    network or the service does.
    """
    sources = _sources(files, recursive=recursive)
    if len(sources) > 1 and (name or content_type):
        raise click.UsageError("--name and --content-type are of one file: give one FILE")
    if sources == [_STDIN] and not name:
        raise click.UsageError("give --name: what comes on standard input has none")
    sizes = [_size(source) for source in sources]
    with (
        connect_files(**connection) as client,
        stopping() as cancel,
        Transfers(sources, sizes, verb="uploading", wanted=not quiet) as bars,
    ):
        run = _Run(client, sources, bars, cancel, as_json=as_json, quiet=quiet)
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
    sources: list[str]
    bars: Transfers
    cancel: Cancel
    as_json: bool
    quiet: bool
    worst: int = OK
    interrupted: bool = False
    stopped_by: Exception | None = None
    bytes_sent: int = 0
    uploaded: int = 0
    duplicates: int = 0
    failed: int = 0
    left_open: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def one(
        self, *, name: str | None, content_type: str | None, parallel: int
    ) -> Iterator[UploadOutcome]:
        """Upload the only source."""
        source = self.sources[0]
        try:
            result = self.client.files.upload(
                sys.stdin.buffer if source == _STDIN else Path(source),
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
            elif error:
                self._report_failure(source, error)
        # Cancelled by Ctrl-C, or by the trouble of another file.
        if error and concerns_all(error) and not self.cancel.cancelled:
            self.stopped_by = error
            self.cancel.cancel()

    def finish(self) -> None:
        """Say what there is to say about all of them.

        Raises:
            Interrupted, Failed: Not all are uploaded.
        """
        done = self.uploaded + self.duplicates
        others = len(self.sources) - done - self.failed
        if self.stopped_by is None and (self.cancel.cancelled or self.interrupted):
            raise Interrupted(self._interruption(done))
        if others:
            complain(f"stopped: {others} more not uploaded")
        if self.worst == OK and len(self.sources) > 1 and sys.stdout.isatty():
            self._sum_up()
        if self.worst != OK:
            raise Failed(self.worst)

    def _report_result(self, source: str, result: UploadResult) -> None:
        self.uploaded += not result.duplicate
        self.duplicates += result.duplicate
        if self.as_json:
            how = {name: getattr(result, name) for name in result.__slots__ if name != "file"}
            print_json({"file": _text(source), **file_members(result.file), **how})
        elif not self.quiet:
            echo(printable(f"{source}: {self._sentence(result)}"))

    def _report_failure(self, source: str, error: Exception) -> None:
        upload_id = getattr(error, "upload_id", None)
        if self.as_json:
            members = {"file": _text(source), "upload_id": upload_id, "error": describe(error)}
            print_json(members)
        if isinstance(error, CancelledError):
            self.left_open += [upload_id] if upload_id else []
            return  # said in one line for all of them
        self.failed += 1
        self.worst = max(self.worst, status_of(error))
        complain(f"{source}: {sentence(error)}")

    def _sentence(self, result: UploadResult) -> str:
        file = result.file
        if result.duplicate:
            return f"is there already, as {file.file_id} ({file.name}); nothing was sent"
        shown = f"uploaded as {file.file_id}, {human_size(file.size)}"
        if len(self.sources) == 1:
            shown += f" in {human_time(time.monotonic() - self.started)}"
        if result.resumed_bytes:
            shown += f", {human_size(result.resumed_bytes)} of it had been sent before"
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
        click.echo(
            f"{self.uploaded} uploaded{there}; {human_size(self.bytes_sent)} sent in "
            f"{human_time(took)}{rate}"
        )


def _sources(files: tuple[str, ...], *, recursive: bool) -> list[str]:
    """The paths to upload, directories replaced by what is in them."""
    if _STDIN in files and len(files) > 1:
        raise click.UsageError("give - alone: standard input is one file")
    found: list[str] = []
    for file in files:
        if file == _STDIN or not os.path.isdir(file):
            _check_readable(file)
            found.append(file)
        elif recursive:
            found += _files_in(file)
        else:
            raise click.UsageError(f"{file} is a directory: add --recursive for what is in it")
    if not found:
        raise click.UsageError("there is no file in what was given")
    return found


def _files_in(directory: str) -> Iterator[str]:
    """Regular files below, in an order that stays the same; links to directories not followed."""

    def refuse(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(directory, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield path


def _check_readable(file: str) -> None:
    """Refuse before anything is sent what can't be read.

    Looks without opening: a named pipe can be opened only once.
    """
    if file == _STDIN:
        return
    if not os.path.exists(file):
        raise click.UsageError(f"{file}: no such file")
    if not os.access(file, os.R_OK):
        raise click.UsageError(f"{file} can't be read: permission denied")


def _size(source: str) -> int | None:
    if source == _STDIN:
        return None
    status = os.stat(source)
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _text(path: str) -> str:
    """A path for JSON, which has no word for bytes that are no text."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
