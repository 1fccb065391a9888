"""Progress bars on standard error: one for each transfer under way, and a total."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from wideload._cli.messages import print_message
from wideload._cli.output import is_terminal, printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# Smaller transfers take less time than it takes to read a bar.
_SMALLEST_TRANSFER = 1024 * 1024
# Rows that leave room for the total and a line of text on the smallest terminals.
_MOST_BARS = 8


@dataclass
class _Row:
    """A transfer under way."""

    done: int = 0
    total: int | None = None
    hashing: bool | None = None
    task: TaskID | None = None


class Bars:
    """Progress bars of the files of one command.

    A context manager that removes the bars at the end. They are drawn on a terminal only, for a
    file or for files of 1 MiB in all, or for more than 8 files.

    Args:
        labels: Name of each file.
        sizes: Bytes of each file; None if unknown.
        verb: Put before each name, such as `uploading`.
        wanted: False with `--quiet`.
    """

    def __init__(
        self, labels: Sequence[str], sizes: Sequence[int | None], *, verb: str, wanted: bool
    ) -> None:
        self._labels = [printable(label) for label in labels]
        self._sizes = list(sizes)
        self._size = sum(size or 0 for size in sizes)
        self._of_unknown_size = self._sizes.count(None)
        self._verb = verb
        self._wanted = wanted and is_terminal(sys.stderr)
        self._large = len(labels) > _MOST_BARS or _is_large(self._size)
        self._rows: dict[int, _Row] = {}
        self._ended = 0
        self._ended_bytes = 0  # of the files that have ended, as far as they were transferred
        self._progress: Progress | None = None
        self._total: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress:
            self._progress.stop()

    def hashing(self, index: int, done: int, total: int) -> None:
        """Show that `done` of `total` bytes of a file have been read for its SHA-256."""
        self._show(index, done, total, hashing=True)

    def transferring(self, index: int, done: int, total: int | None) -> None:
        """Show that `done` of `total` bytes of a file are at their destination."""
        self._show(index, done, total, hashing=False)

    def end(self, index: int, transferred: int) -> None:
        """Remove a file's bar.

        Args:
            transferred: Its bytes that went over the network.
        """
        row = self._rows.pop(index, None)
        self._ended += 1
        # Bytes that didn't go over the network would falsify the rate and the time left.
        self._set_size(index, transferred)
        self._ended_bytes += transferred
        if self._progress and row and row.task is not None:
            self._progress.remove_task(row.task)
        self._show_total()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Remove the bars while a line is printed, which rich would send to standard error."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()

    def _show(self, index: int, done: int, total: int | None, *, hashing: bool) -> None:
        row = self._rows.setdefault(index, _Row())
        begins = row.hashing != hashing
        if begins and not hashing:
            # Bytes of an earlier, interrupted transfer don't go over the network again.
            self._set_size(index, None if total is None else total - done)
        row.done, row.total, row.hashing = done, total, hashing
        if not self._started(done if total is None else total):
            return
        self._draw(index, row, begins=begins)
        self._show_total()

    def _set_size(self, index: int, size: int | None) -> None:
        before, self._sizes[index] = self._sizes[index], size
        self._size += (size or 0) - (before or 0)
        self._of_unknown_size += (size is None) - (before is None)

    def _started(self, size: int) -> bool:
        """Start drawing, if that is wanted and the transfer is large enough."""
        if self._progress is None and self._wanted and (self._large or _is_large(size)):
            try:
                # Imported when needed: rich takes longer to import than a small file to send.
                from wideload._cli.bar_drawing import new_progress
            except ModuleNotFoundError:
                self._wanted = False
                print_message("for a progress bar: pip install wideload[cli]")
                return False
            self._progress = new_progress()
            self._progress.start()
            if len(self._labels) > 1:
                self._total = self._progress.add_task("", total=None)
        return self._progress is not None

    def _draw(self, index: int, row: _Row, *, begins: bool) -> None:
        assert self._progress is not None  # noqa: S101 - for mypy
        # A hashed file waits for its turn to be sent, or turns out to be a duplicate.
        hashed = row.hashing and row.done == row.total
        if row.task is not None and (begins or hashed):
            self._progress.remove_task(row.task)
            row.task = None
        if row.task is not None:
            self._progress.update(row.task, completed=row.done, total=row.total)
        elif not hashed and sum(r.task is not None for r in self._rows.values()) < _MOST_BARS:
            from wideload._cli.bar_drawing import label

            text = label("hashing" if row.hashing else self._verb, self._labels[index])
            row.task = self._progress.add_task(text, total=row.total, completed=row.done)

    def _show_total(self) -> None:
        if self._progress is None or self._total is None:
            return
        under_way = sum(
            max(0, (self._sizes[index] or 0) - ((row.total or 0) - row.done))
            for index, row in self._rows.items()
            if not row.hashing
        )
        self._progress.update(
            self._total,
            description=f"in all: {self._ended} of {len(self._labels)} files",
            completed=self._ended_bytes + under_way,
            total=None if self._of_unknown_size else self._size,
        )


def _is_large(size: int) -> bool:
    return size >= _SMALLEST_TRANSFER
