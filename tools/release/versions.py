"""The version, which several packages state."""

from __future__ import annotations

import re
from pathlib import Path

PLACES = (
    "pyproject.toml",
    "client/pyproject.toml",
    "client/src/wideload/_version.py",
    "lambda_src/wideload_runtime/__init__.py",
    "web/packages/ingest/package.json",
    "web/packages/page/package.json",
    "web/packages/uploader/package.json",
    "web/packages/uppy/package.json",
)
_VERSION = re.compile(r'^\s*"?(?:__)?version(?:__)?"?\s*[=:]\s*"([^"]+)"', re.MULTILINE)


def same_version(root: Path) -> str:
    """Return the version that all places state.

    Raises:
        ValueError: They differ, or one states none.
    """
    stated: dict[str, str] = {}
    for place in PLACES:
        found = _VERSION.search((root / place).read_text())
        stated[place] = found[1] if found else "none"
    if len(set(stated.values())) != 1 or "none" in stated.values():
        lines = "\n".join(f"  {version}  {place}" for place, version in stated.items())
        raise ValueError(f"The versions differ; write the same into all:\n{lines}")
    return stated[PLACES[0]]
