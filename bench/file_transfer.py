"""Upload and download one file: `wideload` beside boto3, the AWS CLI and curl.

    python -m bench.file_transfer [--runs 3] [--megabytes 1000] [--at cloud|tls|plain …]

At the embedded cloud, and at an end that costs next to nothing, over TLS and in plain HTTP. The
file is sparse. `wideload` hashes what it sends and receives, and S3 checks each part; boto3 and the
AWS CLI send a CRC, or over plain HTTP a SHA-256; curl only moves bytes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from bench.shared.commands import (
    BOTO3,
    CURL,
    WIDELOAD,
    SparseFile,
    download_commands,
    upload,
    upload_commands,
)
from bench.shared.ends import End, cheap_end, embedded_cloud
from bench.shared.measure import Failed, Figures, Run, interleave, run
from bench.shared.report import MB, compared, headline, section, size_name

_KEY = "film"


def uploads(end: End, file: SparseFile, runs: int) -> dict[str, Figures]:
    """Upload the file by each command, with new content each time."""

    def once(name: str) -> Run:
        file.renew()
        done, file_id = upload(end, file, upload_commands(end, file.path)[name])
        end.forget(file_id, file.path.name)
        return done

    names = upload_commands(end, file.path)
    return interleave({name: partial(once, name) for name in names}, runs)


def downloads(end: End, file: SparseFile, runs: int) -> dict[str, Figures]:
    """Download a file of zeros by each command."""
    commands = upload_commands(end, file.path)
    _, file_id = upload(end, file, commands[WIDELOAD])
    assert file_id is not None
    upload(end, file, commands[BOTO3])
    target = file.path.with_name("copy")

    def once(command: list[str]) -> Run:
        done = run(command, end.environment)
        if target.stat().st_size != file.size:
            raise Failed(f"{command[0]} downloaded {target.stat().st_size} bytes of {file.size}")
        target.unlink()
        return done

    fetching = download_commands(end, file_id, file.path.name, target)
    work = {name: partial(once, command) for name, command in fetching.items()}
    figures = interleave(work, runs)
    end.forget(file_id, file.path.name)
    return figures


def main() -> None:
    """Measure at each end, and print a section with tables and headlines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=1_000)
    parser.add_argument("--at", nargs="+", choices=("cloud", "tls", "plain"), help="default: all")
    arguments = parser.parse_args()
    size = arguments.megabytes * MB
    ends: dict[str, AbstractContextManager[End]] = {
        "cloud": embedded_cloud(),
        "tls": cheap_end(object_size=size),
        "plain": cheap_end(object_size=size, tls=False),
    }
    tables, headlines = [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source, zeros = (SparseFile(Path(folder, name), size) for name in ("film", "zeros"))
        for name in arguments.at or ends:
            with ends[name] as end:
                up = uploads(end, source, arguments.runs)
                down = downloads(end, zeros, arguments.runs)
                for what, figures in (("Upload", up), ("Download", down)):
                    tables += [f"{what} at {end.name}:", compared(figures, size)]
            headlines += _headlines(name, size_name(size), up, down)
    section(
        f"A file of {size_name(size)}",
        f"Medians of {arguments.runs} interleaved runs. Ratios are to the first row.",
        *tables,
        "\n".join(headlines),
    )


def _headlines(
    end: str, size: str, up: Mapping[str, Figures], down: Mapping[str, Figures]
) -> list[str]:
    ours, boto3 = up[WIDELOAD], up[BOTO3]
    if end == "cloud":
        faster = boto3.seconds / ours.seconds
        fetched = down[BOTO3].seconds / down[WIDELOAD].seconds
        return [
            headline(f"upload of {size} to the embedded cloud, speed to boto3's", faster, "≥", 1.2),
            headline(f"download of {size} from there, speed to boto3's", fetched, "≥", 1.3),
        ]
    if end == "tls":
        found = [
            headline(
                f"CPU time of uploading {size} over TLS, to boto3's", ours.cpu / boto3.cpu, "≤", 1
            )
        ]
        if CURL in up:
            beside = up[CURL].seconds / ours.seconds
            found.append(
                headline(f"upload of {size} to the cheap end, speed to curl's", beside, "≥", 0.95)
            )
        return found
    return []


if __name__ == "__main__":
    main()
