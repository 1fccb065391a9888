"""How progress bars look: columns for rich. Imported only when a bar is drawn."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from wideload._cli.formatting import human_size

# Leaves room for the other columns and a visible bar in 80 columns.
_LONGEST_LABEL = 36
# The time left is shown only after 1 % of the bytes and 3 seconds: before, it is a guess.
_SMALLEST_SHARE = 0.01
_SHORTEST_TIME = 3.0
_LONGEST_TIME_LEFT = 100 * 3600


def new_progress() -> Progress:
    """Bars on standard error, which are removed at the end."""
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
    """A verb and a name, cut in the middle: names of one batch often begin alike."""
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
    """Hours, minutes and seconds; `-:--:--` while they would be a guess."""
    left = task.time_remaining
    known = (
        task.total
        and task.completed >= task.total * _SMALLEST_SHARE
        and (task.elapsed or 0) >= _SHORTEST_TIME
    )
    if task.finished or left is None or left >= _LONGEST_TIME_LEFT or not known:
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
