"""Commands that do the same: `wideload`, and its peers boto3, the AWS CLI and curl."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from bench.cheap_end.s3 import BUCKET
from bench.shared.ends import End
from bench.shared.measure import Failed, Run, run
from local.paths import LOCAL, ROOT

Command = list[str]
WIDELOAD, BOTO3, AWS, CURL = "wideload", "boto3", "AWS CLI", "curl"
PEERS = LOCAL / "peers" / "bin"
_PROGRAM = ROOT / "bench" / "peers" / "boto3_program.py"


def upload_commands(end: End, path: Path) -> dict[str, Command]:
    """Commands that upload one file under its name."""
    commands = {
        WIDELOAD: wideload("upload", "--json", str(path)),
        BOTO3: boto3("upload", str(path)),
        AWS: aws("cp", str(path), f"s3://{BUCKET}/{path.name}"),
        CURL: curl("-T", str(path), end.put_url(path.name)),
    }
    return _installed(commands)


def download_commands(end: End, file_id: str, key: str, path: Path) -> dict[str, Command]:
    """Commands that download a file, or the object of a key with the same content."""
    commands = {
        WIDELOAD: wideload("download", "--json", "--force", "--output", str(path), file_id),
        BOTO3: boto3("download", key, str(path)),
        AWS: aws("cp", f"s3://{BUCKET}/{key}", str(path)),
        CURL: curl("-o", str(path), end.get_url(key)),
    }
    return _installed(commands)


def wideload(*arguments: str) -> Command:
    """A command of Wideload."""
    return [str(Path(sys.executable).with_name("wideload")), *arguments]


def boto3(action: str, *arguments: str) -> Command:
    """The program of `bench/peers` in the peers' environment."""
    return [str(PEERS / "python"), str(_PROGRAM), action, BUCKET, *arguments]


def aws(action: str, *arguments: str) -> Command:
    """A command of `aws s3`."""
    return [str(PEERS / "aws"), "s3", action, "--only-show-errors", *arguments]


def curl(*arguments: str) -> Command:
    """curl as it speaks to S3, which has no HTTP/2."""
    return ["curl", "--http1.1", "--fail", "--silent", "--show-error", *arguments]


def _installed(commands: dict[str, Command]) -> dict[str, Command]:
    if shutil.which("curl") is None:
        del commands[CURL]
    return commands


class SparseFile:
    """A file of zeros that takes no room on the disk, whose first bytes can be renewed.

    Wideload does not send content again that it has, so each upload has another.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        with path.open("wb") as file:
            file.truncate(size)

    def renew(self) -> None:
        """Change its first bytes."""
        with self.path.open("r+b") as file:
            file.write(os.urandom(16))


def upload(end: End, file: SparseFile, command: Command) -> tuple[Run, str | None]:
    """Run a command of `upload_commands`; the result has the file's id if Wideload stored it.

    Raises:
        Failed: Not all bytes arrived.
    """
    if end.log is not None:
        end.log.clear()
    done = run(command, end.environment)
    file_id = None
    if done.output:
        stored = json.loads(done.output)
        file_id = stored["file_id"]
        if stored["bytes_sent"] != file.size:
            raise Failed(f"wideload says: sent {stored['bytes_sent']} of {file.size} bytes")
    if end.log is not None and end.log.size() < file.size:
        raise Failed(f"of {file.size} bytes, {end.log.size()} arrived: {command[0]}")
    return done, file_id
