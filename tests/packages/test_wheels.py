"""The distributions, built and installed in another environment, as other teams use them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import uv
from packaging.requirements import Requirement

from local.paths import node

ROOT = Path(__file__).parents[2]
# Where jsii keeps the CDK's JavaScript unpacked: https://github.com/aws/jsii
JSII_CACHE = Path(
    os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT", "~/.cache/aws/jsii/package-cache")
).expanduser()


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "JSII_NODE": str(node()),
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(JSII_CACHE),
        # The CDK's own validation takes two thirds of the time; see `tests/conftest.py`.
        "CDK_VALIDATION": "false",
        **variables,
    }
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


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """An empty virtual environment, in another directory."""
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", str(tmp_path / "venv")], check=True)
    return tmp_path


def install(elsewhere: Path, wheel: Path, extra: str = "") -> None:
    """Install a wheel, and link the packages that it requires, in their locked versions.

    The packages linked are those of this test run, compiled already: Python takes half a minute to
    compile those of the CDK.
    """
    venv = elsewhere / "venv"
    pip = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--offline"]
    subprocess.run([*pip, "--python", str(venv / "bin/python"), str(wheel)], check=True)
    [site] = venv.glob("lib/python*/site-packages")
    [installed] = metadata.distributions(name=wheel.name.partition("-")[0], path=[str(site)])
    for required in closure(installed, {extra}):
        for path in required.files or []:
            if path.parts[0] not in ("..", "__pycache__") and not (site / path.parts[0]).exists():
                (site / path.parts[0]).symlink_to(str(required.locate_file(path.parts[0])))


def closure(
    distribution: metadata.Distribution, extras: set[str]
) -> Iterator[metadata.Distribution]:
    """The distributions that one requires, with those that they require."""
    wanted = [(distribution, extras)]
    seen = set()
    while wanted:
        requiring, extras = wanted.pop()
        for requirement in map(Requirement, requiring.requires or []):
            applies = requirement.marker is None or any(
                requirement.marker.evaluate({"extra": extra}) for extra in {"", *extras}
            )
            if applies and requirement.name not in seen:
                seen.add(requirement.name)
                required = metadata.distribution(requirement.name)
                assert requirement.specifier.contains(required.version), str(requirement)
                yield required
                wanted.append((required, requirement.extras))


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
    code = zipfile.ZipFile(assembly / f"asset.{asset}.zip").namelist()
    for handler in handlers:
        folder, _, module = handler.rpartition(".")[0].replace(".", "/").rpartition("/")
        assert f"{folder}/{module}.py" in code
        assert f"{folder}/__pycache__/{module}.cpython-313.pyc" in code
    assert "orjson/__init__.py" in code


def test_an_operators_program_names_the_extra_that_it_lacks(
    wheels: dict[str, Path], elsewhere: Path
) -> None:
    install(elsewhere, wheels["wideload_cdk"])

    finished = subprocess.run(
        [elsewhere / "venv/bin/wideload-keys", "list"], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 1
    assert finished.stderr == (
        "wideload-keys: this program needs more packages: pip install 'wideload-cdk[operate]'\n"
    )


def test_the_embedded_cloud_names_the_extra_that_it_lacks(
    wheels: dict[str, Path], elsewhere: Path
) -> None:
    install(elsewhere, wheels["wideload_cdk"])

    finished = subprocess.run(
        [elsewhere / "venv/bin/wideload-local", "up"], capture_output=True, text=True, check=False
    )

    assert finished.returncode == 1
    assert finished.stderr == (
        "wideload-local: this program needs more packages: pip install 'wideload-cdk[local]'\n"
    )


def test_the_embedded_cloud_starts_with_its_extra(wheels: dict[str, Path], elsewhere: Path) -> None:
    install(elsewhere, wheels["wideload_cdk"], "local")

    status = subprocess.run(
        [elsewhere / "venv/bin/wideload-local", "status"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (status.returncode, status.stderr) == (1, "")
    assert status.stdout == "embedded cloud: not up; `wideload-local up` starts it\n"


def test_the_clients_wheel_brings_all_it_needs(wheels: dict[str, Path], elsewhere: Path) -> None:
    install(elsewhere, wheels["wideload"], "cli")

    help_text = run(elsewhere / "venv/bin/wideload", "send", "--help", cwd=elsewhere)

    assert "FILE" in help_text


@pytest.mark.parametrize("name", ["wideload_cdk", "wideload"])
def test_wheels_are_typed_and_licensed(wheels: dict[str, Path], name: str) -> None:
    names = zipfile.ZipFile(wheels[name]).namelist()

    assert f"{name}/py.typed" in names
    assert any(entry.endswith("licenses/LICENSE") for entry in names)
    assert not [entry for entry in names if "__pycache__" in entry or entry.endswith(".pyc")]
