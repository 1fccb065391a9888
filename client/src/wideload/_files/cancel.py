"""Stop, pause and resume a transfer from another thread."""

from __future__ import annotations

import threading


class Cancel:
    """A handle by which any thread can stop or pause the transfers that it was given to.

        cancel = wideload.Cancel()
        threading.Timer(60, cancel.cancel).start()
        client.files.upload("film.mkv", cancel=cancel)  # raises CancelledError after a minute

    One handle may serve several transfers, one after another or at once. All its methods may be
    called at any time, from any thread.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._cancelled = False
        self._paused = False

    def __repr__(self) -> str:
        state = "cancelled" if self.cancelled else "paused" if self.paused else "going"
        return f"<wideload.Cancel {state}>"

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    @property
    def paused(self) -> bool:
        """Whether transfers stand still until `resume`."""
        return self._paused

    def cancel(self) -> None:
        """Make the transfers raise `CancelledError`, within a second as a rule, for good.

        What was transferred stays: the same call goes on from there. To drop what an upload has
        stored: `client.files.abort(error.upload_id)`.
        """
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Make the transfers stand still. Connections are given up if it takes longer."""
        with self._changed:
            self._paused = True
            self._changed.notify_all()

    def resume(self) -> None:
        """Let the transfers go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def _wait(self, seconds: float) -> None:
        """Wait until something changes, at most so long."""
        with self._changed:
            self._changed.wait(seconds)
