"""Run the benchmarks one after another, and write down what they print.

    python -m bench [--write] [NAME …]

Each benchmark is a program of its own, `python -m bench.NAME`, that prints a section of Markdown.
Items of lists in it are headlines: a ratio, with its aim. With `--write`, the sections are written
to `bench/results.md`, and the headlines also to `README.md`. The exit status is 0 only if each
ended with 0.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence

from bench.shared.machine import machine
from bench.shared.results import Section, write
from local.paths import ROOT

BENCHES = (
    "file_transfer",
    "growth",
    "first_byte",
    "payloads",
    "cold_start",
    "warm_requests",
    "many_files",
    "processing",
    "slow_documents",
    "huge_payload",
    "synthesis",
    "page",
)


def main() -> int:
    """Run those that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHES)}")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHES)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: {', '.join(BENCHES)}")
    described = machine()
    print(f"{described}\n", flush=True)
    sections, failed = [], []
    for name in arguments.names or BENCHES:
        section, status = _run(name)
        sections.append(section)
        if status:
            failed.append(name)
    if arguments.write:
        write(sections, described)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str) -> tuple[Section, int]:
    """Run one, and print its output as it comes."""
    command: Sequence[str] = ("python", "-m", f"bench.{name}")
    began = time.monotonic()
    lines = []
    with subprocess.Popen(
        [sys.executable, *command[1:]],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "lambda_src")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    seconds = time.monotonic() - began
    return Section(name, " ".join(command), seconds, "".join(lines)), process.returncode


if __name__ == "__main__":
    sys.exit(main())
