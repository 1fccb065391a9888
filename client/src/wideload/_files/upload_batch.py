"""Upload several files at once: one thread opens and announces them, others send them."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from wideload._error_codes import OF_THE_NAME
from wideload._files.batch_loop import LatestProgress, run_batch
from wideload._files.cancel_scope import CancelScope, Stopped
from wideload._files.files_api import MOST_FILES, Created, FilesApi
from wideload._files.limits import Limits
from wideload._files.models import BatchProgress, Source
from wideload._files.progress_meter import ProgressMeter
from wideload._files.results import UploadOutcome, UploadResult
from wideload._files.source_file import SourceFile
from wideload._http import Progress
from wideload.errors import ApiError, QuotaError

# Files that are open at once, at most: those of one request are sent while the next are hashed.
_MOST_OPEN = 2 * MOST_FILES
# A request that has room for more files is made once its files have so many bytes, or after so many
# seconds.
_ENOUGH_BYTES = 64 * 1024 * 1024
_LONGEST_DELAY = 0.5
# Seconds between two looks for a file.
_POLL = 0.1


Open = Callable[[Source, CancelScope, Progress], SourceFile]
Send = Callable[[SourceFile, Created | None, CancelScope, Limits, ProgressMeter], UploadResult]


@dataclass
class _Item:
    """One source, with the other sources of the same identity, which wait until it has ended.

    Attributes:
        identity: Hash and size by which it is announced.
        same: Whether the others have the same content, not only the same size and first part.
    """

    index: int
    source: Source
    opened: SourceFile | None = None
    followers: list[_Item] = field(default_factory=list)

    identity: Hashable = None
    same: bool = False

    def file(self) -> SourceFile:
        """The open file; the source has been opened."""
        assert self.opened is not None  # noqa: S101 - for mypy
        return self.opened


class UploadBatch:
    """Uploads of one `Files.upload_many`.

    Args:
        open: Opens a source, and hashes what is announced of it.
        send: Sends an open file.
        files_api: Makes the requests that announce files.
        scope: The scope of all uploads together.
    """

    def __init__(
        self,
        open: Open,
        send: Send,
        files_api: FilesApi,
        *,
        limits: Limits,
        scope: CancelScope,
        progress: BatchProgress | None,
        hashing: BatchProgress | None,
    ) -> None:
        self._open = open
        self._send = send
        self._files_api = files_api
        self._scope = scope
        self._limits = limits
        self._sent = LatestProgress(progress)
        self._hashed = LatestProgress(hashing)
        self._todo: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[UploadOutcome] = queue.SimpleQueue()
        self._ready = _SendQueue(scope)
        self._opened: dict[int, SourceFile] = {}
        self._under_way: dict[Hashable, _Item] = {}
        self._followers = 0  # that wait
        self._lock = threading.Lock()

    def run(self, sources: Iterable[Source]) -> Iterator[UploadOutcome]:
        """Begin the uploads, and yield each outcome when it is known."""
        try:
            yield from run_batch(
                sources,
                [self._announce_all, *[self._send_all] * self._limits.most],
                begin=lambda index, source: self._todo.put(_Item(index, source)),
                end=lambda: self._todo.put(None),
                outcomes=self._outcomes,
                most=_MOST_OPEN,
                scope=self._scope,
                report=self._report,
            )
        finally:
            for opened in list(self._opened.values()):
                opened.close()

    def _report(self) -> None:
        self._hashed.report()
        self._sent.report()

    def _announce_all(self) -> None:
        """Open and hash sources, and announce them to the API in batches."""
        batch: list[_Item] = []
        deadline = 0.0
        more = True
        while more or batch or self._is_waited_for():
            self._scope.check_stopped()
            wait = max(0.0, deadline - time.monotonic()) if batch else _POLL
            item = None
            with suppress(queue.Empty):
                item = self._todo.get(timeout=wait)
                more = more and item is not None
            if item is not None and (item.opened or self._open_one(item)):
                deadline = deadline if batch else time.monotonic() + _LONGEST_DELAY
                batch.append(item)
            size = sum(item.file().content.size for item in batch)
            full = len(batch) == MOST_FILES or size >= _ENOUGH_BYTES
            last = not more and self._todo.empty()
            if batch and (full or last or time.monotonic() >= deadline):
                self._announce(batch)
                batch = []
        self._ready.close()

    def _is_waited_for(self) -> bool:
        """Whether sources that wait for others are still to be announced."""
        with self._lock:
            return self._followers > 0 or not self._todo.empty()

    def _open_one(self, item: _Item) -> bool:
        """Open and hash a source; False if it failed or another of its identity is under way."""
        try:
            opened = self._open(item.source, self._scope, self._hashed.of(item.index))
        except Exception as error:  # noqa: BLE001 - it becomes an outcome
            self._end(item, error)
            return False
        item.opened = opened
        item.identity = opened.identity or item.index
        item.same = not opened.in_one_pass
        with self._lock:
            self._opened[item.index] = opened
            first = self._under_way.setdefault(item.identity, item)
            if first is not item:
                first.followers.append(item)
                self._followers += 1
        return first is item

    def _announce(self, batch: list[_Item]) -> None:
        try:
            created = self._files_api.create([item.file().announced for item in batch])
        except Exception as error:  # noqa: BLE001 - it becomes an outcome
            for item in batch:
                self._end(item, error)
            return
        for item, answer in zip(batch, created, strict=True):
            self._ready.put(item, answer)

    def _send_all(self) -> None:
        """Send files, one after another."""
        while (ready := self._ready.take()) is not None:
            item, created = ready
            meter = ProgressMeter(item.file().content.size, self._sent.of(item.index))
            scope = self._scope.nested()
            try:
                result = self._send(item.file(), created, scope, self._limits, meter)
            except Exception as error:  # noqa: BLE001 - it becomes an outcome
                full = isinstance(error, QuotaError) and error.code == "too_many_uploads"
                if full and self._ready.postpone(item):
                    continue
                self._end(item, error)
            else:
                self._end(item, result)
            self._ready.done()

    def _end(self, item: _Item, end: UploadResult | Exception) -> None:
        """Put the outcome into the queue, and announce or end the sources that waited for it."""
        if isinstance(end, Stopped):
            raise end
        ended = [item]
        with self._lock:
            followers, item.followers = item.followers, []
            if self._under_way.get(item.identity) is item:
                del self._under_way[item.identity]
            if not item.same or _is_of_the_name(end):
                self._follow(followers)
            elif isinstance(end, UploadResult):  # their content is stored: they are names of it
                for follower in followers:
                    self._todo.put(follower)
            else:
                ended += followers
            self._followers -= len(followers)
            for one in ended:
                if opened := self._opened.pop(one.index, None):
                    opened.close()
        for one in ended:
            self._outcomes.put(_outcome(one, end))

    def _follow(self, followers: list[_Item]) -> None:
        """Announce the first of them, for which the others wait."""
        if followers:
            following, *following.followers = followers
            self._followers += len(following.followers)
            self._under_way[following.identity] = following
            self._todo.put(following)


class _SendQueue:
    """Files to send, and files that are postponed until another upload has ended."""

    def __init__(self, scope: CancelScope) -> None:
        self._scope = scope
        self._files: deque[tuple[_Item, Created | None]] = deque()
        self._postponed: deque[_Item] = deque()
        self._taken = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: _Item, created: Created | None) -> None:
        """Add a file, with the API's answer if it has been announced."""
        with self._changed:
            self._files.append((item, created))
            self._changed.notify()

    def close(self) -> None:
        """Note that no more files will be added."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> tuple[_Item, Created | None] | None:
        """The next file to send, None after the last.

        Raises:
            Stopped: The batch has ended.
        """
        with self._changed:
            while not self._files:
                if self._closed and not self._taken:
                    return None
                self._scope.check_stopped()
                self._changed.wait(_POLL)
            self._taken += 1
            return self._files.popleft()

    def postpone(self, item: _Item) -> bool:
        """Postpone a file, instead of calling `done`: the person has too many open uploads.

        Returns:
            Whether the file is taken again, when another upload has ended; False without another.
        """
        with self._changed:
            if self._taken <= 1 and not self._files:
                return False
            self._taken -= 1
            self._postponed.append(item)
            return True

    def done(self) -> None:
        """Note that the upload of a file that was taken has ended."""
        with self._changed:
            self._taken -= 1
            if self._postponed:
                self._files.append((self._postponed.popleft(), None))
            self._changed.notify_all()


def _is_of_the_name(end: UploadResult | Exception) -> bool:
    """Whether a file of another name, with the same content, may end otherwise."""
    if isinstance(end, UploadResult):
        return end.skipped
    return isinstance(end, ApiError) and end.code in OF_THE_NAME


def _outcome(item: _Item, end: UploadResult | Exception) -> UploadOutcome:
    if isinstance(end, Exception):
        return UploadOutcome(index=item.index, source=item.source, error=end)
    return UploadOutcome(index=item.index, source=item.source, result=end)
