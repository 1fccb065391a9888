"""An upload by the command line is killed several times, and the last run completes it."""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import Cloud
from local.outputs import Outputs
from tests.integration.conftest import Api
from tests.integration.files.conftest import MIB, reconfigured, token_of
from tests.integration.files.hop import CountingHop
from tests.integration.files.program import TICK, Program, Run

MB = 1_000_000
SIZE = 160 * MB
PART = 8 * MIB
KILLS = 3
WORKERS = 4
MEMORY = 150 * MB
"""Less than the file's size."""
SEED = 4
PATIENCE = 120
"""Seconds in which a run must have sent what it is killed after."""


@pytest.fixture
def film(tmp_path: Path) -> Iterator[Path]:
    """A file of which no two parts are the same."""
    path = tmp_path / "Фильм 映画.mkv"
    block = random.Random(SEED).randbytes(MB - 8)
    with path.open("wb") as file:
        for number in range(SIZE // MB):
            file.write(number.to_bytes(8) + block)
    yield path
    path.unlink()


@pytest.fixture
def program(cloud: Cloud, outputs: Outputs, tmp_path: Path) -> Program:
    return Program(cloud, outputs["files"]["api_url"], token_of(cloud, outputs, 0), tmp_path)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def kill_after(run: Run, hop: CountingHop, count: int, delay: float) -> None:
    """Kill a run some seconds after it has sent so many bytes."""
    until, deadline = hop.received + count, time.monotonic() + PATIENCE
    while hop.received < until:
        assert run.look(), f"ended with status {run.process.returncode} before it was killed"
        assert time.monotonic() < deadline, "sends nothing"
        time.sleep(TICK)
    time.sleep(delay)
    run.kill()
    assert run.process.returncode == -9


def test_an_upload_that_is_killed_again_and_again_is_resumed(
    program: Program,
    film: Path,
    ann: Api,
    cloud: Cloud,
    functions: dict[str, str],
    tmp_path: Path,
) -> None:
    rng = random.Random(SEED)
    peaks = []
    with (
        CountingHop(cloud.port) as hop,
        # URLs lead through the hop, where S3's part of the traffic is counted.
        reconfigured(
            cloud, functions["files_api"], AWS_ENDPOINT_URL=f"https://localhost:{hop.port}"
        ),
    ):
        ann.get("/files")
        began_at = hop.received
        for _ in range(KILLS):
            run = program.start("upload", "--json", str(film))
            kill_after(run, hop, SIZE // (KILLS + 1), rng.uniform(0, 0.1))
            peaks.append(run.peak)
        run = program.start("upload", "--json", str(film))
        file = run.answer()
        peaks.append(run.peak)
        sent = hop.received - began_at

        copy = tmp_path / "copy"
        run = program.start("download", "--json", "--output", str(copy), file["file_id"])
        downloaded = run.answer()
    expected = sha256_of(film)

    extra, allowed = sent - SIZE, KILLS * WORKERS * PART
    sys.stdout.write(
        f"\nkilled {KILLS} times: {sent:,} bytes sent in all, TLS and headers among them: the "
        f"file's {SIZE:,} and {extra:,}, of {allowed:,} allowed\n"
        f"the last run sent {file['bytes_sent']:,}, {file['resumed_bytes']:,} were there\n"
        f"peak memory: upload {max(peaks) // MB} MB, download {run.peak // MB} MB\n"
    )
    assert file["sha256"] == expected == sha256_of(copy) == downloaded["sha256"]
    assert (file["size"], copy.stat().st_size) == (SIZE, SIZE)
    assert file["resumed_bytes"] + file["bytes_sent"] == SIZE
    assert file["resumed_bytes"] > 0
    assert 0 <= extra <= allowed
    assert max(*peaks, run.peak) < MEMORY

    copy.unlink()
    assert ann.request("DELETE", f"/files/{file['file_id']}").status == 204
