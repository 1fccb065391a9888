"""Run commands, and measure the wall time, CPU time and memory of each."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import psutil

from local.processes import peak_memory

K = TypeVar("K")
_SAMPLE_SECONDS = 0.02


class Failed(SystemExit):
    """A command of a benchmark failed, or did something else than was asked."""


@dataclass(frozen=True)
class Run:
    """
    Attributes:
        seconds: Wall time.
        cpu: CPU seconds, user and system, of the process and of those that it waited for.
        peak: Bytes of memory at most, of the process alone. Linux only.
        output: Standard output.
    """

    seconds: float
    cpu: float
    peak: int = 0
    output: bytes = b""


@dataclass
class Figures:
    """The runs of one command, as medians; the memory as the maximum."""

    runs: list[Run] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def cpu(self) -> float:
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak(self) -> int:
        return max(run.peak for run in self.runs)


def run(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a command to its end.

    Raises:
        Failed: Its exit status is not 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=err)
        with _peak_of(process.pid) as peak:
            # Not `Popen.wait`, which hides what the process used.
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            said = err.read().decode(errors="replace")[-2000:]
            raise Failed(f"{' '.join(command[:4])} … ended with {process.returncode}: {said}")
        return Run(seconds, used.ru_utime + used.ru_stime, peak[0], out.read())


@contextmanager
def _peak_of(pid: int) -> Iterator[list[int]]:
    """The most memory of a process, sampled until the end of the block.

    Not what `wait4` tells: there, a process begins with the peak of its parent.
    """
    peak = [0]
    ended = threading.Event()

    def sample() -> None:
        with suppress(OSError, psutil.NoSuchProcess):
            process = psutil.Process(pid)
            while not ended.wait(_SAMPLE_SECONDS):
                peak[0] = max(peak[0], peak_memory(process))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peak
    finally:
        ended.set()
        sampler.join()


def interleave(work: Mapping[K, Callable[[], Run]], runs: int) -> dict[K, Figures]:
    """Measure each in turn, as often as `runs`: A B A B, so that all meet the same machine."""
    figures = {name: Figures() for name in work}
    for _ in range(runs):
        for name, measure in work.items():
            figures[name].runs.append(measure())
    return figures


def run_in_process(work: Callable[[], object]) -> Run:
    """Call a function; its CPU time is that of all threads of this process."""
    began, cpu = time.monotonic(), time.process_time()
    work()
    return Run(time.monotonic() - began, time.process_time() - cpu)
