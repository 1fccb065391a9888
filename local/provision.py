"""Install what the embedded cloud needs into the user's cache; in a checkout, make does it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from .errors import CloudError
from .locks import exclusive
from .paths import CDK, FUNCTION_CODE, MINISTACK_PYTHON, TOOLS, node

_HERE = Path(__file__).resolve().parent
# Files of the repository that the wheel has here: `force-include` in pyproject.toml.
_EMULATOR = _HERE / "installed.txt"
_FUNCTIONS = _HERE / "functions.txt"
_CDK_CLI = _HERE / "package.json"
_ARCHIVE = _HERE.parent / "_lambda" / "arm64.zip"


def provision() -> Iterator[str]:
    """Install the emulator, the functions' code and the CDK CLI, unless they are there.

    Yields:
        What is being installed, before each step.

    Raises:
        CloudError: A package can't be installed.
    """
    with exclusive(TOOLS / ".lock"):
        if not _is_current(MINISTACK_PYTHON.parents[1], _EMULATOR):
            yield "the emulator"
            _install_emulator()
        if not _is_current(FUNCTION_CODE, _FUNCTIONS, _ARCHIVE):
            yield "the functions' code for this machine"
            _install_function_code()
        if not _is_current(CDK.parents[1], _CDK_CLI):
            yield "the CDK CLI"
            _install_cdk()


def _install_emulator() -> None:
    folder = MINISTACK_PYTHON.parents[1]
    shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--quiet", "--python", sys.executable, str(folder))
    _uv("pip", "sync", "--quiet", "--require-hashes", "--python", MINISTACK_PYTHON, _EMULATOR)
    _mark(folder, _EMULATOR)


def _install_function_code() -> None:
    """Put the runtime of the wheel beside its dependencies, which depend on the machine."""
    shutil.rmtree(FUNCTION_CODE, ignore_errors=True)
    _uv(
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--python",
        MINISTACK_PYTHON,
        "--target",
        FUNCTION_CODE,
        "--requirements",
        _FUNCTIONS,
    )
    with zipfile.ZipFile(_ARCHIVE) as archive:
        runtime = [
            name
            for name in archive.namelist()
            if name.startswith("wideload_runtime/") and not name.endswith(".pyc")
        ]
        archive.extractall(FUNCTION_CODE, runtime)
    _mark(FUNCTION_CODE, _FUNCTIONS, _ARCHIVE)


def _install_cdk() -> None:
    version = json.loads(_CDK_CLI.read_text())["devDependencies"]["aws-cdk"]
    npm = node().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    options = ["--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(TOOLS)]
    _run(node(), npm, "install", *options, f"aws-cdk@{version}")
    _mark(CDK.parents[1], _CDK_CLI)


def _uv(*arguments: str | Path) -> None:
    import uv

    _run(uv.find_uv_bin(), *arguments)


def _run(*command: str | Path) -> None:
    words = [str(word) for word in command]
    finished = subprocess.run(words, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise CloudError(
            f"{Path(words[0]).name} {' '.join(words[1:])} ended with {finished.returncode}; it "
            f"needs a package index: {(finished.stderr or finished.stdout).strip()}"
        )


def _is_current(folder: Path, *sources: Path) -> bool:
    """Whether `folder` was installed from these very sources."""
    mark = folder / ".installed"
    return mark.is_file() and mark.read_text() == _digest(*sources)


def _mark(folder: Path, *sources: Path) -> None:
    (folder / ".installed").write_text(_digest(*sources))


def _digest(*sources: Path) -> str:
    """A digest of the sources and of the Python version, on which packages depend."""
    digest = hashlib.sha256(sys.version.encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()
