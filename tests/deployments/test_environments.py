"""Two environments in one account know nothing of each other."""

from __future__ import annotations

import pytest

from local.cloud import Cloud
from tests.deployments.conftest import Deploy, Deployment, inventory
from tests.deployments.payloads import INLINE, send
from tests.integration.conftest import Api
from tests.integration.test_ingest import read_document


@pytest.fixture(scope="module")
def before(cloud: Cloud, local: Deployment) -> set[tuple[str, str]]:
    """Resources of the first environment alone."""
    return inventory(cloud)


@pytest.fixture(scope="module")
def staging(before: set[tuple[str, str]], deploy_environment: Deploy) -> Deployment:
    return deploy_environment("staging", "ingest")


def test_both_work_and_neither_sees_the_others_payloads(
    local: Deployment, staging: Deployment
) -> None:
    ids = {deployment: send(deployment.acme) for deployment in (local, staging)}

    for one, other in ((local, staging), (staging, local)):
        assert read_document(one.acme, ids[one])[1] == INLINE
        # The same tenant, in both.
        answer = one.acme.get(f"/call-logs/{ids[other]}")
        assert (answer.status, answer.json["code"]) == (404, "unknown_payload")


def test_a_key_of_one_is_refused_by_the_other(local: Deployment, staging: Deployment) -> None:
    for one, other in ((local, staging), (staging, local)):
        assert one.acme.get("/call-logs").status == 200
        stranger = Api(one.http, other.acme.url, one.acme.headers)
        assert stranger.get("/call-logs").status == 403


def test_destroying_one_leaves_the_other(
    local: Deployment, staging: Deployment, before: set[tuple[str, str]], cloud: Cloud
) -> None:
    payload_id = send(local.acme)

    done = staging.destroy("--yes")

    assert done.exit_code == 0, done.stderr
    assert inventory(cloud) == before
    assert read_document(local.acme, payload_id)[1] == INLINE
    assert read_document(local.acme, send(local.acme))[1] == INLINE
