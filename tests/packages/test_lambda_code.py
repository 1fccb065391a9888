"""The code that Lambda runs: compiled for its Python, and the same bytes on every machine."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from aws_cdk import aws_lambda as lambda_

from local.paths import ROOT, node
from wideload_cdk.shared.function import RUNTIME

BUILT = ROOT / "src/wideload_cdk/_lambda"
SOURCE = ROOT / "lambda_src"
MAGIC = {"3.13": b"\xf3\r\r\n"}
"""First bytes of bytecode, by Python's minor version (`importlib.util.MAGIC_NUMBER`)."""
UNCHECKED_HASH = b"\1\0\0\0"
"""Flags of bytecode that is used without a look at its source: https://peps.python.org/pep-0552/"""


def built(architecture: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(BUILT / f"{architecture}.zip")


@pytest.fixture(scope="module", params=["arm64", "x86_64"])
def archive(request: pytest.FixtureRequest) -> zipfile.ZipFile:
    return built(request.param)


def pack(folder: Path, *, python: str = "3.13") -> subprocess.CompletedProcess[str]:
    """Pack `folder/code` into `folder/code.zip`."""
    command = [node(), SOURCE / "pack.mjs", folder / "code", folder, python]
    return subprocess.run(command, check=False, text=True, capture_output=True)


def python_of(runtime: lambda_.Runtime) -> str:
    return runtime.name.removeprefix("python")


def test_code_is_built_for_the_python_of_the_functions() -> None:
    built_for = re.search(r'LAMBDA_PYTHON = "(.*)"', (SOURCE / "build.py").read_text())

    assert built_for
    assert built_for[1] == python_of(RUNTIME)


def test_every_module_has_bytecode_that_lambda_uses(archive: zipfile.ZipFile) -> None:
    python = python_of(RUNTIME)
    modules = [name for name in archive.namelist() if name.endswith(".py")]

    assert len(modules) > 500
    for name in modules:
        folder, _, file = name.rpartition("/")
        tag = f"cpython-{python.replace('.', '')}"
        compiled = f"{folder}/__pycache__/{file.removesuffix('.py')}.{tag}.pyc".lstrip("/")
        assert archive.read(compiled)[:8] == MAGIC[python] + UNCHECKED_HASH, name


def test_code_is_that_of_the_repository(archive: zipfile.ZipFile) -> None:
    paths = sorted((SOURCE / "wideload_runtime").rglob("*.py"))

    assert {path.relative_to(SOURCE).as_posix() for path in paths} == {
        name
        for name in archive.namelist()
        if name.startswith("wideload_runtime/") and name.endswith(".py")
    }
    for path in paths:
        assert archive.read(path.relative_to(SOURCE).as_posix()) == path.read_bytes(), path


def test_entries_tell_nothing_of_the_machine_that_built_them(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()

    assert names == sorted(names, key=lambda name: Path(name).parts)
    assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}


def test_packing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    """In another process, so with another order of sets."""
    part = "wideload_runtime/core/"
    archive = built("arm64")
    first = [entry for entry in archive.infolist() if entry.filename.startswith(part)]
    for entry in first:
        if entry.filename.endswith(".py"):
            archive.extract(entry, tmp_path / "code")

    packed = pack(tmp_path)

    assert packed.returncode == 0, packed.stderr
    again = zipfile.ZipFile(tmp_path / "code.zip").infolist()
    assert [described(entry) for entry in again] == [described(entry) for entry in first]


def described(entry: zipfile.ZipInfo) -> tuple[object, ...]:
    """All of an entry but its place in the archive."""
    return (
        *(entry.filename, entry.CRC, entry.file_size, entry.compress_size, entry.compress_type),
        *(entry.date_time, entry.external_attr, entry.extra, entry.create_system),
    )


def test_another_python_than_the_functions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()

    packed = pack(tmp_path, python="3.14")

    assert packed.returncode != 0
    assert "Pyodide has Python 3.13, but the functions run on 3.14" in packed.stderr
    assert not (tmp_path / "code.zip").exists()
