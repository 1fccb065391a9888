"""The team's authorize function, invoked synchronously."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError

from wideload_runtime.core.files.authorizing import AuthorizeError


class LambdaAuthorizeFunction:
    """
    Args:
        client: A client of Lambda, whose timeouts bound an invocation.
        name: Name or ARN of the function.
    """

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def ask(self, question: Mapping[str, Any]) -> Any:
        try:
            answer = self._client.invoke(FunctionName=self._name, Payload=orjson.dumps(question))
            payload = answer["Payload"].read()
        except (BotoCoreError, ClientError) as error:
            raise AuthorizeError(f"it did not answer: {error}") from error
        if "FunctionError" in answer:
            raise AuthorizeError(f"it failed: {payload[:500]!r}")
        try:
            return orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise AuthorizeError(f"its answer is not JSON: {error}") from error
