"""When to try again, and how long to wait before."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 20.0
# A server that asks for a longer pause gets no retry: the caller should know, not hang.
_LONGEST_RETRY_AFTER = 60.0


@dataclass(frozen=True)
class Pacing:
    """Time and chance, as arguments, so that tests neither wait nor guess."""

    sleep: Callable[[float], object] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random


class Attempts:
    """Counts the requests of one call; all its steps share one allowance of retries."""

    def __init__(self, retries: int, pacing: Pacing) -> None:
        self._left = retries
        self._pacing = pacing
        self._started = pacing.monotonic()
        self._repeats = 0
        self.requests = 0
        self.unknown = 0
        """Requests that may have been carried out, or not: no answer came, or a 5xx."""

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._pacing.monotonic() - self._started

    def again(self, retry_after: float | None = None) -> bool:
        """Wait before the next attempt and return True, or return False if there is to be none.

        Full jitter: a delay between 0 and an exponentially growing bound, so that clients that
        failed together don't come back together. `retry_after` (seconds) is the least wait.
        """
        wanted = retry_after or 0.0
        if wanted > _LONGEST_RETRY_AFTER or not self.allow():
            return False
        bound = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** (self._repeats - 1))
        self._pacing.sleep(max(wanted, bound * self._pacing.random()))
        return True

    def allow(self) -> bool:
        """Take one retry from the allowance without waiting; False if none is left."""
        if self._left <= 0:
            return False
        self._left -= 1
        self._repeats += 1
        return True


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for; it holds seconds or an HTTP date."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except ValueError:
        return None
