"""API keys of `PayloadIngest`: make, list, rotate and revoke them.

From Python, with the keys table as a boto3 resource::

    table = boto3.resource("dynamodb").Table("…")
    new = create_key(table, "acme", label="call recorder 3")

or as a program, `wideload-keys` or `python -m wideload_cdk.keys`. Needs the extra
`wideload-cdk[operate]`.

A key is `wl_<key_id>_<secret>`. The table holds the hex SHA-256 of the whole key and nothing
from which the key could be made again; 256 random bits need no slow hash.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import re
import secrets
import string
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from botocore.exceptions import ClientError

from wideload_cdk.operate.paging import all_items

TENANT_PATTERN = r"[a-z0-9][a-z0-9-]{0,62}"
KEY_ID_PATTERN = r"[a-z0-9]{12}"
MAX_LABEL_LENGTH = 200
# Tenant of `IngestCanary`, and prefix of the ids of its keys.
CANARY = "canary"
# How long a rotated key works beside its successor.
OVERLAP = dt.timedelta(days=7)


class KeysTable(Protocol):
    """Those methods of a boto3 `Table` that are used here."""

    name: str
    meta: Any

    def get_item(self, **arguments: Any) -> Any: ...
    def put_item(self, **arguments: Any) -> Any: ...
    def update_item(self, **arguments: Any) -> Any: ...
    def scan(self, **arguments: Any) -> Any: ...


class KeyNotFoundError(LookupError):
    """There is no key with that id."""


class KeyAlreadyRevokedError(ValueError):
    """The key is revoked already, since `revoked_at`."""

    def __init__(self, key_id: str, revoked_at: str) -> None:
        super().__init__(f"Key {key_id} was revoked at {revoked_at} already.")
        self.revoked_at = revoked_at


@dataclasses.dataclass(frozen=True, kw_only=True)
class Key:
    """A key's record, without secret or hash. Times are ISO 8601, UTC."""

    key_id: str
    tenant: str
    created_at: str
    label: str | None = None
    ends_at: str | None = None
    """When a rotated key stops working."""
    revoked_at: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class NewKey(Key):
    """A new key with `api_key`, the secret, which can't be read again later."""

    api_key: str = dataclasses.field(repr=False)


def hash_key(api_key: str) -> str:
    """Hex SHA-256 of the whole key, which the authorizer compares."""
    return hashlib.sha256(api_key.encode()).hexdigest()


def create_key(
    table: KeysTable,
    tenant: str,
    *,
    label: str | None = None,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> NewKey:
    """Make a key for `tenant` and store its hash.

    Args:
        table: The keys table.
        tenant: Name of the tenant: 1 to 63 of a-z, 0-9 and hyphens, no hyphen first.
        label: Name of the key's user, shown in lists; at most 200 characters.
        now: Clock.

    Raises:
        ValueError: `tenant` or `label` is not allowed, or `tenant` is the canary's.
    """
    if not re.fullmatch(TENANT_PATTERN, tenant):
        raise ValueError(
            f"tenant is {tenant!r}; give 1 to 63 of a-z, 0-9 and hyphens, no hyphen first."
        )
    if label is not None and not 1 <= len(label) <= MAX_LABEL_LENGTH:
        raise ValueError(f"label has {len(label)} characters; give 1 to {MAX_LABEL_LENGTH}.")
    new = _new_key(tenant, label, now())
    table.put_item(**_put(new))
    return new


def rotate_key(
    table: KeysTable,
    key_id: str,
    *,
    ends_at: dt.datetime | None = None,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> tuple[NewKey, Key]:
    """Make a key for the same tenant, with the same label, and set the time when the old one ends.

    Both work until `ends_at`, and the old one for up to five minutes more, while the API's cache
    holds its answer. Both keys are written in one transaction. If a key is rotated again before it
    has ended, it gets the new end; the successor from the first rotation stays valid.

    Args:
        table: The keys table.
        key_id: Id of the old key.
        ends_at: When the old key stops working. Default: in seven days.
        now: Clock.

    Returns:
        The new key, and the old one.

    Raises:
        ValueError: `key_id` is no key id, `ends_at` is in the past or has no time zone, or the
            key has ended.
        KeyNotFoundError: There is no such key.
        KeyAlreadyRevokedError: The key is revoked.
    """
    time = now()
    ends_at = time + OVERLAP if ends_at is None else ends_at
    if ends_at.tzinfo is None or ends_at <= time:
        raise ValueError(
            f"ends_at is {ends_at.isoformat()}; give a time to come with a time zone, or revoke "
            "the key."
        )
    _check_key_id(key_id)
    item = table.get_item(Key={"key_id": key_id}, ConsistentRead=True).get("Item")
    if not item:
        raise KeyNotFoundError(f"There is no key {key_id}.")
    old = _key_of(item)
    if old.revoked_at is not None:
        raise KeyAlreadyRevokedError(key_id, old.revoked_at)
    if old.ends_at is not None and dt.datetime.fromisoformat(old.ends_at) <= time:
        raise ValueError(f"Key {key_id} ended at {old.ends_at}: make another for the tenant.")
    new = _new_key(old.tenant, old.label, time)
    change = {
        "Key": {"key_id": key_id},
        "UpdateExpression": "SET ends_at = :ends_at",
        "ConditionExpression": "attribute_exists(key_id) AND attribute_not_exists(revoked_at)",
        "ExpressionAttributeValues": {":ends_at": _text(ends_at)},
    }
    table.meta.client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": table.name, **_put(new)}},
            {"Update": {"TableName": table.name, **change}},
        ]
    )
    return new, dataclasses.replace(old, ends_at=_text(ends_at))


