"""EventBridge rules that invoke functions on a schedule, and the targets of rules."""

from __future__ import annotations

import jsii
from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared import grants

# The sweep of payloads looks for orphans three hours back, so that a run may fail.
SWEEP_INTERVAL = Duration.hours(1)


@jsii.implements(events.IRuleTarget)
class RuleTarget:
    """A target without the permissions that CDK's own targets add.

    The targets of `aws_events_targets` let the rule read the queue's attributes too, open a queue
    with a KMS key to every rule, and put the stack's name into logical ids.
    """

    def __init__(
        self,
        arn: str,
        *,
        event_input: events.RuleTargetInput | None = None,
        maximum_event_age: Duration | None = None,
        dead_letter_queue: sqs.IQueue | None = None,
    ) -> None:
        self._config = events.RuleTargetConfig(
            arn=arn,
            input=event_input,
            retry_policy=None
            if maximum_event_age is None
            else events.CfnRule.RetryPolicyProperty(
                maximum_event_age_in_seconds=maximum_event_age.to_seconds()
            ),
            dead_letter_config=None
            if dead_letter_queue is None
            else events.CfnRule.DeadLetterConfigProperty(arn=dead_letter_queue.queue_arn),
        )

    def bind(self, rule: object, id: str | None = None) -> events.RuleTargetConfig:  # noqa: ARG002
        return self._config


def invoke_hourly(
    scope: Construct, id: str, *, function: lambda_.IFunction, dead_letter_queue: sqs.IQueue
) -> events.Rule:
    """Invoke `function`, a sweep, every hour."""
    return invoke_every(
        scope,
        id,
        interval=SWEEP_INTERVAL,
        description="The hourly sweep",
        function=function,
        dead_letter_queue=dead_letter_queue,
    )


def invoke_every(
    scope: Construct,
    id: str,
    *,
    interval: Duration,
    description: str,
    function: lambda_.IFunction,
    dead_letter_queue: sqs.IQueue | None = None,
) -> events.Rule:
    """Invoke `function` on a schedule."""
    rule = events.Rule(
        scope,
        id,
        description=description,
        schedule=events.Schedule.rate(interval),
        targets=[
            RuleTarget(
                function.function_arn,
                # Later, the next event is due.
                maximum_event_age=interval,
                dead_letter_queue=dead_letter_queue,
            )
        ],
    )
    function.add_permission(
        "Schedule",
        principal=iam.ServicePrincipal("events.amazonaws.com"),
        source_arn=rule.rule_arn,
    )
    if dead_letter_queue is not None:
        grants.grant_rule(dead_letter_queue, rule)
    return rule
