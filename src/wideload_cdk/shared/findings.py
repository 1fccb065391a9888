"""Acknowledge findings of rule packs (cdk-nag), one resource at a time, each with its reason.

Constructs acknowledge the findings of the resources that they make, so that the reasons travel
with them into every app that runs these packs. A finding that an option has fixed is not
acknowledged.

An id names its pack twice, as `AwsSolutions::AwsSolutions-L1`: the CDK then lists the finding
in `validation-report.json` as suppressed, with the reason and the place. The short form makes
the pack drop it without a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

import aws_cdk
from aws_cdk import Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

# Earlier versions have no acknowledgements, or refuse `::` within the id of a finding.
_ACKNOWLEDGES = tuple(map(int, metadata.version("aws-cdk-lib").split(".")[:2])) >= (2, 269)

# NIST 800-53 r5, HIPAA and PCI DSS share their rules, except for those that PCI DSS lacks.
_STANDARDS = ("NIST.800.53.R5", "HIPAA.Security", "PCI.DSS.321")
_NOT_IN_PCI = {"DynamoDBInBackupPlan", "LambdaConcurrency", "LambdaDLQ"}

_ENCRYPTION = "S3DefaultEncryptionKMS"
_REPLICATION = "S3BucketReplicationEnabled"
_VERSIONING = "S3BucketVersioningEnabled"

TRANSFER_BUCKET = {
    _ENCRYPTION: "S3 encrypts every object with keys of its own (SSE-S3, AES-256); encryption_key= "
    "brings one of the account's.",
    _REPLICATION: "S3 replicates buckets with versions alone, which would keep what was deleted; "
    "objects lie in three availability zones or more, and are lost with their region.",
    _VERSIONING: "Versions would keep what its owner, or a lifecycle rule, has deleted; so what is "
    "deleted by mistake is gone, too.",
}
ACCESS_LOGS_BUCKET = {
    _ENCRYPTION: "Of a bucket that receives access logs, AWS supports the encryption by S3's own "
    "keys alone.",
    _REPLICATION: "S3 replicates buckets with versions alone; these logs are kept for 90 days, to "
    "look into an incident, and nothing depends on them.",
    _VERSIONING: "Each log is written once, under a name of its own, and no role made here may "
    "write or delete one.",
}
PAGE_BUCKET = {
    _ENCRYPTION: "The page is for everybody to see; S3 encrypts it all the same, with keys of its "
    "own.",
    _REPLICATION: "The page comes from a build: where the bucket is lost, a deployment fills "
    "another.",
    _VERSIONING: "The page comes from a build: an earlier one is put back by deploying it again.",
}
PAGE_LOGS = (
    "It tells which files of a public page were copied; CloudWatch Logs encrypts it with a key of "
    "its own."
)
_LOGS = (
    "CloudWatch Logs encrypts it with a key of its own, and no content, API key or token is "
    "logged; encryption_key= brings a key of the account's."
)


def acknowledge(construct: Construct, findings: Mapping[str, str]) -> None:
    """Accept findings on the one resource that `construct` stands for.

    All findings of a resource go in one call: each call costs four requests to jsii's kernel.
    Before aws-cdk-lib 2.269 it does nothing.

    Args:
        findings: The reason for each finding, by the pack's id of the rule, such as
            `AwsSolutions-L1`, with the finding in brackets for rules that find several things in
            one resource.
    """
    if not _ACKNOWLEDGES:
        return
    resource: IConstruct = construct.node.default_child or construct
    aws_cdk.Validations.of(resource).acknowledge(
        *(
            aws_cdk.Acknowledgment(id=f"{rule.split('-', maxsplit=1)[0]}::{rule}", reason=reason)
            for rule, reason in findings.items()
        )
    )


def of_standards(findings: Mapping[str, str]) -> dict[str, str]:
    """Return findings such as `LambdaDLQ`, for each pack for a standard that has the rule."""
    return {
        f"{pack}-{rule}": reason
        for rule, reason in findings.items()
        for pack in _STANDARDS
        if pack != "PCI.DSS.321" or rule not in _NOT_IN_PCI
    }


def acknowledge_wildcard(role: iam.IRole | None, resource: str, reason: str) -> None:
    """Accept the wildcard in ARN `resource` of the policy that grants made for `role`."""
    policy = role and role.node.try_find_child("DefaultPolicy")
    # The policy of an imported role has another id, and no pack attributes it to the role.
    if isinstance(policy, iam.Policy):
        finding = _flatten(Stack.of(policy).resolve(resource))
        acknowledge(policy, {f"AwsSolutions-IAM5[Resource::{finding}]": reason})


def acknowledge_bucket(bucket: s3.Bucket, reasons: Mapping[str, str]) -> None:
    """Accept that `bucket` has neither versions nor replicas, and no KMS key if it has none.

    `reasons` maps rules to reasons, as `TRANSFER_BUCKET` does.
    """
    encrypted = bucket.encryption_key is not None
    acknowledge(
        bucket,
        of_standards(
            {
                rule: reason
                for rule, reason in reasons.items()
                if rule != _ENCRYPTION or not encrypted
            }
        ),
    )


def acknowledge_table(table: dynamodb.Table, *, point_in_time_recovery: bool) -> None:
    """Accept that `table` is in no backup plan."""
    reason = (
        "Point-in-time recovery restores it to any second of the last 35 days; a plan of AWS "
        "Backup is the account's, and can choose its tables by tag."
        if point_in_time_recovery
        else "The deployment does without point-in-time recovery, and so without backups: what the "
        "table holds may be lost."
    )
    acknowledge(table, of_standards({"DynamoDBInBackupPlan": reason}))


def acknowledge_function(
    function: lambda_.Function,
    *,
    tracing: bool,
    reserved: bool,
    no_dead_letters: str,
    no_vpc: str | None,
) -> None:
    """Accept that `function` has no dead-letter target, and isn't on the latest runtime.

    Args:
        tracing: Whether it sends traces; if not, that is accepted.
        reserved: Whether it reserves concurrency; if not, that is accepted.
        no_dead_letters: Why it needs no dead-letter target.
        no_vpc: Why it may run outside a VPC. None: it runs in one.
    """
    runtime = (
        "The dependencies in the code are compiled for Python 3.13, which Lambda supports "
        "until 2029; the runtime moves together with them."
    )
    findings = {
        "AwsSolutions-L1": runtime,
        "Serverless-LambdaLatestVersion": runtime,
        "Serverless-LambdaDLQ": no_dead_letters,
    }
    if not tracing:
        findings["Serverless-LambdaTracing"] = "Tracing is paid, and was switched off."
    standards = {"LambdaDLQ": no_dead_letters}
    if not reserved:
        standards["LambdaConcurrency"] = (
            "How many run at once is limited by what invokes it: the API's throttling, the queue's "
            "mapping, the stream's shards or the schedule. A reservation would take from what the "
            "account's other functions share."
        )
    if no_vpc is not None:
        standards["LambdaInsideVPC"] = no_vpc
    acknowledge(function, {**findings, **of_standards(standards)})


def acknowledge_log_group(log_group: logs.LogGroup, reason: str = _LOGS) -> None:
    """Accept that `log_group` has no KMS key."""
    acknowledge(log_group, of_standards({"CloudWatchLogGroupEncrypted": reason}))


def acknowledge_network(vpc: ec2.Vpc) -> None:
    """Accept that the default security group of `vpc` keeps the rules that AWS gives it."""
    reason = (
        "Nothing is in the default group, whose rules only a custom resource could take away; "
        "functions and endpoints have groups of their own."
    )
    acknowledge(vpc, of_standards({"VPCDefaultSecurityGroupClosed": reason}))


def acknowledge_role(role: iam.IRole | None) -> None:
    """Accept the inline policy that grants made for `role`, a role that is not imported."""
    policy = role and role.node.find_child("DefaultPolicy")
    assert isinstance(policy, iam.Policy)  # noqa: S101 - for the type checker
    reason = (
        "The policy is this role's alone and goes with it; a managed one could be attached to "
        "other roles, which have other work to do."
    )
    acknowledge(policy, of_standards({"IAMNoInlinePolicy": reason}))


def _flatten(value: Any) -> str:
    """Write a resolved ARN as cdk-nag does in the id of a finding: `<Bucket.Arn>/transit/*`."""
    match value:
        case {"Fn::Join": [str(delimiter), list(parts)]}:
            return delimiter.join(map(_flatten, parts))
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": resource}:
            return f"<{resource}>"
        case _:
            return str(value)
