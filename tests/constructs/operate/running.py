"""Run the operators' programs in this process."""

from __future__ import annotations

import inspect
from typing import Any

from click.testing import CliRunner


def runner() -> CliRunner:
    """A runner that keeps stderr apart from stdout."""
    # click before 8.2 mixes them unless told otherwise; later ones have no such argument.
    options: dict[str, Any] = {"mix_stderr": False}
    return CliRunner(**(options if "mix_stderr" in inspect.signature(CliRunner).parameters else {}))
