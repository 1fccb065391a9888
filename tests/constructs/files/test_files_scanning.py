"""Malware scanning: GuardDuty's plan with its role, and the queue of results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template

from tests.constructs.conftest import only
from tests.constructs.policies import LOGGING, TRACING, by_rule, permissions, senders
from wideload_cdk import FileTransfer

TemplateOf = Callable[..., Template]
PLAN = "AWS::GuardDuty::MalwareProtectionPlan"


def id_of(template: Template, kind: str, id_part: str) -> str:
    [found] = [name for name in template.find_resources(kind) if id_part in name]
    return str(found)


@pytest.fixture(scope="module")
def guarded(template_of: TemplateOf) -> Template:
    return template_of(FileTransfer, scan=True)


@pytest.fixture(scope="module")
def by_events(template_of: TemplateOf) -> Template:
    return template_of(FileTransfer, scan="events")


def variables(template: Template, name: str) -> Any:
    return only(template, "AWS::Lambda::Function", name)["Environment"]["Variables"]


def test_by_default_nothing_scans(default_files: Template) -> None:
    default_files.resource_count_is(PLAN, 0)
    assert variables(default_files, "FilesApiFunction")["WIDELOAD_SCAN_SECONDS"] == ""


def test_guardduty_scans_the_files_alone(guarded: Template) -> None:
    plan = only(guarded, PLAN)

    assert plan == {
        "ProtectedResource": {
            "S3Bucket": {
                "BucketName": {"Ref": id_of(guarded, "AWS::S3::Bucket", "FilesBucket7C")},
                "ObjectPrefixes": ["files/"],
            }
        },
        "Role": {"Fn::GetAtt": [id_of(guarded, "AWS::IAM::Role", "MalwareProtectionRole"), "Arn"]},
    }
    [made] = guarded.find_resources(PLAN).values()
    assert id_of(guarded, "AWS::IAM::Policy", "MalwareProtectionRole") in made["DependsOn"]


def test_guardduty_has_the_permissions_that_aws_documents_on_the_files_alone(
    guarded: Template,
) -> None:
    rules = "rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*"
    service = "malware-protection-plan.guardduty.amazonaws.com"

    assert permissions(guarded, "MalwareProtection", construct="Files") == {
        f"{rules} if events:ManagedBy like {service}": {
            "events:DeleteRule",
            "events:PutRule",
            "events:PutTargets",
            "events:RemoveTargets",
        },
        rules: {"events:DescribeRule", "events:ListTargetsByRule"},
        "<Bucket>": {"s3:GetBucketNotification", "s3:ListBucket", "s3:PutBucketNotification"},
        "<Bucket>/malware-protection-resource-validation-object": {"s3:PutObject"},
        "<Bucket>/files/*": {"s3:GetObject", "s3:GetObjectVersion"},
    }
    role = only(guarded, "AWS::IAM::Role", "MalwareProtectionRole")
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": service}


def test_guardduty_may_use_the_key_of_the_bucket(stack: cdk.Stack, code: lambda_.Code) -> None:
    FileTransfer(stack, "Files", code=code, scan=True, encryption_key=kms.Key(stack, "Data"))

    found = permissions(Template.from_stack(stack), "MalwareProtection", construct="Files")
    assert found["<Data>"] == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_results_of_guardduty_on_the_files_are_queued(guarded: Template) -> None:
    rule = only(guarded, "AWS::Events::Rule", "GuardDutyRule")

    assert "EventBusName" not in rule  # GuardDuty knows the default bus alone
    assert rule["EventPattern"] == {
        "source": ["aws.guardduty"],
        "detail-type": ["GuardDuty Malware Protection Object Scan Result"],
        "detail": {
            "s3ObjectDetails": {
                "bucketName": [{"Ref": id_of(guarded, "AWS::S3::Bucket", "FilesBucket7C")}],
                "objectKey": [{"prefix": "files/"}],
            }
        },
    }
    [target] = rule["Targets"]
    queue = id_of(guarded, "AWS::SQS::Queue", "ScanQueue")
    assert target["Arn"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert "DeadLetterConfig" in target


@pytest.mark.parametrize("template", ["guarded", "by_events"])
def test_results_of_other_scanners_of_this_deployment_are_queued(
    request: pytest.FixtureRequest, template: str
) -> None:
    """With GuardDuty too, since an operator releases files so."""
    rule = only(request.getfixturevalue(template), "AWS::Events::Rule", "ScanResultsRule")

    assert rule["EventPattern"] == {
        "source": ["wideload.scanner"],
        "detail-type": ["FileScanResult"],
        "detail": {"environment": ["Default"]},
    }


def test_only_these_rules_may_send_results(guarded: Template) -> None:
    rules = [by_rule(guarded, name) for name in ("GuardDutyRule", "ScanResultsRule")]

    assert sorted(map(str, senders(guarded, "FilesScanQueue"))) == sorted(map(str, rules))


def test_events_alone_make_no_plan(by_events: Template) -> None:
    by_events.resource_count_is(PLAN, 0)
    only(by_events, "AWS::Lambda::EventSourceMapping", "ScanResultsQueue")


def test_results_are_recorded_with_exactly_these_permissions(by_events: Template) -> None:
    assert permissions(by_events, "ScanResults", construct="Files") == {
        **TRACING,
        "<ScanResultsLogs>": LOGGING,
        "<Table>": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
        "<ScanQueue>": {
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        },
    }


def test_functions_that_record_files_know_of_the_scanner(by_events: Template) -> None:
    for name in ("FilesApiFunction", "FilesSweep"):
        assert variables(by_events, name)["WIDELOAD_SCAN_SECONDS"] == "21600"


def test_verdicts_are_told(by_events: Template, default_files: Template) -> None:
    for template, number in ((default_files, 1), (by_events, 2)):
        mapping = only(template, "AWS::Lambda::EventSourceMapping", "EventsStream")
        assert len(mapping["FilterCriteria"]["Filters"]) == number
    assert '"scan_state":{"S":["clean","malware","not_scanned"]}' in str(mapping)


def test_events_of_scans_go_to_the_target(stack: cdk.Stack, code: lambda_.Code) -> None:
    bus = events.EventBus(stack, "Bus")
    files = FileTransfer(stack, "Files", code=code, scan="events", event_bus=bus)

    files.on_file_scanned(
        "Tell", target=targets.SqsQueue(sqs.Queue(stack, "Theirs")), detail={"result": ["clean"]}
    )

    template = Template.from_stack(stack)
    rule = only(template, "AWS::Events::Rule", "FilesTell")
    assert rule["EventPattern"]["detail-type"] == ["FileScanned"]
    assert rule["EventPattern"]["detail"]["result"] == ["clean"]
    scans = only(template, "AWS::Events::Rule", "ScanResultsRule")
    assert scans["EventBusName"] == stack.resolve(bus.event_bus_name)


def test_refuses_a_rule_without_a_scanner(stack: cdk.Stack, code: lambda_.Code) -> None:
    files = FileTransfer(stack, "Files", code=code)

    with pytest.raises(ValueError, match=r"scan is False.*give scan=True or 'events'"):
        files.on_file_scanned("Tell", target=targets.SqsQueue(sqs.Queue(stack, "Theirs")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scan": "guardduty"}, "scan is 'guardduty'; give True, False or 'events'"),
        ({"scan": True, "scan_deadline": Duration.minutes(30)}, "scan_deadline is"),
        ({"scan": True, "scan_deadline": Duration.days(8)}, "scan_deadline is"),
    ],
)
def test_refuses_what_is_not_allowed(
    stack: cdk.Stack, code: lambda_.Code, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        FileTransfer(stack, "Files", code=code, **arguments)
