"""`TransferMonitoring` itself: topic, names, dashboard and buckets. Alarms: `test_*_alarms`.
The runbook: `test_runbook`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk.assertions import Match, Template

from tests.constructs.conftest import name_prefix, only
from tests.constructs.monitoring.conftest import (
    alarms,
    monitor,
    new_code,
    new_ingest,
    new_stack,
)
from wideload_cdk import FileTransfer, PayloadIngest, TransferMonitoring

ALARM_KINDS = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


@pytest.fixture(scope="module")
def ingest(code_folder: Path) -> PayloadIngest:
    """The ingest of `default`, in an app without feature flags."""
    stack = cdk.Stack(cdk.App(), "Ingest")
    return PayloadIngest(stack, "Ingest", code=new_code(code_folder), environment_name="blue")


@pytest.fixture(scope="module")
def default(ingest: PayloadIngest) -> Template:
    """Monitoring without arguments."""
    return monitor(ingest)


class Customized:
    """Monitoring with every argument, except for those that it refuses together."""

    def __init__(self, code_folder: Path) -> None:
        self.ingest = new_ingest(code_folder)
        others = cdk.Stack(self.ingest.node.root, "Others")  # type: ignore[arg-type]
        self.template = monitor(
            self.ingest,
            urgent_topic=sns.Topic(others, "Urgent"),
            encryption_key=kms.Key(others, "Key"),
            name_prefix="wideload-prod",
            runbook="https://wiki.example.com/wideload",
            account_concurrency=5_000,
            bucket_metrics="Everything",
        )


@pytest.fixture(scope="module")
def customized(code_folder: Path) -> Customized:
    return Customized(code_folder)


class Reduced:
    """Monitoring with a topic of its owner, and without anything that can be left out."""

    def __init__(self, code_folder: Path) -> None:
        self.ingest = new_ingest(code_folder)
        topics = cdk.Stack(self.ingest.node.root, "Topics")  # type: ignore[arg-type]
        self.template = monitor(
            self.ingest,
            alarm_topic=sns.Topic(topics, "Topic"),
            account_concurrency=None,
            bucket_metrics=None,
        )
        self.topics = Template.from_stack(topics)


@pytest.fixture(scope="module")
def reduced(code_folder: Path) -> Reduced:
    return Reduced(code_folder)


# Topic


def test_every_alarm_notifies_the_topic_when_it_begins_and_ends(default: Template) -> None:
    [topic] = default.find_resources("AWS::SNS::Topic")

    for kind in ALARM_KINDS:
        for resource in default.find_resources(kind).values():
            properties = resource["Properties"]
            assert properties["AlarmActions"] == [{"Ref": topic}], properties["AlarmDescription"]
            assert properties["OKActions"] == [{"Ref": topic}], properties["AlarmDescription"]
            assert properties.get("ActionsEnabled", True) is True


def test_topic_is_encrypted_by_a_key_that_rotates(default: Template) -> None:
    [key] = default.find_resources("AWS::KMS::Key")
    topic = only(default, "AWS::SNS::Topic")

    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key, "Arn"]}
    default.has_resource(
        "AWS::KMS::Key",
        {"Properties": {"EnableKeyRotation": True}, "DeletionPolicy": "Delete"},
    )


FROM_ALARMS = {
    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    "ArnLike": {"aws:SourceArn": Match.any_value()},
}


def test_alarms_of_this_account_may_use_topic_and_key(default: Template) -> None:
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Condition": FROM_ALARMS,
    }
    publish = Match.object_like({"Action": "sns:Publish", **allowed})
    use_key = Match.object_like({"Action": ["kms:Decrypt", "kms:GenerateDataKey"], **allowed})

    default.has_resource_properties(
        "AWS::SNS::TopicPolicy", {"PolicyDocument": {"Statement": Match.array_with([publish])}}
    )
    default.has_resource_properties(
        "AWS::KMS::Key", {"KeyPolicy": {"Statement": Match.array_with([use_key])}}
    )


def test_topic_refuses_plain_http(default: Template) -> None:
    deny = Match.object_like(
        {
            "Effect": "Deny",
            "Principal": "*",
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    )

    default.has_resource_properties(
        "AWS::SNS::TopicPolicy", {"PolicyDocument": {"Statement": Match.array_with([deny])}}
    )


def test_a_key_given_is_used(customized: Customized) -> None:
    topic = only(customized.template, "AWS::SNS::Topic")

    customized.template.resource_count_is("AWS::KMS::Key", 0)
    assert "Others" in json.dumps(topic["KmsMasterKeyId"])


def test_a_topic_given_is_used_and_left_as_it_is(reduced: Reduced) -> None:
    for kind in ("AWS::SNS::Topic", "AWS::KMS::Key", "AWS::SNS::TopicPolicy"):
        reduced.template.resource_count_is(kind, 0)
    reduced.topics.resource_count_is("AWS::SNS::Topic", 1)
    reduced.topics.resource_count_is("AWS::SNS::TopicPolicy", 0)
    for kind in ALARM_KINDS:
        for resource in reduced.template.find_resources(kind).values():
            actions = json.dumps(resource["Properties"]["AlarmActions"])
            assert '"Fn::ImportValue": "Topics:' in actions


def test_the_urgent_topic_is_that_of_the_composite_alarm_only(customized: Customized) -> None:
    urgent = '"Fn::ImportValue": "Others:ExportsOutputRefUrgent'

    composite = only(customized.template, "AWS::CloudWatch::CompositeAlarm")
    assert urgent in json.dumps(composite["AlarmActions"])
    assert urgent in json.dumps(composite["OKActions"])
    assert urgent not in json.dumps(list(alarms(customized.template).values()))


# Names, runbook, account


def test_names_begin_with_stack_and_id(default: Template) -> None:
    names = [properties["AlarmName"] for properties in alarms(default).values()]
    dashboard = name_prefix(default)

    assert dashboard.startswith("Monitoring-Watch-")
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"{dashboard}-") for name in names)


def test_name_prefix_given(customized: Customized) -> None:
    template = customized.template

    assert name_prefix(template) == "wideload-prod"
    for kind in ALARM_KINDS:
        for resource in template.find_resources(kind).values():
            assert resource["Properties"]["AlarmName"].startswith("wideload-prod-")
    saved = template.find_resources("AWS::Logs::QueryDefinition").values()
    assert all(each["Properties"]["Name"].startswith("wideload-prod/ingest/") for each in saved)


def test_runbook_given(customized: Customized) -> None:
    for properties in alarms(customized.template).values():
        assert " Runbook: https://wiki.example.com/wideload#" in properties["AlarmDescription"]


def test_account_concurrency_given(customized: Customized) -> None:
    assert alarms(customized.template)["account-concurrency"]["Threshold"] == 4_000


def test_account_concurrency_can_be_left_out(reduced: Reduced) -> None:
    assert "account-concurrency" not in alarms(reduced.template)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name_prefix": "no spaces"}, "name_prefix is 'no spaces'; give 1 to 100 letters"),
        ({"name_prefix": ""}, "name_prefix is ''"),
        ({"account_concurrency": 5}, "account_concurrency is 5; give 10 to"),
        ({"bucket_metrics": "a b"}, "bucket_metrics is 'a b'; give 1 to 64"),
    ],
)
def test_arguments_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransferMonitoring(new_stack("Monitoring"), "Watch", **arguments)


def test_a_topic_and_a_key_are_refused() -> None:
    stack = new_stack("Monitoring")

    with pytest.raises(ValueError, match="alarm_topic and encryption_key are both given"):
        TransferMonitoring(
            stack,
            "Watch",
            alarm_topic=sns.Topic(stack, "Topic"),
            encryption_key=kms.Key(stack, "Key"),
        )


# Buckets


def test_request_metrics_are_turned_on(customized: Customized) -> None:
    service = Template.from_stack(cdk.Stack.of(customized.ingest))

    service.has_resource_properties(
        "AWS::S3::Bucket", {"MetricsConfigurations": [{"Id": "Everything"}]}
    )
    dimensions = alarms(customized.template)["ingest-bucket-errors"]["Dimensions"]
    assert {"Name": "FilterId", "Value": "Everything"} in dimensions


def test_request_metrics_can_stay_off(reduced: Reduced) -> None:
    service = Template.from_stack(cdk.Stack.of(reduced.ingest))

    assert "ingest-bucket-errors" not in alarms(reduced.template)
    for bucket in service.find_resources("AWS::S3::Bucket").values():
        assert "MetricsConfigurations" not in bucket["Properties"]
    dashboard = only(reduced.template, "AWS::CloudWatch::Dashboard")
    assert "AWS/S3" not in json.dumps(dashboard)


# Both services


def test_ingest_and_files_share_dashboard_topic_and_bucket(code_folder: Path) -> None:
    stack = new_stack("Both")
    code = new_code(code_folder)
    ingest = PayloadIngest(stack, "Ingest", code=code)
    files = FileTransfer(stack, "Files", code=code, bucket=ingest.bucket)
    monitoring = TransferMonitoring(stack, "Watch")

    monitoring.monitor_ingest(ingest)
    monitoring.monitor_files(files)

    with pytest.raises(ValueError, match="Ingest is watched here already"):
        monitoring.monitor_ingest(ingest)
    with pytest.raises(ValueError, match="Files is watched here already"):
        monitoring.monitor_files(files)
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::CloudWatch::Dashboard", 1)
    template.resource_count_is("AWS::SNS::Topic", 1)
    bucket = only(template, "AWS::S3::Bucket", "IngestBucketEDD")
    assert bucket["MetricsConfigurations"] == [{"Id": "EntireBucket"}]
    found = alarms(template)
    assert len(found) == len(monitoring.alarms)
    assert {name.partition("-")[0] for name in found} == {"account", "ingest", "files"}


# Rule packs


@pytest.mark.rule_packs
def test_rule_packs_find_nothing(ingest: PayloadIngest, default: Template) -> None:
    import cdk_nag

    app = ingest.node.root
    packs = [
        cdk_nag.AwsSolutionsChecks,
        cdk_nag.ServerlessChecks,
        cdk_nag.NIST80053R5Checks,
        cdk_nag.HIPAASecurityChecks,
        cdk_nag.PCIDSS321Checks,
    ]
    assert isinstance(app, cdk.App)
    cdk.Validations.of(app).add_plugins(*[pack(app) for pack in packs])

    # `default` was synthesized without the packs.
    folder = app.synth(force=True).directory
    report = json.loads((Path(folder) / "validation-report.json").read_text())

    assert len(report["pluginReports"]) == len(packs)
    # The ingest of the same app is judged elsewhere.
    found = [
        (violation["ruleName"], where["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for where in violation["violatingConstructs"]
        if where["constructPath"].startswith("Monitoring/")
    ]
    assert found == []
