"""When to try again, and how long to wait before."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from wideload.errors import ConfigurationError, WideloadError

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 20.0
# A server that asks for a longer pause gets no retry, unless the caller has set a time for retries:
# the caller should know, not hang.
_LONGEST_RETRY_AFTER = 60.0


# The longest that all systems take for a timeout of a socket is 24 days.
LONGEST_TIME = 1_000_000.0


def checked_seconds(name: str, seconds: float) -> float:
    """Take a length of time: nan, which is no number, would pass all comparisons.

    Raises:
        ConfigurationError: It is none, or too long.
    """
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST_TIME:
        raise ConfigurationError(
            f"{name} must be 0 to {LONGEST_TIME:,.0f} seconds, not {seconds!r}"
        )
    return seconds


@dataclass(frozen=True)
class Pacing:
    """Time and chance, as arguments, so that tests neither wait nor guess."""

    sleep: Callable[[float], object] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A request that is about to be made again.

    Attributes:
        delay: Seconds until then.
        number: Which retry of its call it is, from 1.
        most: How many there may be; None with `retry_for`.
        error: Why: what would be raised if there were no retry left.
    """

    delay: float
    number: int
    most: int | None
    error: WideloadError


@dataclass(frozen=True)
class RetryPolicy:
    """What a caller wants of retries; `Client` says what its arguments mean."""

    retries: int
    retry_for: float | None = None
    on_retry: Callable[[Retry], object] | None = None


class Attempts:
    """Counts the requests of one call; all its steps share one allowance of retries."""

    def __init__(self, policy: RetryPolicy, pacing: Pacing) -> None:
        self._policy = policy
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

    def again(self, error: WideloadError, retry_after: float | None = None) -> bool:
        """Wait before the next attempt and return True, or return False if there is to be none.

        Full jitter: a delay between 0 and an exponentially growing bound, so that clients that
        failed together don't come back together. `retry_after` (seconds) is the least wait.
        """
        bound = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(self._repeats, 10))
        delay = max(retry_after or 0.0, bound * self._pacing.random())
        if not self._allowed(delay):
            return False
        self._repeats += 1
        if self._policy.on_retry is not None:
            most = self._policy.retries if self._policy.retry_for is None else None
            retry = Retry(delay=delay, number=self._repeats, most=most, error=error)
            self._policy.on_retry(retry)
        self._pacing.sleep(delay)
        return True

    def allow(self) -> bool:
        """Take one retry from the allowance without waiting; False if none is left."""
        if not self._allowed(0.0):
            return False
        self._repeats += 1
        return True

    def _allowed(self, delay: float) -> bool:
        """Whether there is a retry left after this delay, by their number or by time."""
        if self._repeats < self._policy.retries and delay <= _LONGEST_RETRY_AFTER:
            return True
        left = (self._policy.retry_for or 0.0) - self.elapsed
        return 0 < left >= delay


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for; it holds seconds or an HTTP date."""
    if not value:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
