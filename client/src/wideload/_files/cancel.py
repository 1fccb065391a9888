"""The public handle that stops, pauses and resumes transfers."""

from __future__ import annotations

import threading


class Cancel:
    """A handle with which any thread can stop or pause the transfers that take it as an argument.

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
        """Whether transfers are stopped until `resume`."""
        return self._paused

    def cancel(self) -> None:
        """Make the transfers raise `CancelledError`, as a rule within a second. It can't be undone.

        Transferred bytes are kept, except those of pipes: the same call resumes there. To delete
        the stored parts of an upload: `client.files.abort(error.upload_id)`.
        """
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def pause(self) -> None:
        """Make the transfers stop until `resume`. After some seconds connections are closed."""
        with self._changed:
            self._paused = True
            self._changed.notify_all()

    def resume(self) -> None:
        """Let the transfers continue."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def _wait(self, seconds: float) -> None:
        """Wait for a change of state, at most so many seconds."""
        with self._changed:
            self._changed.wait(seconds)
