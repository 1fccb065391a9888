"""The distributions as other teams get them: built, and installed elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import uv

from local.paths import node

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "JSII_NODE": str(node()),
        **variables,
    }
    for name in ("SSL_CERT_FILE", "UV_CACHE_DIR"):
        if name in os.environ:
            environment[name] = os.environ[name]
    finished = subprocess.run(
        [str(word) for word in command],
        check=False,
        cwd=cwd,
        env=environment,
        text=True,
        capture_output=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    target = tmp_path_factory.mktemp("wheels")
    for folder in (ROOT, ROOT / "client"):
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
        subprocess.run([*build, "--directory", str(target)], cwd=folder, check=True)
    return {wheel.name.partition("-")[0]: wheel for wheel in target.glob("*.whl")}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment, in another directory."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", str(folder / "venv")], check=True)
    return folder


def install(elsewhere: Path, wheel: Path, extra: str = "") -> None:
    subprocess.run(
        [
            uv.find_uv_bin(), "pip", "install", "--quiet",
            "--python", str(elsewhere / "venv/bin/python"),
            # The versions that were locked, and so are in the cache already.
            "--constraint", str(ROOT / "requirements.txt"), f"{wheel}{extra}",
        ],
        check=True,
    )  # fmt: skip


def test_the_construct_synthesizes_from_its_wheel(wheels: dict[str, Path], elsewhere: Path) -> None:
    install(elsewhere, wheels["wideload_cdk"])
    program = (ROOT / "examples/ingest_app.py").read_text()
    (elsewhere / "ingest_app.py").write_text(program)

    run(elsewhere / "venv/bin/python", "ingest_app.py", cwd=elsewhere, CDK_OUTDIR="out")

    assembly = elsewhere / "out"
    template = json.loads((assembly / "Calls.template.json").read_text())
    functions = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    assert len(functions) == 5
    (asset,) = {function["Code"]["S3Key"].partition(".")[0] for function in functions}
    handlers = {function["Handler"] for function in functions}
    for handler in handlers:
        module = handler.rpartition(".")[0].replace(".", "/")
        assert (assembly / f"asset.{asset}" / f"{module}.py").is_file()
    assert (assembly / f"asset.{asset}" / "orjson").is_dir()


def test_the_clients_wheel_brings_all_it_needs(wheels: dict[str, Path], elsewhere: Path) -> None:
    install(elsewhere, wheels["wideload"], "[cli]")

    help_text = run(elsewhere / "venv/bin/wideload", "send", "--help", cwd=elsewhere)

    assert "FILE" in help_text


@pytest.mark.parametrize("name", ["wideload_cdk", "wideload"])
def test_wheels_are_typed_and_licensed(wheels: dict[str, Path], name: str) -> None:
    names = zipfile.ZipFile(wheels[name]).namelist()

    assert f"{name}/py.typed" in names
    assert any(entry.endswith("licenses/LICENSE") for entry in names)
    assert not [entry for entry in names if "__pycache__" in entry or entry.endswith(".pyc")]
