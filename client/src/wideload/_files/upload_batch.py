"""Upload several files at once: one thread hashes and announces them, others send them."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from wideload._files.cancel_scope import CancelScope, Stopped
from wideload._files.concurrency_limit import ConcurrencyLimit
from wideload._files.files_api import MOST_FILES, Created, FilesApi
from wideload._files.models import BatchProgress, Source, UploadOutcome, UploadResult
from wideload._files.progress_meter import ProgressMeter
from wideload._files.upload import HashedFile
from wideload._http import Progress
from wideload.errors import QuotaError

# So many files are open at once: those of one request are sent while the next are hashed.
_MOST_BEGUN = 2 * MOST_FILES
# A request isn't put off for so many bytes, or for so long, only because it has room for more.
_ENOUGH_BYTES = 64 * 1024 * 1024
_LONG_ENOUGH = 0.5
_LOOK_AGAIN = 0.1
_PATIENCE = 2.0


Open = Callable[[Source, CancelScope, Progress], HashedFile]
Send = Callable[
    [HashedFile, Created | None, CancelScope, ConcurrencyLimit, ProgressMeter], UploadResult
]


@dataclass
class _Item:
    """One source on its way."""

    index: int
    source: Source
    opened: HashedFile | None = None
    followers: list[_Item] = field(default_factory=list)

    def hashed(self) -> HashedFile:
        """What was opened, of an item that was."""
        assert self.opened is not None  # noqa: S101 - for mypy
        return self.opened

    @property
    def key(self) -> tuple[str, int]:
        """What its content is known by."""
        return self.hashed().digest.sha256, self.hashed().digest.size


class UploadBatch:
    """Uploads of one `Files.upload_many`.

    Args:
        open: Opens and hashes a source.
        send: Sends what was opened.
        files_api: For the requests that announce them.
        scope: Of all of them together.
    """

    def __init__(
        self,
        open: Open,
        send: Send,
        files_api: FilesApi,
        *,
        parallel: int,
        scope: CancelScope,
        progress: BatchProgress | None,
        hashing: BatchProgress | None,
    ) -> None:
        self._open = open
        self._send = send
        self._files_api = files_api
        self._parallel = parallel
        self._scope = scope
        self._concurrency = ConcurrencyLimit(parallel)
        self._sent = _Latest(progress)
        self._hashed = _Latest(hashing)
        self._todo: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[UploadOutcome] = queue.SimpleQueue()
        self._ready = _Ready(scope)
        self._opened: dict[int, HashedFile] = {}
        self._under_way: dict[tuple[str, int], _Item] = {}
        self._lock = threading.Lock()

    def run(self, sources: Iterable[Source]) -> Iterator[UploadOutcome]:
        """Begin, and give each outcome as it comes."""
        waiting = enumerate(sources)
        begun = ended = 0
        more = True
        threads = [
            threading.Thread(target=_quietly, args=(task,), name="wideload-many", daemon=True)
            for task in (self._announce_all, *[self._send_all] * self._parallel)
        ]
        try:
            for thread in threads:
                thread.start()
            while more or ended < begun:
                while more and begun - ended < _MOST_BEGUN:
                    item = None if self._scope.cancelled else next(waiting, None)
                    more = item is not None
                    begun += more
                    self._todo.put(_Item(*item) if item else None)
                outcome = self._next_outcome()
                if outcome is not None:
                    ended += 1
                    yield outcome
        finally:
            self._scope.stop()
            self._todo.put(None)
            deadline = time.monotonic() + _PATIENCE
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(0.0, deadline - time.monotonic()))
            for opened in list(self._opened.values()):
                opened.content.close()

    def _next_outcome(self) -> UploadOutcome | None:
        """Wait a moment for an outcome; report progress before it is given out."""
        try:
            outcome = self._outcomes.get(timeout=_LOOK_AGAIN)
        except queue.Empty:
            outcome = None
        self._hashed.tell()
        self._sent.tell()
        return outcome

    def _announce_all(self) -> None:
        """Hash what comes, announce it to the API in batches, and pass it on."""
        batch: list[_Item] = []
        deadline = 0.0
        more = True
        while more or batch:
            wait = max(0.0, deadline - time.monotonic()) if batch else None
            item = None
            if more:
                try:
                    item = self._todo.get(timeout=wait)
                    more = item is not None
                except queue.Empty:
                    pass
            if item is not None and self._hash(item):
                deadline = deadline if batch else time.monotonic() + _LONG_ENOUGH
                batch.append(item)
            full = len(batch) == MOST_FILES or sum(item.key[1] for item in batch) >= _ENOUGH_BYTES
            if batch and (full or not more or time.monotonic() >= deadline):
                self._announce(batch)
                batch = []
        self._ready.close()

    def _hash(self, item: _Item) -> bool:
        """Open and hash a source; whether it is to be announced."""
        try:
            item.opened = self._open(item.source, self._scope, self._hashed.of(item.index))
        except Exception as error:  # noqa: BLE001 - it is given out
            self._end(item, error)
            return False
        with self._lock:
            self._opened[item.index] = item.opened
            first = self._under_way.setdefault(item.key, item)
            if first is not item:  # the same content: what becomes of it holds for both
                first.followers.append(item)
        return first is item

    def _announce(self, batch: list[_Item]) -> None:
        try:
            created = self._files_api.create([item.hashed().announced for item in batch])
        except Exception as error:  # noqa: BLE001 - it is given out
            for item in batch:
                self._end(item, error)
            return
        for item, answer in zip(batch, created, strict=True):
            self._ready.put(item, answer)

    def _send_all(self) -> None:
        """Send what is ready, one file after another."""
        while (ready := self._ready.take()) is not None:
            item, created = ready
            meter = ProgressMeter(item.key[1], self._sent.of(item.index))
            scope = self._scope.part()
            try:
                result = self._send(item.hashed(), created, scope, self._concurrency, meter)
            except Exception as error:  # noqa: BLE001 - it is given out
                full = isinstance(error, QuotaError) and error.code == "too_many_uploads"
                if full and self._ready.put_off(item):
                    continue
                self._end(item, error)
            else:
                self._end(item, result)
            self._ready.done()

    def _end(self, item: _Item, end: UploadResult | Exception) -> None:
        """Give the outcome out, for those with the same content too."""
        if isinstance(end, Stopped):
            raise end
        with self._lock:
            if item.opened is not None and self._under_way.get(item.key) is item:
                del self._under_way[item.key]
            for one in (item, *item.followers):
                if opened := self._opened.pop(one.index, None):
                    opened.content.close()
        self._outcomes.put(_outcome(item, end))
        for follower in item.followers:
            if isinstance(end, UploadResult):
                end = replace(end, duplicate=True, bytes_sent=0, resumed_bytes=0, upload_id=None)
                self._sent.of(follower.index)(end.file.size, end.file.size)
            self._outcomes.put(_outcome(follower, end))


class _Ready:
    """Files that are announced, and those that have to wait until another one has ended."""

    def __init__(self, scope: CancelScope) -> None:
        self._scope = scope
        self._files: deque[tuple[_Item, Created | None]] = deque()
        self._put_off: deque[_Item] = deque()
        self._taken = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, item: _Item, created: Created) -> None:
        """It can be sent."""
        with self._changed:
            self._files.append((item, created))
            self._changed.notify()

    def close(self) -> None:
        """No more will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> tuple[_Item, Created | None] | None:
        """The next file to send, None after the last.

        Raises:
            Stopped: Nobody wants it any more.
        """
        with self._changed:
            while not self._files:
                if self._closed and not self._taken:
                    return None
                self._scope.check_stopped()
                self._changed.wait(_LOOK_AGAIN)
            self._taken += 1
            return self._files.popleft()

    def put_off(self, item: _Item) -> bool:
        """Instead of `done`: the person has too many uploads open, perhaps these ones.

        Returns:
            Whether it comes again when another has ended; False if there is no other.
        """
        with self._changed:
            if self._taken <= 1 and not self._files:
                return False
            self._taken -= 1
            self._put_off.append(item)
            return True

    def done(self) -> None:
        """One that was taken has ended."""
        with self._changed:
            self._taken -= 1
            if self._put_off:
                self._files.append((self._put_off.popleft(), None))
            self._changed.notify_all()


class _Latest:
    """The last progress of each file, as the threads tell it and the caller is told."""

    def __init__(self, report: BatchProgress | None) -> None:
        self._report = report
        self._news: dict[int, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def of(self, index: int) -> Progress:
        """What one file's progress is told to."""

        def told(done: int, total: int) -> None:
            with self._lock:
                self._news[index] = done, total

        return told

    def tell(self) -> None:
        """Tell the caller what is new."""
        with self._lock:
            news, self._news = self._news, {}
        if self._report is not None:
            for index, (done, total) in news.items():
                self._report(index, done, total)


def _outcome(item: _Item, end: UploadResult | Exception) -> UploadOutcome:
    if isinstance(end, Exception):
        return UploadOutcome(index=item.index, source=item.source, error=end)
    return UploadOutcome(index=item.index, source=item.source, result=end)


def _quietly(task: Callable[[], None]) -> None:
    with suppress(Stopped):  # nobody waits for the rest
        task()
