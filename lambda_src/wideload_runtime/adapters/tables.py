"""A DynamoDB table whose requests and answers hold plain Python values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

from wideload_runtime.adapters.attributes import read_image, write_image


class Table:
    """A subset of boto3's `Table`, which takes longer to make than all else of a cold start.

    Args:
        client: A DynamoDB client of botocore. From here on its requests take plain values.
    """

    def __init__(self, client: Any, name: str) -> None:
        client.meta.events.register("provide-client-params.dynamodb", _write_params)
        client.meta.events.register("after-call.dynamodb", _read_answer)
        self.meta = SimpleNamespace(client=client)
        self.name = name
        self.get_item = partial(client.get_item, TableName=name)
        self.put_item = partial(client.put_item, TableName=name)
        self.update_item = partial(client.update_item, TableName=name)
        self.delete_item = partial(client.delete_item, TableName=name)
        self.query = partial(client.query, TableName=name)


_Members = Mapping[str, Callable[[Any], Any]]


def _converted(members: _Members, value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: members[name](inner) if name in members else inner for name, inner in value.items()
    }


def _write_params(params: Mapping[str, Any], **_: Any) -> dict[str, Any]:
    return _converted(_WRITTEN, params)


def _read_answer(parsed: dict[str, Any], **_: Any) -> None:
    parsed.update(_converted(_READ, parsed))


# Members of requests and answers that hold items:
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
_WRITTEN: _Members = {
    "Item": write_image,
    "Key": write_image,
    "Keys": lambda keys: list(map(write_image, keys)),
    "ExclusiveStartKey": write_image,
    "ExpressionAttributeValues": write_image,
    "RequestItems": lambda tables: {
        name: _converted(_WRITTEN, wanted) for name, wanted in tables.items()
    },
    "TransactItems": lambda writes: [
        {kind: _converted(_WRITTEN, params) for kind, params in write.items()} for write in writes
    ],
}
_READ: _Members = {
    "Item": read_image,
    "Items": lambda images: list(map(read_image, images)),
    "Keys": lambda keys: list(map(read_image, keys)),
    "Attributes": read_image,
    "LastEvaluatedKey": read_image,
    "Responses": lambda tables: {
        name: list(map(read_image, images)) for name, images in tables.items()
    },
    "UnprocessedKeys": lambda tables: {
        name: _converted(_READ, wanted) for name, wanted in tables.items()
    },
}
