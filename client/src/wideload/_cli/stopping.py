"""Ctrl-C during a transfer."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from wideload import Cancel

# What a transfer gets to end in order. It may hang in a socket that says nothing.
_PATIENCE = 3.0


@contextmanager
def stopping() -> Iterator[Cancel]:
    """A handle that Ctrl-C cancels, so that a transfer ends in order.

    If it takes too long, or at a second Ctrl-C, `KeyboardInterrupt` is raised after all.
    """
    cancel = Cancel()
    before = signal.getsignal(signal.SIGINT)
    # Elsewhere no handler may be set; and what runs in the background may ignore Ctrl-C.
    if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
        yield cancel
        return
    # A signal to the process wakes the main thread, wherever it hangs.
    again = threading.Timer(_PATIENCE, os.kill, (os.getpid(), signal.SIGINT))
    again.daemon = True

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        signal.signal(signal.SIGINT, before)
        cancel.cancel()
        if os.name != "nt":  # where os.kill would end the process
            again.start()

    signal.signal(signal.SIGINT, stop)
    try:
        yield cancel
    finally:
        again.cancel()
        signal.signal(signal.SIGINT, before)
