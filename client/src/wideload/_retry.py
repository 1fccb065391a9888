"""The retry loop: which attempts are repeated, how often, and after which delay."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal, TypeVar

from wideload._http import NoAnswer, without_query
from wideload._steps import run, settled
from wideload.errors import ConfigurationError, TlsError, TransportError, WideloadError

_Result = TypeVar("_Result")

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 20.0
# Seconds. A server that asks for a longer pause gets no retry, so that the caller gets an error
# rather than a call that hangs, unless `retry_for` allows it.
_LONGEST_RETRY_AFTER = 60.0

# Seconds: 11 days. The longest timeout of a socket that every system takes is 24 days.
LONGEST_TIME = 1_000_000.0


def checked_seconds(name: str, seconds: float, *, zero: bool = True) -> float:
    """Check a duration that the caller gave, and return it.

    Args:
        zero: Whether 0 is allowed.

    Raises:
        ConfigurationError: It isn't a number from 0 to `LONGEST_TIME`.
    """
    if seconds == 0 and not zero:
        raise ConfigurationError(f"{name} must be over 0 seconds, not {seconds}")
    # Written so that it refuses nan, with which every comparison is false.
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST_TIME:
        raise ConfigurationError(
            f"{name} must be 0 to {LONGEST_TIME:,.0f} seconds, not {seconds!r}"
        )
    return seconds


@dataclass(frozen=True)
class Pacing:
    """The clocks, the sleep and the random numbers of retries, which tests replace.

    `sleep` may return an awaitable, as `asyncio.sleep` does.
    """

    sleep: Callable[[float], object] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A request that is about to be made again.

    Attributes:
        delay: Seconds until the request.
        number: Number of the retry within its call, from 1.
        most: Retries that the call may make at most; None with `retry_for`.
        error: The reason: the error that would be raised if no retry were left.
    """

    delay: float
    number: int
    most: int | None
    error: WideloadError


@dataclass(frozen=True)
class RetryPolicy:
    """The retries that a caller allows; `Client` documents its arguments of these names."""

    retries: int
    retry_for: float | None = None
    on_retry: Callable[[Retry], object] | None = None


def checked_policy(
    retries: int, retry_for: float | None, on_retry: Callable[[Retry], object] | None
) -> RetryPolicy:
    """Check the retries that a caller allows, and return them.

    Raises:
        ConfigurationError: `retries` is negative, or `retry_for` isn't a duration.
    """
    if retries < 0:
        raise ConfigurationError(f"retries must be 0 or more, not {retries}")
    if retry_for is not None:
        checked_seconds("retry_for", retry_for)
    return RetryPolicy(retries, retry_for, on_retry)


class AttemptFailed(Exception):  # noqa: N818 - a signal between private modules
    """One attempt of a call failed.

    Attributes:
        error: The error that the call raises if there is no further attempt.
        retry: When another attempt may succeed: `later`, after a delay; `now`, since the cause has
            been removed, as an expired URL by a new one; or `never`.
        retry_after: Seconds that the server asks to wait.
        sent: Whether no answer came to a request that may have reached the server.
    """

    def __init__(
        self,
        error: WideloadError,
        retry: Literal["never", "now", "later"],
        *,
        retry_after: float | None = None,
        sent: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry = retry
        self.retry_after = retry_after
        self.sent = sent


@dataclass
class Call:
    """One call of a method of a client.

    Attributes:
        deadline: Time, as `Pacing.monotonic` gives it, by which it ends.
        payload_id: The payload that it is about, as soon as that is known.
    """

    policy: RetryPolicy
    pacing: Pacing
    deadline: float = math.inf
    payload_id: str | None = None

    def attempts(self) -> Attempts:
        """All retries of the policy, for the next step of the call."""
        return Attempts(self.policy, self.pacing, self.deadline)


class Attempts:
    """The retries of one step of a call, or of all of it.

    Attributes:
        requests: Requests made. The code that makes a request counts it here.
        ambiguous: Requests that may or may not have been carried out: no answer came, or a 5xx.

    Args:
        deadline: Time, as `Pacing.monotonic` gives it, by which the call ends. A retry that would
            begin later isn't made.
    """

    def __init__(self, policy: RetryPolicy, pacing: Pacing, deadline: float = math.inf) -> None:
        self._policy = policy
        self._pacing = pacing
        self._deadline = deadline
        self.restart()

    def restart(self) -> None:
        """Begin again with all retries and all of the time, as after progress of a transfer."""
        self._started = self._pacing.monotonic()
        self._repeats = 0
        self.requests = 0
        self.ambiguous = 0

    def run(self, attempt: Callable[[], _Result]) -> _Result:
        """Do as `run_async` does, with an `attempt` that blocks."""

        async def blocking() -> _Result:
            return attempt()

        return run(self.run_async(blocking))

    async def run_async(self, attempt: Callable[[], Awaitable[_Result]]) -> _Result:
        """Call `attempt` until it returns or no retry is left.

        Full jitter: a delay is random between 0 and a bound that grows exponentially, so that
        clients that failed together don't return together
        (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). `Retry-After`
        is the shortest delay.

        Args:
            attempt: Makes one attempt; raises `AttemptFailed` if that fails.

        Raises:
            WideloadError: The error of the last attempt. Other exceptions of `attempt` end the
                loop as well.
        """
        while True:
            try:
                return await attempt()
            except AttemptFailed as failed:
                failure = failed
            if not await self._may_repeat(failure):
                # Outside of the handler, so that no cause is chained to it: that may hold a URL.
                raise failure.error

    def lost(self, method: str, url: str, lost: NoAnswer) -> AttemptFailed:
        """The failure of a request without an answer: what was tried, how often, how long."""
        reason = f"no answer to {method} {without_query(url)}: {lost.reason}"
        times = "1 request" if self.requests == 1 else f"{self.requests} requests"
        elapsed = self._pacing.monotonic() - self._started
        kind = TlsError if lost.stage == "tls" and not lost.retryable else TransportError
        error = kind(
            f"{reason} (gave up after {times} in {elapsed:.1f} s)",
            attempts=self.requests,
            reason=reason,
        )
        return AttemptFailed(error, "later" if lost.retryable else "never", sent=lost.sent)

    async def _may_repeat(self, failure: AttemptFailed) -> bool:
        """Use up one retry and wait; False if there is to be no further attempt."""
        delay = 0.0
        if failure.retry == "later":
            bound = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(self._repeats, 10))
            delay = max(failure.retry_after or 0.0, bound * self._pacing.random())
        if failure.retry == "never" or not self._is_left(delay):
            return False
        self._repeats += 1
        if failure.retry == "later":
            if self._policy.on_retry is not None:
                most = self._policy.retries if self._policy.retry_for is None else None
                self._policy.on_retry(
                    Retry(delay=delay, number=self._repeats, most=most, error=failure.error)
                )
            await settled(self._pacing.sleep(delay))
        return True

    def _is_left(self, delay: float) -> bool:
        """Whether a retry is left after this delay, by the number of retries or by time."""
        if self._pacing.monotonic() + delay >= self._deadline:
            return False
        if self._repeats < self._policy.retries and delay <= _LONGEST_RETRY_AFTER:
            return True
        elapsed = self._pacing.monotonic() - self._started
        left = (self._policy.retry_for or 0.0) - elapsed
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
