"""A cloud for faults alone: its queue delivers again within seconds, and it is emptied often."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import urllib3

from local.cloud import Cloud, free_port
from local.deploy import deploy
from tests.faults.audit import audit
from tests.faults.deployment import STACK, Deployment
from tests.faults.proxy import FaultyProxy, no_fault
from tests.faults.traffic import Client, Ledger
from tests.integration.conftest import Api


@pytest.fixture(scope="session")
def faulty_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Cloud(directory=tmp_path_factory.mktemp("faults"), port=free_port()) as cloud:
        context = {"unclaimed_delay_seconds": "1"}
        ingest = deploy(cloud, context=context, stacks=[STACK])["ingest"]
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


@pytest.fixture(scope="session")
def functions_proxy(faulty_cloud: Deployment) -> Iterator[FaultyProxy]:
    """There from the first test to the last: functions with another environment start anew."""
    functions = ("ingest_api", "ingest_worker")
    with (
        FaultyProxy(faulty_cloud.cloud) as proxy,
        faulty_cloud.environment(*functions, AWS_ENDPOINT_URL=proxy.url),
    ):
        yield proxy


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def deployed(
    faulty_cloud: Deployment, functions_proxy: FaultyProxy, ledger: Ledger
) -> Iterator[Deployment]:
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
def proxy(functions_proxy: FaultyProxy, deployed: Deployment) -> Iterator[FaultyProxy]:
    """The proxy between API function, worker and the cloud, to go wrong for one test."""
    functions_proxy.faults.clear()
    yield functions_proxy
    functions_proxy.rule = no_fault


@pytest.fixture
def rng() -> random.Random:
    return random.Random(3)
