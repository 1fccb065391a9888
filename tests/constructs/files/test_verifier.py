"""`FileTransfer(verify_multipart=True)`: its queue, its function, its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from wideload_cdk import FileTransfer


def make(stack: cdk.Stack, code: lambda_.Code, **arguments: Any) -> tuple[FileTransfer, sqs.Queue]:
    """A construct with a verifier, and a queue of another team."""
    arguments = {"verify_multipart": True, "environment_name": "blue", **arguments}
    return FileTransfer(stack, "Files", code=code, **arguments), sqs.Queue(stack, "Theirs")


def id_of(template: Template, kind: str, id_part: str) -> str:
    [found] = [name for name in template.find_resources(kind) if id_part in name]
    return str(found)


def test_without_verify_multipart_there_is_no_verifier(
    stack: cdk.Stack, code: lambda_.Code
) -> None:
    files, _ = make(stack, code, verify_multipart=False)

    template = Template.from_stack(stack)
    assert files.verifier_function is files.verify_queue is files.dead_letter_queue is None
    template.resource_count_is("AWS::Lambda::EventSourceMapping", 1)  # of the table's stream
    template.resource_count_is("AWS::Lambda::Function", 3)
    template.resource_count_is("AWS::SQS::Queue", 2)  # theirs, and of dead events


def test_verifier_is_a_worker_of_one_vcpu(verifying_files: Template) -> None:
    verifier = only(verifying_files, "AWS::Lambda::Function", "Verifier")

    assert verifier["Handler"] == "wideload_runtime.handlers.files_verifier.handler"
    assert (verifier["MemorySize"], verifier["Timeout"]) == (1769, 900)
    assert verifier["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == "files"


def test_takes_one_file_at_a_time_and_ten_at_once(verifying_files: Template) -> None:
    template = verifying_files

    mapping = only(template, "AWS::Lambda::EventSourceMapping", "VerifierQueue")
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 10}
    queue = id_of(template, "AWS::SQS::Queue", "VerifyQueue")
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert mapping["FunctionName"] == {"Ref": id_of(template, "AWS::Lambda::Function", "Verifier")}


def test_gives_up_after_five_tries(verifying_files: Template) -> None:
    template = verifying_files

    queue = only(template, "AWS::SQS::Queue", "VerifyQueue")
    dead = id_of(template, "AWS::SQS::Queue", "FilesDeadLetterQueue")
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
        "maxReceiveCount": 5,
    }
    function = only(template, "AWS::Lambda::Function", "Verifier")
    assert queue["VisibilityTimeout"] > function["Timeout"]
    for name in ("FilesDeadLetterQueue", "FilesEventDeadLetterQueue"):
        dead_letters = only(template, "AWS::SQS::Queue", name)
        assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600


@pytest.mark.parametrize(
    ("method", "detail_type"),
    [("on_file_verified", "FileVerified"), ("on_file_corrupt", "FileCorrupt")],
)
def test_events_go_to_the_target(
    stack: cdk.Stack, code: lambda_.Code, method: str, detail_type: str
) -> None:
    files, theirs = make(stack, code)

    getattr(files, method)(
        "Tell",
        target=targets.SqsQueue(theirs),
        detail={"owner": ["ann"], "environment": ["green"]},
        description="for us",
    )

    rule = only(Template.from_stack(stack), "AWS::Events::Rule", "FilesTell")
    assert rule["EventBusName"] == "default"
    assert rule["Description"] == "for us"
    assert rule["EventPattern"] == {
        "source": ["wideload"],
        "detail-type": [detail_type],
        # `detail` can't widen a rule to another deployment.
        "detail": {"owner": ["ann"], "environment": ["blue"]},
    }
    assert len(rule["Targets"]) == 1


def test_event_bus_given_is_used(stack: cdk.Stack, code: lambda_.Code) -> None:
    bus = events.EventBus(stack, "Bus")

    files, theirs = make(stack, code, event_bus=bus)

    assert files.event_bus is bus
    files.on_file_verified("Tell", target=targets.SqsQueue(theirs))
    template = Template.from_stack(stack)
    name = stack.resolve(bus.event_bus_name)
    verifier = only(template, "AWS::Lambda::Function", "Verifier")
    assert verifier["Environment"]["Variables"]["WIDELOAD_EVENT_BUS"] == name
    assert only(template, "AWS::Events::Rule", "FilesTell")["EventBusName"] == name


@pytest.mark.parametrize("method", ["on_file_verified", "on_file_corrupt"])
def test_refuses_rules_without_a_verifier(
    stack: cdk.Stack, code: lambda_.Code, method: str
) -> None:
    files, theirs = make(stack, code, verify_multipart=False)

    with pytest.raises(
        ValueError, match=r"verify_multipart is False.*leave it out, or give verify_multipart=True"
    ):
        getattr(files, method)("Tell", target=targets.SqsQueue(theirs))


@pytest.mark.parametrize(
    ("arguments", "most"), [({}, str(32 * 2**30)), ({"verify_multipart": True}, "")]
)
def test_by_default_files_are_verified_that_one_pass_can_read(
    template_of: Callable[..., Template], arguments: dict[str, Any], most: str
) -> None:
    template = template_of(FileTransfer, **arguments)

    verifier = only(template, "AWS::Lambda::Function", "Verifier")
    for name in ("FilesApiFunction", "FilesSweep"):
        found = only(template, "AWS::Lambda::Function", name)["Environment"]["Variables"]
        assert found["WIDELOAD_VERIFY_MOST"] == most
    # Half of what AWS counts on for one request, in the time of an invocation.
    assert 32 * 2**30 / (verifier["Timeout"] - 20) < 85_000_000 / 2
