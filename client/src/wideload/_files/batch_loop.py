"""The loop of several transfers at once: threads work, the caller's thread yields outcomes."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar

from wideload._files.cancel_scope import CancelScope, Stopped
from wideload._files.models import BatchProgress
from wideload._http import Progress

# Seconds between two looks for an outcome, and seconds to wait for threads that were told to stop.
_POLL = 0.1
_STOP_TIMEOUT = 2.0

_Item = TypeVar("_Item")
_Outcome = TypeVar("_Outcome")


def run_batch(
    items: Iterable[_Item],
    tasks: Sequence[Callable[[], None]],
    *,
    begin: Callable[[int, _Item], None],
    end: Callable[[], None],
    outcomes: queue.SimpleQueue[_Outcome],
    most: int,
    scope: CancelScope,
    report: Callable[[], None],
) -> Iterator[_Outcome]:
    """Run the tasks in threads, give them items as they are needed, and yield each outcome.

    Args:
        items: Taken one by one, until the caller cancels.
        begin: Called with each item and its number; leads to one outcome.
        end: Called when there are no more items.
        outcomes: Takes the outcome of each item.
        most: Items at most that have begun and not ended.
        scope: The scope of all items; it is stopped at the end.
        report: Called in this thread, ten times a second and before each outcome.
    """
    waiting = enumerate(items)
    begun = ended = 0
    more = True
    threads = [
        threading.Thread(target=_until_stopped, args=(task,), name="wideload-many", daemon=True)
        for task in tasks
    ]
    try:
        for thread in threads:
            thread.start()
        while more or ended < begun:
            while more and begun - ended < most:
                item = None if scope.cancelled else next(waiting, None)
                if item is None:
                    more = False
                    end()
                else:
                    begun += 1
                    begin(*item)
            outcome = None
            with suppress(queue.Empty):
                outcome = outcomes.get(timeout=_POLL)
            report()
            if outcome is not None:
                ended += 1
                yield outcome
    finally:
        scope.stop()
        end()
        deadline = time.monotonic() + _STOP_TIMEOUT
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))


class LatestProgress:
    """The latest progress of each item, from its thread to the caller's.

    Args:
        report: Called with (number of the item, bytes done, bytes in all).
    """

    def __init__(self, report: BatchProgress | None) -> None:
        self._report = report
        self._latest: dict[int, tuple[int, int]] = {}
        self._lock = threading.Lock()

    def of(self, index: int) -> Progress:
        """A function that takes the progress of one item."""

        def set_progress(done: int, total: int) -> None:
            with self._lock:
                self._latest[index] = done, total

        return set_progress

    def report(self) -> None:
        """Report the progress that is new to the caller."""
        with self._lock:
            latest, self._latest = self._latest, {}
        if self._report is not None:
            for index, (done, total) in latest.items():
                self._report(index, done, total)


def _until_stopped(task: Callable[[], None]) -> None:
    with suppress(Stopped):
        task()
