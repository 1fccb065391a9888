"""Markdown of the benchmarks: sections, tables, and headlines with their aims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bench.shared.measure import Figures

MB = 1_000_000


def section(title: str, *paragraphs: str) -> None:
    """Print a heading and what stands under it."""
    print("\n\n".join([f"## {title}", *paragraphs]) + "\n", flush=True)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def compared(figures: Mapping[str, Figures], size: int = 0) -> str:
    """A table of commands; the first is ours, and the ratios say how much more the others take.

    Args:
        size: Bytes that each moves.
    """
    ours = next(iter(figures.values()))
    heads = ["", "s", "ratio", "CPU s", "ratio", "peak MB"]
    rows = []
    for name, found in figures.items():
        row = [
            name,
            f"{found.seconds:.2f}",
            times(found.seconds / ours.seconds),
            f"{found.cpu:.2f}",
            times(found.cpu / ours.cpu),
            f"{found.peak / MB:.0f}" if found.peak else "",
        ]
        if size:
            row.insert(2, f"{size / MB / found.seconds:,.0f}")
        rows.append(row)
    if size:
        heads.insert(2, "MB/s")
    return table(heads, rows)


def headline(text: str, ratio: float, aim: str, limit: float) -> str:
    """A ratio that is aimed at, as an item of a list.

    Args:
        text: What is divided by what.
        aim: "≥" or "≤".
    """
    return f"- {text}: {times(ratio)} (aim {aim} {limit:g})"


def times(ratio: float) -> str:
    """A ratio."""
    return f"{ratio:.2f}"


def size_name(size: int) -> str:
    """Such as `100 MB` or `4 GB`."""
    return f"{size / 1000 / MB:g} GB" if size >= 1000 * MB else f"{size / MB:g} MB"
