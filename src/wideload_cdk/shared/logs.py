"""Log groups, encrypted by the caller's KMS key if there is one."""

from __future__ import annotations

import dataclasses

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge_log_group


@dataclasses.dataclass(frozen=True)
class LogSettings:
    """Settings that all log groups of a construct share."""

    retention: logs.RetentionDays
    removal_policy: RemovalPolicy
    encryption_key: kms.IKey | None


def new_log_group(
    scope: Construct, id: str, settings: LogSettings, *, log_group_name: str | None = None
) -> logs.LogGroup:
    """Make a log group. Without a key, CloudWatch encrypts it with a key of its own.

    A retained group that has a `log_group_name` is still deleted if the deployment that creates
    it fails. Otherwise the next deployment would find the name taken.
    """
    key, removal_policy = settings.encryption_key, settings.removal_policy
    if key is not None:
        _grant_logs_service(key, Stack.of(scope))
    if log_group_name is not None and removal_policy is RemovalPolicy.RETAIN:
        removal_policy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
    log_group = logs.LogGroup(
        scope,
        id,
        log_group_name=log_group_name,
        retention=settings.retention,
        removal_policy=removal_policy,
        encryption_key=key,
    )
    if key is None:
        acknowledge_log_group(log_group)
    return log_group


def _grant_logs_service(key: kms.IKey, stack: Stack) -> None:
    """Grant CloudWatch Logs the use of `key` for log groups of the stack's account and region.

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
