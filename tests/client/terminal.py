"""The command in this process on a terminal, whose screen a test reads."""

from __future__ import annotations

import os
import pty
import threading
import time
from typing import Any

import pytest

from tests.client.running import read_terminal
from wideload._cli.app import run


def on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, columns: int = 120, status: int = 0
) -> str:
    """What the command shows where standard output and standard error are a terminal.

    Args:
        monkeypatch: Sets the streams and the variables while the command runs.
        status: The exit status that is expected.
    """
    with monkeypatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("TZ", "Asia/Kolkata")
        time.tzset()
        with Screen(patch, "stdout", "stderr") as screen:
            assert run(arguments) == status
    time.tzset()
    return screen.shown


class Screen:
    """A terminal in place of standard streams.

    Attributes:
        shown: All that was written, when it has been closed.
    """

    def __init__(self, patch: pytest.MonkeyPatch, *streams: str) -> None:
        self.shown = ""
        self._screen, terminal = pty.openpty()
        self._terminal: Any = os.fdopen(terminal, "w", encoding="utf-8")
        self._reader = threading.Thread(target=self._read)
        for stream in streams:
            patch.setattr(f"sys.{stream}", self._terminal)

    def __enter__(self) -> Screen:
        self._reader.start()
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        self._terminal.close()
        self._reader.join(60)

    def _read(self) -> None:
        self.shown = read_terminal(self._screen).decode().replace("\r\n", "\n")
