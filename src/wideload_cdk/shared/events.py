"""Events that the constructs live on, and those that they make for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared import grants
from wideload_cdk.shared.function import RuntimeFunction

INGEST_SOURCE = "wideload.ingest"
STORED = "PayloadStored"
FAILED = "PayloadFailed"

FILES_SOURCE = "wideload"
VERIFIED = "FileVerified"
CORRUPT = "FileCorrupt"

# That of payloads looks for orphans three hours back, so that a run may fail.
SWEEP_INTERVAL = Duration.hours(1)

# Ten times what PutEvents takes at once, some 100 ms of work; Lambda itself cuts a batch that
# would pass its 6 MB.
STREAM_BATCH_SIZE = 100
# The time that EventBridge may be out of order before events are lost: any number of tries
# within, since how fast they follow each other isn't ours to say. It is also the time for
# which a record that can't be published holds up its shard; the stream keeps it for 24 hours.
STREAM_RECORD_AGE = Duration.hours(6)


class _PublishedEvents:
    """What `IngestEvents` and `FilesEvents` share."""

    environment_name: str
    event_bus: events.IEventBus
    _source: str

    def _on(
        self,
        detail_type: str,
        id: str,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None,
        options: dict[str, Any],
    ) -> events.Rule:
        assert isinstance(self, Construct)  # noqa: S101 - for the type checker
        narrowed = {name: list(values) for name, values in (detail or {}).items()}
        return events.Rule(
            self,
            id,
            event_bus=self.event_bus,
            event_pattern=events.EventPattern(
                source=[self._source],
                detail_type=[detail_type],
                # Last, so that nobody widens a rule to another deployment.
                detail={**narrowed, "environment": [self.environment_name]},
            ),
            targets=[target],
            **options,
        )


class IngestEvents(_PublishedEvents):
    """Mixed into `PayloadIngest`: rules for what it publishes."""

    _source = INGEST_SOURCE

    def on_payload_stored(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send the event of each payload that was stored to `target`.

        An event comes at least once, usually within a second. What is in it is described by
        `contract/events/` in the repository of this package.

        Args:
            id: Id of the rule, under this construct.
            target: Receives the events, such as `aws_events_targets.SqsQueue(queue)`.
            detail: Narrows the rule further, as EventBridge matches `detail`, for example
                `{"tenant": ["acme"]}`. Default: every payload of this deployment.
            options: Passed on to `events.Rule`: `description=`, `enabled=`, `rule_name=`.
        """
        return self._on(STORED, id, target, detail, options)

    def on_payload_failed(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send the event of each payload that failed to `target`; see `on_payload_stored`.

        `detail.error` has its code and what is wrong with it.
        """
        return self._on(FAILED, id, target, detail, options)


class FilesEvents(_PublishedEvents):
    """Mixed into `FileTransfer`: rules for what its verifier publishes."""

    verifier_function: lambda_.IFunction | None
    _source = FILES_SOURCE

    def on_file_verified(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send the event of each multipart upload that proved to be what it said to `target`.

        An event comes at least once. `detail` has `owner` and `file_id`.

        Args:
            id: Id of the rule, under this construct.
            target: Receives the events, such as `aws_events_targets.SqsQueue(queue)`.
            detail: Narrows the rule further, as EventBridge matches `detail`. Default: every
                file of this deployment.
            options: Passed on to `events.Rule`: `description=`, `enabled=`, `rule_name=`.

        Raises:
            ValueError: There is no verifier, so there are no such events.
        """
        self._check_verifier(VERIFIED)
        return self._on(VERIFIED, id, target, detail, options)

    def on_file_corrupt(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send the event of each upload whose content is not what its owner said to `target`.

        See `on_file_verified`.
        """
        self._check_verifier(CORRUPT)
        return self._on(CORRUPT, id, target, detail, options)

    def _check_verifier(self, detail_type: str) -> None:
        if self.verifier_function is None:
            raise ValueError(
                f"verify_multipart is False, so no {detail_type} would ever come; "
                "give verify_multipart=True."
            )


@jsii.implements(events.IRuleTarget)
class _Target:
    """Where a rule sends events, without the permissions that CDK's own targets add.

    Those of `aws_events_targets` let the rule read the queue's attributes too, leave a queue
    with a KMS key open to every rule, and put the stack's name into logical ids.
    """

    def __init__(self, **config: Any) -> None:
        self._config = config

    def bind(self, rule: object, id: str | None = None) -> events.RuleTargetConfig:  # noqa: ARG002
        return events.RuleTargetConfig(**self._config)


def queue_uploads(
    scope: Construct,
    id: str,
    *,
    bucket: s3.IBucket,
    prefix: str,
    queue: sqs.IQueue,
    dead_letter_queue: sqs.IQueue,
) -> events.Rule:
    """Put a message into `queue`, with its default delay, for every object under `prefix`."""
    rule = events.Rule(
        scope,
        id,
        description="Uploads, in case that nobody claims them",
        event_pattern=events.EventPattern(
            source=["aws.s3"],
            detail_type=["Object Created"],
            detail={
                "bucket": {"name": [bucket.bucket_name]},
                "object": {"key": [{"prefix": prefix}]},
            },
        ),
        targets=[
            _Target(
                arn=queue.queue_arn,
                input=events.RuleTargetInput.from_object(
                    {
                        "s3_key": events.EventField.from_path("$.detail.object.key"),
                        "reason": "unclaimed",
                    }
                ),
                dead_letter_config=_dead_letters(dead_letter_queue),
            )
        ],
    )
    grants.grant_rule(queue, rule)
    grants.grant_rule(dead_letter_queue, rule)
    return rule


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
            _Target(
                arn=function.function_arn,
                # By then the next one is due.
                retry_policy=events.CfnRule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=interval.to_seconds()
                ),
                dead_letter_config=dead_letter_queue and _dead_letters(dead_letter_queue),
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


def publish_finished(
    scope: Construct,
    id: str,
    *,
    table: dynamodb.ITable,
    function: RuntimeFunction,
    dead_letter_queue: sqs.IQueue,
) -> lambda_.EventSourceMapping:
    """Give `function` the items of the table's stream that are finished payloads, and those that
    expired with a document in the bucket."""
    mapping = lambda_.EventSourceMapping(
        scope,
        id,
        target=function,
        event_source_arn=table.table_stream_arn,
        # With LATEST, what is written while the mapping is being made would be skipped.
        starting_position=lambda_.StartingPosition.TRIM_HORIZON,
        # No batching window: subscribers would wait, and when there is much to publish
        # batches fill by themselves.
        batch_size=STREAM_BATCH_SIZE,
        filters=[
            lambda_.FilterCriteria.filter(
                {
                    "eventName": ["INSERT", "MODIFY"],
                    "dynamodb": {"NewImage": {"state": {"S": ["stored", "failed"]}}},
                }
            ),
            lambda_.FilterCriteria.filter(
                {
                    "eventName": ["REMOVE"],
                    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
                    "userIdentity": {"principalId": ["dynamodb.amazonaws.com"]},
                    "dynamodb": {"OldImage": {"archive_key": {"S": [{"exists": True}]}}},
                }
            ),
        ],
        bisect_batch_on_error=True,
        report_batch_item_failures=True,
        max_record_age=STREAM_RECORD_AGE,
        on_failure=_QueueDestination(dead_letter_queue),
    )
    grants.grant_stream(table, function)
    grants.grant_send(dead_letter_queue, function)
    # Lambda checks, when the mapping is made, that the role may read the stream.
    mapping.node.add_dependency(function.runtime_role)
    return mapping


@jsii.implements(lambda_.IEventSourceDlq)
class _QueueDestination:
    """A queue for what a stream's consumer gave up; `publish_finished` grants."""

    def __init__(self, queue: sqs.IQueue) -> None:
        self._queue = queue

    def bind(
        self,
        target: object,  # noqa: ARG002
        target_handler: object,  # noqa: ARG002
    ) -> lambda_.DlqDestinationConfig:
        return lambda_.DlqDestinationConfig(destination=self._queue.queue_arn)


def _dead_letters(queue: sqs.IQueue) -> events.CfnRule.DeadLetterConfigProperty:
    return events.CfnRule.DeadLetterConfigProperty(arn=queue.queue_arn)
