"""Time from starting an upload to the first byte of content that is sent, by size of the file.

    python -m bench.first_byte [--runs 5] [--megabytes 100 4000]

At the cheap end, over TLS; the file is sparse. Each command is ended after its first byte.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path

from bench.shared.commands import WIDELOAD, Command, SparseFile, upload_commands
from bench.shared.ends import End, Log, cheap_end
from bench.shared.measure import Failed, Figures, Run, interleave
from bench.shared.report import MB, headline, section, size_name, table, times

_POLL = 0.002


def first_byte(end: End, log: Log, file: SparseFile, command: Command) -> Run:
    """Start a command, and end it when its first byte has arrived.

    Raises:
        Failed: It ended before.
    """
    file.renew()
    log.clear()
    began = time.monotonic()
    with subprocess.Popen(
        command, env=end.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while (arrived := log.first()) is None:
            if process.poll() is not None and log.first() is None:
                raise Failed(f"{command[0]} ended with {process.returncode} and sent nothing")
            time.sleep(_POLL)
        process.kill()
    log.settle()
    return Run(arrived - began, 0)


def measure(sizes: list[int], runs: int) -> dict[str, dict[int, Figures]]:
    """Figures by command and size."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, cheap_end() as end:
        assert end.log is not None
        log = end.log
        files = [SparseFile(Path(folder, f"film-{size}"), size) for size in sizes]
        work = {
            (name, file.size): partial(first_byte, end, log, file, command)
            for file in files
            for name, command in upload_commands(end, file.path).items()
        }
        figures = interleave(work, runs)
    found: dict[str, dict[int, Figures]] = {}
    for (name, size), one in figures.items():
        found.setdefault(name, {})[size] = one
    return found


def main() -> None:
    """Measure, and print a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[100, 4_000])
    arguments = parser.parse_args()
    sizes = sorted(megabytes * MB for megabytes in arguments.megabytes)
    found = measure(sizes, arguments.runs)
    rows = []
    for name, by_size in found.items():
        seconds = [by_size[size].seconds for size in sizes]
        rows.append([name, *(f"{one:.2f}" for one in seconds), times(seconds[-1] / seconds[0])])
    ours = found[WIDELOAD]
    section(
        "From the command to the first byte",
        f"Seconds until the first byte of content arrives at the cheap end, over TLS; medians of "
        f"{arguments.runs} interleaved runs.",
        table(["", *map(size_name, sizes), "last to first"], rows),
        headline(
            f"time to the first byte of {size_name(sizes[-1])}, to that of {size_name(sizes[0])}",
            ours[sizes[-1]].seconds / ours[sizes[0]].seconds,
            "≤",
            1.1,
        ),
    )


if __name__ == "__main__":
    main()
