"""The hashed parts of an upload that are waiting to be signed, or to be sent."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from wideload._files.cancel_scope import CancelScope
from wideload._files.digest import MIB, Part
from wideload._files.files_api import MOST_PARTS
from wideload._presigned import PresignedRequest

# Bytes that are hashed ahead of sending: most likely they are still in the page cache when they
# are read again, and presigned requests are still valid.
_AHEAD = 256 * MIB
# Seconds between two checks of the scope while a thread waits.
_POLL = 0.2

Sign = Callable[[Sequence[Part]], Mapping[int, PresignedRequest]]


def most_waiting(part_size: int, parallel: int) -> int:
    """Number of parts that are hashed and not yet sent, at most."""
    return max(parallel + 1, min(MOST_PARTS, _AHEAD // part_size))


class PartQueue:
    """Parts on their way from the thread that hashes them, through the one that signs, to senders.

    Args:
        sign: Requests presigned requests for up to 100 parts from the API.
        most: Parts that have been put and not yet sent, at most.
        ready: Presigned requests to hold ready: when fewer are left, more are requested.
        scope: Its end ends all waits.
    """

    def __init__(self, sign: Sign, *, most: int, ready: int, scope: CancelScope) -> None:
        self._sign = sign
        self._most = most
        self._ready = ready
        self._scope = scope
        self._hashed: deque[Part] = deque()
        self._signed: deque[tuple[Part, PresignedRequest]] = deque()
        self._untaken = 0
        self._unsent = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, part: Part) -> None:
        """Add a part; wait while too many aren't sent yet.

        Raises:
            CancelledError, Stopped: As `CancelScope.check`.
        """
        with self._changed:
            self._wait_until(lambda: self._unsent < self._most)
            self._hashed.append(part)
            self._untaken += 1
            self._unsent += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Note that no more parts will be put."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def sign(self) -> None:
        """Sign parts shortly before they are needed, all that are hashed by then, until the end.

        Raises:
            ApiError, TransportError: The API gave no presigned requests.
            CancelledError, Stopped: As `CancelScope.check`.
        """
        while True:
            with self._changed:
                self._wait_until(lambda: self._is_sign_due() or self._is_all_taken())
                if self._is_all_taken():
                    return
                parts = [self._hashed.popleft() for _ in range(min(len(self._hashed), MOST_PARTS))]
            requests = self._sign(parts)
            with self._changed:
                self._signed += [(part, requests[part.number]) for part in parts]
                self._changed.notify_all()

    def take(self) -> tuple[Part, PresignedRequest] | None:
        """The next part to send, with its presigned request; None after the last.

        Raises:
            CancelledError, Stopped: As `CancelScope.check`.
        """
        with self._changed:
            self._wait_until(lambda: bool(self._signed) or self._is_all_taken())
            if not self._signed:
                return None
            self._untaken -= 1
            self._changed.notify_all()
            return self._signed.popleft()

    def sent(self) -> None:
        """Note that a part which was taken has been sent."""
        with self._changed:
            self._unsent -= 1
            self._changed.notify_all()

    def sign_again(self, part: Part) -> PresignedRequest:
        """Another presigned request for a part that was taken: the first was refused or is too old.

        Raises:
            ApiError, TransportError: The API gave none.
        """
        with self._changed:  # S3 may refuse the others, too
            self._hashed.extendleft(waiting for waiting, _ in reversed(self._signed))
            self._signed.clear()
            self._changed.notify_all()
        return self._sign([part])[part.number]

    def _is_sign_due(self) -> bool:
        if not self._hashed or len(self._signed) >= self._ready:
            return False
        # A few at once, unless no more come or the senders have nothing to do.
        few = min(self._ready, self._most - self._ready)
        idle = self._unsent == len(self._hashed)
        return len(self._hashed) >= few or self._closed or idle

    def _is_all_taken(self) -> bool:
        return self._closed and not self._untaken

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.wait(_POLL)
            self._scope.check_cancelled()
