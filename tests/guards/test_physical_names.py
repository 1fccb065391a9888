"""`physical_names` finds names that two deployments would share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.guards.physical_names import clashing_names

REGION = {"Ref": "AWS::Region"}


def template(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"One": {"Type": kind, "Properties": properties}}}


@pytest.mark.parametrize(
    ("kind", "properties", "finding"),
    [
        ("AWS::S3::Bucket", {"BucketName": "uploads"}, "environment and the region"),
        ("AWS::S3::Bucket", {"BucketName": "dev-uploads"}, "region"),
        ("AWS::IAM::Role", {"RoleName": {"Fn::Join": ["-", ["w", REGION]]}}, "environment"),
        ("AWS::CloudWatch::Dashboard", {"DashboardName": "wideload-dev"}, "region"),
        ("AWS::CloudWatch::Alarm", {"AlarmName": "files-slow"}, "environment"),
    ],
)
def test_shared_name_is_found(kind: str, properties: dict[str, Any], finding: str) -> None:
    [name] = properties

    assert clashing_names(template(kind, **properties), "dev") == [
        f"One: {name} lacks the {finding}."
    ]


def test_name_within_a_configuration_is_found() -> None:
    named = template("AWS::CloudFront::OriginAccessControl", Config={"Name": "wideload-dev"})

    assert clashing_names(named, "dev") == ["One: Config/Name lacks the region."]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::S3::Bucket", {}),
        ("AWS::CloudWatch::Alarm", {"AlarmName": "wideload-dev-files-slow"}),
        (
            "AWS::CloudWatch::Dashboard",
            {"DashboardName": {"Fn::Join": ["", ["wideload-dev-", REGION]]}},
        ),
        (
            "AWS::Logs::LogGroup",
            {"LogGroupName": {"Fn::Join": ["", ["logs-", {"Ref": "AWS::StackId"}]]}},
        ),
        ("AWS::Lambda::Permission", {"FunctionName": {"Fn::GetAtt": ["Function", "Arn"]}}),
    ],
)
def test_other_names_are_accepted(kind: str, properties: dict[str, Any]) -> None:
    assert clashing_names(template(kind, **properties), "dev") == []
