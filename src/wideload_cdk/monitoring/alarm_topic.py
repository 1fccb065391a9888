"""The topic that alarms tell, encrypted, and reached by TLS alone."""

from __future__ import annotations

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct


def new_alarm_topic(
    scope: Construct, id: str, *, display_name: str, encryption_key: kms.IKey | None
) -> sns.Topic:
    """A topic to which CloudWatch alarms of this account, and nobody else, may publish.

    Without a key it gets one of its own: alarms can't publish to a topic under SNS's own key,
    whose policy can't be changed to let CloudWatch use it.
    """
    alarms = _alarms_of(Stack.of(scope))
    key = encryption_key or kms.Key(
        scope,
        f"{id}Key",
        description=f"Encrypts what {display_name} tells",
        enable_key_rotation=True,
        # Nothing is stored under it: it guards messages on their way.
        removal_policy=RemovalPolicy.DESTROY,
    )
    key.grant(alarms, "kms:Decrypt", "kms:GenerateDataKey")
    topic = sns.Topic(scope, id, display_name=display_name, master_key=key, enforce_ssl=True)
    # With a policy of its own, even one that only denies, a topic loses the one that SNS gives
    # it, which would let CloudWatch publish.
    topic.grant_publish(alarms)
    return topic


def _alarms_of(stack: Stack) -> iam.IPrincipal:
    """CloudWatch, acting for an alarm of the stack's account and region."""
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
