"""Download several files at once into a tree of directories."""

from __future__ import annotations

import hashlib
import os
import queue
import stat
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from wideload._files.batch_loop import LatestProgress, run_batch
from wideload._files.cancel_scope import CancelScope, Stopped
from wideload._files.download import Download
from wideload._files.files_api import FilesApi
from wideload._files.limits import Limits
from wideload._files.models import BatchProgress, FileInfo, FolderInfo
from wideload._files.results import DownloadOutcome, DownloadResult
from wideload._files.target import refuse_existing
from wideload._files.target_tree import TargetTree
from wideload._http import Http
from wideload.errors import ConfigurationError, WideloadError

# Items that have begun and not ended, at most, for each connection.
_MOST_BEGUN = 4
_HASH_BLOCK = 1024 * 1024
# Seconds between two looks for a file.
_POLL = 0.1


class DownloadBatch:
    """Downloads of one `Files.download_tree`.

    Args:
        scope: The scope of all downloads together.
        overwrite: Whether existing files may be replaced.
        set_mtime: Whether files get the recorded time of their last change.
    """

    def __init__(
        self,
        http: Http,
        files_api: FilesApi,
        tree: TargetTree,
        *,
        limits: Limits,
        scope: CancelScope,
        overwrite: bool,
        set_mtime: bool,
        progress: BatchProgress | None,
    ) -> None:
        self._http = http
        self._files_api = files_api
        self._tree = tree
        self._limits = limits
        self._scope = scope
        self._overwrite = overwrite
        self._set_mtime = set_mtime
        self._received = LatestProgress(progress)
        self._todo: queue.SimpleQueue[tuple[int, FileInfo, Path] | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[DownloadOutcome] = queue.SimpleQueue()

    def run(self, items: Iterable[FolderInfo | FileInfo]) -> Iterator[DownloadOutcome]:
        """Begin the downloads, and yield each outcome when it is known."""
        return run_batch(
            items,
            [self._fetch_all] * self._limits.most,
            begin=self._begin,
            end=self._end,
            outcomes=self._outcomes,
            most=_MOST_BEGUN * self._limits.most,
            scope=self._scope,
            report=self._received.report,
        )

    def _begin(self, index: int, item: FolderInfo | FileInfo) -> None:
        """Choose a file's path, in the order of the items, so that it is the same each time."""
        try:
            path = self._tree.place(item)
        except (OSError, ConfigurationError) as error:
            self._outcomes.put(DownloadOutcome(index=index, item=item, error=error))
            return
        if isinstance(item, FolderInfo):
            self._outcomes.put(DownloadOutcome(index=index, item=item, path=path))
        else:
            self._todo.put((index, item, path))

    def _end(self) -> None:
        for _ in range(self._limits.most):
            self._todo.put(None)

    def _fetch_all(self) -> None:
        """Download files, one after another."""
        while True:
            self._scope.check_stopped()
            try:
                taken = self._todo.get(timeout=_POLL)
            except queue.Empty:
                continue
            if taken is None:
                return
            index, file, path = taken
            outcome = partial(DownloadOutcome, index=index, item=file, path=path)
            try:
                result = self._fetch(index, file, path)
            except Stopped:
                raise
            except Exception as error:  # noqa: BLE001 - it becomes an outcome
                if isinstance(error, WideloadError):
                    error.file_id = file.file_id
                self._outcomes.put(outcome(error=error))
            else:
                self._outcomes.put(outcome(result=result))

    def _fetch(self, index: int, file: FileInfo, path: Path) -> DownloadResult:
        self._scope.check()
        progress = self._received.of(index)
        if self._is_there(path, file):
            progress(file.size, file.size)
            return DownloadResult(file=file, path=path, bytes_received=0, resumed_bytes=file.size)
        refuse_existing(path, overwrite=self._overwrite)
        answered, action = self._files_api.download(file.file_id)
        download = Download(
            self._http, self._files_api, answered, action, self._scope, self._limits, progress
        )
        return download.to_target(path, overwrite=self._overwrite, set_mtime=self._set_mtime)

    def _is_there(self, path: Path, file: FileInfo) -> bool:
        """Whether a path holds the file's content, most likely from an earlier download."""
        try:
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode) or status.st_size != file.size:
                return False
            sha256 = hashlib.sha256()
            with open(path, "rb", buffering=0) as local:
                while block := local.read(_HASH_BLOCK):
                    self._scope.check()
                    sha256.update(block)
        except OSError:
            return False
        return sha256.hexdigest() == file.sha256
