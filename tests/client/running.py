"""The command as a process of its own, with and without a terminal; and files for it."""

from __future__ import annotations

import hashlib
import os
import pty
import random
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.fake_aws.files import TOKEN, FilesService

# Of a file in a `--json` line.
FILE_MEMBERS = {
    "file_id",
    "name",
    "size",
    "content_type",
    "sha256",
    "verified",
    "created_at",
    "corrupt",
}


def environment_of(server: FilesService) -> dict[str, str]:
    """What the command needs to reach it."""
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
    options.setdefault("preexec_fn", heed_ctrl_c)
    return subprocess.Popen(
        [sys.executable, "-m", "wideload", *arguments], env=environment, **{**given, **options}
    )


def on_a_terminal(server: dict[str, str] | FilesService, *arguments: str, **options: Any) -> str:
    """What the command shows where nobody types."""
    screen, terminal = pty.openpty()
    process = start(server, *arguments, stdout=terminal, stderr=terminal, **options)
    os.close(terminal)
    shown = read_terminal(screen).decode()
    assert process.wait(30) == 0
    return shown.replace("\r\n", "\n")


def read_terminal(screen: int) -> bytes:
    """All that is written to a terminal until nobody has it open any more."""
    shown = b""
    try:
        while select.select([screen], [], [], 30)[0]:
            block = os.read(screen, 4096)
            if not block:
                break
            shown += block
    except OSError:  # Linux's way of saying that nobody writes any more
        pass
    finally:
        os.close(screen)
    return shown


def heed_ctrl_c() -> None:
    """What a shell starts in the background, tests too, ignores it, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def take_terminal() -> None:
    """Make standard input the controlling terminal, so that Ctrl-C is a signal."""
    import fcntl
    import termios

    heed_ctrl_c()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


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
        killer = threading.Timer(30, self._process.kill)
        killer.start()
        self.shown += read_terminal(self._screen).decode()
        self.status = self._process.wait()
        killer.cancel()

    def until(self, text: str) -> str:
        """Read until this is on the screen, after what was waited for before."""
        deadline = time.monotonic() + 30
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


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
