"""Bars on stderr for files under way: one each, and a total with rate and time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from wideload._cli.output import is_terminal, printable
from wideload._cli.progress import missing_rich

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WORTH_BARS = 1024 * 1024
# Rows that leave room for the total and a line of text on the smallest terminals.
_MOST_BARS = 8


@dataclass
class _Row:
    """A file under way."""

    done: int = 0
    total: int = 0
    hashing: bool = False
    task: TaskID | None = None


class Transfers:
    """Bars for several files, drawn only on a terminal and only for what takes a while.

    A context manager, which removes the bars at the end.

    Args:
        labels: What each file is called.
        sizes: Bytes of each; None where nobody knows yet.
        verb: What is done to them, such as `uploading`.
        wanted: Whether to draw anything at all.
    """

    def __init__(
        self, labels: Sequence[str], sizes: Sequence[int | None], *, verb: str, wanted: bool
    ) -> None:
        self._labels = [printable(label) for label in labels]
        self._verb = verb
        known = sum(size or 0 for size in sizes)
        worth = None in sizes or known >= _WORTH_BARS or len(sizes) > _MOST_BARS
        self._wanted = wanted and worth and is_terminal(sys.stderr)
        self._rows: dict[int, _Row] = {}
        self._sizes = list(sizes)
        self._ended = 0
        self._settled_bytes = 0  # of files that have ended, as far as they went over the wire
        self._progress: Progress | None = None
        self._total: TaskID | None = None

    def __enter__(self) -> Self:
        if self._wanted:
            self._start()
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

    def moving(self, index: int, done: int, total: int) -> None:
        """Show that `done` of `total` bytes of a file are there."""
        self._show(index, done, total, hashing=False)

    def ended(self, index: int, moved: int) -> None:
        """Take a file's bar away; `moved` bytes of it went over the wire."""
        row = self._rows.pop(index, None)
        self._ended += 1
        # What didn't have to be moved would make the rate, and with it the time left, a fiction.
        self._sizes[index] = moved
        self._settled_bytes += moved
        if self._progress and row and row.task is not None:
            self._progress.remove_task(row.task)
        self._show_total()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the bars away while a line is printed; rich would send it to stderr with them."""
        if self._progress is None:
            yield
            return
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()

    def _start(self) -> None:
        try:
            from wideload._cli import bars
        except ModuleNotFoundError:
            missing_rich()
            return
        self._progress = bars.drawn()
        self._progress.start()
        if len(self._labels) > 1:
            self._total = self._progress.add_task("", total=None)
            self._show_total()

    def _show(self, index: int, done: int, total: int, *, hashing: bool) -> None:
        row = self._rows.setdefault(index, _Row())
        begins = row.total == 0 or row.hashing != hashing
        if begins and not hashing:
            # What an earlier upload left doesn't go over the wire again.
            self._sizes[index] = total - done
        row.done, row.total, row.hashing = done, total, hashing
        if self._progress is None:
            return
        hashed = hashing and done == total  # and waits for its turn, or turns out to be there
        if row.task is not None and (begins or hashed):
            self._progress.remove_task(row.task)
            row.task = None
        if row.task is None:
            if hashed or sum(other.task is not None for other in self._rows.values()) >= _MOST_BARS:
                return
            verb = "hashing" if hashing else self._verb
            from wideload._cli.bars import label  # which is loaded if there are bars

            shown = label(verb, self._labels[index])
            row.task = self._progress.add_task(shown, total=total, completed=done)
        else:
            self._progress.update(row.task, completed=done, total=total)
        self._show_total()

    def _show_total(self) -> None:
        if self._progress is None or self._total is None:
            return
        under_way = sum(
            max(0, (self._sizes[index] or 0) - (row.total - row.done))
            for index, row in self._rows.items()
            if not row.hashing
        )
        self._progress.update(
            self._total,
            description=f"in all: {self._ended} of {len(self._labels)} files",
            completed=self._settled_bytes + under_way,
            total=None if None in self._sizes else sum(size or 0 for size in self._sizes),
        )
