"""The table of API keys in DynamoDB."""

from __future__ import annotations

from typing import Any

from wideload_runtime.core.api_keys import ApiKey


class KeyTable:
    """
    Args:
        table: A `Table` whose partition key is `key_id`.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def find(self, key_id: str) -> ApiKey | None:
        # Consistent: API Gateway caches a refusal for minutes, also that of a new key.
        item = self._table.get_item(Key={"key_id": key_id}, ConsistentRead=True).get("Item")
        if not item:
            return None
        return ApiKey(
            key_id=item["key_id"],
            tenant=item["tenant"],
            secret_hash=item["secret_hash"],
            revoked="revoked_at" in item,
            ends_at=item.get("ends_at"),
        )

    def put(self, key: ApiKey, *, created_at: str, label: str) -> None:
        """Write a record as `wideload_cdk.keys` does, which lists it too."""
        self._table.put_item(
            Item={
                "key_id": key.key_id,
                "tenant": key.tenant,
                "secret_hash": key.secret_hash,
                "created_at": created_at,
                "label": label,
            }
        )

    def delete(self, key_id: str) -> None:
        self._table.delete_item(Key={"key_id": key_id})
