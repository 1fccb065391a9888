"""A limit on concurrent requests to S3 that falls while S3 fails and rises as it recovers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wideload._files.cancel_scope import CancelScope

# Seconds between two checks of the scope while a thread waits for a slot.
_POLL = 0.2


class ConcurrencyLimit:
    """Lets only so many requests go to S3 at once: fewer while it fails, more as it works again.

    May be shared by transfers.

    Attributes:
        most: How many are let in at most.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._allowed = float(most)
        self._inside = 0
        self._left = threading.Condition()

    @contextmanager
    def entered(self, scope: CancelScope) -> Iterator[None]:
        """Wait for a place and hold it.

        Raises:
            CancelledError, Stopped: As `CancelScope.check`.
        """
        with self._left:
            while self._inside >= int(self._allowed):
                self._left.wait(_POLL)
                scope.check()
            self._inside += 1
        try:
            yield
        finally:
            with self._left:
                self._inside -= 1
                self._left.notify()

    def failed(self) -> None:
        """Halve what is allowed, down to one: a request met trouble that may pass."""
        with self._left:
            self._allowed = max(1.0, self._allowed / 2)

    def worked(self) -> None:
        """Allow a little more, up to the most: as many successes as places make one more."""
        with self._left:
            self._allowed = min(float(self.most), self._allowed + 1 / self._allowed)
            self._left.notify()
