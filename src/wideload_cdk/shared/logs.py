"""Log groups, encrypted by a key of the team's where there is one."""

from __future__ import annotations

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge_log_group


def new_log_group(
    scope: Construct,
    id: str,
    *,
    retention: logs.RetentionDays,
    removal_policy: RemovalPolicy,
    encryption_key: kms.IKey | None,
    log_group_name: str | None = None,
) -> logs.LogGroup:
    """A log group. CloudWatch encrypts always; without a key, with one of its own.

    With a `log_group_name`, one that is retained goes all the same if the deployment that makes it
    fails: else the next would find the name taken.
    """
    if encryption_key is not None:
        _let_logs_use(encryption_key, Stack.of(scope))
    if log_group_name is not None and removal_policy is RemovalPolicy.RETAIN:
        removal_policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    log_group = logs.LogGroup(
        scope,
        id,
        log_group_name=log_group_name,
        retention=retention,
        removal_policy=removal_policy,
        encryption_key=encryption_key,
    )
    acknowledge_log_group(log_group)
    return log_group


def _let_logs_use(key: kms.IKey, stack: Stack) -> None:
    """Let CloudWatch Logs use the key, for log groups of the stack's account and region alone.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    groups = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    key.grant(
        iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com").with_conditions(
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
        ),
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:DescribeKey",
    )
