"""The processes of one embedded cloud: found by the mark they carry, never by name or number.

Each start puts a new random mark in the environment of the server. The workers that it
spawns for functions inherit it, so both are found even when the server is gone, and a
process that got a recorded pid after a restart of the machine is never taken for ours.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import psutil

MARK = "WIDELOAD_CLOUD_MARK"


def find(mark: str) -> list[psutil.Process]:
    """The live processes that carry `mark`, oldest first."""
    found = [process for process in psutil.process_iter() if read_variable(process, MARK) == mark]
    return sorted(found, key=lambda process: (process.create_time(), process.pid))


def read_variable(process: psutil.Process, name: str) -> str | None:
    """One variable of the environment that `process` was started with; None if not ours to see."""
    try:
        return process.environ().get(name) if is_alive(process) else None
    except (psutil.Error, OSError):
        return None


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie process doesn't."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def resident_memory(process: psutil.Process) -> int:
    """Bytes of memory that `process` holds just now; 0 if it has ended."""
    try:
        size: int = process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
    return size


def peak_memory(process: psutil.Process) -> int:
    """Bytes of the most memory that `process` has held since it started. Linux only."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.removesuffix("kB")) * 1024
    raise ProcessLookupError(f"process {process.pid} has ended")


def end(mark: str, *, patience: float = 0.5, limit: float = 15.0) -> list[psutil.Process]:
    """End all that carry `mark`: SIGTERM, and after `patience` seconds SIGKILL.

    Patience is short: what they hold is in memory and about to be gone, and the server
    would wait 2 s for connections that its clients merely keep alive.

    Returns those that are still there after `limit` seconds, as a rule none.
    """
    deadline = time.monotonic() + limit
    remaining = find(mark)
    _signal(remaining, kill=False)
    psutil.wait_procs(remaining, timeout=patience)
    # Again until none is left: a server that is going down may still start a worker.
    while (remaining := find(mark)) and time.monotonic() < deadline:
        _signal(remaining, kill=True)
        psutil.wait_procs(remaining, timeout=1)
    return remaining


def _signal(processes: Sequence[psutil.Process], *, kill: bool) -> None:
    for process in processes:
        try:
            # psutil compares the time of creation first, so a reused pid is not hit.
            process.kill() if kill else process.terminate()
        except psutil.NoSuchProcess:
            continue
