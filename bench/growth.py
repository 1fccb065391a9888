"""Growth of an upload's cost with the size of a file, and with the number of files.

    python -m bench.growth [--megabytes 1 10 100 1000 10000] [--files 1 100 10000]

At the cheap end, over TLS; large files are sparse, and the many have 10 kB each. Sizes of 1 GB and
more, and more than 1,000 files, are measured once, the others three times. The exit status is 0
only if `wideload` keeps within 64 MB of memory.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.cheap_end.s3 import BUCKET
from bench.shared.commands import (
    AWS,
    BOTO3,
    WIDELOAD,
    Command,
    SparseFile,
    aws,
    boto3,
    upload,
    upload_commands,
    wideload,
)
from bench.shared.ends import End, cheap_end
from bench.shared.measure import Failed, Figures, Run, interleave, run
from bench.shared.report import MB, section, size_name, table

MOST_MEMORY = 64 * MB
_SMALL_FILE = 10_000
_RUNS = 3


def by_size(end: End, folder: Path, size: int) -> dict[str, Figures]:
    """Upload one file by each command."""
    file = SparseFile(folder / f"film-{size}", size)

    def once(command: Command) -> Run:
        file.renew()
        done, _ = upload(end, file, command)
        return done

    commands = upload_commands(end, file.path)
    work = {name: partial(once, command) for name, command in commands.items()}
    return interleave(work, 1 if size >= 1000 * MB else _RUNS)


def by_count(end: End, folder: Path, count: int) -> dict[str, Figures]:
    """Upload many small files by each command."""
    files = [SparseFile(folder / f"{number}.raw", _SMALL_FILE) for number in range(count)]

    def once(command: Command) -> Run:
        for file in files:
            file.renew()
        assert end.log is not None
        end.log.clear()
        done = run(command, end.environment)
        if end.log.size() < count * _SMALL_FILE:
            raise Failed(f"{command[0]} sent {end.log.size()} bytes of {count} files")
        return done

    commands = {
        WIDELOAD: wideload("upload", "--json", "--recursive", str(folder)),
        BOTO3: boto3("upload", str(folder)),
        AWS: aws("cp", "--recursive", str(folder), f"s3://{BUCKET}/"),
    }
    work = {name: partial(once, command) for name, command in commands.items()}
    return interleave(work, 1 if count > 1000 else _RUNS)


def rows_of(label: str, figures: dict[str, Figures]) -> list[list[str]]:
    """Rows of a table: wall time, CPU time and memory of each command."""
    return [
        [label, name, f"{one.seconds:.2f}", f"{one.cpu:.2f}", f"{one.peak / MB:.0f}"]
        for name, one in figures.items()
    ]


def main() -> int:
    """Measure, and print a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, nargs="*", default=[1, 10, 100, 1_000, 10_000])
    parser.add_argument("--files", type=int, nargs="*", default=[1, 100, 10_000])
    arguments = parser.parse_args()
    sizes, counts = [], []
    peak = 0
    for megabytes in arguments.megabytes:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, cheap_end() as end:
            figures = by_size(end, Path(folder), megabytes * MB)
        sizes += rows_of(size_name(megabytes * MB), figures)
        peak = max(peak, figures[WIDELOAD].peak)
    for count in arguments.files:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, cheap_end() as end:
            figures = by_count(end, Path(folder), count)
        counts += rows_of(f"{count:,}", figures)
        peak = max(peak, figures[WIDELOAD].peak)
    section(
        "Growth with size and number",
        "Uploads to the cheap end, over TLS.",
        table(["file", "", "s", "CPU s", "peak MB"], sizes),
        f"Many files, of {_SMALL_FILE:,} bytes each; boto3 uploads 8 at once. `wideload` waits for "
        "the API here, which is one process with tables in memory: its CPU time is what counts.",
        table(["files", "", "s", "CPU s", "peak MB"], counts),
        f"- memory of `wideload upload` at most, in MB: {peak / MB:.0f} "
        f"(aim ≤ {MOST_MEMORY / MB:.0f})",
    )
    return 0 if peak <= MOST_MEMORY else 1


if __name__ == "__main__":
    sys.exit(main())
