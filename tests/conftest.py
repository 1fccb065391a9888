"""Environment variables that the runtime reads at its import, and a temporary directory, for one
test run."""

from __future__ import annotations

import os
import signal
import tempfile

from hypothesis import HealthCheck, settings

os.environ.update(POWERTOOLS_SERVICE_NAME="ingest", POWERTOOLS_METRICS_NAMESPACE="Wideload")

# The CDK's own validation takes half of the time of a synthesis. `tests/stacks/test_app.py` runs
# the app as `cdk synth` does, with it.
os.environ["CDK_VALIDATION"] = "false"

# Whether a test passes does not depend on how busy the machine is.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

# A shell has its background processes ignore Ctrl-C, and what tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Hundreds of apps are synthesized, each into a folder of its own that the CDK leaves behind. pytest
# keeps its own folders, of failed tests, where it always does.
os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
_TEMPORARY = tempfile.TemporaryDirectory(prefix="wideload-tests-")
os.environ["TMPDIR"] = tempfile.tempdir = _TEMPORARY.name


def pytest_unconfigure() -> None:
    _TEMPORARY.cleanup()
