"""A test run leaves nothing in the temporary directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from local.paths import ROOT

TESTS = "tests/guards/one_app.py"


def test_a_test_run_leaves_nothing_in_the_temporary_directory(tmp_path: Path) -> None:
    """Not even when the CDK can't remove the folders into which it synthesizes."""
    own = {name: value for name, value in os.environ.items() if name != "PYTEST_DEBUG_TEMPROOT"}

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.guards.killed_kernel", TESTS],
        cwd=ROOT,
        env=own | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
    found = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]
    # pytest's own, in which it keeps the folders of failed tests; empty now.
    assert [path for path in found if not path.startswith("pytest-of-") or "/" in path] == []
