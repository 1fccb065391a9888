"""Queues: encrypted, TLS only, with dead letters that are kept for two weeks."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge

# A worker's lease on a payload lasts 16 minutes, one more than its timeout. A message that becomes
# visible before the lease of a crashed worker has ended is refused, and has used one of its five
# receives. So it stays hidden for the 16 minutes and four more, by which the invocation may begin
# later than the delivery. AWS's rule of thumb, six times the function's timeout, would leave the
# payload of a crashed worker unprocessed for an hour and a half.
VISIBILITY_TIMEOUT = Duration.minutes(20)
# AWS advises at least five, since throttled invocations count as receives.
MAX_RECEIVE_COUNT = 5


def new_work_queue(
    scope: Construct,
    id: str,
    *,
    encryption_key: kms.IKey | None,
    dead_letter_queue: sqs.IQueue,
    delivery_delay: Duration | None = None,
) -> sqs.Queue:
    """Make a queue for a function that may take its whole 15 minutes for a message."""
    return sqs.Queue(
        scope,
        id,
        encryption=_encryption(encryption_key),
        encryption_master_key=encryption_key,
        enforce_ssl=True,
        visibility_timeout=VISIBILITY_TIMEOUT,
        retention_period=Duration.days(4),
        delivery_delay=delivery_delay,
        dead_letter_queue=sqs.DeadLetterQueue(
            queue=dead_letter_queue, max_receive_count=MAX_RECEIVE_COUNT
        ),
    )


def new_dead_letter_queue(
    scope: Construct, id: str, *, encryption_key: kms.IKey | None
) -> sqs.Queue:
    queue = sqs.Queue(
        scope,
        id,
        encryption=_encryption(encryption_key),
        encryption_master_key=encryption_key,
        enforce_ssl=True,
        retention_period=Duration.days(14),
    )
    acknowledge(queue, {"Serverless-SQSRedrivePolicy": "This is a dead-letter queue itself."})
    return queue


def consume(
    scope: Construct,
    id: str,
    *,
    queue: sqs.IQueue,
    function: lambda_.IFunction,
    max_concurrency: int,
) -> None:
    """Invoke `function` with one message of `queue` at a time, `max_concurrency` times at once."""
    # Not `SqsEventSource`: it puts the stack's name into the logical id.
    mapping = lambda_.EventSourceMapping(
        scope,
        id,
        target=function,
        event_source_arn=queue.queue_arn,
        # Each message may need the whole 15 minutes.
        batch_size=1,
        report_batch_item_failures=True,
        max_concurrency=max_concurrency,
    )
    acknowledge(
        mapping,
        {
            "Serverless-LambdaEventSourceMappingDestination": "Lambda offers no failure "
            "destination for SQS; the queue has a dead-letter queue."
        },
    )


def _encryption(key: kms.IKey | None) -> sqs.QueueEncryption:
    return sqs.QueueEncryption.KMS if key else sqs.QueueEncryption.SQS_MANAGED
