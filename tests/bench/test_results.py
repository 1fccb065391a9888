"""Tables, headlines, and where they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.__main__ import main
from bench.page import rows
from bench.shared.measure import Figures, Run
from bench.shared.report import compared, headline, section, size_name
from bench.shared.results import README, RESULTS, Section, headlines_of, write

FASTER = headline("upload, speed to boto3's", 1.3041, "≥", 1.2)
OUTPUT = f"## Files\n\nA table.\n\n{FASTER}\n"


def test_ratios_are_to_the_first_row() -> None:
    figures = {"wideload": Figures([Run(2.0, 1.0, 38_400_000)]), "boto3": Figures([Run(3.0, 0.5)])}

    assert compared(figures, 1_000_000_000).splitlines()[2:] == [
        "| wideload | 2.00 | 500 | 1.00 | 1.00 | 1.00 | 38 |",
        "| boto3 | 3.00 | 333 | 1.50 | 0.50 | 0.50 |  |",
    ]


def test_a_headline_has_its_aim() -> None:
    assert FASTER == "- upload, speed to boto3's: 1.30 (aim ≥ 1.2)"


@pytest.mark.parametrize(("size", "name"), [(1_000_000, "1 MB"), (4_000_000_000, "4 GB")])
def test_sizes_have_names(size: int, name: str) -> None:
    assert size_name(size) == name


def test_a_section_is_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    section("Files", "A table.", FASTER)

    assert capsys.readouterr().out == OUTPUT + "\n"


def test_the_page_s_figures_are_rows() -> None:
    found = rows({"sending_mb_s": 52, "bytes": 2_000_000})

    assert found == [["sending mb s", "52"], ["bytes", "2,000,000"]]


def test_results_are_written_with_commands_and_headlines(tmp_path: Path) -> None:
    results, readme = tmp_path / "results.md", tmp_path / "README.md"
    marks = "<!-- headlines of bench/results.md -->\n{}<!-- end -->\n"
    readme.write_text(f"before\n{marks.format('- old: 1')}after\n")
    sections = [
        Section("file_transfer", "python -m bench.file_transfer", 12.3, OUTPUT),
        Section("other", "python -m bench.other", 1, "1 MB/s\n"),
    ]

    write(sections, "On a machine.", results=results, readme=readme)

    assert readme.read_text() == f"before\n{marks.format(FASTER + chr(10))}after\n"
    written = results.read_text()
    assert "# Last results\n\nOn a machine.\n" in written
    assert f"\n## Headlines\n\n{FASTER}\n" in written
    assert "\n## Files\n\n`python -m bench.file_transfer`, 12 s.\n\nA table.\n" in written
    assert "\n## other\n\n`python -m bench.other`, 1 s.\n\n```\n1 MB/s\n```\n" in written


def test_the_readme_s_figures_are_those_of_the_last_results() -> None:
    found = headlines_of(README)

    assert found
    assert f"\n## Headlines\n\n{chr(10).join(found)}\n\n" in RESULTS.read_text()


def test_an_unknown_benchmark_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "speed"])

    with pytest.raises(SystemExit, match="2"):
        main()

    assert "no benchmark speed: file_transfer, growth," in capsys.readouterr().err
