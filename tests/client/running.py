"""The command as a process of its own, with and without a terminal; and files for it."""

from __future__ import annotations

import hashlib
import io
import os
import pty
import random
import select
import subprocess
import sys
import threading
import time
from contextlib import chdir
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.fake_aws.files import TOKEN, FilesService
from wideload._cli.app import run

# Of a file in a `--json` line.
FILE_MEMBERS = {
    "file_id",
    "folder",
    "name",
    "size",
    "content_type",
    "sha256",
    "verified",
    "verified_by",
    "created_at",
    "modified_at",
    "quarantined",
    "metadata",
    "corrupt",
}


def environment_of(server: FilesService) -> dict[str, str]:
    """Environment variables with which the command reaches it."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("WIDELOAD_")}
    given = {"WIDELOAD_FILES_URL": server.url, "WIDELOAD_TOKEN": TOKEN}
    return {**kept, **given, "TERM": "xterm", "COLUMNS": "120", "TZ": "Asia/Kolkata"}


def start(
    environment: dict[str, str] | FilesService, *arguments: str, **options: Any
) -> subprocess.Popen[bytes]:
    """Start the command, without a terminal unless the options give one."""
    if isinstance(environment, FilesService):
        environment = environment_of(environment)
    given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [sys.executable, "-m", "wideload", *arguments], env=environment, **{**given, **options}
    )


def on_a_terminal(server: dict[str, str] | FilesService, *arguments: str, **options: Any) -> str:
    """Run the command in this process; return its output on a terminal.

    Args:
        server: What it talks to, or its environment.
        options: `cwd`, the current directory; `status`, the exit status that is expected.
    """
    environment = server if isinstance(server, dict) else environment_of(server)
    with (
        patch.dict(os.environ, environment, clear=True),
        chdir(options.get("cwd", ".")),
        Screen("stdout", "stderr") as screen,
    ):
        time.tzset()
        status = run(arguments)
    time.tzset()
    assert status == options.get("status", 0), screen.shown
    return screen.shown


def read_terminal(screen: int) -> bytes:
    """All output to a terminal until its last writer has closed it."""
    shown = b""
    try:
        while select.select([screen], [], [], 30)[0]:
            block = os.read(screen, 4096)
            if not block:
                break
            shown += block
    except OSError:  # on Linux: the last writer has closed it
        pass
    finally:
        os.close(screen)
    return shown


def take_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C is a signal."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def run_into(
    output: int | str, environment: dict[str, str], *arguments: str, cwd: Path | str = "."
) -> tuple[int, list[str]]:
    """The exit status and the lines of standard error, in this process.

    Args:
        output: Path or descriptor that is standard output, and may fail.
    """
    error = io.StringIO()
    with (
        open(output, "w", encoding="utf-8") as stream,
        patch.dict(os.environ, environment, clear=True),
        patch("sys.stdout", stream),
        patch("sys.stderr", error),
        chdir(cwd),
    ):
        status = run(arguments)
    return status, error.getvalue().splitlines()


class Screen:
    """A terminal in place of standard streams of this process.

    Attributes:
        shown: All that was written there, at the end.
    """

    def __init__(self, *streams: str) -> None:
        self.shown = ""
        self._screen, terminal = pty.openpty()
        self._terminal = open(terminal, "w", encoding="utf-8")  # noqa: SIM115 - closed at the end
        self._patches = [patch(f"sys.{stream}", self._terminal) for stream in streams]
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Screen:
        self._reader.start()
        for stream in self._patches:
            stream.start()
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        for stream in self._patches:
            stream.stop()
        self._terminal.close()
        self._reader.join(60)

    def _read(self) -> None:
        self.shown = read_terminal(self._screen).decode().replace("\r\n", "\n")


class Terminal:
    """The command on a terminal of its own, which a test reads and types on."""

    def __init__(self, environment: dict[str, str] | FilesService, *arguments: str) -> None:
        self._screen, terminal = pty.openpty()
        self._process = start(
            environment,
            *arguments,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(terminal)
        self._seen = 0
        self.shown = ""
        self.status: int | None = None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        killer = threading.Timer(120, self._process.kill)
        killer.start()
        self.shown += read_terminal(self._screen).decode()
        self.status = self._process.wait()
        killer.cancel()

    def until(self, text: str) -> str:
        """Read until this is on the screen, after what was waited for before."""
        deadline = time.monotonic() + 120
        while text not in self.shown[self._seen :]:
            assert time.monotonic() < deadline, f"no {text!r} in {self.shown[self._seen :]!r}"
            if select.select([self._screen], [], [], 0.1)[0]:
                self.shown += os.read(self._screen, 4096).decode().replace("\r\n", "\n")
        self._seen = self.shown.index(text, self._seen) + len(text)
        return self.shown

    def type(self, text: str) -> None:
        """Type this, when the prompt has had the time to hide it."""
        time.sleep(0.2)
        os.write(self._screen, text.encode())


def write(path: Path, size: int, seed: int = 1) -> bytes:
    """A file of so many bytes that are like no other's."""
    content = random.Random(seed).randbytes(size)
    path.write_bytes(content)
    return content


def stored_paths(server: FilesService) -> set[str]:
    """Paths of all files; those at the top begin with /."""
    return {f"{file['folder']}/{file['name']}" for file in server.files.values()}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
