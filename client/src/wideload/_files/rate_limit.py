"""A limit on the bytes per second of all connections of a transfer together."""

from __future__ import annotations

import threading

from wideload._files.cancel_scope import CancelScope
from wideload.errors import ConfigurationError

# Seconds for which a block's bytes last at the limit: short, so that the transfer is smooth.
_BLOCK_SECONDS = 0.1
# Seconds of unused time that may be used later, as after a thread has slept for too long.
_CATCH_UP = 0.25


class RateLimit:
    """Makes the threads of one or several transfers wait for their turn to send or receive.

    Each block gets a time of its own, in the order in which blocks are asked for, so connections
    share the limit evenly.

    Args:
        bytes_per_second: The limit; None for none.
    """

    def __init__(self, bytes_per_second: float | None) -> None:
        self._limit = bytes_per_second
        self._free_at: float | None = None  # when all bytes so far have had their time
        self._lock = threading.Lock()

    def block(self, most: int) -> int:
        """Bytes of the next block: `most`, or fewer, so that the transfer is smooth."""
        if self._limit is None:
            return most
        return max(1, min(most, int(self._limit * _BLOCK_SECONDS)))

    def wait(self, count: int, scope: CancelScope) -> None:
        """Wait until so many bytes may be sent or received.

        Raises:
            CancelledError, Stopped: As `CancelScope.check`.
        """
        if self._limit is None:
            return
        with self._lock:
            now = scope.pacing.monotonic()
            begins = now if self._free_at is None else max(self._free_at, now - _CATCH_UP)
            self._free_at = begins + count / self._limit
        if begins > now:
            scope.sleep(begins - now)


def checked_rate(limit_rate: float | None) -> float | None:
    """Check a limit that the caller gave, and return it.

    Raises:
        ConfigurationError: It isn't a number of 1 or more.
    """
    # Written so that it refuses nan, with which every comparison is false.
    if limit_rate is not None and not (
        isinstance(limit_rate, (int, float))
        and not isinstance(limit_rate, bool)
        and 1 <= limit_rate < float("inf")
    ):
        raise ConfigurationError(
            f"limit_rate must be bytes per second, 1 or more, not {limit_rate!r}"
        )
    return limit_rate
