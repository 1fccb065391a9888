"""A cloud of the browser tests' own, with the page on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import Cloud, free_port
from local.deploy import deploy


@pytest.fixture(scope="session")
def browser() -> str:
    """Path of Chromium."""
    named = os.environ.get("CHROMIUM")
    found = filter(None, map(shutil.which, [named] if named else ["chromium", "chromium-browser"]))
    path = next(found, None)
    assert path, "Run `make chromium`, or set CHROMIUM to the path of yours."
    return path


@pytest.fixture(scope="session")
def outputs_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`outputs.json` of file transfer and the page, deployed to the embedded cloud."""
    with Cloud(directory=tmp_path_factory.mktemp("cloud"), port=free_port()) as cloud:
        deploy(cloud, stacks=["wideload-local-web", "wideload-local-files"])
        yield cloud.outputs_path
