"""What a release states of itself: one version, and notes. `make release-check` does the rest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.release.notes import release_notes
from tools.release.versions import PLACES, same_version

ROOT = Path(__file__).parents[3]
CHANGELOG = """\
# Changes

## Unreleased

### Added

- A page.

## 0.2.0 (2026-11-02)

- A fix.

## 0.1.0

"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for place in PLACES:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / place, tmp_path / place)
    return tmp_path


@pytest.fixture
def changelog(tmp_path: Path) -> Path:
    path = tmp_path / "CHANGELOG.md"
    path.write_text(CHANGELOG)
    return path


def test_all_packages_have_the_same_version() -> None:
    assert f'version = "{same_version(ROOT)}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("place", PLACES)
def test_a_place_with_another_version_is_named(repository: Path, place: str) -> None:
    path = repository / place
    path.write_text(path.read_text().replace(same_version(repository), "9.9.9"))

    with pytest.raises(ValueError, match=rf"  9\.9\.9  {place}"):
        same_version(repository)


def test_a_place_without_a_version_is_named(repository: Path) -> None:
    (repository / PLACES[0]).write_text("[project]\n")

    with pytest.raises(ValueError, match=rf"  none  {PLACES[0]}"):
        same_version(repository)


def test_notes_are_the_section_of_the_version(changelog: Path) -> None:
    assert release_notes(changelog, "0.2.0") == "- A fix.\n"
    assert release_notes(changelog, None) == "### Added\n\n- A page.\n"


@pytest.mark.parametrize("version", ["0.1.0", "0.2", "0.3.0"])
def test_a_version_without_notes_is_refused(changelog: Path, version: str) -> None:
    with pytest.raises(ValueError, match=rf"says nothing under the heading '## {version}'"):
        release_notes(changelog, version)
