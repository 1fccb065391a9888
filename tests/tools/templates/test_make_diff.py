"""`make diff` reads the released templates from git."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from local.paths import ROOT
from tools.templates import __main__ as diff

SNAPSHOTS = Path("tests/stacks/snapshots/ingest")
HASH = "0a" * 32


def git(*arguments: str) -> None:
    author = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *author, *arguments], check=True, capture_output=True)


def template(environment: str, days: int, code: str) -> dict[str, object]:
    properties = {"RetentionInDays": days, "Name": f"wideload-{environment}", "Code": code}
    return {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": properties}}}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, and an assembly of `dev` that differs from it by 7 days."""
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    SNAPSHOTS.mkdir(parents=True)
    whole = template("prod", 365, "<asset>.zip")
    (SNAPSHOTS / "prod.json").write_text(json.dumps(whole))
    differences = {"/Resources/Logs/Properties/RetentionInDays": 14}
    (SNAPSHOTS / "dev.differences.json").write_text(json.dumps(differences))
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "First")
    assembly = tmp_path / "cdk.out"
    assembly.mkdir()
    now = template("dev", 7, f"{HASH}.zip")
    (assembly / "wideload-dev-ingest.template.json").write_text(json.dumps(now))
    return tmp_path


def release(tag: str, days: int) -> None:
    """Commit a template of prod, and tag it."""
    (SNAPSHOTS / "prod.json").write_text(json.dumps(template("prod", days, "<asset>.zip")))
    git("commit", "--quiet", "--all", "--message", tag)
    git("tag", "--annotate", "--message", tag, tag)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(diff.cli, arguments)


def test_the_last_release_is_compared_with(repository: Path) -> None:
    release("v0.9.0", 90)
    release("v0.10.0", 180)
    git("commit", "--quiet", "--allow-empty", "--message", "Next")
    git("tag", "--annotate", "--message", "Not a release", "nightly")

    assert diff.last_release() == "v0.10.0"
    assert diff.released("v0.9.0", "prod") == {"ingest": template("prod", 90, "<asset>.zip")}
    assert diff.released("v0.10.0", "dev") == {"ingest": template("dev", 14, "<asset>.zip")}


def test_a_release_after_this_commit_is_none_before_it(repository: Path) -> None:
    release("v0.1.0", 90)
    release("v0.2.0", 180)
    git("checkout", "--quiet", "HEAD~1")

    assert diff.last_release() == "v0.1.0"


def test_without_a_release_tag_it_is_compared_with_head(repository: Path) -> None:
    done = run("dev", "cdk.out")

    assert done.exit_code == 0, done.output
    assert done.output.startswith("There is no release tag (v*) before this commit: compared with")
    assert "git fetch --tags --unshallow" in done.output
    assert "### wideload-dev-ingest" in done.output
    assert "[-] 14" in done.output
    assert "[+] 7" in done.output
    # The hash of the code is masked.
    assert HASH not in done.output


def test_any_commit_can_be_named(repository: Path) -> None:
    release("v0.1.0", 90)

    done = run("dev", "cdk.out", "--since", "HEAD~1")

    assert done.exit_code == 0, done.output
    assert done.output.startswith("Compared with HEAD~1.\n")


def test_a_commit_that_git_does_not_have_is_told(repository: Path) -> None:
    done = run("dev", "cdk.out", "--since", "v9.9.9")

    assert done.exit_code == 1
    assert "git can't read tests/stacks/snapshots of 'v9.9.9': fatal: " in done.output
    assert "git fetch --tags --unshallow" in done.output


def test_an_empty_assembly_is_told(repository: Path) -> None:
    (repository / "empty").mkdir()

    done = run("dev", "empty")

    assert done.exit_code == 1
    assert "There is no template in empty; run `make synth`." in done.output


def test_ci_fetches_the_tags_that_make_diff_needs() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/check.yml").read_text())

    (checkout,) = (
        step["with"]
        for step in workflow["jobs"]["diff"]["steps"]
        if step.get("uses", "").startswith("actions/checkout@")
    )
    # All history, with the tags.
    assert checkout["fetch-depth"] == 0
