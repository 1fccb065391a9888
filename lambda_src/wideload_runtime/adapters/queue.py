"""The queues: of payloads for the worker, of files for the verifier."""

from __future__ import annotations

from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.ingest.payloads import parse_transit_key


class SqsQueue:
    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, s3_key: str, *, reason: str, delay_seconds: int = 0, waits: int = 0) -> None:
        """Have an object processed: at once by default, as the queue's own delay is for unclaimed
        ones.

        Messages are grouped by tenant: SQS then prefers tenants whose messages take little of the
        workers' time. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        message = {"s3_key": s3_key, "reason": reason}
        body = orjson.dumps({**message, "waits": waits} if waits else message).decode()
        parsed = parse_transit_key(s3_key)
        group = {"MessageGroupId": parsed[0]} if parsed else {}
        self._client.send_message(
            QueueUrl=self._url, MessageBody=body, DelaySeconds=delay_seconds, **group
        )


class VerificationQueue:
    """
    Args:
        client: None if nothing is verified.
    """

    def __init__(self, client: Any | None, url: str) -> None:
        self._client = client
        self._url = url

    @property
    def wanted(self) -> bool:
        return self._client is not None

    def ask(self, owner: str, file_id: str) -> bool:
        """Have a file verified; False if that failed, which is logged."""
        if self._client is None:
            return True
        body = orjson.dumps({"owner": owner, "file_id": file_id}).decode()
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
        except (BotoCoreError, ClientError):
            logger.exception("the verifier was not told", file_id=file_id)
            return False
        return True
