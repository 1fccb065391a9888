"""The Makefile: certificates that its installers trust, and the lanes of `make test`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
import uv
import yaml

from local.paths import ROOT, node

Environment = dict[str, str]
TRUST = ("UV_SYSTEM_CERTS", "NODE_USE_SYSTEM_CA", "NODE_EXTRA_CA_CERTS", "SSL_CERT_DIR")


@pytest.fixture
def recipes_environment() -> Callable[..., Environment]:
    """The environment that make's recipes get, with some variables set by the caller."""

    def ask(**given: str) -> Environment:
        own = {name: value for name, value in os.environ.items() if name not in TRUST}
        shown = _run_recipe("@env -0", own | given)
        words = [line.partition("=") for line in shown.split("\0") if line]
        return {name: value for name, _, value in words}

    return ask


def test_uv_trusts_what_the_system_trusts(
    recipes_environment: Callable[..., Environment],
) -> None:
    environment = recipes_environment()

    assert "system_certs: true" in _settings_of_uv(environment)
    assert "system_certs: false" in _settings_of_uv(environment | {"UV_SYSTEM_CERTS": "0"})


def test_npm_trusts_what_the_system_trusts(
    recipes_environment: Callable[..., Environment], tmp_path: Path
) -> None:
    """As on a machine whose system trusts a company's authority."""
    authority = trustme.CA(organization_name="A company's proxy").cert_pem
    authority.write_to_path(tmp_path / "system.pem")
    environment = recipes_environment(SSL_CERT_FILE=str(tmp_path / "system.pem"))

    trusted = _trusted_by_node(environment)

    assert authority.bytes().decode().strip() in trusted
    assert len(trusted) > 100, "npm's registry has a public certificate"


def test_the_caller_may_decide_otherwise(recipes_environment: Callable[..., Environment]) -> None:
    given = {"UV_SYSTEM_CERTS": "0", "NODE_USE_SYSTEM_CA": "0"}

    environment = recipes_environment(**given)

    assert {name: environment[name] for name in given} == given


def test_github_runs_each_lane_as_a_job() -> None:
    lanes = _run_recipe("@echo $(TEST_LANES)", dict(os.environ)).split()
    workflow = yaml.safe_load((ROOT / ".github/workflows/check.yml").read_text())
    job = workflow["jobs"]["test"]

    assert job["steps"][-1]["run"] == "make test-${{ matrix.lane }}"
    assert [f"test-{lane}" for lane in job["strategy"]["matrix"]["lane"]] == lanes


def test_each_folder_of_tests_is_in_one_lane() -> None:
    """The lane `test-templates` takes every folder that no other lane names."""
    lanes = _run_recipe("@echo $(TEST_LANES)", dict(os.environ)).split()
    recipes = {lane: _recipe_of(lane) for lane in lanes if lane != "test-web"}
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    folders -= {ROOT / "tests/acceptance"}  # run by tests/integration/test_acceptance.py

    for folder in folders:
        name = f"tests/{folder.relative_to(ROOT / 'tests').parts[0]}"
        naming = {lane for lane, words in recipes.items() if name in words}
        ignoring = {lane for lane, words in recipes.items() if f"--ignore={name}" in words}
        assert (len(naming), ignoring) in ((1, {"test-templates"}), (0, set())), name


def _recipe_of(target: str) -> list[str]:
    return _make("--dry-run", target).splitlines()[-1].split()


def _run_recipe(recipe: str, environment: Environment) -> str:
    """Output of a recipe that is added to the Makefile."""
    return _make("-f", "-", "shown", text=f"shown:\n\t{recipe}\n", environment=environment)


def _make(*arguments: str, text: str = "", environment: Environment | None = None) -> str:
    return subprocess.run(
        ["make", "--silent", "-f", "Makefile", *arguments],
        cwd=ROOT,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _settings_of_uv(environment: Environment) -> str:
    return subprocess.run(
        [uv.find_uv_bin(), "pip", "sync", "--show-settings", "requirements.txt"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _trusted_by_node(environment: Environment) -> list[str]:
    """The authorities that a TLS connection of npm's accepts."""
    script = "console.log(require('node:tls').getCACertificates('default').join('\\0'))"
    done = subprocess.run(
        [node(), "-e", script], env=environment, capture_output=True, text=True, check=True
    )
    return [certificate.strip() for certificate in done.stdout.split("\0")]
