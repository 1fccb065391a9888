"""`wideload upload`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import IO, Any, cast

import click

from wideload import Cancel, Client, FolderInfo, UploadResult
from wideload._cli.bars import Bars
from wideload._cli.batch import Batch, Report, one_by_one
from wideload._cli.connections import connect_files
from wideload._cli.exit_status import BATCH_LEGEND
from wideload._cli.formatting import human_size, human_time
from wideload._cli.interrupts import cancelled_by_ctrl_c
from wideload._cli.local_files import STDIN, LocalFiles, find_local_files
from wideload._cli.options import (
    FOLDER,
    IF_EXISTS,
    LIMIT_RATE,
    PARALLEL,
    QUIET,
    TEXT,
    files_options,
    json_option,
)
from wideload._cli.output import members_of, path_of, standard_input
from wideload._files.models import IfExists
from wideload._files.source import name_of

_Result = UploadResult | FolderInfo


@click.command(epilog=BATCH_LEGEND)
@click.argument("files", type=TEXT, metavar="FILE…", nargs=-1, required=True)
@files_options
@click.option(
    "--folder",
    type=FOLDER,
    default="/",
    metavar="FOLDER",
    help="Folder to put the files in, such as films/2026. It is made if it isn't there.  "
    "[default: the top]",
)
@IF_EXISTS
@click.option("--name", type=TEXT, help="Name for the uploaded file.  [default: that of FILE]")
@click.option(
    "--content-type",
    type=TEXT,
    help="Such as application/pdf.  [default: guessed from the name]",
)
@click.option(
    "--recursive", "-r", is_flag=True, help="Upload directories with everything in them, too."
)
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
@LIMIT_RATE
@PARALLEL
@json_option("one JSON object per file")
@QUIET
def upload(  # noqa: PLR0917 - click passes by name
    files: tuple[str, ...],
    folder: str,
    if_exists: IfExists,
    name: str | None,
    content_type: str | None,
    recursive: bool,
    follow_links: bool,
    expected_size: int | None,
    limit_rate: float | None,
    parallel: int,
    as_json: bool,
    quiet: bool,
    **connection: Any,
) -> None:
    """Upload each FILE, of any size. "-" reads standard input, and needs --name.

    \b
      wideload upload film.mkv
      wideload upload -r photos --folder 2026
      wideload upload --if-exists replace report.pdf
      tar c folder | wideload upload - --name folder.tar
      wideload upload --json *.pdf | jq -r .file_id

    Content that you have uploaded before isn't sent again. Run the same command again to resume
    an upload that was interrupted. Standard input is sent as it comes; over 64 MiB of it can't be
    resumed.

    With --recursive, directories become folders: photos/a/b.jpg is then b.jpg in the folder
    2026/photos/a. Of the directory "." the content is uploaded, as by cp. Hidden files are
    included, and directories without files become folders, too. Links, pipes, sockets and devices
    are skipped, and so are .DS_Store, Thumbs.db and desktop.ini; standard error names them. A file
    or directory that can't be read, or whose name isn't taken, is a failure (exit status 2), and
    the rest is uploaded.

    With --json, each file gives one line on standard output, when it is done: {"file", "file_id",
    "folder", "name", "size", "content_type", "sha256", "verified", "verified_by", "created_at",
    "modified_at", "quarantined", "metadata", "corrupt", "duplicate", "skipped", "bytes_sent",
    "resumed_bytes", "upload_id"}, or {"file", "upload_id", "error": {"type", "message", …}}. A
    directory without files gives {"file", "folder", "name", "created_at"}.
    """
    found = find_local_files(files, folder=folder, recursive=recursive, follow_links=follow_links)
    paths = found.paths
    if len(paths) > 1 and (name or content_type):
        raise click.UsageError("--name and --content-type are for one file: give one FILE")
    if paths == [STDIN] and not name:
        raise click.UsageError("give --name: standard input has none")
    items = [*paths, *found.folders]
    batch = _Uploads(
        [*items, *(path for path, _ in found.unreadable)],
        found,
        name=name,
        as_json=as_json,
        quiet=quiet,
    )
    sizes = [_size(path) for path in paths]

    def progress(index: int, done: int, total: int) -> None:
        bars.transferring(index, done, None if sizes[index] is None else total)

    with (
        connect_files(**connection) as client,
        cancelled_by_ctrl_c() as cancel,
        Bars(
            items, [*sizes, *(0 for _ in found.folders)], verb="uploading", wanted=not quiet
        ) as bars,
    ):
        if not quiet:
            found.print_skipped()
        for path, error in found.unreadable:
            batch.fail(path, error)
        outcomes: Iterator[tuple[int, _Result | Exception]]
        if len(paths) > 1:
            outcomes = _upload_many(
                client,
                found,
                progress,
                bars.hashing,
                cancel,
                if_exists=if_exists,
                limit_rate=limit_rate,
                parallel=parallel,
            )
        else:
            outcomes = one_by_one(
                paths,
                lambda index, path: client.files.upload(
                    _standard_input() if path == STDIN else path,
                    name=name,
                    folder=found.folder_of(path),
                    if_exists=if_exists,
                    content_type=content_type,
                    limit_rate=limit_rate,
                    parallel=parallel,
                    progress=partial(progress, index),
                    hashing=partial(bars.hashing, index),
                    cancel=cancel,
                    expected_size=expected_size,
                ),
            )
        batch.run(chain(outcomes, _make_folders(client, found, cancel)), bars=bars, cancel=cancel)
    batch.finish()


def _upload_many(
    client: Client,
    found: LocalFiles,
    progress: Callable[[int, int, int], None],
    hashing: Callable[[int, int, int], None],
    cancel: Cancel,
    *,
    if_exists: IfExists,
    limit_rate: float | None,
    parallel: int,
) -> Iterator[tuple[int, _Result | Exception]]:
    """Upload files at once, and give their outcomes in the order in which they end."""
    for outcome in client.files.upload_many(
        found.paths,
        folder=found.folder_of,
        if_exists=if_exists,
        limit_rate=limit_rate,
        parallel=parallel,
        progress=progress,
        hashing=hashing,
        cancel=cancel,
    ):
        end = outcome.result or outcome.error
        assert end is not None  # noqa: S101 - for mypy
        yield outcome.index, end


def _make_folders(
    client: Client, found: LocalFiles, cancel: Cancel
) -> Iterator[tuple[int, _Result | Exception]]:
    """Make folders of the directories without files, unless an earlier outcome was the last."""
    if cancel.cancelled:
        return
    made = one_by_one(
        found.folders, lambda _, path: client.files.create_folder(found.folders[path])
    )
    for index, end in made:
        yield len(found.paths) + index, end


class _Uploads(Batch[_Result]):
    item_member = "file"
    done = "uploaded"

    def __init__(
        self, items: list[str], found: LocalFiles, *, name: str | None, as_json: bool, quiet: bool
    ) -> None:
        super().__init__(items, as_json=as_json, quiet=quiet)
        self._found = found
        self._name = name

    def report(self, item: str, result: _Result) -> Report:
        if isinstance(result, FolderInfo):
            return Report(
                f"{item}: is the folder {result.folder}",
                {"file": item, **members_of(result)},
                outcome="empty folders",
            )
        more = {name: getattr(result, name) for name in result.__slots__ if name != "file"}
        return Report(
            f"{item}: {self._sentence(item, result)}",
            {"file": item, **members_of(result.file), **more},
            outcome=_outcome(result),
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
        if result.skipped:
            return f"skipped, since {path_of(file)} is there with other content ({file.file_id})"
        if result.duplicate:
            return f"is there already, as {file.file_id} ({path_of(file)}); nothing was sent"
        sentence = f"uploaded as {file.file_id}, {human_size(file.size)}"
        if len(self.items) == 1:  # several are uploaded at once
            sentence += f" in {human_time(self.seconds)}"
        if result.resumed_bytes:
            sentence += f", {human_size(result.resumed_bytes)} of it had been sent before"
        if "\ufffd" in file.name and file.name != os.path.basename(path):
            sentence += f"; it is named {file.name}, since its name here isn't UTF-8"
        elif file.name != (self._name or name_of(path)):
            sentence += f"; it is named {file.name}, since another file has its name"
        return sentence


def _outcome(result: UploadResult) -> str:
    if result.skipped:
        return "skipped"
    return "already there" if result.duplicate else "uploaded"


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
