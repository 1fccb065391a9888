"""The worker's queue in SQS."""

from __future__ import annotations

from typing import Any

import orjson

from wideload_runtime.core.ingest.payloads import parse_transit_key


class IngestQueue:
    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, s3_key: str, *, reason: str, delay_seconds: int = 0, waits: int = 0) -> None:
        """Queue an object for the worker, without the queue's own delay, which is for unclaimed
        objects.

        Messages are grouped by tenant, so that SQS prefers tenants whose messages take little of
        the workers' time.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        message = {"s3_key": s3_key, "reason": reason}
        body = orjson.dumps({**message, "waits": waits} if waits else message).decode()
        parsed = parse_transit_key(s3_key)
        group = {"MessageGroupId": parsed[0]} if parsed else {}
        self._client.send_message(
            QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds, **group
        )
