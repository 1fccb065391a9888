"""Several threads at one task, with the calling thread in charge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from wideload._files.cancel_scope import CancelScope

# How often the calling thread looks after progress while the others work.
_POLL = 0.1
# How long it waits for threads that are to stop. One that hangs in a socket is left to end by
# itself: it does nothing more, and doesn't keep the process from ending.
_PATIENCE = 2.0


class WorkerPool:
    """Threads that work for the one that calls `run`.

    Args:
        scope: Of this work alone: it is stopped at the end. The threads ask it before each step.
    """

    def __init__(self, scope: CancelScope) -> None:
        self._scope = scope
        self._changed = threading.Condition()
        self._woken = False
        self._working = 0
        self._failure: Exception | None = None

    def wake(self) -> None:
        """Have the calling thread `poll` now: there is something for it to do."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def run(self, threads: int, task: Callable[[], None], poll: Callable[[], object]) -> None:
        """Run `task` in so many threads until each has returned.

        The first one to raise stops the others; so does what `poll` raises, and Ctrl-C.

        Args:
            poll: Called in this thread while they work, some ten times a second and after `wake`.

        Raises:
            BaseException: What came first.
        """
        try:
            for number in range(threads):
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
            deadline = time.monotonic() + _PATIENCE
            with self._changed:
                while self._working and (left := deadline - time.monotonic()) > 0:
                    self._changed.wait(left)

    def _wait(self, seconds: float) -> bool:
        """Wait for a wake; whether there is still work under way."""
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
