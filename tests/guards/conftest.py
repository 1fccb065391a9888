"""Resources of the reviewed templates, into which a test brings a fault."""

from __future__ import annotations

import copy
import functools
from typing import Any

import pytest

from local.paths import ROOT
from tests.guards.policies import Resources
from tools.templates.snapshots import FOLDER, committed, render


@functools.cache
def _reviewed(environment: str) -> dict[str, dict[str, Any]]:
    return render(committed(ROOT / FOLDER), environment)


def reviewed(service: str, environment: str = "dev") -> Resources:
    """The resources of a service's stack, which the caller may change."""
    resources: Resources = copy.deepcopy(_reviewed(environment)[service]["Resources"])
    return resources


@pytest.fixture
def ingest() -> Resources:
    return reviewed("ingest")


@pytest.fixture
def web() -> Resources:
    return reviewed("web")
