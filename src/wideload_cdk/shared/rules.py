"""Acknowledge findings of rule packs (cdk-nag), one resource at a time.

An id names its pack twice, as `AwsSolutions::AwsSolutions-L1`: the CDK then lists the finding
in `validation-report.json` as suppressed, with the reason and the place. The short form makes
the pack drop it without a trace.

What the packs for NIST 800-53 r5, HIPAA and PCI DSS find is explained in `_compliance.py`.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct

# These packs share their rules, but for those that PCI DSS does without.
_STANDARDS = ("NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321")
_NOT_IN_PCI = {"DynamoDBInBackupPlan", "LambdaConcurrency", "LambdaDLQ"}


def acknowledge(construct: Construct, rule: str, reason: str) -> None:
    """Accept finding `rule` on the one resource that `construct` stands for.

    `rule` is the pack's id, such as `AwsSolutions-L1`, with the finding in brackets for rules
    that find several things in one resource.
    """
    resource: IConstruct = construct.node.default_child or construct
    pack = rule.split("-", maxsplit=1)[0]
    Validations.of(resource).acknowledge(Acknowledgment(id=f"{pack}::{rule}", reason=reason))


def acknowledge_for_standards(construct: Construct, rule: str, reason: str) -> None:
    """Accept finding `rule`, such as `LambdaDLQ`, of each pack for a standard that has the rule."""
    for pack in _STANDARDS:
        if pack != "PCI.DSS.321" or rule not in _NOT_IN_PCI:
            acknowledge(construct, f"{pack}-{rule}", reason)


def acknowledge_wildcard(role: iam.IRole | None, resource: str, reason: str) -> None:
    """Accept the wildcard in ARN `resource` of the policy that grants made for `role`."""
    policy = role and role.node.try_find_child("DefaultPolicy")
    # An imported role's policy is called otherwise; no pack reads it as this role's.
    if isinstance(policy, iam.Policy):
        finding = _flatten(Stack.of(policy).resolve(resource))
        acknowledge(policy, f"AwsSolutions-IAM5[Resource::{finding}]", reason)


def _flatten(value: Any) -> str:
    """A resolved ARN as cdk-nag writes it in the id of a finding: `<Bucket.Arn>/transit/*`."""
    match value:
        case {"Fn::Join": [str(delimiter), list(parts)]}:
            return delimiter.join(map(_flatten, parts))
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": resource}:
            return f"<{resource}>"
        case _:
            return str(value)
