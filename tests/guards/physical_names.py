"""A guard that finds names which two deployments would share.

A physical name is unique in its account (CloudFront, dashboards), or in account and region. Unless
it is listed here as the second kind, it must contain both environment and region, or a part of the
stack's id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

# Unique in account and region, so that the environment is enough.
REGIONAL = {
    "AWS::CloudWatch::Alarm/AlarmName",
    "AWS::CloudWatch::CompositeAlarm/AlarmName",
    "AWS::KMS::Alias/AliasName",
    "AWS::Logs::QueryDefinition/Name",
}
# Unique within their parent resource, or not unique at all.
NOT_UNIQUE = {
    "AWS::ApiGatewayV2::Api/Name",
    "AWS::ApiGatewayV2::Authorizer/Name",
    "AWS::ApiGatewayV2::Stage/StageName",
    "AWS::CloudWatch::Alarm/MetricName",
    "AWS::DynamoDB::Table/TimeToLiveSpecification/AttributeName",
    "AWS::EC2::VPCEndpoint/ServiceName",
    "AWS::IAM::Policy/PolicyName",
    "AWS::SNS::Topic/DisplayName",
    "AWS::WAFv2::WebACL/VisibilityConfig/MetricName",
}
# The account's owner has them, and gives each to one deployment.
OWNED = {
    "AWS::ApiGatewayV2::ApiMapping/DomainName",
    "AWS::ApiGatewayV2::DomainName/DomainName",
}


def clashing_names(template: dict[str, Any], environment: str) -> list[str]:
    """A sentence for each name that another deployment would have, too."""
    findings = []
    for logical_id, resource in template["Resources"].items():
        for path, value in _names(resource.get("Properties", {})):
            name = f"{resource['Type']}/{path}"
            if name in NOT_UNIQUE | OWNED or _is_reference(value):
                continue
            text = json.dumps(value)
            if '{"Ref": "AWS::StackId"}' in text:
                continue
            # The CDK leaves hyphens out of the parts of the names that it makes.
            missing = [] if _plain(environment) in _plain(text) else ["environment"]
            if name not in REGIONAL and '{"Ref": "AWS::Region"}' not in text:
                missing.append("region")
            if missing:
                findings.append(f"{logical_id}: {path} lacks the {' and the '.join(missing)}.")
    return findings


def _names(properties: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in properties.items():
        if key.endswith("Name") or key == "Domain":
            yield prefix + key, value
        elif isinstance(value, dict) and not key.startswith("Fn::"):
            yield from _names(value, f"{prefix}{key}/")


def _is_reference(value: Any) -> bool:
    """Whether it refers to another resource's name."""
    return isinstance(value, dict) and bool(
        {"Fn::GetAtt", "Fn::GetStackOutput", "Fn::ImportValue"} & set(value)
        or not value.get("Ref", "AWS::").startswith("AWS::")
    )


def _plain(name: str) -> str:
    return name.replace("-", "").lower()
