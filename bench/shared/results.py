"""Write results: `bench/results.md`, and the headlines in `README.md`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from local.paths import ROOT

RESULTS = ROOT / "bench" / "results.md"
README = ROOT / "README.md"
_BEGIN, _END = "<!-- headlines of bench/results.md -->\n", "<!-- end -->\n"
_INTRODUCTION = """\
`make bench BENCH=--write` writes this page, and the headlines into the README. Commands that are
compared ran in turn, A B A B, on the same machine: compare within a table. Times are medians; CPU
time is that of a command and the processes that it started, user and system. The cheap end is a
server in processes of its own that reads requests to S3, stores nothing and answers, behind the
functions' own code over tables in memory.
"""


@dataclass(frozen=True)
class Section:
    """
    Attributes:
        command: Prints it.
        seconds: How long that took.
        output: Markdown that begins with a heading; or any other text.
    """

    name: str
    command: str
    seconds: float
    output: str

    @property
    def markdown(self) -> str:
        """The section with its command."""
        ran = f"`{self.command}`, {self.seconds:.0f} s."
        if not self.output.startswith("## "):
            return f"## {self.name}\n\n{ran}\n\n```\n{self.output.strip()}\n```"
        heading, _, rest = self.output.strip().partition("\n")
        return f"{heading}\n\n{ran}\n{rest}"

    @property
    def headlines(self) -> list[str]:
        """Items of its lists."""
        return [line for line in self.output.splitlines() if line.startswith("- ")]


def write(
    sections: Sequence[Section], machine: str, *, results: Path = RESULTS, readme: Path = README
) -> None:
    """Write the results of a run."""
    headlines = "".join(f"{line}\n" for one in sections for line in one.headlines)
    pages = [
        "# Last results",
        machine,
        _INTRODUCTION.strip(),
        f"## Headlines\n\n{headlines.strip()}",
        *(one.markdown for one in sections),
    ]
    results.write_text("\n\n".join(pages) + "\n")
    before, _, rest = readme.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    readme.write_text(f"{before}{_BEGIN}{headlines}{_END}{after}")


def headlines_of(readme: Path = README) -> list[str]:
    """The headlines that a README has."""
    _, _, rest = readme.read_text().partition(_BEGIN)
    return rest.partition(_END)[0].splitlines()
