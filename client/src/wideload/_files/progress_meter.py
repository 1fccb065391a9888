"""Progress of a transfer: counted by its threads, reported in the caller's thread."""

from __future__ import annotations

import threading
import time

from wideload._http import Progress

# Seconds between two reports, at least.
_REPORT_EVERY = 0.1


class ProgressMeter:
    """Counts bytes, and reports them in the thread that made it, ten times a second at most.

    Args:
        total: Bytes in all.
        report: Called with (bytes done, `total`).

    Attributes:
        total: Bytes in all; may grow.
        moved: Bytes that went over the network, those of failed attempts included.
    """

    def __init__(self, total: int, report: Progress | None) -> None:
        self.moved = 0
        self.total = total
        self._report = report
        self._done = 0
        self._reported: int | None = None
        self._at = 0.0
        self._owner = threading.get_ident()
        self._lock = threading.Lock()

    def start(self, done: int) -> None:
        """Begin, or begin again, with so many bytes done, and report that."""
        with self._lock:
            self._done = done
        self.report()

    def add(self, count: int) -> None:
        """Count bytes that went over the network."""
        with self._lock:
            self._done += count
            self.moved += count
        self.report_if_due()

    def subtract(self, count: int) -> None:
        """Count bytes as not done: they have to be sent again."""
        with self._lock:
            self._done -= count
        self.report_if_due()

    def report_if_due(self) -> None:
        """Report if the last report is long enough ago, and this is the thread to report in."""
        if (
            self._report is not None
            and threading.get_ident() == self._owner
            and time.monotonic() - self._at >= _REPORT_EVERY
        ):
            self.report()

    def report(self) -> None:
        """Report now, if the count has changed."""
        done = self._done
        if self._report is not None and done != self._reported:
            self._reported = done
            self._at = time.monotonic()
            self._report(done, self.total)
