"""Download one file: to a path, by way of a partial file, or to a file object, in order."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from wideload._files.control import Control, Gate
from wideload._files.crew import Crew
from wideload._files.meter import Meter
from wideload._files.models import DownloadResult, FileInfo
from wideload._files.partial import PartialFile
from wideload._files.ranges import Fetcher, OtherObject, Range
from wideload._files.session import Action, Session
from wideload._files.target import opened_stream, refuse_existing, target_of
from wideload._http import Http, Progress
from wideload.errors import IntegrityError

_HASH_BLOCK = 1024 * 1024
# Of a stream so many bytes are in memory for each connection, and for two more.
_STREAM_RANGE = 4 * 1024 * 1024


@dataclass
class Download:
    """One file on its way here.

    Attributes:
        control: Of this download alone.
    """

    http: Http
    session: Session
    file: FileInfo
    action: Action
    control: Control
    gate: Gate
    progress: Progress | None

    def to_path(self, to: str | os.PathLike[str], *, overwrite: bool) -> DownloadResult:
        """Write it to a path, or into a directory.

        Raises:
            OSError, IntegrityError: See `Files.download`, as for the rest.
        """
        if stream := opened_stream(to):
            with stream:
                return replace(self.to_file(stream), path=Path(to))
        target = target_of(to, self.file.name, overwrite=overwrite)
        refuse_existing(target, overwrite=overwrite)
        with PartialFile(target, self.file) as partial:
            while True:
                fresh = not partial.there
                try:
                    return self._fill(partial, target, overwrite=overwrite)
                except OtherObject:
                    error = _other_object(self.file)
                except _Wrong as wrong:
                    error = _differs(self.file, wrong.sha256)
                if fresh:
                    partial.remove()
                    raise error
                # What an earlier download left may be at fault: once more, from zero.
                partial.discard()

    def to_file(self, file: IO[bytes] | io.FileIO) -> DownloadResult:
        """Write it to a file object, in order.

        Raises:
            OSError, IntegrityError: See `Files.download`, as for the rest.
        """
        meter = Meter(self.file.size, self.progress)
        meter.start(0)
        control = self.control.part()
        stream = _Stream(self.file, self.gate.most, file, control)
        fetcher = self._fetcher(meter, control, None, lambda _: None)
        crew = Crew(control)

        def fetch() -> None:
            while (number := stream.take()) is not None:
                start, end = stream.bounds(number)
                fetcher.fetch(Range(start, end), stream.writer(number))
                stream.keep(number)
                crew.nudge()

        def advance() -> None:
            stream.advance()
            meter.poll()

        try:
            crew.run(min(self.gate.most, stream.ranges), fetch, advance)
        except OtherObject:
            raise _other_object(self.file) from None
        stream.advance()
        meter.tell()
        if stream.sha256.hexdigest() != self.file.sha256:
            raise _differs(self.file, stream.sha256.hexdigest())
        return DownloadResult(
            file=self.file, path=None, bytes_received=meter.moved, resumed_bytes=0
        )

    def _fill(self, partial: PartialFile, target: Path, *, overwrite: bool) -> DownloadResult:
        """Get what is missing, compare, rename.

        Raises:
            _Wrong: It isn't what was recorded.
            OtherObject: As `Fetcher.fetch`.
        """
        resumed = sum(partial.size_of(number) for number in partial.there)
        meter = Meter(self.file.size, self.progress)
        meter.start(resumed)
        control = self.control.part()
        fetcher = self._fetcher(meter, control, partial.etag, partial.name_etag)
        crew = Crew(control)
        queue = _Queue(partial)
        check = _Check(partial, self.file.size, queue, self.control, meter)

        def fetch() -> None:
            while (number := queue.take()) is not None:
                start = number * partial.range_size
                fetcher.fetch(Range(start, start + partial.size_of(number)), partial.write)
                partial.keep(number)
                queue.keep(number)
                crew.nudge()

        crew.run(min(self.gate.most, queue.missing), fetch, check.advance)
        check.advance()
        meter.tell()
        if check.sha256.hexdigest() != self.file.sha256:
            raise _Wrong(check.sha256.hexdigest())
        partial.finish(overwrite=overwrite)
        return DownloadResult(
            file=self.file, path=target, bytes_received=meter.moved, resumed_bytes=resumed
        )

    def _fetcher(
        self,
        meter: Meter,
        control: Control,
        etag: str | None,
        found_etag: Callable[[str], object],
    ) -> Fetcher:
        return Fetcher(
            self.http,
            self.session,
            self.file,
            self.action,
            etag=etag,
            found_etag=found_etag,
            control=control,
            gate=self.gate,
            meter=meter,
        )


class _Wrong(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, sha256: str) -> None:
        super().__init__(sha256)
        self.sha256 = sha256


class _Queue:
    """The ranges that are missing, and those that are there."""

    def __init__(self, partial: PartialFile) -> None:
        self._there = set(partial.there)
        self._waiting = iter([n for n in range(partial.ranges) if n not in self._there])
        self.missing = partial.ranges - len(self._there)
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """The next one to get, None after the last."""
        with self._lock:
            return next(self._waiting, None)

    def keep(self, number: int) -> None:
        """It is there."""
        with self._lock:
            self._there.add(number)

    def has(self, number: int) -> bool:
        """Whether it is there."""
        with self._lock:
            return number in self._there


class _Check:
    """Hashes the content from the beginning, as far as it is there, while the rest comes.

    So the time that it takes is over when the last range comes, but for that range.
    """

    def __init__(
        self, partial: PartialFile, size: int, queue: _Queue, control: Control, meter: Meter
    ) -> None:
        self.sha256 = hashlib.sha256()
        self._partial = partial
        self._size = size
        self._queue = queue
        self._control = control
        self._meter = meter
        self._at = 0
        self._buffer = memoryview(bytearray(_HASH_BLOCK))

    def advance(self) -> None:
        """Hash all that there is to hash."""
        while self._at < self._size:
            number, within = divmod(self._at, self._partial.range_size)
            if not self._queue.has(number):
                break
            self._control.check()
            block = self._buffer[: self._partial.size_of(number) - within]
            self._partial.read_into(self._at, block)
            self.sha256.update(block)
            self._at += len(block)
            self._meter.poll()
        self._meter.poll()


class _Stream:
    """Ranges that come in any order and go to a file object in theirs, few at a time."""

    def __init__(
        self, file: FileInfo, parallel: int, target: IO[bytes] | io.FileIO, control: Control
    ) -> None:
        self.sha256 = hashlib.sha256()
        self.ranges = -(-file.size // _STREAM_RANGE)
        self._size = file.size
        self._target = target
        self._control = control
        self._window = parallel + 2
        self._next = 0
        self._written = 0
        self._blocks: dict[int, list[bytes]] = {}
        self._whole: set[int] = set()
        self._changed = threading.Condition()

    def take(self) -> int | None:
        """The next one to get, as soon as there is room for it; None after the last."""
        with self._changed:
            while self._next < self.ranges and self._next >= self._written + self._window:
                self._control.check()
                self._changed.wait(0.2)
            if self._next >= self.ranges:
                return None
            self._next += 1
            self._blocks[self._next - 1] = []
            return self._next - 1

    def bounds(self, number: int) -> tuple[int, int]:
        """Where it begins and ends."""
        start = number * _STREAM_RANGE
        return start, min(start + _STREAM_RANGE, self._size)

    def writer(self, number: int) -> Callable[[int, bytes], None]:
        """What takes its bytes."""
        blocks = self._blocks[number]
        return lambda _, block: blocks.append(block)

    def keep(self, number: int) -> None:
        """All of it has come."""
        with self._changed:
            self._whole.add(number)

    def advance(self) -> None:
        """Write what is next, as far as it has come."""
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
