"""Events of payload ingest: the uploads that it receives, and the results that it publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared import grants
from wideload_cdk.shared.events import RuleTarget
from wideload_cdk.shared.reference import ServiceReference

SOURCE = "wideload.ingest"
STORED = "PayloadStored"
FAILED = "PayloadFailed"

# Ten times what PutEvents takes at once, some 100 ms of work; Lambda itself splits a batch that
# would exceed its 6 MB.
STREAM_BATCH_SIZE = 100
# How long EventBridge may be unavailable before events are lost. The number of retries within that
# time is unlimited, since Lambda decides how fast they follow each other. A record that can't be
# published blocks its shard for as long; the stream keeps it for 24 hours.
STREAM_RECORD_AGE = Duration.hours(6)


class IngestEvents(ServiceReference):
    """The events of `PayloadIngest`, one method each."""

    def on_payload_stored(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each payload that was stored.

        An event comes at least once, usually within a second. Its members are described by
        `contract/events/` in the repository of this package.

        Args:
            id: Id of the rule, under this construct.
            target: Receives the events, such as `aws_events_targets.SqsQueue(queue)`.
            detail: Narrows the rule further, as EventBridge matches `detail`, for example
                `{"tenant": ["acme"]}`. Default: every payload of this deployment.
            options: Passed on to `events.Rule`: `description=`, `enabled=`, `rule_name=`.
        """
        return self._on(id, STORED, target=target, detail=detail, options=options)

    def on_payload_failed(
        self,
        id: str,
        *,
        target: events.IRuleTarget,
        detail: Mapping[str, Sequence[Any]] | None = None,
        **options: Any,
    ) -> events.Rule:
        """Send an event to `target` for each payload that failed; see `on_payload_stored`.

        `detail.error` has the error's code and description.
        """
        return self._on(id, FAILED, target=target, detail=detail, options=options)


def queue_uploads(
    scope: Construct,
    id: str,
    *,
    bucket: s3.IBucket,
    prefix: str,
    queue: sqs.IQueue,
    dead_letter_queue: sqs.IQueue,
) -> events.Rule:
    """Send a message to `queue`, with its default delay, for every new object under `prefix`."""
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
            RuleTarget(
                queue.queue_arn,
                event_input=events.RuleTargetInput.from_object(
                    {
                        "s3_key": events.EventField.from_path("$.detail.object.key"),
                        "reason": "unclaimed",
                    }
                ),
                dead_letter_queue=dead_letter_queue,
            )
        ],
    )
    grants.grant_rule(queue, rule)
    grants.grant_rule(dead_letter_queue, rule)
    return rule


def read_stream(
    scope: Construct,
    id: str,
    *,
    table: dynamodb.ITable,
    function: lambda_.IFunction,
    dead_letter_queue: sqs.IQueue,
) -> lambda_.EventSourceMapping:
    """Invoke `function` with finished payloads, and with expired ones that have a document.

    The items come from the table's stream. Batches that fail for too long go to
    `dead_letter_queue`; the function needs `grant_stream` on the table and `grant_send` on the
    queue.
    """
    return lambda_.EventSourceMapping(
        scope,
        id,
        target=function,
        event_source_arn=table.table_stream_arn,
        # With LATEST, writes during the creation of the mapping would be skipped.
        starting_position=lambda_.StartingPosition.TRIM_HORIZON,
        # No batching window: it would delay events, and under load batches fill by themselves.
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


@jsii.implements(lambda_.IEventSourceDlq)
class _QueueDestination:
    """A queue as destination, without the permissions that CDK's own destination adds."""

    def __init__(self, queue: sqs.IQueue) -> None:
        self._queue = queue

    def bind(
        self,
        target: object,  # noqa: ARG002
        target_handler: object,  # noqa: ARG002
    ) -> lambda_.DlqDestinationConfig:
        return lambda_.DlqDestinationConfig(destination=self._queue.queue_arn)
