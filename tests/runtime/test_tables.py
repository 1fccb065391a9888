"""Plain values in requests to DynamoDB, and in its answers."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from wideload_runtime.adapters import clients
from wideload_runtime.adapters.attributes import read_image, write_image
from wideload_runtime.adapters.tables import Table

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.text(),
    st.integers(-(10**37), 10**37),
    st.decimals(min_value=-(10**9), max_value=10**9, places=3),
    st.binary(),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def sent() -> list[dict[str, Any]]:
    return []


def answering(sent: list[dict[str, Any]], answer: dict[str, Any]) -> Table:
    """A table as the functions open it; requests are appended to `sent`."""
    table = clients.table("calls")

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append(json.loads(request.body))
        body = BytesIO(json.dumps(answer).encode())
        body.stream = lambda: iter([body.read()])  # type: ignore[attr-defined]
        return AWSResponse(request.url, 200, {}, body)

    table.meta.client.meta.events.register("before-send.dynamodb", send)
    return table


@given(st.dictionaries(st.text(), values, max_size=5))
@settings(max_examples=50)
def test_items_are_written_as_boto3_writes_them_and_read_again(item: dict[str, Any]) -> None:
    serialize = TypeSerializer().serialize

    image = write_image(item)

    assert image == {name: serialize(value) for name, value in item.items()}
    assert read_image(image) == item


def test_a_value_without_a_type_in_dynamodb_is_refused() -> None:
    with pytest.raises(TypeError, match="no type for float; allowed are None, bool, str, int"):
        write_image({"share": [0.5]})


def test_sets_and_bytes_of_a_stream_are_read() -> None:
    image = {
        "a": {"SS": ["x"]},
        "b": {"NS": ["1", "2.5"]},
        "c": {"BS": ["AA=="]},
        "d": {"B": "/w=="},
    }

    assert read_image(image) == {
        "a": {"x"},
        "b": {Decimal(1), Decimal("2.5")},
        "c": {b"\0"},
        "d": b"\xff",
    }


def test_requests_name_the_table_and_hold_images(sent: list[dict[str, Any]]) -> None:
    table = answering(sent, {})
    image = {"id": {"S": "a"}}

    table.put_item(Item={"id": "a"}, ExpressionAttributeValues={":n": 1})
    table.update_item(Key={"id": "a"}, UpdateExpression="REMOVE x")
    table.query(KeyConditionExpression="id = :id", ExclusiveStartKey={"id": "a"})
    table.meta.client.transact_write_items(
        TransactItems=[{"Delete": {"TableName": "calls", "Key": {"id": "a"}}}]
    )
    # A table may have the name of a member.
    table.meta.client.batch_get_item(RequestItems={"Item": {"Keys": [{"id": "a"}]}})

    put, update, query, transaction, batch = sent
    assert put == {
        "TableName": "calls",
        "Item": image,
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    assert update == {"TableName": "calls", "Key": image, "UpdateExpression": "REMOVE x"}
    assert query["ExclusiveStartKey"] == image
    assert transaction["TransactItems"] == [{"Delete": {"TableName": "calls", "Key": image}}]
    assert batch == {"RequestItems": {"Item": {"Keys": [image]}}}


def test_answers_hold_plain_values(sent: list[dict[str, Any]]) -> None:
    image = {"id": {"S": "a"}, "n": {"N": "2"}}
    plain = {"id": "a", "n": 2}

    queried = answering(sent, {"Items": [image], "LastEvaluatedKey": image}).query()
    updated = answering(sent, {"Attributes": image}).update_item(Key={"id": "a"})
    got = answering(sent, {"Item": image}).get_item(Key={"id": "a"})
    batch = answering(
        sent, {"Responses": {"Item": [image]}, "UnprocessedKeys": {"Item": {"Keys": [image]}}}
    ).meta.client.batch_get_item(RequestItems={"Item": {"Keys": [plain]}})

    assert (queried["Items"], queried["LastEvaluatedKey"]) == ([plain], plain)
    assert (updated["Attributes"], got["Item"]) == (plain, plain)
    assert batch["Responses"] == {"Item": [plain]}
    assert batch["UnprocessedKeys"] == {"Item": {"Keys": [plain]}}
