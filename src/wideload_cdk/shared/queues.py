"""Queues: encrypted, TLS only, with dead letters that are kept for two weeks."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared.rules import acknowledge

# Longer than a function can run. A worker of payloads holds its payload by a lease of 16
# minutes, one more than that. A message that comes back before a crashed worker's lease has
# ended is turned away, and has used up one of its five deliveries; so it stays hidden for the
# lease and four minutes more, in which the invocation may have begun later than the delivery.
# Longer, as by AWS's rule of thumb of six times the timeout, and the payload of a crashed
# worker would lie for an hour and a half.
VISIBILITY_TIMEOUT = Duration.minutes(20)
# AWS advises at least five, since throttled invocations count as receives.
MAX_RECEIVE_COUNT = 5


def new_queue(
    scope: Construct, id: str, encryption_key: kms.IKey | None, **options: Any
) -> sqs.Queue:
    return sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.KMS if encryption_key else sqs.QueueEncryption.SQS_MANAGED,
        encryption_master_key=encryption_key,
        enforce_ssl=True,
        **options,
    )


def new_work_queue(
    scope: Construct,
    id: str,
    encryption_key: kms.IKey | None,
    *,
    dead_letter_queue: sqs.IQueue,
    **options: Any,
) -> sqs.Queue:
    """A queue for a function that may take its whole 15 minutes for a message."""
    return new_queue(
        scope,
        id,
        encryption_key,
        visibility_timeout=VISIBILITY_TIMEOUT,
        retention_period=Duration.days(4),
        dead_letter_queue=sqs.DeadLetterQueue(
            queue=dead_letter_queue, max_receive_count=MAX_RECEIVE_COUNT
        ),
        **options,
    )


def new_dead_letter_queue(scope: Construct, id: str, encryption_key: kms.IKey | None) -> sqs.Queue:
    queue = new_queue(scope, id, encryption_key, retention_period=Duration.days(14))
    acknowledge(queue, "Serverless-SQSRedrivePolicy", "This is a dead-letter queue itself.")
    return queue


def consume(
    scope: Construct,
    id: str,
    queue: sqs.IQueue,
    function: lambda_.IFunction,
    *,
    max_concurrency: int,
) -> None:
    """Invoke `function` with one message of `queue` at a time, so many at once."""
    # Not `SqsEventSource`: it puts the stack's name into the logical id.
    mapping = lambda_.EventSourceMapping(
        scope,
        id,
        target=function,
        event_source_arn=queue.queue_arn,
        # Each may need the whole 15 minutes.
        batch_size=1,
        report_batch_item_failures=True,
        max_concurrency=max_concurrency,
    )
    acknowledge(
        mapping,
        "Serverless-LambdaEventSourceMappingDestination",
        "Lambda offers no failure destination for SQS; the queue has a dead-letter queue.",
    )
