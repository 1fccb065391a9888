"""Describe the machine, and the versions of all that was measured."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from bench.shared.commands import PEERS
from local.paths import MINISTACK_PYTHON, ROOT


def machine() -> str:
    """Date, machine, versions and commit, as a paragraph of Markdown."""
    memory = psutil.virtual_memory().total / 1e9
    commit = _first_line("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
    curl = _first_line("curl", "--version") if shutil.which("curl") else "no curl on this machine"
    versions = [
        f"Python {platform.python_version()}",
        ssl.OPENSSL_VERSION,
        f"{_versions(Path(sys.executable), 'wideload')} of commit {commit}",
        _versions(PEERS / "python", "boto3", "awscli"),
        curl.partition(" (")[0],
        _versions(MINISTACK_PYTHON, "ministack"),
    ]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors ({_processor()}, {_sha256()}), "
        f"{memory:.0f} GB of memory, {platform.system()} {platform.release()}, "
        f"{os.getloadavg()[0]:.1f} processes waiting at the start; {', '.join(versions)}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, text = line.partition(":")
        if name.strip() == "model name":
            return text.strip()
    return platform.machine()


def _sha256() -> str:
    """Say how fast OpenSSL's SHA-256 is, which uploads and downloads need for every byte."""
    block = bytes(1_000_000)
    began = time.process_time()
    for _ in range(100):
        hashlib.sha256(block)
    return f"SHA-256 at {100 / (time.process_time() - began):,.0f} MB/s"


def _versions(python: Path, *packages: str) -> str:
    code = "import sys, importlib.metadata as m; [print(n, m.version(n)) for n in sys.argv[1:]]"
    ran = subprocess.run(
        [python, "-c", code, *packages], capture_output=True, text=True, check=True
    )
    return ", ".join(ran.stdout.splitlines())


def _first_line(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()[0]
