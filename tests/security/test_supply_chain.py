"""Packages and actions are locked by hash or commit, and pull requests get no credentials."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from local.paths import ROOT

PYTHON_LOCKS = (
    "requirements.txt",
    "bench/peers/requirements.txt",
    "lambda_src/requirements.txt",
    "local/installed.txt",
    "local/requirements.txt",
    "tools/docs/requirements.txt",
    "tools/release/requirements.txt",
)
NODE_LOCKS = ("package-lock.json", "tools/docs/package-lock.json", "web/package-lock.json")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))


@pytest.mark.parametrize("lock", PYTHON_LOCKS)
def test_every_python_package_has_its_hashes(lock: str) -> None:
    packages = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())

    assert packages
    for package in packages:
        assert re.match(r"[\w.-]+(\[[\w,]+\])?==\S+", package), package
        assert "--hash=sha256:" in package, package


@pytest.mark.parametrize("lock", NODE_LOCKS)
def test_every_node_package_has_its_hash(lock: str) -> None:
    packages = json.loads((ROOT / lock).read_text())["packages"]
    fetched = {
        name: package
        for name, package in packages.items()
        # The others are this repository's own.
        if "node_modules/" in name and not package.get("link")
    }

    assert fetched
    for name, package in fetched.items():
        assert package["integrity"].startswith("sha512-"), name
        # Installing a package runs no script of it.
        assert not package.get("hasInstallScript"), name


def test_nothing_is_installed_but_what_is_locked() -> None:
    sources = [ROOT / "Makefile", ROOT / "lambda_src" / "build.py", *WORKFLOWS]
    text = "\n".join(path.read_text() for path in sources).replace('", "', " ")
    installs = re.findall(
        r"^.*\b(?:pip (?:install|sync)|npm (?:ci|install|i)\b|npx).*$", text, re.M
    )
    # The repository's own packages; a lock file that is made anew; the oldest and the newest
    # versions, which only `make test-floor` and `make test-newest` use.
    own = (
        "--no-deps --no-build-isolation",
        "--package-lock-only",
        "def install",
        "/versions.txt",
    )

    others = [line for line in installs if not any(words in line for words in own)]

    assert len(others) >= 5
    for line in others:
        assert "--require-hashes" in line or "npm ci" in line, line


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text())["jobs"].values()
    used = [job["uses"] for job in jobs if "uses" in job]
    used += [step["uses"] for job in jobs for step in job.get("steps", []) if "uses" in step]

    assert used
    for action in used:
        assert action.startswith(("./", "$/")) or re.search(r"@[0-9a-f]{40}$", action), action


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_run_on_a_node_that_github_still_has(workflow: Path) -> None:
    """The first majors on Node 24; runners no longer have Node 20."""
    least = {
        "checkout": 5,
        "setup-python": 6,
        "configure-aws-credentials": 6,
        "deploy-pages": 5,
        "upload-pages-artifact": 5,
        "upload-artifact": 6,
        "download-artifact": 6,
        "attest-build-provenance": 4,
        # Runs in a container of its own.
        "gh-action-pypi-publish": 1,
    }

    for name, major in re.findall(r"uses: [\w-]+/([\w-]+)@\w+ # v(\d+)", workflow.read_text()):
        assert int(major) >= least[name], name


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_pull_request_gets_no_credentials_of_aws(workflow: Path) -> None:
    document = yaml.safe_load(workflow.read_text())
    # YAML 1.1 takes `on` for a truth value.
    events = document[True]

    assert document["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in events
    if "pull_request" in events:
        assert "id-token" not in workflow.read_text()
