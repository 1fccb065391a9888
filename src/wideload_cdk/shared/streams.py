"""Lambda functions that publish events from a table's stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jsii
from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared import grants
from wideload_cdk.shared.function import RuntimeFunction

# A hundred events are ten calls of some 10 ms; the rest is for retries.
EVENTS_TIMEOUT = Duration.minutes(1)
# Ten times what PutEvents takes at once, some 100 ms of work; Lambda itself splits a batch that
# would exceed its 6 MB.
STREAM_BATCH_SIZE = 100
# How long EventBridge may be unavailable before events are lost. The number of retries within that
# time is unlimited, since Lambda decides how fast they follow each other. A record that can't be
# published blocks its shard for as long; the stream keeps it for 24 hours.
STREAM_RECORD_AGE = Duration.hours(6)


def publish_stream(
    scope: Construct,
    id: str,
    *,
    table: dynamodb.ITable,
    function: RuntimeFunction,
    event_bus: events.IEventBus,
    dead_letter_queue: sqs.IQueue,
    filters: Sequence[Mapping[str, Any]],
) -> lambda_.EventSourceMapping:
    """Invoke `function` with the changes of `table` that match any of `filters`.

    Batches that fail for too long go to `dead_letter_queue`. The function may read the stream,
    send to the queue and publish to `event_bus`.
    """
    mapping = lambda_.EventSourceMapping(
        scope,
        id,
        target=function,
        event_source_arn=table.table_stream_arn,
        # With LATEST, writes during the creation of the mapping would be skipped.
        starting_position=lambda_.StartingPosition.TRIM_HORIZON,
        # No batching window: it would delay events, and under load batches fill by themselves.
        batch_size=STREAM_BATCH_SIZE,
        filters=[lambda_.FilterCriteria.filter(dict(each)) for each in filters],
        bisect_batch_on_error=True,
        report_batch_item_failures=True,
        max_record_age=STREAM_RECORD_AGE,
        on_failure=_QueueDestination(dead_letter_queue),
    )
    grants.grant_stream(table, function)
    grants.grant_send(dead_letter_queue, function)
    # Lambda checks, when the mapping is made, that the role may read the stream.
    mapping.node.add_dependency(function.runtime_role)
    event_bus.grant_put_events_to(function)
    return mapping


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
