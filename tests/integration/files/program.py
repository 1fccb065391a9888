"""The program `wideload` as people run it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from local.cloud import Cloud
from local.processes import peak_memory

WIDELOAD = Path(sys.executable).with_name("wideload")
TICK = 0.01


@dataclass
class Program:
    """
    Args:
        url: Base URL of the API.
        token: An access token.
        folder: For its output.
    """

    cloud: Cloud
    url: str
    token: str
    folder: Path

    def start(self, *arguments: str) -> Run:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WIDELOAD_")
        }
        environment |= {
            "WIDELOAD_URL": self.url,
            "WIDELOAD_TOKEN": self.token,
            "WIDELOAD_CA_BUNDLE": str(self.cloud.ca_bundle),
        }
        with (
            (self.folder / "stdout").open("wb") as stdout,
            (self.folder / "stderr").open("wb") as stderr,
        ):
            process = subprocess.Popen(
                [str(WIDELOAD), *arguments], env=environment, stdout=stdout, stderr=stderr
            )
        return Run(process, self.folder)


@dataclass
class Run:
    """One run of the program.

    Attributes:
        peak: Bytes of the most memory that it held, as far as it was looked at.
    """

    process: subprocess.Popen[bytes]
    folder: Path
    peak: int = 0

    def look(self) -> bool:
        """Note its memory; whether it still runs."""
        # Not from what `wait4` tells: there, a child begins with its parent's peak.
        with suppress(OSError, psutil.NoSuchProcess):
            self.peak = max(self.peak, peak_memory(psutil.Process(self.process.pid)))
        return self.process.poll() is None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def answer(self) -> dict[str, Any]:
        """Wait until it has ended; the one line of `--json` that it printed."""
        while self.look():
            time.sleep(TICK)
        said = (self.folder / "stderr").read_text()
        assert self.process.returncode == 0, said
        line: dict[str, Any] = json.loads((self.folder / "stdout").read_text())
        return line
