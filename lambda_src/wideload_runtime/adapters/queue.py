"""The queue that the worker reads."""

from __future__ import annotations

from typing import Any

import orjson


class SqsQueue:
    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, payload_id: str) -> None:
        body = orjson.dumps({"payload_id": payload_id}).decode()
        self._client.send_message(QueueUrl=self._url, MessageBody=body)
