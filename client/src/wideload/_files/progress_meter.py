"""How far a transfer is, as its threads count it and its caller is told."""

from __future__ import annotations

import threading
import time

from wideload._http import Progress

_REPORT_EVERY = 0.1


class ProgressMeter:
    """Counts bytes, and reports them in the thread that made it: ten times a second at most.

    Args:
        total: Bytes in all.
        report: Called with (bytes done, `total`).

    Attributes:
        moved: Bytes that went over the wire, those of failed attempts too.
    """

    def __init__(self, total: int, report: Progress | None) -> None:
        self.moved = 0
        self._total = total
        self._report = report
        self._done = 0
        self._reported: int | None = None
        self._at = 0.0
        self._owner = threading.get_ident()
        self._lock = threading.Lock()

    def start(self, done: int) -> None:
        """Begin, or begin again, with so many bytes done; say so."""
        with self._lock:
            self._done = done
        self.tell()

    def add(self, count: int) -> None:
        """So many bytes more went over the wire."""
        with self._lock:
            self._done += count
            self.moved += count
        self.poll()

    def take_back(self, count: int) -> None:
        """So many of those have to go again."""
        with self._lock:
            self._done -= count
        self.poll()

    def poll(self) -> None:
        """Report, if it is time and this is the thread for it."""
        if (
            self._report is not None
            and threading.get_ident() == self._owner
            and time.monotonic() - self._at >= _REPORT_EVERY
        ):
            self.tell()

    def tell(self) -> None:
        """Report now, if there is anything new."""
        done = self._done
        if self._report is not None and done != self._reported:
            self._reported = done
            self._at = time.monotonic()
            self._report(done, self._total)
