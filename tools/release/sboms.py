"""Bills of materials (CycloneDX) of the artifacts and of the functions' code."""

from __future__ import annotations

import json
from pathlib import Path

from tools.release.commands import run


def write(root: Path, folder: Path, constructs: Path, client: Path, page: Path) -> list[Path]:
    """Write a bill of materials for each artifact into `folder`, and return the files.

    Args:
        constructs: `bin` of an environment with wideload-cdk and what it requires.
        client: `bin` of one with wideload.
        page: Folder in which the npm packages are installed.

    Raises:
        CommandError: A bill can't be made.
    """
    cyclonedx = root / ".local/release/bin/cyclonedx-py"
    written = []
    for name, kind, source in (
        ("wideload-cdk", "environment", constructs / "python"),
        ("wideload", "environment", client / "python"),
        ("lambda", "requirements", root / "lambda_src/requirements.txt"),
    ):
        path = folder.resolve() / f"{name}.cdx.json"
        run(cyclonedx, kind, source, "--of", "JSON", "--output-file", path, cwd=root)
        written.append(path)
    path = folder.resolve() / "npm.cdx.json"
    path.write_text(run("npm", "sbom", "--sbom-format", "cyclonedx", "--omit", "dev", cwd=page))
    return [*written, path]


def count(path: Path) -> int:
    """Return how many components a bill names.

    Raises:
        ValueError: It names none.
    """
    components = json.loads(path.read_text()).get("components", [])
    if not components:
        raise ValueError(f"{path.name} names no component.")
    return len(components)
