"""The events that `PayloadIngest` receives, and those that it publishes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from tests.constructs.policies import permissions
from wideload_cdk import PayloadIngest


def make(stack: cdk.Stack, code: lambda_.Code, **arguments: Any) -> tuple[PayloadIngest, sqs.Queue]:
    """A construct, and a queue of another team."""
    ingest = PayloadIngest(stack, "Ingest", code=code, environment_name="blue", **arguments)
    return ingest, sqs.Queue(stack, "Theirs")


def id_of(template: Template, kind: str, id_part: str) -> str:
    [found] = [name for name in template.find_resources(kind) if id_part in name]
    return str(found)


def arn(template: Template, kind: str, id_part: str, attribute: str = "Arn") -> dict[str, Any]:
    return {"Fn::GetAtt": [id_of(template, kind, id_part), attribute]}


@pytest.fixture
def default(default_ingest: Template) -> Template:
    return default_ingest


# Uploads


def test_every_object_under_transit_becomes_a_message(default: Template) -> None:
    rule = only(default, "AWS::Events::Rule", "UnclaimedUploads")

    bucket = id_of(default, "AWS::S3::Bucket", "IngestBucketEDD")
    assert rule["State"] == "ENABLED"
    assert "EventBusName" not in rule  # S3 knows the default bus alone
    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [{"Ref": bucket}]},
            "object": {"key": [{"prefix": "transit/"}]},
        },
    }
    [target] = rule["Targets"]
    assert target["Arn"] == arn(default, "AWS::SQS::Queue", "IngestQueue")
    transformer = target["InputTransformer"]
    [(name, path)] = transformer["InputPathsMap"].items()
    assert path == "$.detail.object.key"
    # EventBridge puts the quotes of a string itself.
    message = transformer["InputTemplate"].replace(f"<{name}>", '"transit/acme/01"')
    assert json.loads(message) == {"s3_key": "transit/acme/01", "reason": "unclaimed"}


def test_uploads_to_a_bucket_given_become_messages_too(
    stack: cdk.Stack, code: lambda_.Code
) -> None:
    make(stack, code, bucket=s3.Bucket.from_bucket_name(stack, "Mine", "mine"))

    rule = only(Template.from_stack(stack), "AWS::Events::Rule", "UnclaimedUploads")
    assert rule["EventPattern"]["detail"]["bucket"] == {"name": ["mine"]}


# The table's stream


def test_stream_goes_on_past_a_record_that_can_not_be_published(default: Template) -> None:
    mapping = only(default, "AWS::Lambda::EventSourceMapping", "EventsStream")

    assert mapping["BatchSize"] == 100
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert mapping["DestinationConfig"] == {
        "OnFailure": {"Destination": arn(default, "AWS::SQS::Queue", "EventDeadLetter")}
    }


def test_mapping_waits_for_the_permission_to_read_the_stream(default: Template) -> None:
    [mapping] = [
        resource
        for name, resource in default.find_resources("AWS::Lambda::EventSourceMapping").items()
        if "EventsStream" in name
    ]

    assert id_of(default, "AWS::IAM::Policy", "EventsRole") in mapping["DependsOn"]


# Events for others


def test_bus_given_receives_the_events(stack: cdk.Stack, code: lambda_.Code) -> None:
    bus = events.EventBus(stack, "Bus")

    ingest, theirs = make(stack, code, event_bus=bus)
    ingest.on_payload_stored("Stored", target=targets.SqsQueue(theirs))

    template = Template.from_stack(stack)
    assert ingest.event_bus is bus
    variables = only(template, "AWS::Lambda::Function", "IngestEvents")["Environment"]["Variables"]
    bus_id = id_of(template, "AWS::Events::EventBus", "Bus")
    assert variables["WIDELOAD_EVENT_BUS"] == {"Ref": bus_id}
    policy = only(template, "AWS::IAM::Policy", "EventsRole")["PolicyDocument"]["Statement"]
    [allowed] = [one for one in policy if one["Action"] == "events:PutEvents"]
    assert allowed["Resource"] == {"Fn::GetAtt": [bus_id, "Arn"]}
    rule = only(template, "AWS::Events::Rule", "IngestStored")
    assert rule["EventBusName"] == {"Ref": bus_id}
    # What S3 sends never goes to a bus of one's own.
    assert "EventBusName" not in only(template, "AWS::Events::Rule", "UnclaimedUploads")


@pytest.mark.parametrize(
    ("method", "detail_type"),
    [("on_payload_stored", "PayloadStored"), ("on_payload_failed", "PayloadFailed")],
)
def test_subscription_is_to_this_deployment_alone(
    stack: cdk.Stack, code: lambda_.Code, method: str, detail_type: str
) -> None:
    ingest, theirs = make(stack, code)

    rule = getattr(ingest, method)("Told", target=targets.SqsQueue(theirs))

    assert isinstance(rule, events.Rule)
    template = Template.from_stack(stack)
    found = only(template, "AWS::Events::Rule", "IngestTold")
    assert found["EventPattern"] == {
        "source": ["wideload.ingest"],
        "detail-type": [detail_type],
        "detail": {"environment": ["blue"]},
    }
    assert [target["Arn"] for target in found["Targets"]] == [
        arn(template, "AWS::SQS::Queue", "Theirs")
    ]


def test_subscription_names_the_environment_that_the_events_function_does(
    stack: cdk.Stack, code: lambda_.Code
) -> None:
    ingest = PayloadIngest(stack, "Ingest", code=code)

    ingest.on_payload_stored("Told", target=targets.SqsQueue(ingest.dead_letter_queue))

    template = Template.from_stack(stack)
    variables = only(template, "AWS::Lambda::Function", "IngestEvents")["Environment"]["Variables"]
    pattern = only(template, "AWS::Events::Rule", "IngestTold")["EventPattern"]
    assert pattern["detail"] == {"environment": [variables["WIDELOAD_ENVIRONMENT"]]}


def test_subscription_can_be_narrowed_and_not_widened(stack: cdk.Stack, code: lambda_.Code) -> None:
    ingest, theirs = make(stack, code)

    ingest.on_payload_stored(
        "Told",
        target=targets.SqsQueue(theirs),
        detail={"tenant": ["acme"], "environment": ["green"]},
    )

    pattern = only(Template.from_stack(stack), "AWS::Events::Rule", "IngestTold")["EventPattern"]
    assert pattern["detail"] == {"tenant": ["acme"], "environment": ["blue"]}


def test_subscription_takes_the_options_of_a_rule(stack: cdk.Stack, code: lambda_.Code) -> None:
    ingest, theirs = make(stack, code)

    ingest.on_payload_failed(
        "Told", target=targets.SqsQueue(theirs), description="Bad news", enabled=False
    )

    rule = only(Template.from_stack(stack), "AWS::Events::Rule", "IngestTold")
    assert (rule["Description"], rule["State"]) == ("Bad news", "DISABLED")


def test_example_of_a_subscriber_reads_what_it_is_told_of(
    synthesize_example: Callable[[str], Template],
) -> None:
    app = synthesize_example("subscriber_app.py")
    [index] = [name for name in app.find_resources("AWS::Lambda::Function") if "Index" in name]

    assert only(app, "AWS::Events::Rule", "ToIndex")["Targets"] == [
        {"Arn": {"Fn::GetAtt": [index, "Arn"]}, "Id": "Target0"}
    ]
    assert permissions(app, "Index", policy="IndexServiceRoleDefaultPolicy") == {
        "<Bucket>/archive/*": {"s3:GetObject"},
        "<Payloads>": {"dynamodb:GetItem"},
    }
