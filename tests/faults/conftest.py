"""A cloud for faults alone: its queue delivers again within seconds, and it is emptied often."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import urllib3

from local.cloud import Cloud, free_port
from local.deploy import deploy
from tests.faults.audit import audit
from tests.faults.deployment import Deployment
from tests.faults.proxy import FaultyProxy
from tests.faults.traffic import Client, Ledger
from tests.integration.conftest import Api


@pytest.fixture(scope="session")
def faulty_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Cloud(directory=tmp_path_factory.mktemp("faults"), port=free_port()) as cloud:
        # On two cores, ten workers that start at once take half a minute to do so.
        ingest = deploy(cloud, context={"worker_max_concurrency": "3"})["ingest"]
        pool = urllib3.PoolManager(
            ca_certs=str(cloud.ca_bundle), retries=False, timeout=60, maxsize=64
        )
        header = ingest["api_key_header"]
        apis = {
            "acme": Api(pool, ingest["api_url"], {header: ingest["api_key"]}),
            "globex": Api(pool, ingest["api_url"], {header: ingest["other_api_key"]}),
        }
        deployed = Deployment(cloud, ingest, apis)
        deployed.limit_processes()
        yield deployed


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def deployed(faulty_cloud: Deployment, ledger: Ledger) -> Iterator[Deployment]:
    """An empty deployment; what it holds in the end is held against the ledger."""
    faulty_cloud.clear()
    faulty_cloud.set_redelivery(after=2, times=50)
    yield faulty_cloud
    faulty_cloud.wait_until_at_rest()
    report = audit(ledger.entries, faulty_cloud.holdings())
    assert report.clean, str(report)


@pytest.fixture
def acme(deployed: Deployment, ledger: Ledger) -> Client:
    return Client(deployed.apis["acme"], "acme", ledger)


@pytest.fixture
def globex(deployed: Deployment, ledger: Ledger) -> Client:
    return Client(deployed.apis["globex"], "globex", ledger)


@pytest.fixture
def proxy(deployed: Deployment) -> Iterator[FaultyProxy]:
    """A proxy between API function, worker and the cloud."""
    with (
        FaultyProxy(deployed.cloud) as proxy,
        deployed.environment("ingest_api", "ingest_worker", AWS_ENDPOINT_URL=proxy.url),
    ):
        yield proxy


@pytest.fixture
def rng() -> random.Random:
    return random.Random(3)
