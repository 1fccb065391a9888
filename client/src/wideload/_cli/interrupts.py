"""Ctrl-C during a transfer."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from wideload import Cancel

# Seconds for a transfer to end in order. It may wait on a socket that never answers.
_GRACE_PERIOD = 3.0


@contextmanager
def cancelled_by_ctrl_c() -> Iterator[Cancel]:
    """Give a `Cancel` that Ctrl-C uses, so that a transfer ends in order.

    `KeyboardInterrupt` is raised at a second Ctrl-C, or if the transfer goes on for 3 seconds.
    """
    cancel = Cancel()
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread may set a handler; a background job of a shell ignores Ctrl-C.
    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield cancel
        return
    # A signal to the process interrupts the call that the main thread waits in.
    again = threading.Timer(_GRACE_PERIOD, os.kill, (os.getpid(), signal.SIGINT))
    again.daemon = True

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        signal.signal(signal.SIGINT, before)
        cancel.cancel()
        if os.name != "nt":  # on Windows os.kill would end the process
            again.start()

    signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        again.cancel()
        signal.signal(signal.SIGINT, before)
