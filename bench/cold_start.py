"""CPU time of each function's init, beside `import boto3` and one client.

    python -m bench.cold_start [runs]

It measures the built code of the embedded cloud (`make build`), which is what the wheel ships but
for the interpreter: read-only, no bytecode is written. The reference is boto3 with all it needs as
a package manager without compiler leaves it: without bytecode. Each run is a process of its own,
without site-packages, that has imported what Lambda's runtime has imported before it imports a
handler:
https://github.com/aws/aws-lambda-python-runtime-interface-client/blob/main/awslambdaric/bootstrap.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

from bench.function_environment import variables
from local.paths import ROOT

BUILT = ROOT / ".local" / "lambda"
REFERENCE = "boto3.client('dynamodb')"
PROGRAM = """
import decimal, json, logging, sys, time, traceback
sys.path.insert(0, sys.argv[1])
started = time.process_time()
exec(sys.argv[2])
print(time.process_time() - started)
"""
PACKAGES = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")


def copy_boto3(target: Path) -> None:
    """Copy boto3 and all that it imports, without bytecode."""
    for name in PACKAGES:
        for file in distribution(name).files or []:
            if file.parts[0] != ".." and file.suffix != ".pyc":
                copied = target / file
                copied.parent.mkdir(parents=True, exist_ok=True)
                copied.hardlink_to(Path(str(file.locate())).resolve())


def cpu_seconds(folder: Path, statement: str) -> float:
    # -I: no site-packages of a user; -S: none of this environment; -B: no bytecode is written.
    command = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(folder), statement]
    environment = variables("http://127.0.0.1:9")
    ran = subprocess.run(command, check=True, text=True, capture_output=True, env=environment)
    return float(ran.stdout)


def main(runs: int) -> None:
    handlers = sorted(
        path.stem for path in (BUILT / "wideload_runtime" / "handlers").glob("[a-z]*.py")
    )
    with tempfile.TemporaryDirectory(dir=ROOT / ".local") as folder:
        copy_boto3(Path(folder))
        cases = {REFERENCE: (Path(folder), f"import boto3; {REFERENCE}")} | {
            name: (BUILT, f"import wideload_runtime.handlers.{name}") for name in handlers
        }
        # In turns, since the machine's speed varies.
        used: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(runs):
            for name, (code, statement) in cases.items():
                used[name].append(cpu_seconds(code, statement))
    medians = {name: statistics.median(seconds) for name, seconds in used.items()}
    print("| init | CPU ms | ratio |\n| --- | --- | --- |")
    for name, seconds in medians.items():
        print(f"| `{name}` | {seconds * 1e3:.0f} | {seconds / medians[REFERENCE]:.2f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
