"""Fixtures for the tests of `local/`."""

from collections.abc import Iterator

import pytest

from local.cloud import Cloud
from local.ports import free_port


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud with nothing deployed, for the tests that don't stop it."""
    with Cloud(tmp_path_factory.mktemp("cloud"), port=free_port()) as cloud:
        yield cloud
