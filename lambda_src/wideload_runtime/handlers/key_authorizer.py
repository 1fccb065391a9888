"""Authorizer of API keys. API Gateway caches its answers for minutes."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.key_table import KeyTable
from wideload_runtime.adapters.telemetry import logger
from wideload_runtime.core.api_keys import authenticate
from wideload_runtime.settings import required

keys = KeyTable(clients.table(required("WIDELOAD_KEYS_TABLE")))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    presented = (event.get("identitySource") or [""])[0]
    key = authenticate(presented, keys.find)
    if key is None:
        logger.info("key refused")
        return {"isAuthorized": False}
    return {"isAuthorized": True, "context": {"tenant": key.tenant, "key_id": key.key_id}}