def _new_key(tenant: str, label: str | None, now: dt.datetime) -> NewKey:
    if tenant == CANARY:
        raise ValueError(
            f"tenant is {tenant!r}, the canary's own, whose payloads it deletes; give another."
        )
    key_id = _new_key_id()
    return NewKey(
        key_id=key_id,
        tenant=tenant,
        created_at=_text(now),
        label=label,
        api_key=f"wl_{key_id}_{secrets.token_urlsafe(32)}",
    )


def _put(new: NewKey) -> dict[str, Any]:
    """Arguments of the request that stores a new key, with a hash in place of the secret."""
    item = {
        "key_id": new.key_id,
        "tenant": new.tenant,
        "secret_hash": hash_key(new.api_key),
        "created_at": new.created_at,
    }
    if new.label is not None:
        item["label"] = new.label
    # Ids are random; if one ever repeats, the existing key must not be overwritten.
    return {"Item": item, "ConditionExpression": "attribute_not_exists(key_id)"}


def _new_key_id() -> str:
    """A random id that doesn't begin as the canary's, whose keys are valid for its tenant only."""
    while True:
        key_id = "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))
        if not key_id.startswith(CANARY):
            return key_id


def list_keys(table: KeysTable, tenant: str | None = None) -> Iterator[Key]:
    """Yield all keys, or those of one tenant, including revoked ones, in no particular order."""
    # Hashes aren't read.
    names = [field.name for field in dataclasses.fields(Key)]
    arguments: dict[str, Any] = {
        "ProjectionExpression": ", ".join(f"#{name}" for name in names),
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        # Else a key that was made just now may be missing, and a revoked one seem valid.
        "ConsistentRead": True,
    }
    if tenant is not None:
        arguments["FilterExpression"] = "#tenant = :tenant"
        arguments["ExpressionAttributeValues"] = {":tenant": tenant}
    yield from map(_key_of, all_items(table.scan, **arguments))


def revoke_key(
    table: KeysTable,
    key_id: str,
    *,
    now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
) -> Key:
    """Revoke a key for good. The API's cache may accept it for five minutes more.

    Raises:
        ValueError: `key_id` is no key id.
        KeyNotFoundError: There is no such key.
        KeyAlreadyRevokedError: The key is revoked already.
    """
    _check_key_id(key_id)
    try:
        answer = table.update_item(
            Key={"key_id": key_id},
            UpdateExpression="SET revoked_at = :now",
            ConditionExpression="attribute_exists(key_id) AND attribute_not_exists(revoked_at)",
            ExpressionAttributeValues={":now": _text(now())},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        found = error.response.get("Item")
        if not found:
            raise KeyNotFoundError(f"There is no key {key_id}.") from None
        revoked_at = found["revoked_at"]
        # boto3's resources leave the item of an error in DynamoDB's own notation.
        raise KeyAlreadyRevokedError(
            key_id, revoked_at["S"] if isinstance(revoked_at, dict) else revoked_at
        ) from None
    return _key_of(answer["Attributes"])


def _check_key_id(key_id: str) -> None:
    if not re.fullmatch(KEY_ID_PATTERN, key_id):
        # The value isn't shown, since it may be a whole key that was pasted.
        raise ValueError(
            "This is no key id: give the 12 characters of a-z and 0-9 between the underscores "
            "of the key (`wl_<key_id>_…`), as listed."
        )


def _key_of(item: dict[str, Any]) -> Key:
    known = {field.name for field in dataclasses.fields(Key)}
    return Key(**{name: value for name, value in item.items() if name in known})


def _text(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).isoformat(timespec="seconds")
