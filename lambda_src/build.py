"""Build the code that Lambda runs: our source with its locked dependencies beside it, compiled.

    python lambda_src/build.py arm64 x86_64    # for AWS, into the wideload_cdk package
    python lambda_src/build.py local           # for the embedded cloud: this interpreter's own

Byte for byte the same on every machine, so that asset hashes are stable: no installer's records,
and bytecode of one locked build of Python (docs/adr/0068).
"""

from __future__ import annotations

import compileall
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from py_compile import PycInvalidationMode

import uv

import service_models

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LAMBDA_PYTHON = "3.13"
# Lambda's Amazon Linux 2023 has glibc 2.34: https://docs.aws.amazon.com/linux/al2023/ug/glibc.html
PLATFORMS = {"arm64": "aarch64-manylinux_2_28", "x86_64": "x86_64-manylinux_2_28"}


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


def assemble(target: Path, platform: str | None) -> None:
    """Make `target`: the runtime and all that it imports, without bytecode."""
    target.mkdir(parents=True)
    install(target, platform)
    prune(target)
    service_models.cut(target / "botocore" / "data")
    shutil.copytree(
        HERE / "wideload_runtime",
        target / "wideload_runtime",
        ignore=shutil.ignore_patterns("__pycache__"),
    )


def build_local(target: Path) -> None:
    """Make `target` anew, in a folder beside it, so that a failed build leaves the old one."""
    fresh = target.with_name(target.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    assemble(fresh, None)
    compileall.compile_dir(fresh, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"built {target.relative_to(ROOT)}: {size / 1e6:.1f} MB")


def build(target: Path, platform: str) -> None:
    """Make the archive `target`.

    An archive, since pip compiles the modules of a wheel when it installs it: pip with Lambda's
    minor version of Python would replace our bytecode by some that Lambda ignores.
    """
    node = Path(sys.executable).with_name("node")
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder, "code")
        assemble(code, platform)
        subprocess.run([node, HERE / "pack.mjs", code, folder, LAMBDA_PYTHON], check=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        # A folder by an earlier version, whose modules linters would read.
        shutil.rmtree(target.with_suffix(""), ignore_errors=True)
        shutil.move(Path(folder, "code.zip"), target)
    target.chmod(0o644)
    print(f"built {target.relative_to(ROOT)}: {target.stat().st_size / 1e6:.1f} MB")


def main(names: list[str]) -> None:
    for name in names:
        if name == "local":
            build_local(ROOT / ".local" / "lambda")
        elif name in PLATFORMS:
            build(ROOT / "src" / "wideload_cdk" / "_lambda" / f"{name}.zip", PLATFORMS[name])
        else:
            raise SystemExit(f"unknown target {name!r}: give {', '.join([*PLATFORMS, 'local'])}")


if __name__ == "__main__":
    main(sys.argv[1:])
