"""What the runtime reads of its environment when it is first imported, by whichever test."""

from __future__ import annotations

import os

os.environ.update(POWERTOOLS_SERVICE_NAME="ingest", POWERTOOLS_METRICS_NAMESPACE="Wideload")
