"""The `wideload` command. Needs the extra `cli`: `pip install wideload[cli]`."""

from __future__ import annotations

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command with the arguments of this process, and exit."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A locale's encoding lacks some characters of names, and of this command's own help.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        import click  # noqa: F401 - only to say what is missing
    except ModuleNotFoundError:
        sys.stderr.write("wideload: the command needs more packages: pip install wideload[cli]\n")
        sys.exit(2)
    from wideload._cli.app import run

    sys.exit(run(sys.argv[1:]))
