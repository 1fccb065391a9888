"""Whether a transfer may go on, and waits that end early when it may not."""

from __future__ import annotations

import threading
from dataclasses import replace

from wideload._files.cancel import Cancel
from wideload._retry import Pacing
from wideload.errors import CancelledError

# How soon threads that wait notice that they needn't.
_LOOK_AGAIN = 0.2


class Stopped(Exception):  # noqa: N818 - a signal between private modules
    """The transfer that this thread works for has ended without it."""


class CancelScope:
    """One transfer's permission to go on; every thread that works for it asks before each step.

    Args:
        cancel: What the caller stops or pauses transfers with.
        parent: The transfer that this one is part of.
    """

    def __init__(self, cancel: Cancel, pacing: Pacing, parent: CancelScope | None = None) -> None:
        self._cancel = cancel
        self._sleep = pacing.sleep
        self._parent = parent
        self._stopped = threading.Event()
        self.pacing = replace(pacing, sleep=self.sleep)
        """For retries: its `sleep` raises as `check` does."""

    def part(self) -> CancelScope:
        """A scope of its own for a part of this transfer."""
        return CancelScope(self._cancel, replace(self.pacing, sleep=self._sleep), self)

    def stop(self) -> None:
        """Make all threads of this transfer raise `Stopped` at their next step."""
        self._stopped.set()

    def check(self) -> None:
        """Return if the transfer may go on, and not before it is resumed if it is paused.

        Raises:
            CancelledError: The caller has cancelled it.
            Stopped: It has ended.
        """
        self._check()
        while self.paused:
            self._cancel._wait(_LOOK_AGAIN)
            self._check()

    def check_cancelled(self) -> None:
        """As `check`, but without waiting for it to be resumed."""
        self._check()

    def check_stopped(self) -> None:
        """Return if the transfer hasn't ended, be it paused or cancelled.

        Raises:
            Stopped: It has.
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
        """Wait while it is paused; whether it isn't any more.

        Raises:
            CancelledError, Stopped: As `check`.
        """
        deadline = self.pacing.monotonic() + seconds
        while self.paused:
            left = deadline - self.pacing.monotonic()
            if left <= 0:
                return False
            self._cancel._wait(min(left, _LOOK_AGAIN))
            self._check()
        return True

    def sleep(self, seconds: float) -> None:
        """Sleep, in naps, so as to notice soon when there is no use in it.

        Raises:
            CancelledError, Stopped: As `check`.
        """
        while seconds > 0:
            self._check()
            nap = min(seconds, _LOOK_AGAIN)
            self._sleep(nap)
            seconds -= nap
        self._check()

    def _check(self) -> None:
        self.check_stopped()
        if self._cancel.cancelled:
            raise CancelledError("the transfer was cancelled; the same call goes on where it was")
