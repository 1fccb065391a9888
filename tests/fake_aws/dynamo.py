"""A DynamoDB table in memory that refuses what DynamoDB refuses.

It reads the expressions of the runtime's adapters, and no others.
`tests/integration/test_files_adapters.py` and `test_payload_table.py` run the same tests on it and
on DynamoDB.
"""

# ruff: noqa: N803 - arguments as boto3 names them

from __future__ import annotations

import functools
import re
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder

from tests.fake_aws.dynamo_values import copy_of, read_again
from tests.fake_aws.wire import Wire, aws_error, frozen

MAX_PARTITION_KEY, MAX_SORT_KEY = 2048, 1024
"""Bytes. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""
Item = dict[str, Any]
Key = tuple[str, ...]


_LISTED = (
    "state", "tenant", "source", "created_at", "stored_at", "call_id", "uploaded_size", "size",
    "sha256", "records", "error_code", "error_detail",
)  # fmt: skip


@dataclass(frozen=True)
class Schema:
    """Key attributes of a table, and its indexes.

    Attributes:
        key: Partition key, and sort key if there is one.
        indexes: By name: partition key, sort key, and the attributes that are projected besides.
    """

    key: tuple[str, ...]
    indexes: Mapping[str, tuple[str, str, Collection[str]]]


FILES = Schema(("owner", "item"), {"by_due": ("due_shard", "due_at", ())})
KEYS = Schema(("key_id",), {})
PAYLOADS = Schema(
    ("payload_id",),
    {
        "by_open": (
            "open_shard",
            "created_at",
            ("state", "tenant", "source", "s3_key", "lease_until"),
        ),
        "by_call": ("tenant_call", "payload_id", _LISTED),
        "by_tenant": ("tenant_shard", "payload_id", _LISTED),
    },
)


class FakeDynamoTable:
    """Stands for a boto3 `Table` and its client."""

    def __init__(self, wire: Wire, name: str = "files", schema: Schema = FILES) -> None:
        self.name = name
        self.items: dict[Key, Item] = {}
        self._schema = schema
        self.conflicts = 0
        """How many of the next writes meet another."""
        self.unprocessed = 0
        """How many of the next batches leave their last key out."""
        self._frozen: dict[Key, tuple[Item, Hashable]] = {}
        self._wire = wire
        self.meta = SimpleNamespace(
            client=SimpleNamespace(
                transact_write_items=self._transact_write_items,
                batch_get_item=self._batch_get_item,
            )
        )

    def state(self) -> Hashable:
        """What is stored; see `wire.AtOnce`. Items that are stored are replaced, never changed."""
        for key, item in self.items.items():
            if key not in self._frozen or self._frozen[key][0] is not item:
                self._frozen[key] = item, frozen(item)
        return self.conflicts, frozenset((key, self._frozen[key][1]) for key in self.items)

    # Reads

    def get_item(self, *, Key: Item, ConsistentRead: bool) -> dict[str, Any]:
        assert ConsistentRead
        return self._wire.call("GetItem", lambda: self._get(Key))

    def _get(self, key: Item) -> dict[str, Any]:
        item = self.items.get(self._key(key))
        return {"Item": copy_of(item)} if item else {}

    def _key(self, item: Mapping[str, Any]) -> Key:
        key = tuple(item.get(name) for name in self._schema.key)
        limits = (MAX_PARTITION_KEY, MAX_SORT_KEY)
        for value, most in zip(key, limits, strict=False):
            if not isinstance(value, str) or not 1 <= len(value.encode()) <= most:
                raise aws_error("ValidationException", "Key")
        return key

    def _batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((name, wanted),) = RequestItems.items()
        keys = wanted["Keys"]
        distinct = set(map(self._key, keys))
        if name != self.name or not 1 <= len(keys) <= 100 or len(distinct) < len(keys):
            raise aws_error("ValidationException", "BatchGetItem")
        projected = wanted.get("ProjectionExpression")
        shown = None if projected is None else {part.strip() for part in projected.split(",")}

        def work() -> dict[str, Any]:
            left = [keys[-1]] if self.unprocessed > 0 else []
            self.unprocessed -= 1
            found = [self._get(key).get("Item") for key in keys if key not in left]
            return {
                "Responses": {name: [_part_of(item, shown) for item in found if item]},
                "UnprocessedKeys": {name: {**wanted, "Keys": left}} if left else {},
            }

        return self._wire.call("BatchGetItem", work)

    def query(self, **wanted: Any) -> dict[str, Any]:
        return self._wire.call("Query", lambda: self._query(**wanted))

    def _query(
        self,
        *,
        KeyConditionExpression: str | ConditionBase,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        IndexName: str | None = None,
        ScanIndexForward: bool = True,
        ConsistentRead: bool = False,
        Limit: int = 1_000,
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        key = self._schema.key
        if IndexName is None:
            sort, projected = key[-1], None
        elif IndexName in self._schema.indexes and not ConsistentRead:
            partition, sort, more = self._schema.indexes[IndexName]
            projected = {*key, partition, sort, *more}
        else:
            raise aws_error("ValidationException", "Query")
        condition, names, values = KeyConditionExpression, {}, {}
        if isinstance(condition, ConditionBase):
            built = ConditionExpressionBuilder().build_expression(condition, is_key_condition=True)
            condition, names, values = built
        expression = _Expression(
            {**names, **(ExpressionAttributeNames or {})},
            {**values, **(ExpressionAttributeValues or {})},
        )
        holds = expression.condition(condition)
        expression.check_all_used()

        def order(item: Item) -> tuple[Any, ...]:
            return (item[sort], *self._key(item))

        wanted = {*key} if projected is None else {partition, sort}
        indexed = [item for item in self.items.values() if wanted <= item.keys()]
        found = sorted(filter(holds, indexed), key=order, reverse=not ScanIndexForward)
        if ExclusiveStartKey:
            start = order(ExclusiveStartKey)
            found = [
                item
                for item in found
                if (order(item) > start if ScanIndexForward else order(item) < start)
            ]
        page = found[:Limit]
        shown = [copy_of(_part_of(item, projected)) for item in page]
        last = _part_of(shown[-1], {*key, *wanted}) if len(page) == Limit else None
        return {"Items": shown, **({"LastEvaluatedKey": last} if last else {})}

    def scan(
        self,
        *,
        FilterExpression: str,
        ExpressionAttributeNames: Mapping[str, str],
        ExpressionAttributeValues: Mapping[str, Any],
        ExclusiveStartKey: Item | None = None,
    ) -> dict[str, Any]:
        """Two items a page, before the filter."""
        expression = _Expression(ExpressionAttributeNames, ExpressionAttributeValues)
        holds = expression.condition(FilterExpression)
        expression.check_all_used()
        keys = sorted(self.items)
        if ExclusiveStartKey:
            keys = [key for key in keys if key > self._key(ExclusiveStartKey)]
        found = [copy_of(self.items[key]) for key in keys[:2]]
        names = self._schema.key
        last = {"LastEvaluatedKey": dict(zip(names, keys[1], strict=True))} if keys[2:] else {}
        return self._wire.call("Scan", lambda: {"Items": list(filter(holds, found)), **last})

    # Writes

    def update_item(self, *, ReturnValues: str = "NONE", **params: Any) -> dict[str, Any]:
        def work() -> dict[str, Any]:
            written = self._write("Update", params, "UpdateItem")
            return {"Attributes": written} if ReturnValues == "ALL_NEW" else {}

        return self._wire.call("UpdateItem", work)

    def put_item(self, **params: Any) -> dict[str, Any]:
        return self._wire.call(
            "PutItem", lambda: {"Attributes": self._write("Put", params, "PutItem")}
        )

    @contextmanager
    def batch_writer(self, *, overwrite_by_pkeys: list[str]) -> Iterator[FakeBatch]:
        """Stands for boto3's: requests of up to 25 writes, and none twice for one key."""
        assert overwrite_by_pkeys == list(self._schema.key)
        batch = FakeBatch(self, self._key)
        yield batch
        batch.flush()

    def write_batch(self, writes: list[tuple[str, Item]]) -> None:
        """`BatchWriteItem`."""

        def work() -> None:
            for kind, params in writes:
                self._write(kind, dict(params), "BatchWriteItem")

        self._wire.call("BatchWriteItem", work)

    def delete_item(self, **params: Any) -> dict[str, Any]:
        return self._wire.call(
            "DeleteItem", lambda: {"Attributes": self._write("Delete", params, "DeleteItem")}
        )

    def _write(self, kind: str, params: dict[str, Any], operation: str) -> Item | None:
        if self._meets_another():
            raise aws_error("TransactionConflictException", operation)
        key, holds, apply = self._parse(kind, params)
        if not holds():
            raise aws_error("ConditionalCheckFailedException", operation)
        apply()
        return copy_of(self.items.get(key))

    def _transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:
        return self._wire.call("TransactWriteItems", lambda: self._transact(TransactItems))

    def _transact(self, writes: list[dict[str, Any]]) -> dict[str, Any]:
        parsed = []
        for write in writes:
            ((kind, params),) = write.items()
            assert params.pop("TableName", self.name) == self.name
            parsed.append(self._parse(kind, dict(params)))
            params["TableName"] = self.name
        if not 1 <= len(parsed) <= 100 or len({key for key, _, _ in parsed}) < len(parsed):
            raise aws_error("ValidationException", "TransactWriteItems")
        if self._meets_another():
            reasons = [{"Code": "None"} for _ in parsed[1:]] + [{"Code": "TransactionConflict"}]
        else:
            reasons = [
                {"Code": "None" if holds() else "ConditionalCheckFailed"} for _, holds, _ in parsed
            ]
        if any(reason["Code"] != "None" for reason in reasons):
            raise aws_error(
                "TransactionCanceledException", "TransactWriteItems", CancellationReasons=reasons
            )
        for _, _, apply in parsed:
            apply()
        return {}

    def _meets_another(self) -> bool:
        self.conflicts -= 1
        return self.conflicts >= 0

    def _parse(
        self, kind: str, params: dict[str, Any]
    ) -> tuple[Key, Callable[[], bool], Callable[[], None]]:
        expression = _Expression(
            params.pop("ExpressionAttributeNames", {}), params.pop("ExpressionAttributeValues", {})
        )
        condition = params.pop("ConditionExpression", None)
        holds = expression.condition(condition) if condition else lambda item: True
        update = params.pop("UpdateExpression", None)
        change = expression.update(update) if update else None
        expression.check_all_used()
        given = params.pop("Item" if kind == "Put" else "Key")
        key = self._key(given)
        if (
            params
            or (kind == "Update") != (change is not None)
            or (kind == "ConditionCheck" and condition is None)
            or (kind != "Put" and len(given) > len(self._schema.key))
        ):
            raise aws_error("ValidationException", kind)

        def apply() -> None:
            if kind == "ConditionCheck":
                return
            if kind == "Delete":
                self.items.pop(key, None)
                return
            item = dict(given) if kind == "Put" else dict(self.items.get(key, given))
            if change:
                change(item)
            if any(item[name] != given[name] for name in self._schema.key):
                raise aws_error("ValidationException", kind)
            self.items[key] = read_again(item)

        return key, lambda: holds(self.items.get(key, {})), apply


