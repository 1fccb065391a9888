"""`wideload download --recursive`: finds what is in the folders, and reports each file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from wideload import Cancel, Client, DownloadOutcome, FileInfo, FolderInfo, NotFoundError
from wideload._cli.batch import Batch, Report
from wideload._cli.formatting import human_size
from wideload._cli.output import members_of, path_of
from wideload._files.models import BatchProgress
from wideload._files.names import checked_folder
from wideload._files.target import Folder


@dataclass
class FoundFolders:
    """The folders to download.

    Attributes:
        folders: Number of items in each folder, and the directory to write them to.
        items: Their files and folders, one folder after another.
        failed: Folders that can't be listed, or whose directory can't be made, with the error.
    """

    folders: dict[str, tuple[int, str]] = field(default_factory=dict)
    items: list[FileInfo | FolderInfo] = field(default_factory=list)
    failed: dict[str, Exception] = field(default_factory=dict)

    @property
    def sizes(self) -> list[int]:
        """Bytes of each item."""
        return [item.size if isinstance(item, FileInfo) else 0 for item in self.items]

    def download(
        self,
        client: Client,
        *,
        overwrite: bool,
        set_mtime: bool,
        limit_rate: float | None,
        parallel: int,
        progress: BatchProgress,
        cancel: Cancel,
    ) -> Iterator[tuple[int, DownloadOutcome | Exception]]:
        """Download them, and give the outcomes as they come, with the number of the item."""
        first = 0
        for folder, (count, directory) in self.folders.items():
            if cancel.cancelled:
                return
            for outcome in client.files.download_tree(
                folder,
                directory,
                items=self.items[first : first + count],
                overwrite=overwrite,
                set_mtime=set_mtime,
                limit_rate=limit_rate,
                parallel=parallel,
                progress=lambda index, done, total, first=first: progress(  # type: ignore[misc]
                    first + index, done, total
                ),
                cancel=cancel,
            ):
                yield first + outcome.index, outcome.error or outcome
            first += count


def find_folders(client: Client, given: Sequence[str], output: str) -> FoundFolders:
    """List everything in the folders, and choose a directory for each.

    Args:
        given: Paths of folders; "/" is the top.
        output: Path of the directory to write to, which is made if it isn't there.

    Raises:
        ConfigurationError: One can't be the path of a folder.
        OSError: The output can't be made.
        WideloadError: A request failed.
    """
    found = FoundFolders()
    target = Folder(output)
    for folder in [checked_folder(path.strip("/")) for path in given]:
        try:
            items = list(client.files.walk(folder))
            os.makedirs(output, exist_ok=True)
            directory = target.make(folder.rpartition("/")[2]) if folder else target
        except (NotFoundError, NotADirectoryError) as error:
            if isinstance(error, NotFoundError) and error.code != "unknown_folder":
                raise
            found.failed[folder] = error
        else:
            found.folders[folder] = len(items), os.fspath(directory)
            found.items += items
    return found


class TreeDownloads(Batch[DownloadOutcome]):
    """Files and folders that are downloaded."""

    item_member = "file_id"
    done = "downloaded"

    def __init__(self, found: FoundFolders, *, force: bool, as_json: bool, quiet: bool) -> None:
        labels = [path_of(item) for item in found.items]
        super().__init__([*labels, *found.failed], as_json=as_json, quiet=quiet)
        self._force = force
        self._found = dict(zip(labels, found.items, strict=True))
        for folder, error in found.failed.items():
            self.fail(folder, error)

    def report(self, item: str, result: DownloadOutcome) -> Report:  # noqa: ARG002
        """Such as `photos/a.jpg: 3 KB`; nothing for a folder."""
        path = str(result.path)
        if isinstance(result.item, FolderInfo):
            return Report("", {"path": path, **members_of(result.item)}, outcome="folders")
        done = result.result
        assert done is not None  # noqa: S101 - for mypy
        there = done.resumed_bytes == done.file.size and not done.bytes_received
        return Report(
            f"{path}: {'is there already' if there else human_size(done.file.size)}",
            {
                **members_of(done.file),
                "path": path,
                "bytes_received": done.bytes_received,
                "resumed_bytes": done.resumed_bytes,
            },
            outcome="already there" if there else "downloaded",
            transferred=done.bytes_received,
        )

    def failure_members(self, item: str, error: Exception) -> dict[str, Any]:  # noqa: ARG002
        """The file or folder."""
        found = self._found.get(item)
        if isinstance(found, FileInfo):
            return {"file_id": found.file_id, "folder": found.folder, "name": found.name}
        return {"file_id": None, "folder": item.rstrip("/")}

    def note(self, error: Exception) -> str:
        """Advice for a file that exists."""
        exists = isinstance(error, FileExistsError) and not self._force
        return ": add --force to replace it" if exists else ""

    def how_to_go_on(self) -> str:
        """The partial files stay."""
        return "What was received is kept: run the same command again to go on"
