"""A file of 1 GB up and down by `wideload`, beside `curl` with presigned URLs of the same cloud.

    python -m bench.file_transfer [--runs 1] [--megabytes 1000]

On an embedded cloud of its own, which keeps objects in RAM. `wideload` hashes the file before it
sends it, in parts that S3 checks, and again when it has come; `curl` only moves bytes. The exit
status is 0 only if the files came back equal, and `wideload` kept within 300 MB of memory.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import urllib3

from local.cloud import Cloud, free_port
from local.deploy import deploy
from local.processes import peak_memory

MB = 1_000_000
LIMIT = 300 * MB
TICK = 0.005


@dataclass
class Figures:
    """Of one command's runs."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: int = 0
    """Bytes of memory."""


class Commands:
    """The measurements on one cloud."""

    def __init__(self, cloud: Cloud, film: Path) -> None:
        files = deploy(cloud)["files"]
        self._cloud = cloud
        self._film = film
        self._copy = film.with_name("copy")
        self._s3 = cloud.client("s3")
        self._s3.create_bucket(Bucket="beside")
        self._object = {"Bucket": "beside", "Key": "film"}
        user = files["users"][0]
        self._api = files["api_url"]
        self._token = cloud.client("cognito-idp").initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=files["client_id"],
            AuthParameters={"USERNAME": user["username"], "PASSWORD": user["password"]},
        )["AuthenticationResult"]["AccessToken"]
        self._environment = {
            **os.environ,
            "WIDELOAD_URL": self._api,
            "WIDELOAD_TOKEN": self._token,
            "WIDELOAD_CA_BUNDLE": str(cloud.ca_bundle),
        }
        self.rows = {
            "upload    wideload upload": Figures(),
            "upload    curl -T": Figures(),
            "download  wideload download": Figures(),
            "download  curl -o": Figures(),
        }

    def measure(self, sha256: str) -> None:
        """One run of each command.

        Raises:
            SystemExit: One failed, or what it moved is not the same.
        """
        ours_up, curl_up, ours_down, curl_down = self.rows.values()
        film, copy = str(self._film), str(self._copy)
        file = json.loads(self._run(ours_up, _wideload("upload", "--json", film)))
        command = _wideload("download", "--json", "--output", copy, file["file_id"])
        self._run(ours_down, command)
        self._check(sha256)
        self._forget(file["file_id"])

        put = self._s3.generate_presigned_url("put_object", Params=self._object)
        self._run(curl_up, self._curl("-T", film, put))
        get = self._s3.generate_presigned_url("get_object", Params=self._object)
        self._run(curl_down, self._curl("-o", copy, get))
        self._check(sha256)
        self._s3.delete_object(**self._object)

    def _run(self, figures: Figures, command: list[str]) -> bytes:
        with tempfile.TemporaryFile() as out:
            began = time.monotonic()
            process = subprocess.Popen(command, env=self._environment, stdout=out)
            looked_at = psutil.Process(process.pid)
            peak, pid = 0, 0
            while not pid:
                # Not what `wait4` tells: there, a process begins with the peak of its parent.
                with suppress(OSError, psutil.NoSuchProcess):
                    peak = max(peak, peak_memory(looked_at))
                time.sleep(TICK)
                pid, status, used = os.wait4(process.pid, os.WNOHANG)
            figures.seconds.append(time.monotonic() - began)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"{command[0]} ended with status {process.returncode}")
            figures.cpu.append(used.ru_utime + used.ru_stime)
            figures.peak = max(figures.peak, peak)
            out.seek(0)
            return out.read()

    def _curl(self, *arguments: str) -> list[str]:
        # The embedded cloud also speaks HTTP/2, at which it is far slower; AWS's S3 doesn't.
        options = ["--http1.1", "--fail", "--silent", "--cacert", str(self._cloud.ca_bundle)]
        return ["curl", *options, *arguments]

    def _check(self, sha256: str) -> None:
        with self._copy.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        self._copy.unlink()
        if found != sha256:
            raise SystemExit(f"what came back has SHA-256 {found}, not {sha256}")

    def _forget(self, file_id: str) -> None:
        with urllib3.PoolManager(ca_certs=str(self._cloud.ca_bundle)) as http:
            headers = {"Authorization": f"Bearer {self._token}"}
            http.request("DELETE", f"{self._api}/files/{file_id}", headers=headers)


def _wideload(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("wideload")), *arguments]


def _write(path: Path, megabytes: int) -> str:
    """A file of which no two parts are the same; its hex SHA-256."""
    block = random.Random(1).randbytes(MB - 8)
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(megabytes):
            piece = number.to_bytes(8) + block
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def main() -> int:
    """Measure, and print a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--megabytes", type=int, default=1_000)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="transfer-") as folder,
        Cloud(directory=Path(folder), port=free_port()) as cloud,
    ):
        film = Path(folder, "film.bin")
        sha256 = _write(film, arguments.megabytes)
        commands = Commands(cloud, film)
        for _ in range(arguments.runs):
            commands.measure(sha256)
    held = _print(commands.rows, arguments.megabytes, arguments.runs)
    return 0 if held else 1


def _print(rows: dict[str, Figures], megabytes: int, runs: int) -> bool:
    """Whether the memory held."""
    print(f"{megabytes:,} MB; medians of {runs} runs; {os.getloadavg()[0]:.0f} processes waiting")
    print(f"{'':28} {'s':>7} {'MB/s':>7} {'of curl':>8} {'CPU s':>7} {'peak MB':>8}")
    median: Callable[[list[float]], Any] = statistics.median
    names = list(rows)
    for number, (name, figures) in enumerate(rows.items()):
        beside = rows[names[number - number % 2 + 1]]
        seconds = median(figures.seconds)
        print(
            f"{name:28} {seconds:7.1f} {megabytes / seconds:7.0f} "
            f"{median(beside.seconds) / seconds:7.0%}  {median(figures.cpu):7.1f} "
            f"{figures.peak / MB:8.0f}"
        )
    return all(rows[name].peak <= LIMIT for name in names if "wideload" in name)


if __name__ == "__main__":
    sys.exit(main())
