"""Why Wideload's resources are as they are where NIST 800-53 r5, HIPAA or PCI DSS want them else.

Whoever makes a resource calls the function for its kind, so that the reasons go with the
constructs into every app that runs these packs. What an option has put right is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from wideload_cdk.shared.rules import acknowledge_for_standards

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


def acknowledge_bucket(bucket: s3.Bucket, reasons: Mapping[str, str]) -> None:
    """Say why `bucket` keeps no versions and no copies, and uses S3's own keys, if it does."""
    for rule, reason in reasons.items():
        if rule != _ENCRYPTION or bucket.encryption_key is None:
            acknowledge_for_standards(bucket, rule, reason)


def acknowledge_table(table: dynamodb.Table, *, point_in_time_recovery: bool) -> None:
    """Say why `table` is in no backup plan."""
    acknowledge_for_standards(
        table,
        "DynamoDBInBackupPlan",
        "Point-in-time recovery restores it to any second of the last 35 days; a plan of AWS "
        "Backup is the account's, and can choose its tables by tag."
        if point_in_time_recovery
        else "The deployment does without point-in-time recovery, and so without backups: what the "
        "table holds may be lost.",
    )


def acknowledge_function(function: lambda_.Function, no_dead_letters: str, no_vpc: str) -> None:
    """Say why `function` has no dead letters and, where it hasn't, no reservation and no VPC."""
    resource = function.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)  # noqa: S101 - for the type checker
    acknowledge_for_standards(function, "LambdaDLQ", no_dead_letters)
    if resource.reserved_concurrent_executions is None:
        acknowledge_for_standards(
            function,
            "LambdaConcurrency",
            "How many run at once is limited by what invokes it: the API's throttling, the queue's "
            "mapping, the stream's shards or the schedule. A reservation would take from what the "
            "account's other functions share.",
        )
    if resource.vpc_config is None:
        acknowledge_for_standards(function, "LambdaInsideVPC", no_vpc)


def acknowledge_log_group(log_group: logs.LogGroup, reason: str = _LOGS) -> None:
    """Say why `log_group` is under CloudWatch's own key, if it is."""
    resource = log_group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)  # noqa: S101 - for the type checker
    if resource.kms_key_id is None:
        acknowledge_for_standards(log_group, "CloudWatchLogGroupEncrypted", reason)


def acknowledge_network(vpc: ec2.Vpc) -> None:
    """Say why the default security group of `vpc` has the rules that AWS gives it."""
    acknowledge_for_standards(
        vpc,
        "VPCDefaultSecurityGroupClosed",
        "Nothing is in the default group, whose rules only a custom resource could take away; "
        "functions and endpoints have groups of their own.",
    )


def acknowledge_role(role: iam.IRole | None) -> None:
    """Say why what was granted to `role`, which was made here, is an inline policy."""
    policy = role and role.node.find_child("DefaultPolicy")
    assert isinstance(policy, iam.Policy)  # noqa: S101 - for the type checker
    acknowledge_for_standards(
        policy,
        "IAMNoInlinePolicy",
        "The policy is this role's alone and goes with it; a managed one could be attached to "
        "other roles, which have other work to do.",
    )
