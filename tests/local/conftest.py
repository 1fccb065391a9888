"""Fixtures for the tests of `local/`."""

from collections.abc import Iterator

import pytest

from local.cloud import Cloud
from local.ports import free_port


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud for the tests that don't stop it, started among a developer's own settings."""
    cloud = Cloud(tmp_path_factory.mktemp("cloud"), port=free_port())
    with pytest.MonkeyPatch.context() as around:
        around.setenv("PYTHONPATH", "/somewhere")
        around.setenv("AWS_PROFILE", "production")
        cloud.start(owned=True)
    yield cloud
    cloud.stop()
