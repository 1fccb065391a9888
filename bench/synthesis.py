"""Cost of synthesizing this repository's app beside an app with one bucket.

    python -m bench.synthesis [environment [runs]]

Both run as `cdk synth` runs them, in turns, in one run: ours by the command in `cdk.json`, the
bucket's by `python app.py`, without Node.js options. Each line's figures are from the run with the
least CPU time of Python and Node.js together. A first run of each, which may compile bytecode and
fill jsii's cache, doesn't count.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

REPOSITORY = Path(__file__).parents[1]
CDK_JSON = json.loads((REPOSITORY / "cdk.json").read_text())
ONE_BUCKET = """\
import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

app = cdk.App()
s3.Bucket(cdk.Stack(app, "Stack"), "Bucket")
app.synth()
"""


class Cost(NamedTuple):
    """Seconds."""

    cpu: float
    wall: float


def synthesize(command: str, context: dict[str, str]) -> Cost:
    """Run an app as the CDK CLI does, into a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="synthesis-") as folder:
        environment = {
            **os.environ,
            "CDK_OUTDIR": folder,
            "CDK_CONTEXT_JSON": json.dumps({**CDK_JSON["context"], **context}),
            "JSII_NODE": str(Path(sys.executable).parent / "node"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        started = time.monotonic()
        app = psutil.Popen(
            ["bash", "-c", command],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # By sampling: the shell's total lacks Node.js if Python doesn't wait for its end.
        seconds: dict[int, float] = {}
        while app.poll() is None:
            with suppress(psutil.Error):
                for process in [app, *app.children(recursive=True)]:
                    used = process.cpu_times()
                    seconds[process.pid] = used.user + used.system
            time.sleep(0.05)
        wall = time.monotonic() - started
    if app.returncode:
        raise SystemExit(f"{command}: exit status {app.returncode}")
    return Cost(sum(seconds.values()), wall)


def main() -> None:
    environment = sys.argv[1] if len(sys.argv) > 1 else "prod"
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory(prefix="bucket-") as folder:
        bucket_app = Path(folder) / "app.py"
        bucket_app.write_text(ONE_BUCKET)
        plain = f"{shlex.quote(sys.executable)} {bucket_app}"
        bucket: list[Cost] = []
        ours: list[Cost] = []
        for _ in range(runs + 1):
            bucket.append(synthesize(plain, {}))
            ours.append(synthesize(CDK_JSON["app"], {"env": environment}))
    best_bucket, best = min(bucket[1:]), min(ours[1:])
    print(f"{'':<24}{'CPU s':>8}{'wall s':>8}")
    print(f"{'one bucket':<24}{best_bucket.cpu:8.2f}{best_bucket.wall:8.2f}")
    print(f"{environment + ', rule packs on':<24}{best.cpu:8.2f}{best.wall:8.2f}")
    print(f"{'ratio':<24}{best.cpu / best_bucket.cpu:8.2f}{best.wall / best_bucket.wall:8.2f}")


if __name__ == "__main__":
    main()
