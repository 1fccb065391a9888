"""The function that publishes stored and deleted files from the table's stream, and the rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from tests.constructs.policies import permissions
from wideload_cdk import FileTransfer


def make(stack: cdk.Stack, code: lambda_.Code, **arguments: Any) -> tuple[FileTransfer, sqs.Queue]:
    """A construct, and a queue of another team."""
    arguments = {"environment_name": "blue", **arguments}
    return FileTransfer(stack, "Files", code=code, **arguments), sqs.Queue(stack, "Theirs")


def id_of(template: Template, kind: str, id_part: str) -> str:
    [found] = [name for name in template.find_resources(kind) if id_part in name]
    return str(found)


def test_the_table_has_a_stream_of_both_images(default_files: Template) -> None:
    table = only(default_files, "AWS::DynamoDB::Table")

    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_only_new_and_removed_files_invoke_the_function(default_files: Template) -> None:
    mapping = only(default_files, "AWS::Lambda::EventSourceMapping", "EventsStream")

    [pattern] = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]
    assert pattern == {
        "eventName": ["INSERT", "REMOVE"],
        "dynamodb": {"Keys": {"item": {"S": [{"prefix": "FILE#"}]}}},
    }
    assert mapping["FunctionName"] == {
        "Ref": id_of(default_files, "AWS::Lambda::Function", "FilesEvents")
    }
    assert mapping["StartingPosition"] == "TRIM_HORIZON"


def test_stream_goes_on_past_a_record_that_can_not_be_published(default_files: Template) -> None:
    mapping = only(default_files, "AWS::Lambda::EventSourceMapping", "EventsStream")

    assert mapping["BatchSize"] == 100
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRecordAgeInSeconds"] == 6 * 3600
    dead = id_of(default_files, "AWS::SQS::Queue", "FilesEventDeadLetterQueue")
    assert mapping["DestinationConfig"] == {
        "OnFailure": {"Destination": {"Fn::GetAtt": [dead, "Arn"]}}
    }


@pytest.mark.parametrize(
    ("method", "detail_type"),
    [("on_file_stored", "FileStored"), ("on_file_deleted", "FileDeleted")],
)
def test_rules_are_for_this_deployment_alone(
    stack: cdk.Stack, code: lambda_.Code, method: str, detail_type: str
) -> None:
    files, theirs = make(stack, code)

    getattr(files, method)(
        "Tell",
        target=targets.SqsQueue(theirs),
        detail={"content_type": [{"prefix": "video/"}], "environment": ["green"]},
    )

    rule = only(Template.from_stack(stack), "AWS::Events::Rule", "FilesTell")
    assert rule["EventPattern"] == {
        "source": ["wideload"],
        "detail-type": [detail_type],
        "detail": {"content_type": [{"prefix": "video/"}], "environment": ["blue"]},
    }


def test_bus_given_receives_the_events(stack: cdk.Stack, code: lambda_.Code) -> None:
    bus = events.EventBus(stack, "Bus")

    make(stack, code, event_bus=bus)

    function = only(Template.from_stack(stack), "AWS::Lambda::Function", "FilesEvents")
    name = stack.resolve(bus.event_bus_name)
    assert function["Environment"]["Variables"]["WIDELOAD_EVENT_BUS"] == name
    assert function["Environment"]["Variables"]["WIDELOAD_ENVIRONMENT"] == "blue"


@pytest.mark.parametrize("method", ["on_file_stored", "on_file_deleted"])
def test_a_table_given_without_a_stream_has_no_events(
    stack: cdk.Stack, code: lambda_.Code, method: str
) -> None:
    table = dynamodb.Table.from_table_name(stack, "Mine", "mine")

    files, theirs = make(stack, code, table=table)

    assert files.events_function is None
    template = Template.from_stack(stack)
    only(template, "AWS::Lambda::EventSourceMapping", "VerifierQueue")
    template.resource_count_is("AWS::Lambda::EventSourceMapping", 1)
    with pytest.raises(ValueError, match=r"table has no stream.*table_stream_arn"):
        getattr(files, method)("Tell", target=targets.SqsQueue(theirs))


def test_a_table_given_with_a_stream_has_events(stack: cdk.Stack, code: lambda_.Code) -> None:
    stream = "arn:aws:dynamodb:eu-central-1:123456789012:table/mine/stream/1"
    table = dynamodb.Table.from_table_attributes(
        stack, "Mine", table_name="mine", table_stream_arn=stream
    )

    files, theirs = make(stack, code, table=table)
    files.on_file_stored("Tell", target=targets.SqsQueue(theirs))

    mapping = only(Template.from_stack(stack), "AWS::Lambda::EventSourceMapping", "EventsStream")
    assert mapping["EventSourceArn"] == stream


def test_example_of_a_subscriber_reads_what_it_is_told_of(
    synthesize_example: Callable[[str], Template],
) -> None:
    app = synthesize_example("file_subscriber_app.py")
    inspect = id_of(app, "AWS::Lambda::Function", "Inspect")

    rule = only(app, "AWS::Events::Rule", "ToInspect")
    assert rule["Targets"] == [{"Arn": {"Fn::GetAtt": [inspect, "Arn"]}, "Id": "Target0"}]
    assert rule["EventPattern"]["detail-type"] == ["FileStored"]
    assert permissions(app, "Inspect", policy="InspectServiceRoleDefaultPolicy") == {
        "<FilesBucket>/files/*": {"s3:GetObject"},
        "<FilesTable>": {"dynamodb:GetItem", "dynamodb:Query"},
    }
