"""A progress bar on stderr, drawn only on a terminal and only for what takes a while."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from wideload._cli.exits import complain
from wideload._cli.output import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WORTH_A_BAR = 1024 * 1024


def missing_rich() -> None:
    """Say how to get bars."""
    complain("for a progress bar: pip install wideload[cli]")


class Bar:
    """A progress callback, and a context manager that removes the bar at the end.

    Args:
        label: What is being sent.
        wanted: Whether to draw anything at all.
    """

    def __init__(self, label: str, *, wanted: bool) -> None:
        self._label = printable(label)
        self._wanted = wanted
        self._drawn: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._drawn:
            self._drawn[0].stop()

    def __call__(self, sent: int, total: int) -> None:
        """Show `sent` of `total` bytes."""
        if self._drawn is None and self._wanted and total >= _WORTH_A_BAR:
            self._draw(total)
        if self._drawn is not None:
            progress, task = self._drawn
            progress.update(task, completed=sent, total=total)

    def _draw(self, total: int) -> None:
        # Imported here: it costs more than all of a small document's sending.
        try:
            from wideload._cli import bars
        except ModuleNotFoundError:
            self._wanted = False
            missing_rich()
            return
        progress = bars.drawn()
        progress.start()
        self._drawn = progress, progress.add_task(bars.label("", self._label), total=total)
