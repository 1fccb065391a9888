"""`PayloadIngest.from_payload_ingest_attributes`: a deployment as another stack sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from wideload_cdk import IPayloadIngest, PayloadIngest

Import = Callable[..., IPayloadIngest]


@pytest.fixture
def imported(stack: cdk.Stack) -> Import:
    """Import a deployment with a bucket and tables, as `arguments` change it."""

    def run(**arguments: Any) -> IPayloadIngest:
        key = kms.Key.from_key_arn(stack, "Key", "arn:aws:kms:eu-west-1:111111111111:key/1")
        given = {
            "environment_name": "prod",
            "bucket": s3.Bucket.from_bucket_attributes(
                stack, "Bucket", bucket_name="calls", encryption_key=key
            ),
            "payloads_table": dynamodb.Table.from_table_name(stack, "Payloads", "payloads"),
            "keys_table": dynamodb.Table.from_table_name(stack, "Keys", "keys"),
        }
        return PayloadIngest.from_payload_ingest_attributes(
            stack, "Ingest", **{**given, **arguments}
        )

    return run


def actions(stack: cdk.Stack) -> set[str]:
    [policy] = Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    found = (s["Action"] for s in policy["Properties"]["PolicyDocument"]["Statement"])
    return {name for each in found for name in ([each] if isinstance(each, str) else each)}


def test_it_makes_nothing_but_what_is_asked_for(stack: cdk.Stack, imported: Import) -> None:
    imported()

    assert "Resources" not in Template.from_stack(stack).to_json()


def test_documents_can_be_read_by_its_bucket_table_and_key(
    stack: cdk.Stack, imported: Import, role: iam.Role
) -> None:
    imported().grant_read_documents(role, tenant="acme")

    assert actions(stack) == {"dynamodb:GetItem", "s3:GetObject", "kms:Decrypt"}
    assert ":s3:::calls/archive/acme/*" in json.dumps(Template.from_stack(stack).to_json())


def test_keys_can_be_managed_by_its_table(
    stack: cdk.Stack, imported: Import, role: iam.Role
) -> None:
    imported().grant_manage_keys(role)

    assert actions(stack) == {
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:Scan",
    }


def test_a_rule_matches_its_events_alone(stack: cdk.Stack, imported: Import) -> None:
    bus = events.EventBus.from_event_bus_name(stack, "Bus", "transfers")
    target = targets.SqsQueue(sqs.Queue(stack, "Theirs"))

    imported(event_bus=bus).on_payload_stored("Index", target=target, detail={"tenant": ["acme"]})

    rule = only(Template.from_stack(stack), "AWS::Events::Rule")
    assert rule["EventBusName"] == "transfers"
    assert rule["EventPattern"] == {
        "source": ["wideload.ingest"],
        "detail-type": ["PayloadStored"],
        "detail": {"tenant": ["acme"], "environment": ["prod"]},
    }


def test_without_a_bus_a_rule_is_on_the_accounts_default(
    stack: cdk.Stack, imported: Import
) -> None:
    imported().on_payload_failed("Failed", target=targets.SqsQueue(sqs.Queue(stack, "Theirs")))

    rule = only(Template.from_stack(stack), "AWS::Events::Rule")
    assert rule["EventBusName"] == "default"
    assert rule["EventPattern"]["detail-type"] == ["PayloadFailed"]


def test_its_metrics_are_those_of_the_deployment(stack: cdk.Stack, imported: Import) -> None:
    metric = imported().metric_payload_stored_count()

    assert metric.namespace == "Wideload"
    assert metric.metric_name == "PayloadStoredCount"
    assert metric.dimensions == {"service": "ingest", "environment": "prod"}


def test_imported_and_made_have_the_same_surface(
    stack: cdk.Stack, code: lambda_.Code, imported: Import
) -> None:
    made: IPayloadIngest = PayloadIngest(stack, "Made", code=code)
    other = imported()

    surface = {
        name
        for name in dir(IPayloadIngest)
        if name.startswith(("grant_", "metric_", "on_")) or name == "metric"
    }
    assert {"grant_read_documents", "grant_manage_keys", "on_payload_stored"} <= surface
    assert len([name for name in surface if name.startswith("metric_")]) == 14
    for each in (made, other):
        assert isinstance(each, IPayloadIngest)
        assert surface <= set(dir(each))


def test_the_example_reads_and_follows_one_deployment(
    synthesize_example: Callable[[str], Template],
) -> None:
    template = synthesize_example("other_stack_app.py")

    rule = only(template, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"] == {"environment": ["prod"]}
    template.resource_count_is("AWS::DynamoDB::Table", 0)
    template.resource_count_is("AWS::S3::Bucket", 0)
    template.resource_count_is("AWS::IAM::Policy", 1)


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        ("bucket", "grant_read_documents"),
        ("payloads_table", "grant_read_documents"),
        ("keys_table", "grant_manage_keys"),
    ],
)
def test_what_is_needed_and_was_not_given_is_named(
    imported: Import, role: iam.Role, missing: str, call: str
) -> None:
    ingest = imported(**{missing: None})

    expected = rf"{missing} was not given to from_payload_ingest_attributes of Stack/Ingest"
    with pytest.raises(AttributeError, match=expected):
        getattr(ingest, call)(role)


def test_a_wrong_environment_name_is_refused(imported: Import) -> None:
    with pytest.raises(ValueError, match="environment_name is ' prod'"):
        imported(environment_name=" prod")
