"""A limit on concurrent requests to S3 that falls while S3 fails and rises as it recovers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from wideload._files.cancel_scope import CancelScope

# Seconds between two checks of the scope while a thread waits for a slot.
_POLL = 0.2


class ConcurrencyLimit:
    """Limits the requests to S3 at once. Transfers may share it.

    The limit is halved by a failure and grows by one after as many successes as it allows requests
    (additive increase, multiplicative decrease).

    Attributes:
        most: The highest limit.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._limit = float(most)
        self._running = 0
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, scope: CancelScope) -> Iterator[None]:
        """Wait until one more request is allowed, and count it until the block ends.

        Raises:
            CancelledError, Stopped: As `CancelScope.check`.
        """
        with self._changed:
            while self._running >= int(self._limit):
                self._changed.wait(_POLL)
                scope.check()
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify()

    def failed(self) -> None:
        """Halve the limit, down to one: a request failed, and a retry may succeed."""
        with self._changed:
            self._limit = max(1.0, self._limit / 2)

    def succeeded(self) -> None:
        """Raise the limit a little, up to `most`."""
        with self._changed:
            self._limit = min(float(self.most), self._limit + 1 / self._limit)
            self._changed.notify()
