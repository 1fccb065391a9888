"""A deployment that fails late goes back to what was there before, or to nothing."""

from __future__ import annotations

import itertools

import pytest

from local.cloud import Cloud
from local.errors import CloudError
from tests.deployments import failing_app
from tests.deployments.conftest import STATEFUL, Deploy, Deployment, inventory
from tests.deployments.payloads import CALL_LOG, INLINE, send, send_large
from tests.integration.test_ingest import read_document


def made_before_the_failure(cloud: Cloud, stack: str, status: str) -> list[str]:
    """Functions that had got to `status` when the last deployment of `stack` failed."""
    pages = cloud.client("cloudformation").get_paginator("describe_stack_events")
    # The latest comes first.
    events = [event for page in pages.paginate(StackName=stack) for event in page["StackEvents"]]
    failure = next(
        number
        for number, event in enumerate(events)
        if event["LogicalResourceId"] == "NeverMet" and event["ResourceStatus"].endswith("_FAILED")
    )
    return [
        event["LogicalResourceId"]
        for event in itertools.takewhile(
            lambda event: event["LogicalResourceId"] != stack, events[failure:]
        )
        if event["ResourceType"] == "AWS::Lambda::Function" and event["ResourceStatus"] == status
    ]


def test_an_update_that_fails_leaves_all_as_it_was(
    local: Deployment, deploy_environment: Deploy, cloud: Cloud
) -> None:
    acme = local.acme
    inline, large = send(acme), send_large(acme)["payload_id"]
    held = local.physical_ids(["ingest"], STATEFUL)

    with pytest.raises(CloudError) as caught:
        deploy_environment("local", "ingest", build=failing_app.build, in_request_limit="1000")

    assert "NeverMet" in str(caught.value)
    assert "timed out" in str(caught.value)
    assert local.status("ingest") == "UPDATE_ROLLBACK_COMPLETE"
    # It failed when all functions had the new settings already, not at a check beforehand.
    assert len(made_before_the_failure(cloud, local.stack_name("ingest"), "UPDATE_COMPLETE")) >= 3
    assert local.physical_ids(["ingest"], STATEFUL) == held
    assert read_document(acme, inline)[1] == INLINE
    assert read_document(acme, large)[1] == CALL_LOG
    sent = send_large(acme)
    # By the settings of the update it would have been queued.
    assert sent["status"] == 200
    assert read_document(acme, sent["payload_id"])[1] == CALL_LOG


def test_a_first_deployment_that_fails_leaves_nothing_in_the_way(
    deploy_environment: Deploy, cloud: Cloud
) -> None:
    """But for a protected stack, which is released by hand.

    The CDK protects a stack before it makes what is in it. This is about the stack alone: the
    embedded cloud deletes protected tables, which AWS keeps (`docs/pipeline.md`).
    """
    before = inventory(cloud)
    stack = "wideload-dev-ingest"

    # Each is in the way of the next.
    for settings in ({"retain": "false"}, {"retain": "true"}, {"deletion_protection": "true"}):
        with pytest.raises(CloudError, match="NeverMet"):
            deploy_environment("dev", "ingest", build=failing_app.build, **settings)
        made = made_before_the_failure(cloud, stack, "CREATE_COMPLETE")
        assert len(made) >= 3
        assert inventory(cloud) - before == set()
    with pytest.raises(CloudError, match="cannot be deleted while TerminationProtection"):
        deploy_environment("dev", "ingest")
    cloud.client("cloudformation").update_termination_protection(
        StackName=stack, EnableTerminationProtection=False
    )
    dev = deploy_environment("dev", "ingest")

    assert dev.status("ingest") == "CREATE_COMPLETE"
    assert read_document(dev.acme, send(dev.acme))[1] == INLINE
    assert dev.destroy("--yes").exit_code == 0
    assert inventory(cloud) == before
