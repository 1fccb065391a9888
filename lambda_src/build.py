"""Build the folder that Lambda runs: our source with its locked dependencies beside it.

    python lambda_src/build.py arm64 x86_64    # for AWS, into the wideload_cdk package
    python lambda_src/build.py local           # for the embedded cloud: this interpreter's own

Byte for byte the same on every machine, so that asset hashes are stable: no bytecode, no
installer's records, and only the AWS service models that the runtime calls.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import uv

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LAMBDA_PYTHON = "3.13"
# Lambda's Amazon Linux 2023 has glibc 2.34: https://docs.aws.amazon.com/linux/al2023/ug/glibc.html
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}
# botocore carries models of some 400 services (over 100 MB unpacked); these are the ones we call.
SERVICES = {"dynamodb", "events", "s3", "sqs"}


def install(target: Path, platform: str | None) -> None:
    """Vendor the locked dependencies into `target`, for `platform` or this very machine."""
    command = [
        uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--require-hashes",
        "--only-binary", ":all:", "--no-compile-bytecode", "--link-mode", "copy",
        "--target", str(target), "--requirements", str(HERE / "requirements.txt"),
    ]  # fmt: skip
    if platform:
        command += ["--python-platform", platform, "--python-version", LAMBDA_PYTHON]
    else:
        command += ["--python", sys.executable]
    subprocess.run(command, check=True)


def prune(target: Path) -> None:
    """Remove what differs between machines or is never read in Lambda."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    (target / ".lock").unlink(missing_ok=True)
    for record in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"):
        for path in target.glob(f"*.dist-info/{record}"):
            path.unlink()
    for package in ("boto3", "botocore"):
        for service in (target / package / "data").iterdir():
            if service.is_dir() and service.name not in SERVICES:
                shutil.rmtree(service)


def build(target: Path, platform: str | None) -> None:
    """Make `target` anew, in a folder beside it, so that a failed build leaves the old one."""
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    install(fresh, platform)
    prune(fresh)
    shutil.copytree(
        HERE / "wideload_runtime",
        fresh / "wideload_runtime",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"built {target.relative_to(ROOT)}: {size / 1e6:.1f} MB")


def main(names: list[str]) -> None:
    for name in names:
        if name == "local":
            build(ROOT / ".local" / "lambda", None)
        elif name in PLATFORMS:
            build(ROOT / "src" / "wideload_cdk" / "_lambda" / name, PLATFORMS[name])
        else:
            raise SystemExit(f"unknown target {name!r}: give {', '.join([*PLATFORMS, 'local'])}")


if __name__ == "__main__":
    main(sys.argv[1:])
