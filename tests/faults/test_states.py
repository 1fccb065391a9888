"""The states of a payload in some orders of events, against the real table and bucket.

Ten times as many, in memory: `tests/runtime/ingest/test_ingest_states.py`.
"""

from __future__ import annotations

from tests.faults.deployment import Deployment
from tests.runtime.ingest.ingest_states import run_in_any_order


def test_some_orders_of_events(faulty_cloud: Deployment) -> None:
    faulty_cloud.clear()
    with faulty_cloud.paused_worker():
        run_in_any_order(faulty_cloud, max_examples=4)
    faulty_cloud.clear()
