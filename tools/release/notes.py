"""The notes of a release, from CHANGELOG.md."""

from __future__ import annotations

import re
from pathlib import Path


def release_notes(changelog: Path, version: str | None) -> str:
    """Return the section of a version, or of what is unreleased if `version` is None.

    Raises:
        ValueError: There is no such section, or it is empty.
    """
    heading = version or "Unreleased"
    found = re.search(
        rf"^## \[?{re.escape(heading)}(?![\w.])[^\n]*\n(.*?)(?=^## |\Z)",
        changelog.read_text(),
        re.MULTILINE | re.DOTALL,
    )
    if not found or not found[1].strip():
        raise ValueError(f"{changelog.name} says nothing under the heading '## {heading}'.")
    return found[1].strip() + "\n"
