"""The page in headless Chromium, on the embedded cloud: runs web/packages/page/e2e."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
from pathlib import Path

from local.paths import node
from wideload_cdk.web.page import built_page

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "web/packages/page"


def test_in_the_browser(browser: str, outputs_path: Path) -> None:
    """On the embedded cloud; on the page's own fake cloud, what the embedded one can't be told."""
    suites = sorted(path.relative_to(PAGE).as_posix() for path in PAGE.glob("e2e/*.test.ts"))

    # One process for all files: they share a browser.
    finished = subprocess.run(
        [str(node()), "--test", "--test-isolation=none", *suites],
        cwd=PAGE,
        env=os.environ | {"CHROMIUM": browser, "WIDELOAD_OUTPUTS": str(outputs_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1200,
    )

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
