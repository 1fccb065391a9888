"""Malware scanning of files: GuardDuty's plan, and the rules that queue results of scanners."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_guardduty as guardduty
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared import grants
from wideload_cdk.shared.events import RuleTarget
from wideload_cdk.shared.findings import acknowledge_role, acknowledge_wildcard

SCANNER_SOURCE = "wideload.scanner"
_SERVICE = "malware-protection-plan.guardduty.amazonaws.com"
_VALIDATION_OBJECT = "malware-protection-resource-validation-object"


def new_malware_plan(
    scope: Construct, id: str, *, bucket: s3.IBucket, prefix: str
) -> guardduty.CfnMalwareProtectionPlan:
    """Have GuardDuty scan each new object of `bucket` under `prefix`."""
    role = iam.Role(scope, f"{id}Role", assumed_by=iam.ServicePrincipal(_SERVICE))
    _grant_scan(role, bucket, prefix)
    plan = guardduty.CfnMalwareProtectionPlan(
        scope,
        id,
        role=role.role_arn,
        protected_resource=guardduty.CfnMalwareProtectionPlan.CFNProtectedResourceProperty(
            s3_bucket=guardduty.CfnMalwareProtectionPlan.S3BucketProperty(
                bucket_name=bucket.bucket_name, object_prefixes=[prefix]
            )
        ),
    )
    # GuardDuty checks, when the plan is made, that the role may do all of it.
    plan.node.add_dependency(role)
    return plan


def queue_guardduty_results(
    scope: Construct,
    id: str,
    *,
    bucket: s3.IBucket,
    prefix: str,
    queue: sqs.IQueue,
    dead_letter_queue: sqs.IQueue,
) -> events.Rule:
    """Send GuardDuty's results to `queue`; it publishes them on the default event bus alone.

    https://docs.aws.amazon.com/guardduty/latest/ug/monitor-with-eventbridge-s3-malware-protection.html
    """
    return _queue(
        events.Rule(
            scope,
            id,
            description="GuardDuty's results of malware scans",
            event_pattern=events.EventPattern(
                source=["aws.guardduty"],
                detail_type=["GuardDuty Malware Protection Object Scan Result"],
                detail={
                    "s3ObjectDetails": {
                        "bucketName": [bucket.bucket_name],
                        "objectKey": [{"prefix": prefix}],
                    }
                },
            ),
        ),
        queue,
        dead_letter_queue,
    )


def queue_results(
    scope: Construct,
    id: str,
    *,
    event_bus: events.IEventBus,
    environment_name: str,
    queue: sqs.IQueue,
    dead_letter_queue: sqs.IQueue,
) -> events.Rule:
    """Send results of other scanners, and of operators, to `queue`."""
    return _queue(
        events.Rule(
            scope,
            id,
            description="Results of malware scans, in Wideload's own form",
            event_bus=event_bus,
            event_pattern=events.EventPattern(
                source=[SCANNER_SOURCE],
                detail_type=["FileScanResult"],
                detail={"environment": [environment_name]},
            ),
        ),
        queue,
        dead_letter_queue,
    )


def _queue(rule: events.Rule, queue: sqs.IQueue, dead_letter_queue: sqs.IQueue) -> events.Rule:
    rule.add_target(RuleTarget(queue.queue_arn, dead_letter_queue=dead_letter_queue))
    grants.grant_rule(queue, rule)
    grants.grant_rule(dead_letter_queue, rule)
    return rule


def _grant_scan(role: iam.Role, bucket: s3.IBucket, prefix: str) -> None:
    """Grant what AWS documents for a plan, on `prefix` alone, and without tagging objects.

    https://docs.aws.amazon.com/guardduty/latest/ug/malware-protection-s3-iam-policy-prerequisite.html
    """
    rules = Stack.of(role).format_arn(
        service="events",
        resource="rule",
        resource_name="DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*",
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=[
                "events:DeleteRule",
                "events:PutRule",
                "events:PutTargets",
                "events:RemoveTargets",
            ],
            resources=[rules],
            conditions={"StringLike": {"events:ManagedBy": _SERVICE}},
        )
    )
    granted = {
        rules: ["events:DescribeRule", "events:ListTargetsByRule"],
        bucket.bucket_arn: [
            "s3:GetBucketNotification",
            "s3:ListBucket",
            "s3:PutBucketNotification",
        ],
        bucket.arn_for_objects(_VALIDATION_OBJECT): ["s3:PutObject"],
        bucket.arn_for_objects(f"{prefix}*"): ["s3:GetObject", "s3:GetObjectVersion"],
    }
    for resource, actions in granted.items():
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
    grants.grant_bucket_key(bucket, role)
    acknowledge_role(role)
    acknowledge_wildcard(role, rules, "GuardDuty names its managed rule itself.")
    acknowledge_wildcard(
        role,
        bucket.arn_for_objects(f"{prefix}*"),
        f"The keys of files are known only at run time; all start with {prefix}.",
    )
