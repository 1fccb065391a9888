"""Move the messages of a dead-letter queue back into the queue they came from.

From Python::

    moved = redrive(boto3.client("sqs"), queue_url)

or as a program, `wideload-redrive`. Needs the extra `wideload-cdk[operate]`.

A message gets there after its processing has failed five times. Redrive the queue when the cause
is fixed: each payload is then processed as if it had just been queued.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import ClientError

POLL_SECONDS = 1.0


class Queues(Protocol):
    """Those methods of boto3's `sqs` client that are used here."""

    def get_queue_attributes(self, **arguments: Any) -> Any: ...
    def get_queue_url(self, **arguments: Any) -> Any: ...
    def start_message_move_task(self, **arguments: Any) -> Any: ...
    def list_message_move_tasks(self, **arguments: Any) -> Any: ...
    def receive_message(self, **arguments: Any) -> Any: ...
    def send_message(self, **arguments: Any) -> Any: ...
    def delete_message(self, **arguments: Any) -> Any: ...


class RedriveError(ValueError):
    """SQS stopped before it had moved every message; the others are where they were."""


def redrive(queues: Queues, queue_url: str, *, sleep: Callable[[float], None] = time.sleep) -> int:
    """Move all messages of the dead-letter queue of `queue_url` back, and wait until SQS is done.

    Messages that a consumer has received and not deleted stay until their visibility timeout ends.

    Returns:
        The number of messages that were moved, as SQS counts: approximately.

    Raises:
        ValueError: The queue has no dead-letter queue.
        RedriveError: SQS stopped before it had moved every message.
    """
    queue = _attributes(queues, queue_url)
    if "RedrivePolicy" not in queue:
        raise ValueError(f"The queue {queue_url} has no dead-letter queue.")
    dead_arn: str = json.loads(queue["RedrivePolicy"])["deadLetterTargetArn"]
    dead_url: str = queues.get_queue_url(QueueName=dead_arn.rpartition(":")[2])["QueueUrl"]
    if _attributes(queues, dead_url)["ApproximateNumberOfMessages"] == "0":
        return 0
    try:
        queues.start_message_move_task(SourceArn=dead_arn, DestinationArn=queue["QueueArn"])
    except ClientError as error:
        # AWS has had the action since 2023; an emulator of SQS may lack it.
        if error.response["Error"]["Code"] != "InvalidAction":
            raise
        return _move_each(queues, dead_url, queue_url)
    return _wait(queues, dead_arn, sleep)


def _attributes(queues: Queues, url: str) -> dict[str, str]:
    names = ["QueueArn", "RedrivePolicy", "ApproximateNumberOfMessages"]
    attributes: dict[str, str] = queues.get_queue_attributes(QueueUrl=url, AttributeNames=names)[
        "Attributes"
    ]
    return attributes


def _wait(queues: Queues, dead_arn: str, sleep: Callable[[float], None]) -> int:
    while True:
        # The latest task comes first.
        task = queues.list_message_move_tasks(SourceArn=dead_arn, MaxResults=1)["Results"][0]
        moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
        if task["Status"] == "COMPLETED":
            return moved
        if task["Status"] != "RUNNING":
            reason = task.get("FailureReason", "no reason is given")
            raise RedriveError(f"Moving is {task['Status']} after {moved} messages: {reason}.")
        sleep(POLL_SECONDS)


def _move_each(queues: Queues, dead_url: str, queue_url: str) -> int:
    moved = 0
    while messages := queues.receive_message(QueueUrl=dead_url, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        for message in messages:
            # Sent before it is deleted: a message delivered twice is processed once.
            queues.send_message(QueueUrl=queue_url, MessageBody=message["Body"], DelaySeconds=0)
            queues.delete_message(QueueUrl=dead_url, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
    return moved
