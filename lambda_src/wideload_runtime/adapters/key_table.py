"""The table of API keys in DynamoDB."""

from __future__ import annotations

from typing import Any

from wideload_runtime.core.api_keys import ApiKey


class DynamoKeyTable:
    """
    Args:
        table: A boto3 `Table` whose partition key is `key_id`.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def find(self, key_id: str) -> ApiKey | None:
        item = self._table.get_item(Key={"key_id": key_id}).get("Item")
        if not item:
            return None
        return ApiKey(
            key_id=item["key_id"],
            tenant=item["tenant"],
            secret_hash=item["secret_hash"],
            revoked="revoked_at" in item,
        )
