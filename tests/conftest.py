"""What a test run shares: what the runtime reads when it is first imported, by whichever test; and
a temporary directory that goes with it."""

from __future__ import annotations

import os
import tempfile

os.environ.update(POWERTOOLS_SERVICE_NAME="ingest", POWERTOOLS_METRICS_NAMESPACE="Wideload")

# Hundreds of apps are synthesized, each into a folder of its own that the CDK leaves behind. pytest
# keeps its own folders, of failed tests, where it always does.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
_TEMPORARY = tempfile.TemporaryDirectory(prefix="wideload-tests-")
os.environ["TMPDIR"] = tempfile.tempdir = _TEMPORARY.name


def pytest_unconfigure() -> None:
    _TEMPORARY.cleanup()
