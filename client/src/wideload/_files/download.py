"""Download one file: through a partial file to a path, or in order to a file object."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

from wideload._files.cancel_scope import CancelScope
from wideload._files.files_api import FilesApi
from wideload._files.limits import Limits
from wideload._files.models import FileInfo
from wideload._files.partial_file import PartialFile
from wideload._files.progress_meter import ProgressMeter
from wideload._files.range_download import ByteRange, ObjectReplaced, RangeDownloader
from wideload._files.results import DownloadResult
from wideload._files.target import opened_stream, refuse_existing, target_of
from wideload._files.worker_pool import WorkerPool
from wideload._http import Http, Progress
from wideload._presigned import PresignedRequest
from wideload.errors import IntegrityError

_HASH_BLOCK = 1024 * 1024
# Bytes of a range of a download to a file object. Each connection holds one in memory; two more
# wait to be written.
_STREAM_RANGE = 4 * 1024 * 1024


@dataclass
class Download:
    """The download of one file.

    Attributes:
        action: The presigned GET that the API answered with `file`.
        scope: The scope of this download alone.
    """

    http: Http
    files_api: FilesApi
    file: FileInfo
    action: PresignedRequest
    scope: CancelScope
    limits: Limits
    progress: Progress | None

    def to_path(
        self, to: str | os.PathLike[str], *, overwrite: bool, set_mtime: bool
    ) -> DownloadResult:
        """Write it to a path, or into a directory.

        Args:
            set_mtime: Whether it gets the recorded time of its last change.

        Raises:
            OSError, WideloadError: See `Files.download`.
        """
        if stream := opened_stream(to):
            with stream:
                return replace(self.to_file(stream), path=Path(to))
        target = target_of(to, self.file.name, overwrite=overwrite)
        return self.to_target(target, overwrite=overwrite, set_mtime=set_mtime)

    def to_target(self, target: Path, *, overwrite: bool, set_mtime: bool) -> DownloadResult:
        """Write it to a path of a regular file. Raises as `to_path`."""
        refuse_existing(target, overwrite=overwrite)
        modified_ns = _nanoseconds(self.file.modified_at) if set_mtime else None
        with PartialFile(target, self.file) as partial:
            while True:
                fresh = not partial.present
                try:
                    return self._fill(partial, target, overwrite=overwrite, modified_ns=modified_ns)
                except ObjectReplaced:
                    error = _other_object(self.file)
                except _WrongHash as wrong:
                    error = _differs(self.file, wrong.sha256)
                if fresh:
                    partial.remove()
                    raise error
                # The bytes of an earlier download may be the wrong ones: once more, from zero.
                partial.discard()

    def to_file(self, file: IO[bytes] | io.FileIO) -> DownloadResult:
        """Write it to a file object, in order.

        Raises:
            OSError, WideloadError: See `Files.download`.
        """
        meter = ProgressMeter(self.file.size, self.progress)
        meter.start(0)
        scope = self.scope.nested()
        stream = _OrderedWriter(self.file, self.limits.most, file, scope)
        downloader = self._downloader(meter, scope, None, lambda _: None)
        pool = WorkerPool(scope)

        def fetch() -> None:
            while (number := stream.take()) is not None:
                start, end = stream.bounds(number)
                downloader.download(ByteRange(start, end), stream.writer(number))
                stream.keep(number)
                pool.wake()

        def advance() -> None:
            stream.advance()
            meter.report_if_due()

        try:
            pool.run([fetch] * min(self.limits.most, stream.ranges), advance)
        except ObjectReplaced:
            raise _other_object(self.file) from None
        stream.advance()
        meter.report()
        if stream.sha256.hexdigest() != self.file.sha256:
            raise _differs(self.file, stream.sha256.hexdigest())
        return DownloadResult(
            file=self.file, path=None, bytes_received=meter.moved, resumed_bytes=0
        )

    def _fill(
        self, partial: PartialFile, target: Path, *, overwrite: bool, modified_ns: int | None
    ) -> DownloadResult:
        """Download the missing ranges, check the SHA-256, and rename the file.

        Raises:
            _WrongHash: The content hasn't the recorded SHA-256.
            ObjectReplaced: As `RangeDownloader.download`.
        """
        resumed = sum(partial.size_of(number) for number in partial.present)
        meter = ProgressMeter(self.file.size, self.progress)
        meter.start(resumed)
        scope = self.scope.nested()
        downloader = self._downloader(meter, scope, partial.etag, partial.keep_etag)
        pool = WorkerPool(scope)
        queue = _RangeQueue(partial)
        check = _RunningHash(partial, self.file.size, queue, self.scope, meter)

        def fetch() -> None:
            while (number := queue.take()) is not None:
                start = number * partial.range_size
                downloader.download(
                    ByteRange(start, start + partial.size_of(number)), partial.write
                )
                partial.keep(number)
                queue.keep(number)
                pool.wake()

        pool.run([fetch] * min(self.limits.most, queue.missing), check.advance)
        check.advance()
        meter.report()
        if check.sha256.hexdigest() != self.file.sha256:
            raise _WrongHash(check.sha256.hexdigest())
        partial.finish(overwrite=overwrite, modified_ns=modified_ns)
        return DownloadResult(
            file=self.file, path=target, bytes_received=meter.moved, resumed_bytes=resumed
        )

    def _downloader(
        self,
        meter: ProgressMeter,
        scope: CancelScope,
        etag: str | None,
        found_etag: Callable[[str], object],
    ) -> RangeDownloader:
        return RangeDownloader(
            self.http,
            self.files_api,
            self.file,
            self.action,
            etag=etag,
            found_etag=found_etag,
            scope=scope,
            limits=self.limits,
            meter=meter,
        )


class _WrongHash(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256


class _RangeQueue:
    """The ranges that are missing, and those that are written."""

    def __init__(self, partial: PartialFile) -> None:
        self._present = set(partial.present)
        self._waiting = iter([n for n in range(partial.ranges) if n not in self._present])
        self.missing = partial.ranges - len(self._present)
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """The number of the next range to download, None after the last."""
        with self._lock:
            return next(self._waiting, None)

    def keep(self, number: int) -> None:
        """Note that a range is written."""
        with self._lock:
            self._present.add(number)

    def has(self, number: int) -> bool:
        """Whether a range is written."""
        with self._lock:
            return number in self._present


class _RunningHash:
    """Hashes the content from the beginning, as far as it is written, while the rest arrives.

    So only the last range remains to be hashed when it has arrived.
    """

    def __init__(
        self,
        partial: PartialFile,
        size: int,
        queue: _RangeQueue,
        scope: CancelScope,
        meter: ProgressMeter,
    ) -> None:
        self.sha256 = hashlib.sha256()
        self._partial = partial
        self._size = size
        self._queue = queue
        self._scope = scope
        self._meter = meter
        self._at = 0
        self._buffer = memoryview(bytearray(_HASH_BLOCK))

    def advance(self) -> None:
        """Hash up to the first range that is missing."""
        while self._at < self._size:
            number, within = divmod(self._at, self._partial.range_size)
            if not self._queue.has(number):
                break
            self._scope.check()
            block = self._buffer[: self._partial.size_of(number) - within]
            self._partial.read_into(self._at, block)
            self.sha256.update(block)
            self._at += len(block)
            self._meter.report_if_due()
        self._meter.report_if_due()


class _OrderedWriter:
    """Writes ranges, which arrive in any order, to a file object in the file's order."""

    def __init__(
        self, file: FileInfo, parallel: int, target: IO[bytes] | io.FileIO, scope: CancelScope
    ) -> None:
        self.sha256 = hashlib.sha256()
        self.ranges = -(-file.size // _STREAM_RANGE)
        self._size = file.size
        self._target = target
        self._scope = scope
        self._window = parallel + 2
        self._next = 0
        self._written = 0
        self._blocks: dict[int, list[bytes]] = {}
        self._whole: set[int] = set()
        self._changed = threading.Condition()

    def take(self) -> int | None:
        """The number of the next range to download, when memory allows; None after the last."""
        with self._changed:
            while self._next < self.ranges and self._next >= self._written + self._window:
                self._scope.check()
                self._changed.wait(0.2)
            if self._next >= self.ranges:
                return None
            self._next += 1
            self._blocks[self._next - 1] = []
            return self._next - 1

    def bounds(self, number: int) -> tuple[int, int]:
        """Offsets of the first byte of a range and of the byte after it."""
        start = number * _STREAM_RANGE
        return start, min(start + _STREAM_RANGE, self._size)

    def writer(self, number: int) -> Callable[[int, bytes], None]:
        """A function that keeps the bytes of a range."""
        blocks = self._blocks[number]
        return lambda _, block: blocks.append(block)

    def keep(self, number: int) -> None:
        """Note that all of a range has arrived."""
        with self._changed:
            self._whole.add(number)

    def advance(self) -> None:
        """Write the ranges that are next and have arrived."""
        while True:
            with self._changed:
                if self._written not in self._whole:
                    return
                blocks = self._blocks.pop(self._written)
            for block in blocks:
                self.sha256.update(block)
                self._write(block)
            with self._changed:
                self._whole.discard(self._written)
                self._written += 1
                self._changed.notify_all()

    def _write(self, block: bytes) -> None:
        view = memoryview(block)
        while view:
            # Unbuffered files may take less; some objects don't say how much they took.
            count: int | None = self._target.write(view)
            view = view[len(view) if count is None else count :]


def _nanoseconds(time: str | None) -> int | None:
    """An ISO 8601 time as `os.utime` takes it; None if it isn't one."""
    try:
        since = datetime.fromisoformat(time or "") - datetime(1970, 1, 1, tzinfo=UTC)
    except (TypeError, ValueError):
        return None
    return since // timedelta(microseconds=1) * 1000


def _differs(file: FileInfo, sha256: str) -> IntegrityError:
    error = IntegrityError(
        f"what came for {file.file_id} has SHA-256 {sha256}, recorded is {file.sha256}"
    )
    error.file_id = file.file_id
    return error


def _other_object(file: FileInfo) -> IntegrityError:
    error = IntegrityError(f"the content of {file.file_id} was replaced while it was downloaded")
    error.file_id = file.file_id
    return error
