"""The queues: of payloads for the worker, of files for the verifier."""

from __future__ import annotations

from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from wideload_runtime.adapters.telemetry import logger


class SqsQueue:
    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, s3_key: str, *, reason: str) -> None:
        """Have an object processed at once: the queue's own delay is for unclaimed ones."""
        body = orjson.dumps({"s3_key": s3_key, "reason": reason}).decode()
        self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=0)


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
