"""Sign-ins kept in the user's config directory, readable by that user alone."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import filelock
import orjson
import platformdirs

from wideload._signin.tokens import SignIn
from wideload.errors import SignInError

# Seconds. The process with the lock waits for the provider, retries included.
_LONGEST_WAIT = 120.0


def directory() -> Path:
    """The directory of the sign-ins: `~/.config/wideload/sign-ins` on Linux."""
    return platformdirs.user_config_path("wideload", appauthor=False) / "sign-ins"


class Store:
    """One file for each API, replaced atomically.

    Args:
        folder: The directory of the files. Default: `directory()`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or directory()

    def path(self, url: str) -> Path:
        """The file that keeps the sign-in at the API `url`."""
        host = re.sub(r"[^a-z0-9.-]", "_", (urlsplit(url).hostname or "").lower())[:60]
        return self._folder / f"{host}-{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"

    def load(self, url: str) -> SignIn | None:
        """The sign-in at `url`; None if there is none, or it is of an unknown format.

        Raises:
            OSError: It can't be read.
        """
        try:
            members = orjson.loads(self.path(url).read_bytes())
            found = SignIn.from_members(members)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (KeyError, TypeError, ValueError):
            return None  # perhaps of another version of this package; signing in replaces it
        return found if found.url == url else None

    def save(self, sign_in: SignIn) -> None:
        """Write a sign-in, in place of an earlier one.

        Raises:
            OSError: It can't be written.
        """
        self._make_folder()
        path = self.path(sign_in.url)
        descriptor, part = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")  # 0600
        try:
            with open(descriptor, "wb") as file:
                file.write(orjson.dumps(sign_in.to_members()))
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise

    def delete(self, url: str) -> None:
        """Delete the sign-in at `url`, if there is one."""
        with suppress(FileNotFoundError):
            self.path(url).unlink()

    @contextmanager
    def locked(self, url: str) -> Iterator[None]:
        """Hold the lock by which one process at a time renews the sign-in at `url`.

        Raises:
            SignInError: Another process holds it for minutes.
        """
        self._make_folder()
        lock = self.path(url).with_suffix(".lock")
        try:
            with filelock.FileLock(lock, timeout=_LONGEST_WAIT, mode=0o600):
                yield
        except filelock.Timeout:
            raise SignInError(f"another process has been renewing for minutes: {lock}") from None

    def _make_folder(self) -> None:
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(self._folder, 0o700)
