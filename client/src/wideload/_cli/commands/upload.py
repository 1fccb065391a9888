"""`wideload upload`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import click

from wideload import Cancel, Client, UploadResult
from wideload._cli.bars import Bars
from wideload._cli.batch import Batch, Report, one_by_one
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.formatting import human_size, human_time
from wideload._cli.interrupts import cancelled_by_ctrl_c
from wideload._cli.local_files import STDIN, find_local_files
from wideload._cli.options import PARALLEL, QUIET, TEXT, files_options, json_option
from wideload._cli.output import file_members, standard_input


@click.command(epilog=BATCH_LEGEND)
@click.argument("files", type=TEXT, metavar="FILE…", nargs=-1, required=True)
@files_options
@click.option("--name", type=TEXT, help="Name for the uploaded file.  [default: that of FILE]")
@click.option(
    "--content-type",
    type=TEXT,
    help="Such as application/pdf.  [default: guessed from the name]",
)
@click.option("--recursive", "-r", is_flag=True, help="Upload the files in directories too.")
@click.option(
    "--follow-links",
    is_flag=True,
    help="With --recursive: follow links, also to files outside of the directory.",
)
@click.option(
    "--expected-size",
    type=click.IntRange(min=1),
    metavar="BYTES",
    help="A guess at the size of standard input, needed for more than 78 GiB.",
)
@PARALLEL
@json_option("one JSON object per file")
@QUIET
def upload(  # noqa: PLR0917 - click passes by name
    files: tuple[str, ...],
    name: str | None,
    content_type: str | None,
    recursive: bool,
    follow_links: bool,
    expected_size: int | None,
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

    A file whose content you have uploaded before isn't sent again. Run the same command again to
    resume an upload that was interrupted. Standard input is sent as it comes; over 64 MiB of it
    can't be resumed.

    In directories, links, pipes, sockets and devices are skipped, and so are .DS_Store, Thumbs.db
    and desktop.ini; standard error names them. A file or directory that can't be read is a
    failure (exit status 2), and the rest is uploaded.

    With --json, each file gives one line on standard output, when it is done: {"file", "file_id",
    "name", "size", "content_type", "sha256", "verified", "created_at", "duplicate", "bytes_sent",
    "resumed_bytes", "upload_id"}, or {"file", "upload_id", "error": {"type", "message", …}}.
    """
    found = find_local_files(files, recursive=recursive, follow_links=follow_links)
    paths = found.paths
    if len(paths) > 1 and (name or content_type):
        raise click.UsageError("--name and --content-type are for one file: give one FILE")
    if paths == [STDIN] and not name:
        raise click.UsageError("give --name: standard input has none")
    batch = _Uploads(
        [*paths, *(path for path, _ in found.unreadable)], as_json=as_json, quiet=quiet
    )
    sizes = [_size(path) for path in paths]

    def progress(index: int, done: int, total: int) -> None:
        bars.transferring(index, done, None if sizes[index] is None else total)

    with (
        connect_files(**connection) as client,
        cancelled_by_ctrl_c() as cancel,
        Bars(paths, sizes, verb="uploading", wanted=not quiet) as bars,
    ):
        if not quiet:
            found.print_skipped()
        for path, error in found.unreadable:
            batch.fail(path, error)
        if len(paths) > 1:
            outcomes = _upload_many(
                client, paths, progress, bars.hashing, cancel, parallel=parallel
            )
        else:
            outcomes = one_by_one(
                paths,
                lambda index, path: client.files.upload(
                    _standard_input() if path == STDIN else Path(path),
                    name=name,
                    content_type=content_type,
                    parallel=parallel,
                    progress=partial(progress, index),
                    hashing=partial(bars.hashing, index),
                    cancel=cancel,
                    expected_size=expected_size,
                ),
            )
        batch.run(outcomes, bars=bars, cancel=cancel)
    batch.finish()


def _upload_many(
    client: Client,
    paths: list[str],
    progress: Callable[[int, int, int], None],
    hashing: Callable[[int, int, int], None],
    cancel: Cancel,
    *,
    parallel: int,
) -> Iterator[tuple[int, UploadResult | Exception]]:
    """Upload files at once, and give their outcomes in the order in which they end."""
    for outcome in client.files.upload_many(
        map(Path, paths),
        parallel=parallel,
        progress=progress,
        hashing=hashing,
        cancel=cancel,
    ):
        end = outcome.result or outcome.error
        assert end is not None  # noqa: S101 - for mypy
        yield outcome.index, end


class _Uploads(Batch[UploadResult]):
    item_member = "file"
    done = "uploaded"

    def report(self, item: str, result: UploadResult) -> Report:
        more = {name: getattr(result, name) for name in result.__slots__ if name != "file"}
        return Report(
            f"{item}: {self._sentence(item, result)}",
            {"file": item, **file_members(result.file), **more},
            outcome="already there" if result.duplicate else "uploaded",
            transferred=result.bytes_sent,
        )

    def failure_members(self, item: str, error: Exception) -> dict[str, Any]:  # noqa: ARG002
        return {"upload_id": getattr(error, "upload_id", None)}

    def how_to_go_on(self) -> str:
        if len(self.items) > 1:
            return "What was sent of the others is kept: run the same command again to go on"
        for path, error in self.interrupted.items():
            if error.upload_id:
                return (
                    f"What was sent of {path} is kept: run the same command again to go on, or "
                    f"give it up with: wideload abort {error.upload_id}"
                )
            if path == STDIN:
                return "Nothing of it is kept: run the same command again"
        return "Run the same command again to go on"

    def _sentence(self, path: str, result: UploadResult) -> str:
        file = result.file
        if result.duplicate:
            return f"is there already, as {file.file_id} ({file.name}); nothing was sent"
        sentence = f"uploaded as {file.file_id}, {human_size(file.size)}"
        if len(self.items) == 1:  # several are uploaded at once
            sentence += f" in {human_time(self.seconds)}"
        if result.resumed_bytes:
            sentence += f", {human_size(result.resumed_bytes)} of it had been sent before"
        if "\ufffd" in file.name and file.name != os.path.basename(path):
            sentence += f"; it is named {file.name}, since its name here isn't UTF-8"
        return sentence


def _standard_input() -> IO[bytes]:
    """Standard input without a buffer, whose lock a thread that waits for input would hold.

    The interpreter can't end while a thread holds that lock.
    """
    buffered = standard_input()
    return cast("IO[bytes]", getattr(buffered, "raw", buffered))


def _size(path: str) -> int | None:
    """Size of a regular file; None if it is unknown."""
    if path == STDIN:
        return None
    try:
        status = os.stat(path)
    except OSError:  # it was removed since it was found; its upload will fail and say so
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
