"""The verifier's queue in SQS."""

from __future__ import annotations

from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from wideload_runtime.adapters.telemetry import logger


class VerificationQueue:
    """
    Args:
        client: None if the deployment has no verifier.
        most: Bytes of the largest file that is verified; None: all are.
    """

    def __init__(self, client: Any | None, url: str, *, most: int | None = None) -> None:
        self._client = client
        self._url = url
        self._most = most

    def wants(self, size: int) -> bool:
        return self._client is not None and (self._most is None or size <= self._most)

    def ask(self, owner: str, file_id: str) -> bool:
        """Queue a file for the verifier; return False if that failed, which is logged."""
        if self._client is None:
            return True
        body = orjson.dumps({"owner": owner, "file_id": file_id}).decode()
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
        except (BotoCoreError, ClientError):
            logger.exception("the verifier was not told", file_id=file_id)
            return False
        return True