class FakeBatch:
    def __init__(self, table: FakeDynamoTable, key_of: Callable[[Item], Key]) -> None:
        self._table = table
        self._key_of = key_of
        self._writes: dict[Key, tuple[str, Item]] = {}

    def put_item(self, *, Item: Item) -> None:
        self._add(self._key_of(Item), "Put", {"Item": Item})

    def delete_item(self, *, Key: Item) -> None:
        self._add(self._key_of(Key), "Delete", {"Key": Key})

    def flush(self) -> None:
        if self._writes:
            self._table.write_batch(list(self._writes.values()))
        self._writes = {}

    def _add(self, key: Key, kind: str, params: Item) -> None:
        self._writes.pop(key, None)
        self._writes[key] = kind, params
        if len(self._writes) == 25:
            self.flush()


def _part_of(item: Item, names: Collection[str] | None) -> Item:
    """These attributes of an item; all if None."""
    return item if names is None else {name: item[name] for name in names if name in item}


def _stored(value: Any) -> Any:
    """A value as boto3 gives it back, and with what boto3 refuses refused."""
    if isinstance(value, float):
        raise TypeError("boto3 takes no floats")
    if isinstance(value, dict):
        return {name: _stored(inner) for name, inner in value.items()}
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


class _Expression:
    """Conditions and updates, with names and values by placeholders alone."""

    def __init__(self, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        self._names, self._values = names, values
        self._used: set[str] = set()
        self._tokens: deque[str] = deque()

    def check_all_used(self) -> None:
        if self._used != {*self._names, *self._values}:
            raise aws_error("ValidationException", "unused placeholders")

    def condition(self, text: str) -> Callable[[Item], bool]:
        self._tokens = deque(_split(text))
        holds = self._or()
        self._end()
        return holds

    def update(self, text: str) -> Callable[[Item], None]:
        self._tokens = deque(_split(text))
        changes: list[Callable[[Item], None]] = []
        clauses = set()
        while self._tokens:
            clause = self._take()
            if clause in clauses or clause not in {"SET", "REMOVE", "ADD"}:
                raise aws_error("ValidationException", clause)
            clauses.add(clause)
            changes.append(self._change(clause))
            while self._tokens and self._tokens[0] == ",":
                self._take(",")
                changes.append(self._change(clause))

        def apply(item: Item) -> None:
            for change in changes:
                change(item)

        return apply

    def _change(self, clause: str) -> Callable[[Item], None]:
        name = self._name()
        if clause == "REMOVE":
            return lambda item: item.pop(name, None) and None
        if clause == "SET":
            self._take("=")
        value = _stored(self._value())
        if clause == "SET":
            return lambda item: item.update({name: value})
        return lambda item: item.update({name: item.get(name, Decimal(0)) + value})

    def _or(self) -> Callable[[Item], bool]:
        first = self._and()
        while self._tokens and self._tokens[0] == "OR":
            self._take("OR")
            left, right = first, self._and()
            first = _either(left, right)
        return first

    def _and(self) -> Callable[[Item], bool]:
        first = self._one()
        while self._tokens and self._tokens[0] == "AND":
            self._take("AND")
            left, right = first, self._one()
            first = _both(left, right)
        return first

    def _one(self) -> Callable[[Item], bool]:
        token = self._tokens[0]
        if token == "(":
            self._take("(")
            inner = self._or()
            self._take(")")
            return inner
        if token in {"attribute_exists", "attribute_not_exists", "begins_with"}:
            return self._function(self._take())
        name, operator = self._name(), self._take()
        if operator == "BETWEEN":
            low = self._value()
            self._take("AND")
            high = self._value()
            return lambda item: name in item and low <= item[name] <= high
        if operator == "IN":
            self._take("(")
            values = [self._value()]
            while self._tokens[0] == ",":
                self._take(",")
                values.append(self._value())
            self._take(")")
            return lambda item: name in item and item[name] in values
        value = _stored(self._value())
        compare: dict[str, Callable[[Any], bool]] = {
            "=": lambda held: bool(held == value),
            "<": lambda held: bool(held < value),
            "<=": lambda held: bool(held <= value),
            ">": lambda held: bool(held > value),
        }
        return lambda item: name in item and compare[operator](item[name])

    def _function(self, function: str) -> Callable[[Item], bool]:
        self._take("(")
        name = self._name()
        if function == "begins_with":
            self._take(",")
            prefix = self._value()
            self._take(")")
            return lambda item: str(item.get(name, "")).startswith(prefix)
        self._take(")")
        wanted = function == "attribute_exists"
        return lambda item: (name in item) is wanted

    def _name(self) -> str:
        token = self._take()
        if not token.startswith("#"):
            # No reserved word has an underscore.
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html
            if "_" not in token:
                raise aws_error("ValidationException", f"{token}: perhaps a reserved word")
            return token
        self._used.add(token)
        return self._names[token]

    def _value(self) -> Any:
        token = self._take()
        if not token.startswith(":"):
            raise aws_error("ValidationException", token)
        self._used.add(token)
        return self._values[token]

    def _take(self, expected: str | None = None) -> str:
        if not self._tokens or expected not in (None, self._tokens[0]):
            raise aws_error("ValidationException", f"expected {expected}: {self._tokens}")
        return self._tokens.popleft()

    def _end(self) -> None:
        if self._tokens:
            raise aws_error("ValidationException", f"left: {self._tokens}")


@functools.lru_cache(maxsize=1_000)
def _split(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[(),]|<=|<>|>=|[=<>]|[#:]?\w+|\S", text))


def _either(left: Callable[[Item], bool], right: Callable[[Item], bool]) -> Callable[[Item], bool]:
    return lambda item: left(item) or right(item)


def _both(left: Callable[[Item], bool], right: Callable[[Item], bool]) -> Callable[[Item], bool]:
    return lambda item: left(item) and right(item)
