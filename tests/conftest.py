"""What the runtime reads of its environment when it is first imported, by whichever test."""

from __future__ import annotations

import os

os.environ.update(POWERTOOLS_SERVICE_NAME="ingest", POWERTOOLS_METRICS_NAMESPACE="Wideload")

from hypothesis import HealthCheck, settings

# Whether a test passes does not depend on how busy the machine is.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
