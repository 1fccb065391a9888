"""Cost of a large file and of many files for the page, in Chromium.

    python -m bench.page [--megabytes 2000] [--files 2000]

Runs the page's own benchmarks (`web/packages/page/bench`), which print a JSON object of figures.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from typing import Any

from bench.shared.report import MB, section, table
from local.paths import ROOT, node

PAGE = ROOT / "web" / "packages" / "page"


def figures(script: str, amount: int) -> dict[str, Any]:
    """Figures of one of the page's benchmarks."""
    command = [str(node()), f"bench/{script}", str(amount)]
    printed = subprocess.check_output(command, cwd=PAGE, text=True)
    found: dict[str, Any] = json.loads(printed)
    return found


def rows(found: dict[str, Any]) -> list[list[str]]:
    """Rows of a table: a figure's name in words, and its value."""
    return [[name.replace("_", " "), f"{value:,}"] for name, value in found.items()]


def main() -> None:
    """Run both, and print a section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=2_000)
    parser.add_argument("--files", type=int, default=2_000)
    arguments = parser.parse_args()
    section(
        "The page",
        "A large file (`large-file.ts`):",
        table(["", ""], rows(figures("large-file.ts", arguments.megabytes * MB))),
        "Many small files (`many-files.ts`):",
        table(["", ""], rows(figures("many-files.ts", arguments.files))),
    )


if __name__ == "__main__":
    main()
