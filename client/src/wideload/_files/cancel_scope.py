"""The state of a transfer that its threads check: running, paused, cancelled or stopped."""

from __future__ import annotations

import threading
from dataclasses import replace

from wideload._files.cancel import Cancel
from wideload._retry import Pacing
from wideload.errors import CancelledError

# Seconds between two checks of the state while a thread waits.
_POLL = 0.2


class Stopped(Exception):  # noqa: N818 - a signal between private modules
    """The transfer has ended, so this thread has to end too."""


class CancelScope:
    """The state of one transfer, which each of its threads checks before each step.

    Args:
        cancel: The caller's handle.
        parent: The scope of the transfer that this one is part of.

    Attributes:
        pacing: For retries; its `sleep` raises as `check` does.
    """

    def __init__(self, cancel: Cancel, pacing: Pacing, parent: CancelScope | None = None) -> None:
        self._cancel = cancel
        self._sleep = pacing.sleep
        self._parent = parent
        self._stopped = threading.Event()
        self.pacing = replace(pacing, sleep=self.sleep)

    def nested(self) -> CancelScope:
        """A scope for a part of this transfer, which can be stopped alone."""
        return CancelScope(self._cancel, replace(self.pacing, sleep=self._sleep), self)

    def stop(self) -> None:
        """Make all threads of this transfer raise `Stopped` at their next check."""
        self._stopped.set()

    def check(self) -> None:
        """Return if the transfer may continue; wait while it is paused.

        Raises:
            CancelledError: The caller has cancelled it.
            Stopped: It has ended.
        """
        self._check()
        while self.paused:
            self._cancel._wait(_POLL)
            self._check()

    def check_cancelled(self) -> None:
        """Check without waiting while the transfer is paused; raises as `check`."""
        self._check()

    def check_stopped(self) -> None:
        """Check for the end of the transfer alone.

        Raises:
            Stopped: It has ended.
        """
        if self._stopped.is_set():
            raise Stopped
        if self._parent is not None:
            self._parent.check_stopped()

    @property
    def cancelled(self) -> bool:
        """Whether the caller has cancelled it."""
        return self._cancel.cancelled

    @property
    def paused(self) -> bool:
        """Whether the caller has paused it."""
        return self._cancel.paused and not self._cancel.cancelled

    def resumed_within(self, seconds: float) -> bool:
        """Wait while it is paused, at most so many seconds; False if it still is.

        Raises:
            CancelledError, Stopped: As `check`.
        """
        deadline = self.pacing.monotonic() + seconds
        while self.paused:
            left = deadline - self.pacing.monotonic()
            if left <= 0:
                return False
            self._cancel._wait(min(left, _POLL))
            self._check()
        return True

    def sleep(self, seconds: float) -> None:
        """Sleep, and check the state meanwhile.

        Raises:
            CancelledError, Stopped: As `check`.
        """
        while seconds > 0:
            self._check()
            nap = min(seconds, _POLL)
            self._sleep(nap)
            seconds -= nap
        self._check()

    def _check(self) -> None:
        self.check_stopped()
        if self._cancel.cancelled:
            raise CancelledError("the transfer was cancelled; the same call goes on where it was")
