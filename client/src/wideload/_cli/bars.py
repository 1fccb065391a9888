"""Bars as rich draws them. Imported when one is drawn: rich costs more than a small transfer."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from wideload._cli.units import human_size

# With the widths of the other columns, and a bar that is seen, within 80 columns.
_LONGEST_LABEL = 36
# Before so much is done, and so long has passed, the time left is a guess.
_SHARE_THAT_TELLS = 0.01
_SECONDS_THAT_TELL = 3.0
_LONGEST_TIME = 100 * 3600


def drawn() -> Progress:
    """Bars on stderr, which go away at the end."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        _Sizes(),
        _Rate(),
        _TimeLeft(),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    )


def label(verb: str, name: str) -> str:
    """A label that leaves room for its bar; names differ at their ends, and often begin alike."""
    room = _LONGEST_LABEL - len(verb) - bool(verb)
    if cell_len(name) > room:
        head = tail = len(name) // 2
        while cell_len(name[:head]) > room // 3:
            head -= 1
        while cell_len(name[:head]) + 1 + cell_len(name[-tail:]) > room:
            tail -= 1
        name = f"{name[:head]}…{name[-tail:]}"
    return f"{verb} {name}" if verb else name


def time_left(task: Task) -> str:
    """Hours, minutes and seconds; unknown while it would mean nothing."""
    left = task.time_remaining
    told = (
        task.total
        and task.completed >= task.total * _SHARE_THAT_TELLS
        and (task.elapsed or 0) >= _SECONDS_THAT_TELL
    )
    if task.finished or left is None or left >= _LONGEST_TIME or not told:
        return "-:--:--"
    minutes, seconds = divmod(int(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


class _Sizes(ProgressColumn):
    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else human_size(int(task.total))
        return Text(f"{human_size(int(task.completed))}/{total}", justify="right")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{human_size(int(speed))}/s" if speed else "?", justify="right")


class _TimeLeft(ProgressColumn):
    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        return Text(time_left(task), justify="right")
