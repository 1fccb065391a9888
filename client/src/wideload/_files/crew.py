"""Several threads at one task, with the calling thread in charge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from wideload._files.control import Control

# How often the calling thread looks after progress while the others work.
_POLL = 0.1
# How long it waits for threads that are to stop. One that hangs in a socket is left to end by
# itself: it does nothing more, and doesn't keep the process from ending.
_PATIENCE = 2.0


class Crew:
    """Threads that work for the one that calls `run`.

    Args:
        control: Of this work alone: it is stopped at the end. The threads ask it before each step.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self._changed = threading.Condition()
        self._nudged = False
        self._working = 0
        self._failure: Exception | None = None

    def nudge(self) -> None:
        """Have the calling thread `poll` now: there is something for it to do."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def run(self, threads: int, task: Callable[[], None], poll: Callable[[], object]) -> None:
        """Run `task` in so many threads until each has returned.

        The first one to raise stops the others; so does what `poll` raises, and Ctrl-C.

        Args:
            poll: Called in this thread while they work, some ten times a second and after `nudge`.

        Raises:
            BaseException: What came first.
        """
        try:
            for number in range(threads):
                self._working += 1
                name = f"wideload-{number}"
                threading.Thread(target=self._run, args=(task,), name=name, daemon=True).start()
            while self._wait(_POLL):
                self._control.check_cancelled()  # the threads may all hang in a socket
                poll()
            if self._failure is not None:
                raise self._failure
        finally:
            self._control.stop()
            deadline = time.monotonic() + _PATIENCE
            with self._changed:
                while self._working and (left := deadline - time.monotonic()) > 0:
                    self._changed.wait(left)

    def _wait(self, seconds: float) -> bool:
        """Wait for a nudge; whether there is still work under way."""
        with self._changed:
            if self._working and not self._nudged and self._failure is None:
                self._changed.wait(seconds)
            self._nudged = False
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
