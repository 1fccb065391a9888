"""Functions of `wideload_cdk.keys`, with a fake table that refuses what DynamoDB refuses."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from wideload_cdk import keys
from wideload_runtime.adapters.key_table import KeyTable
from wideload_runtime.core.api_keys import authenticate

CASES = Path(__file__).parents[3] / "contract" / "cases" / "api_keys.json"
NOW = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.UTC)


class FakeTable:
    """The keys table: conditions hold, scans come in pages of two."""

    name = "keys"

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.meta = SimpleNamespace(
            client=SimpleNamespace(transact_write_items=self._transact_write_items)
        )

    @contextmanager
    def batch_writer(self) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(delete_item=lambda **of: self.items.pop(of["Key"]["key_id"]))

    def get_item(self, *, Key: dict[str, str], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert ConsistentRead
        item = self.items.get(Key["key_id"])
        return {"Item": dict(item)} if item else {}

    def _transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803
        """One put of a new key and one update of an old one: both or neither."""
        [put, update] = (dict(write[kind]) for write, kind in zip(
            TransactItems, ("Put", "Update"), strict=True
        ))  # fmt: skip
        assert put.pop("TableName") == update.pop("TableName") == self.name
        assert update["UpdateExpression"] == "SET ends_at = :ends_at"
        assert update["ConditionExpression"] == (
            "attribute_exists(key_id) AND attribute_not_exists(revoked_at)"
        )
        item = self.items.get(update["Key"]["key_id"])
        if item is None or "revoked_at" in item:
            raise ClientError(
                {"Error": {"Code": "TransactionCanceledException", "Message": "[None, No]"}},
                "TransactWriteItems",
            )
        self.put_item(**put)
        item["ends_at"] = update["ExpressionAttributeValues"][":ends_at"]

    def put_item(self, *, Item: dict[str, Any], ConditionExpression: str) -> None:  # noqa: N803
        assert ConditionExpression == "attribute_not_exists(key_id)"
        if Item["key_id"] in self.items:
            raise _refusal(None)
        self.items[Item["key_id"]] = dict(Item)

    def update_item(
        self,
        *,
        Key: dict[str, str],  # noqa: N803
        UpdateExpression: str,  # noqa: N803
        ConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: dict[str, str],  # noqa: N803
        ReturnValues: str,  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str,  # noqa: N803
    ) -> dict[str, Any]:
        assert UpdateExpression == "SET revoked_at = :now"
        assert ConditionExpression == (
            "attribute_exists(key_id) AND attribute_not_exists(revoked_at)"
        )
        assert (ReturnValues, ReturnValuesOnConditionCheckFailure) == ("ALL_NEW", "ALL_OLD")
        item = self.items.get(Key["key_id"])
        if item is None or "revoked_at" in item:
            raise _refusal(item)
        item["revoked_at"] = ExpressionAttributeValues[":now"]
        return {"Attributes": dict(item)}

    def scan(
        self,
        *,
        ProjectionExpression: str,  # noqa: N803
        ExpressionAttributeNames: dict[str, str],  # noqa: N803
        ConsistentRead: bool = False,  # noqa: N803
        FilterExpression: str = "",  # noqa: N803
        ExpressionAttributeValues: dict[str, str] | None = None,  # noqa: N803
        ExclusiveStartKey: dict[str, str] | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        assert ConsistentRead, "else a key that was made a moment ago may be missing"
        names = [ExpressionAttributeNames[name] for name in ProjectionExpression.split(", ")]
        ids = sorted(self.items)
        if ExclusiveStartKey:
            ids = [key_id for key_id in ids if key_id > ExclusiveStartKey["key_id"]]
        page, rest = ids[:2], ids[2:]
        found = [self.items[key_id] for key_id in page]
        if FilterExpression:
            assert FilterExpression == "#tenant = :tenant"
            assert ExpressionAttributeValues is not None
            found = [i for i in found if i["tenant"] == ExpressionAttributeValues[":tenant"]]
        answer: dict[str, Any] = {
            "Items": [{name: item[name] for name in names if name in item} for item in found]
        }
        if rest:
            answer["LastEvaluatedKey"] = {"key_id": page[-1]}
        return answer


def _refusal(item: dict[str, Any] | None) -> ClientError:
    response: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "refused"}}
    if item is not None:
        # As boto3 leaves it: in DynamoDB's notation.
        response["Item"] = {name: {"S": value} for name, value in item.items()}
    return ClientError(response, "UpdateItem")


@pytest.fixture
def table() -> FakeTable:
    return FakeTable()


def test_hashes_are_those_of_the_contract() -> None:
    cases = json.loads(CASES.read_text())["cases"]

    assert cases
    for case in cases:
        assert keys.hash_key(case["key"]) == case["secret_hash"]
        assert case["key"].split("_")[1] == case["key_id"]


def test_new_key_has_the_form_that_the_authorizer_reads(table: FakeTable) -> None:
    new = keys.create_key(table, "acme")

    assert re.fullmatch(r"wl_[a-z0-9]{12}_[A-Za-z0-9_-]{43}", new.api_key)
    assert new.api_key.startswith(f"wl_{new.key_id}_")


def test_table_holds_the_hash_and_not_the_secret(table: FakeTable) -> None:
    new = keys.create_key(table, "acme", label="recorder 3", now=lambda: NOW)

    assert table.items == {
        new.key_id: {
            "key_id": new.key_id,
            "tenant": "acme",
            "secret_hash": hashlib.sha256(new.api_key.encode()).hexdigest(),
            "created_at": "2026-01-02T03:04:05+00:00",
            "label": "recorder 3",
        }
    }
    secret = new.api_key.removeprefix(f"wl_{new.key_id}_")
    assert secret not in str(table.items)


def test_secret_is_not_in_the_representation(table: FakeTable) -> None:
    new = keys.create_key(table, "acme")

    assert new.api_key not in repr(new)


def test_keys_differ(table: FakeTable) -> None:
    made = [keys.create_key(table, "acme") for _ in range(20)]

    assert len({new.api_key for new in made}) == len(table.items) == 20


def test_id_of_another_key_is_not_taken_over(
    table: FakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys.secrets, "choice", lambda letters: letters[0])
    first = keys.create_key(table, "acme")

    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        keys.create_key(table, "rival")

    assert table.items[first.key_id]["tenant"] == "acme"


@pytest.mark.parametrize("tenant", ["a", "a" * 63, "0-9", "acme-eu-1"])
def test_tenant_names_that_are_allowed(table: FakeTable, tenant: str) -> None:
    assert keys.create_key(table, tenant).tenant == tenant


@pytest.mark.parametrize("tenant", ["", "a" * 64, "-acme", "Acme", "a/b", "a_b", "acme\n", "ä"])
def test_tenant_names_that_are_refused(table: FakeTable, tenant: str) -> None:
    with pytest.raises(ValueError, match="give 1 to 63 of a-z, 0-9 and hyphens"):
        keys.create_key(table, tenant)

    assert table.items == {}


def test_tenant_of_the_canary_is_refused(table: FakeTable) -> None:
    with pytest.raises(ValueError, match="the canary's own, whose payloads it deletes"):
        keys.create_key(table, "canary")

    assert table.items == {}


def test_no_id_is_one_of_the_canarys(table: FakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = iter("canary000000" + "acme00000000")
    monkeypatch.setattr(keys.secrets, "choice", lambda _: next(letters))

    assert keys.create_key(table, "acme").key_id == "acme00000000"


@pytest.mark.parametrize("label", ["", "x" * 201])
def test_labels_that_are_refused(table: FakeTable, label: str) -> None:
    with pytest.raises(ValueError, match="give 1 to 200"):
        keys.create_key(table, "acme", label=label)


def test_list_reads_every_page_and_shows_no_hash(table: FakeTable) -> None:
    made = {keys.create_key(table, "acme", label="x").key_id for _ in range(5)}

    found = list(keys.list_keys(table))

    assert {key.key_id for key in found} == made
    assert {key.label for key in found} == {"x"}
    assert "secret" not in str(found)


def test_list_of_one_tenant(table: FakeTable) -> None:
    mine = {keys.create_key(table, "acme").key_id for _ in range(3)}
    for _ in range(3):
        keys.create_key(table, "rival")

    assert {key.key_id for key in keys.list_keys(table, "acme")} == mine


def test_revoked_key_says_when_and_stays_listed(table: FakeTable) -> None:
    new = keys.create_key(table, "acme")

    revoked = keys.revoke_key(table, new.key_id, now=lambda: NOW)

    assert revoked.revoked_at == "2026-01-02T03:04:05+00:00"
    assert list(keys.list_keys(table)) == [revoked]


def test_key_that_never_existed_is_not_made_by_revoking(table: FakeTable) -> None:
    with pytest.raises(keys.KeyNotFoundError, match="There is no key abcdefghijkl"):
        keys.revoke_key(table, "abcdefghijkl")

    assert table.items == {}


def test_second_revocation_leaves_the_first_time(table: FakeTable) -> None:
    new = keys.create_key(table, "acme")
    keys.revoke_key(table, new.key_id, now=lambda: NOW)

    with pytest.raises(keys.KeyAlreadyRevokedError, match="revoked at 2026-01-02T03:04:05") as told:
        keys.revoke_key(table, new.key_id)

    assert told.value.revoked_at == table.items[new.key_id]["revoked_at"]


def test_whole_key_given_for_an_id_is_refused_and_not_repeated(table: FakeTable) -> None:
    new = keys.create_key(table, "acme")

    with pytest.raises(ValueError, match="no key id") as told:
        keys.revoke_key(table, new.api_key)

    assert new.api_key not in str(told.value)


def after(**duration: int) -> dt.datetime:
    return NOW + dt.timedelta(**duration)


def test_rotated_key_and_its_successor_both_work_until_the_date(table: FakeTable) -> None:
    old = keys.create_key(table, "acme", label="recorder 3", now=lambda: NOW)

    new, ending = keys.rotate_key(table, old.key_id, ends_at=after(days=30), now=lambda: NOW)

    assert (new.tenant, new.label, new.ends_at) == ("acme", "recorder 3", None)
    assert (ending.key_id, ending.ends_at) == (old.key_id, "2026-02-01T03:04:05+00:00")
    find = KeyTable(table).find
    accepted = {
        when: [
            authenticate(key, find, now=lambda time=when: time.timestamp()) is not None
            for key in (old.api_key, new.api_key)
        ]
        for when in (NOW, after(days=30, seconds=-1), after(days=30), after(days=400))
    }
    assert list(accepted.values()) == [[True, True], [True, True], [False, True], [False, True]]


def test_rotated_key_ends_after_a_week_by_default(table: FakeTable) -> None:
    old = keys.create_key(table, "acme")

    keys.rotate_key(table, old.key_id, now=lambda: NOW)

    assert table.items[old.key_id]["ends_at"] == "2026-01-09T03:04:05+00:00"


def test_rotation_is_whole_or_nothing(table: FakeTable) -> None:
    old = keys.create_key(table, "acme")
    kept = table.get_item(Key={"key_id": old.key_id}, ConsistentRead=True)
    keys.revoke_key(table, old.key_id)
    # As if it was revoked between the read and the write.
    table.get_item = lambda **_: kept  # type: ignore[method-assign]

    with pytest.raises(ClientError, match="TransactionCanceled"):
        keys.rotate_key(table, old.key_id)

    assert list(table.items) == [old.key_id]
    assert "ends_at" not in table.items[old.key_id]


def test_rotating_again_moves_the_date(table: FakeTable) -> None:
    old = keys.create_key(table, "acme")
    keys.rotate_key(table, old.key_id, ends_at=after(days=30), now=lambda: NOW)

    keys.rotate_key(table, old.key_id, ends_at=after(days=1), now=lambda: NOW)

    assert table.items[old.key_id]["ends_at"] == "2026-01-03T03:04:05+00:00"


def test_keys_that_cannot_be_rotated_are_refused(table: FakeTable) -> None:
    revoked, ended = (keys.create_key(table, "acme") for _ in range(2))
    keys.revoke_key(table, revoked.key_id, now=lambda: NOW)
    keys.rotate_key(table, ended.key_id, now=lambda: NOW)
    known = len(table.items)

    with pytest.raises(keys.KeyNotFoundError, match="There is no key abcdefghijkl"):
        keys.rotate_key(table, "abcdefghijkl")
    with pytest.raises(keys.KeyAlreadyRevokedError, match="revoked at 2026-01-02"):
        keys.rotate_key(table, revoked.key_id)
    with pytest.raises(ValueError, match="ended at 2026-01-09T03:04:05"):
        keys.rotate_key(table, ended.key_id, now=lambda: after(days=7))
    with pytest.raises(ValueError, match="This is no key id"):
        keys.rotate_key(table, ended.api_key)
    for past in (NOW, NOW.replace(tzinfo=None) + dt.timedelta(days=1)):
        with pytest.raises(ValueError, match="give a time to come with a time zone"):
            keys.rotate_key(table, ended.key_id, ends_at=past, now=lambda: NOW)
    assert len(table.items) == known


def test_the_canarys_key_is_not_rotated(table: FakeTable) -> None:
    table.items["canary0a1b2c"] = {"key_id": "canary0a1b2c", "tenant": "canary", "created_at": "x"}

    with pytest.raises(ValueError, match="the canary's own"):
        keys.rotate_key(table, "canary0a1b2c")


def test_other_errors_of_aws_are_passed_on(table: FakeTable) -> None:
    def refuse(**arguments: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "UpdateItem")

    table.update_item = refuse  # type: ignore[method-assign]

    with pytest.raises(ClientError, match="AccessDenied"):
        keys.revoke_key(table, "abcdefghijkl")
