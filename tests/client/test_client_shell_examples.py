"""The shell commands that READMEs and guides show for the client, run as they stand."""

from __future__ import annotations

import glob
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from local.paths import ROOT
from tests.client.running import on_a_terminal, write
from tests.fake_aws import cors
from tests.fake_aws.files import MIB, TOKEN, FilesService
from tests.fake_aws.ingest import API_KEY, IngestService
from tests.pages import WITH_EXAMPLES, shell_scripts

RUN = ("wideload ", "curl ", "tar ", "make-log ", "sha256sum ")
"""What the commands begin with; `tests/tools/docs/test_shell_commands.py` checks the others."""
SIGN_IN = ("wideload login", "wideload logout", "wideload whoami")
"""`test_client_cli_signin.py` runs them: they need a provider and a browser."""
EMBEDDED_CLOUD = "wideload-local "
"""`tests/local/test_apps.py` runs it."""
ORIGIN = "https://app.example.com"
ID = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")


def examples() -> Iterator[Any]:
    """The commands of each page that has some."""
    for page in WITH_EXAMPLES:
        scripts = [each for each in shell_scripts(page) if EMBEDDED_CLOUD not in each]
        lines = "".join(scripts).replace("\\\n", " ").splitlines()
        shown = [line for line in lines if line.startswith(RUN) and not line.startswith(SIGN_IN)]
        if shown:
            yield pytest.param(shown, id=str(page.relative_to(ROOT)))


class World:
    """A folder with what the commands name, and services that hold what they ask for."""

    def __init__(self, folder: Path, server: IngestService, files: FilesService) -> None:
        self.folder, self.server, self.files = folder, server, files
        files.api_cors, files.s3_cors = cors.of_api(ORIGIN), cors.of_bucket(ORIGIN)
        for name in ("calls", "folder", "photos/a", "disk"):
            (folder / name).mkdir(parents=True)
        photos = ("photos/1.raw", "photos/a/b.jpg", "photos/a/b.raw")
        for name in ("film.mkv", "report.pdf", "folder/a", *photos):
            write(folder / name, 1_000 + len(name))
        for name in ("call.json", "calls/1.json"):
            (folder / name).write_text('{"call_id": "c-1", "transcript_with_metrics": [1, 2]}')
        subprocess.run(["gzip", folder / "calls/1.json"], check=True)
        (folder / "make-log").write_text("#!/bin/sh\ncat call.json\n")
        (folder / "make-log").chmod(0o755)
        self.environment = {
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "TZ": "UTC",
            "WIDELOAD_URL": server.url,
            "WIDELOAD_API_KEY": API_KEY,
            "WIDELOAD_FILES_URL": files.url,
            "WIDELOAD_TOKEN": TOKEN,
            "KEY": API_KEY,
        }
        self._run_in_bash("wideload send call.json")
        self._run_in_bash("tar c photos | wideload upload - --name photos.tar")
        (self.file_id,) = files.files
        self._run_in_bash("wideload upload report.pdf")
        self._run_in_bash("wideload upload film.mkv --name a.jpg --folder 2026/photos")
        self.upload_id = begin_upload(files)

    def run(self, line: str) -> None:
        """Run a line with ids that are there: one without a pipe in this process."""
        ids = {"FILE_ID": self.file_id, "UPLOAD_ID": self.upload_id, "PAYLOAD_ID": self.payload_id}
        for name, value in ids.items():
            line = re.sub(rf"(?<![$\w]){name}\b…?", value, line)
        known = {self.file_id, self.upload_id}
        line = ID.sub(lambda each: each[0] if each[0] in known else self.payload_id, line)
        line = line.replace("https://…", self.server.url)
        if line.startswith("wideload ") and not re.search(r"[|>]|\$\(", line):
            words = shlex.split(line, comments=True)[1:]
            found = {word: sorted(glob.glob(word, root_dir=self.folder)) for word in words}
            arguments = [each for word in words for each in found[word] or [word]]
            on_a_terminal(self.environment, *arguments, cwd=self.folder)
        else:
            self._run_in_bash(line)

    @property
    def payload_id(self) -> str:
        """The latest."""
        items = self.server.items.items.values()
        stored = [str(item["payload_id"]) for item in items if item.get("state") == "stored"]
        return max(stored, default="")

    def _run_in_bash(self, line: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=self.folder,
            env=self.environment | {"PAYLOAD_ID": self.payload_id},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (line, done.stderr)
        for name in ("upload_url", "s3_key"):  # which the text says to take from the answer
            if shown := re.search(rf'"{name}": *"([^"]+)"', done.stdout):
                self.environment[name.upper()] = shown[1]


def begin_upload(files: FilesService) -> str:
    """The id of an upload of which nothing has been sent."""
    announced = {"name": "cut", "size": 6 * MIB, "sha256": "0" * 64}
    answer = urllib3.request(
        "POST",
        f"{files.url}/files",
        json={"files": [announced]},
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    return str(answer.json()["files"][0]["upload_id"])


@pytest.mark.parametrize("lines", list(examples()))
def test_the_commands_of_a_page_run_in_turn(
    lines: list[str], tmp_path: Path, server: IngestService, fake_files: FilesService
) -> None:
    world = World(tmp_path, server, fake_files)

    for line in lines:
        world.run(line)
