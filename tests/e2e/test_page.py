"""The page in headless Chromium, on the embedded cloud: runs web/packages/page/e2e."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
from pathlib import Path

import pytest

from local.paths import node
from wideload_cdk.web.page import built_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "web/packages/page"
# Ignored by git. Those that the README shows are copied from here by hand.
SCREENSHOTS = ROOT / ".local/screenshots"


@pytest.mark.parametrize("suite", sorted(path.name for path in PAGE.glob("e2e/*.test.ts")))
def test_in_the_browser(suite: str, browser: str, outputs_path: Path) -> None:
    finished = run(f"e2e/{suite}", browser, {"WIDELOAD_OUTPUTS": str(outputs_path)})

    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("suite", ["interruptions.test.ts"])
def test_in_the_browser_on_the_fake_cloud(suite: str, browser: str) -> None:
    """What the embedded cloud can't be told to do, such as to end everybody's sign-in."""
    finished = run(f"e2e/{suite}", browser, {}, "--test-name-pattern=end of the sign-in")

    assert finished.returncode == 0, finished.stdout


def test_the_first_load_is_small() -> None:
    assets = built_page() / "assets"
    scripts = [path for path in assets.glob("*.js") if not path.name.startswith("hash-worker")]

    compressed = sum(len(gzip.compress(path.read_bytes())) for path in scripts)

    assert len(scripts) >= 2
    assert compressed < 200_000


def test_nothing_is_inline() -> None:
    """The Content-Security-Policy would refuse it."""
    html = (built_page() / "index.html").read_text()

    assert re.findall(r"<script(?![^>]* src=)", html) == []
    assert re.findall(r"<style|\sstyle=|\son\w+=", html) == []


def test_the_readme_shows_the_example_as_it_is() -> None:
    readme = (ROOT / "README.md").read_text()

    assert (ROOT / "examples/own_page/upload.js").read_text() in readme
    assert "docs/images/page.png" in readme


def run(
    suite: str, browser: str, variables: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(node()), "--test", *options, suite],
        cwd=PAGE,
        env={
            **os.environ,
            "CHROMIUM": browser,
            "WIDELOAD_SCREENSHOTS": str(SCREENSHOTS),
            **variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1200,
    )
