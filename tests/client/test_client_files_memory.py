"""Memory use, which doesn't grow with the file."""

from __future__ import annotations

import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_aws.files import MIB, TOKEN, FilesService

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# More than a client may have in memory, so that one that holds the file fails.
SIZE = 160 * MIB
_MOST_RSS_MB = 120

_SCRIPT = """
import os, re, shutil, sys, threading, wideload
url, token, call, *arguments = sys.argv[1:]
with wideload.Client(url, token=token) as client:
    if call == "upload_many":
        for outcome in client.files.upload_many(arguments, parallel=8):
            assert outcome.error is None, outcome.error
    elif call == "stream":
        with open("/dev/null", "wb") as sink:
            client.files.download(arguments[0], sink, parallel=8)
    elif call == "pipe":
        reading, writing = os.pipe()
        def fill():
            with open(arguments[0], "rb") as source, open(writing, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 16)
        threading.Thread(target=fill).start()
        client.files.upload(open(reading, "rb", buffering=0), name="a", parallel=8)
    else:
        getattr(client.files, call)(*arguments, parallel=8)
with open("/proc/self/status") as status:  # resource's ru_maxrss counts the parent's, too
    print(int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read())[1]) // 1000)
"""


def _peak(server: FilesService, *arguments: str) -> int:
    """MB that a process of its own had at most."""
    ran = subprocess.run(
        [sys.executable, "-c", _SCRIPT, server.url, TOKEN, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout)


@pytest.fixture
def sparse(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    with open(path, "wb") as file:
        file.truncate(SIZE)
    return path


@pytest.mark.parametrize("part", [8 * MIB, 100 * MIB])
def test_uploading(files_server: FilesService, sparse: Path, part: int) -> None:
    files_server.one_put, files_server.smallest_part = 64 * MIB, part
    files_server.s3.keeps = False

    peak = _peak(files_server, "upload", str(sparse))

    assert files_server.s3.bytes_put == SIZE
    print(f"uploading {SIZE // MIB} MiB in parts of {part // MIB} MiB: {peak} MB")  # noqa: T201
    assert peak < _MOST_RSS_MB


def test_uploading_a_pipe(files_server: FilesService, sparse: Path) -> None:
    files_server.one_put, files_server.smallest_part = 64 * MIB, 8 * MIB
    files_server.s3.keeps = False

    peak = _peak(files_server, "pipe", str(sparse))

    assert files_server.s3.bytes_put == SIZE
    print(f"uploading a pipe of {SIZE // MIB} MiB: {peak} MB")  # noqa: T201
    assert peak < _MOST_RSS_MB


@pytest.mark.parametrize("call", ["download", "stream"])
def test_downloading(files_server: FilesService, sparse: Path, tmp_path: Path, call: str) -> None:
    with open(sparse, "rb") as source:
        content = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
    file = files_server.add(content)

    target = [] if call == "stream" else [str(tmp_path / "copy")]
    peak = _peak(files_server, call, file["file_id"], *target)
    content.close()

    print(f"downloading {SIZE // MIB} MiB ({call}): {peak} MB")  # noqa: T201
    assert peak < _MOST_RSS_MB


def test_many_files(files_server: FilesService, tmp_path: Path) -> None:
    files_server.one_put = 64 * MIB
    paths = []
    for number in range(16):
        path = tmp_path / f"{number}.bin"
        with open(path, "wb") as file:
            file.write(str(number).encode())
            file.truncate(10 * MIB)
        paths.append(str(path))
    files_server.s3.keeps = False

    peak = _peak(files_server, "upload_many", *paths)

    print(f"uploading 16 files of 10 MiB: {peak} MB")  # noqa: T201
    assert peak < _MOST_RSS_MB
