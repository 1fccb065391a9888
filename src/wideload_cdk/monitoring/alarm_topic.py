"""The encrypted topic that alarms notify."""

from __future__ import annotations

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


def new_alarm_topic(
    scope: Construct, id: str, *, display_name: str, encryption_key: kms.IKey | None
) -> sns.Topic:
    """Make a topic to which only CloudWatch alarms of this account may publish, over TLS.

    Without `encryption_key` it gets a new key: alarms can't publish to a topic under SNS's own
    key, whose policy doesn't let CloudWatch use it and can't be changed.
    """
    alarms = _alarms_of(Stack.of(scope))
    key = encryption_key or kms.Key(
        scope,
        f"{id}Key",
        description=f"Encrypts what {display_name} tells",
        enable_key_rotation=True,
        # Nothing is stored under it: it encrypts messages in transit.
        removal_policy=RemovalPolicy.DESTROY,
    )
    key.grant(alarms, "kms:Decrypt", "kms:GenerateDataKey")
    topic = sns.Topic(scope, id, display_name=display_name, master_key=key, enforce_ssl=True)
    # `enforce_ssl` adds a policy, which replaces SNS's default policy that lets CloudWatch publish.
    topic.grant_publish(alarms)
    return topic


def _alarms_of(stack: Stack) -> iam.IPrincipal:
    """CloudWatch on behalf of an alarm of the stack's account and region."""
    alarms = stack.format_arn(
        service="cloudwatch",
        resource="alarm",
        resource_name="*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return iam.ServicePrincipal("cloudwatch.amazonaws.com").with_conditions(
        {
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": alarms},
        }
    )
