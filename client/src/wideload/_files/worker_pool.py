"""Threads that run tasks, while the calling thread reports progress and handles Ctrl-C."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from wideload._files.cancel_scope import CancelScope

# Seconds between two calls of `poll` in the calling thread.
_POLL = 0.1
# Seconds to wait for threads that were told to stop. A thread that hangs in a socket is left alone:
# it is a daemon, so it doesn't keep the process running, and its next check ends it.
_STOP_TIMEOUT = 2.0


class WorkerPool:
    """Threads that run tasks for the thread that calls `run`.

    Args:
        scope: The scope of these tasks alone. It is stopped at the end.
    """

    def __init__(self, scope: CancelScope) -> None:
        self._scope = scope
        self._changed = threading.Condition()
        self._woken = False
        self._working = 0
        self._failure: Exception | None = None

    def wake(self) -> None:
        """Make the calling thread call `poll` now."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def run(self, tasks: Sequence[Callable[[], None]], poll: Callable[[], object]) -> None:
        """Run each task in a thread of its own until all have returned.

        The first exception stops the other threads, whether a task or `poll` raised it or Ctrl-C.

        Args:
            poll: Called in this thread, ten times a second and after `wake`.

        Raises:
            BaseException: The first exception.
        """
        try:
            for number, task in enumerate(tasks):
                self._working += 1
                name = f"wideload-{number}"
                threading.Thread(target=self._run, args=(task,), name=name, daemon=True).start()
            while self._wait(_POLL):
                self._scope.check_cancelled()  # the threads may all hang in a socket
                poll()
            if self._failure is not None:
                raise self._failure
        finally:
            self._scope.stop()
            deadline = time.monotonic() + _STOP_TIMEOUT
            with self._changed:
                while self._working and (left := deadline - time.monotonic()) > 0:
                    self._changed.wait(left)

    def _wait(self, seconds: float) -> bool:
        """Wait for `wake`; False when all threads have ended or one has failed."""
        with self._changed:
            if self._working and not self._woken and self._failure is None:
                self._changed.wait(seconds)
            self._woken = False
            return self._working > 0 and self._failure is None

    def _run(self, task: Callable[[], None]) -> None:
        failure = None
        try:
            task()
        except Exception as error:  # noqa: BLE001 - raised again in the calling thread
            failure = error
        with self._changed:
            self._working -= 1
            self._failure = self._failure or failure
            self._changed.notify_all()
