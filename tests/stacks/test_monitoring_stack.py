"""The stack that watches the others, in the environments that have one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from stacks.settings import DEPLOYED
from tests.guards.stateful import changed_ids
from tests.stacks.conftest import Synthesized
from tests.stacks.test_rules import synthesize_judged

SERVICE = "monitoring"

Synthesize = Callable[..., Synthesized]


@pytest.fixture(params=DEPLOYED)
def monitoring(request: pytest.FixtureRequest, synthesize: Synthesize) -> Synthesized:
    return synthesize(str(request.param))


def alarms(made: Synthesized) -> dict[str, dict[str, Any]]:
    """By name."""
    return {
        each["Properties"]["AlarmName"]: each["Properties"]
        for each in made.resources(SERVICE, "AWS::CloudWatch::Alarm").values()
    }


def test_topic_keeps_its_logical_id(monitoring: Synthesized) -> None:
    assert changed_ids(monitoring.template(SERVICE), SERVICE) == []


def test_names_are_the_environments_own(monitoring: Synthesized) -> None:
    prefix = f"wideload-{monitoring.environment}"

    assert alarms(monitoring)
    assert {name.startswith(f"{prefix}-") for name in alarms(monitoring)} == {True}
    outputs = monitoring.template(SERVICE)["Outputs"]
    assert set(outputs) == {"DashboardName", "AlarmTopicArn"}
    (dashboard,) = monitoring.resources(SERVICE, "AWS::CloudWatch::Dashboard").values()
    assert dashboard["Properties"]["DashboardName"] == {
        "Fn::Join": ["", [f"{prefix}-", {"Ref": "AWS::Region"}]]
    }


def test_local_has_none(synthesize: Synthesize) -> None:
    assert not list(synthesize("local").folder.glob("*monitoring*"))


def test_both_services_are_watched(monitoring: Synthesized) -> None:
    watched = {name.split("-")[2] for name in alarms(monitoring)}

    assert watched == {"ingest", "files", "account"}


def test_no_address_is_subscribed_by_default(monitoring: Synthesized) -> None:
    assert monitoring.resources(SERVICE, "AWS::SNS::Subscription") == {}


@pytest.fixture
def configured(synthesize: Synthesize) -> Synthesized:
    """dev with other settings of monitoring, among others."""
    return synthesize_judged(synthesize, "everything")


def test_alarms_are_mailed_to_the_addresses_given(configured: Synthesized) -> None:
    told = configured.resources(SERVICE, "AWS::SNS::Subscription").values()
    assert {(each["Properties"]["Protocol"], each["Properties"]["Endpoint"]) for each in told} == {
        ("email", "a@example.com"),
        ("email", "b@example.com"),
    }


def test_account_concurrency_alarms_at_80_percent(
    synthesize: Synthesize, configured: Synthesized
) -> None:
    thresholds = [
        [each["Threshold"] for name, each in alarms(made).items() if "account-concurrency" in name]
        for made in (synthesize("dev"), configured)
    ]

    assert thresholds == [[800], [80]]


def test_account_concurrency_alarm_can_be_left_out(synthesize: Synthesize) -> None:
    made = synthesize_judged(synthesize, "another issuer")

    assert not [name for name in alarms(made) if "account-concurrency" in name]


@pytest.mark.parametrize(("environment", "counted"), [("dev", 0), ("staging", 2), ("prod", 2)])
def test_buckets_are_counted_where_settings_say_so(
    synthesize: Synthesize, environment: str, counted: int
) -> None:
    made = synthesize(environment)

    assert len([name for name in alarms(made) if "bucket-errors" in name]) == counted
    counting = [
        bucket
        for service in ("ingest", "files")
        for bucket in made.resources(service, "AWS::S3::Bucket").values()
        if "MetricsConfigurations" in bucket["Properties"]
    ]
    assert len(counting) == counted


def test_alarms_link_the_runbook_given(configured: Synthesized) -> None:
    assert alarms(configured)
    for alarm in alarms(configured).values():
        assert "https://wiki.example.com/wideload#" in alarm["AlarmDescription"]
