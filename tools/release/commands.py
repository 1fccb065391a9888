"""Run the programs of a release."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class CommandError(Exception):
    """A program failed; the message holds its output."""


def run(*command: str | Path, cwd: Path, variables: Mapping[str, str] | None = None) -> str:
    """Run a program and return its standard output.

    Raises:
        CommandError: It failed.
    """
    finished = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        words = " ".join(map(str, command))
        raise CommandError(
            f"{words} ended with {finished.returncode}:\n{finished.stdout}{finished.stderr}"
        )
    return finished.stdout


def new_environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment with packages and what they require; return its `bin`."""
    run("uv", "venv", "--quiet", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    run("uv", "pip", "install", "--quiet", "--python", python, *requirements, cwd=folder.parent)
    return folder / "bin"
