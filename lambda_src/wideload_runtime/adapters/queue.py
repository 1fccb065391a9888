"""The queue that the worker reads."""

from __future__ import annotations

from typing import Any

import orjson


class SqsQueue:
    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, s3_key: str, *, reason: str) -> None:
        """Have an object processed at once: the queue's own delay is for unclaimed ones."""
        body = orjson.dumps({"s3_key": s3_key, "reason": reason}).decode()
        self._client.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=0)
