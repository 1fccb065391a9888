"""API keys, the authorizer, and the environment that functions read."""

from __future__ import annotations

import hmac
from typing import Any

import pytest

from tests import contract_cases
from wideload_runtime.adapters.key_table import KeyTable
from wideload_runtime.core.api_keys import (
    ApiKey,
    authenticate,
    key_id_of,
    new_key,
    secret_hash,
)
from wideload_runtime.settings import IngestCanarySettings, IngestSettings

KEYS = contract_cases.load("api_keys.json")
KEY = KEYS[0]["key"]


@pytest.mark.parametrize("case", KEYS)
def test_keys_are_read_and_hashed_as_the_contract_says(case: dict[str, str]) -> None:
    assert key_id_of(case["key"]) == case["key_id"]
    assert secret_hash(case["key"]) == case["secret_hash"]


def known(revoked: bool = False) -> dict[str, ApiKey]:
    return {KEYS[0]["key_id"]: ApiKey(KEYS[0]["key_id"], "acme", KEYS[0]["secret_hash"], revoked)}


def test_the_right_key_is_its_tenants() -> None:
    key = authenticate(KEY, known().get)

    assert key is not None
    assert key.tenant == "acme"


@pytest.mark.parametrize(
    "presented",
    [
        "",
        "wl_",
        KEY[:-1],
        KEY[:-1] + "B",
        KEY + " ",
        KEY.upper(),
        "Bearer " + KEY,
        "wl_" + "x" * 9000,
    ],
)
def test_any_other_key_is_unknown(presented: str) -> None:
    assert authenticate(presented, known().get) is None


def test_a_revoked_key_is_unknown() -> None:
    assert authenticate(KEY, known(revoked=True).get) is None


@pytest.mark.parametrize(("now", "accepted"), [(1767323044, True), (1767323045, False)])
def test_a_key_is_unknown_from_its_end_on(now: float, accepted: bool) -> None:
    record = {
        "key_id": KEYS[0]["key_id"],
        "tenant": "acme",
        "secret_hash": KEYS[0]["secret_hash"],
        "ends_at": "2026-01-02T03:04:05+00:00",
    }

    class Table:
        def get_item(self, **_: Any) -> dict[str, Any]:
            return {"Item": record}

    key = authenticate(KEY, KeyTable(Table()).find, now=lambda: now)

    assert (key is not None) is accepted


def test_the_time_of_a_refusal_tells_nothing_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes are compared, whole, and in constant time: no guess is nearer than another."""
    compared: list[tuple[str, str]] = []
    monkeypatch.setattr(
        hmac, "compare_digest", lambda one, other: bool(compared.append((one, other)))
    )
    wrong = KEY[:-1] + "B"

    authenticate(wrong, known().get)

    assert compared == [(secret_hash(wrong), KEYS[0]["secret_hash"])]


def test_a_new_key_has_its_id_and_a_secret_of_its_own() -> None:
    keys = {new_key("canary0a1b2c") for _ in range(2)}

    assert len(keys) == 2
    assert {key_id_of(key) for key in keys} == {"canary0a1b2c"}


def test_a_key_is_known_as_soon_as_it_was_made() -> None:
    """API Gateway would keep a refusal for minutes."""
    asked = []

    class Table:
        def get_item(self, **arguments: Any) -> dict[str, Any]:
            asked.append(arguments)
            return {}

    assert KeyTable(Table()).find("0123456789ab") is None
    assert asked == [{"Key": {"key_id": "0123456789ab"}, "ConsistentRead": True}]


@pytest.mark.parametrize(("tenant", "accepted"), [("canary", True), ("acme", False)])
def test_the_canarys_key_is_no_other_tenants(tenant: str, accepted: bool) -> None:
    """The canary's role may write the record of its key, with any tenant."""
    key = new_key("canary0a1b2c")
    record = ApiKey("canary0a1b2c", tenant, secret_hash(key), revoked=False)

    assert (authenticate(key, lambda _: record) is record) is accepted


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"identitySource": [KEY]},
            {
                "isAuthorized": True,
                "context": {"tenant": "acme", "key_id": KEYS[0]["key_id"]},
            },
        ),
        ({"identitySource": ["wl_wrong"]}, {"isAuthorized": False}),
        ({"identitySource": []}, {"isAuthorized": False}),
        ({}, {"isAuthorized": False}),
    ],
)
def test_the_authorizers_answer(
    monkeypatch: pytest.MonkeyPatch, event: dict[str, Any], expected: dict[str, Any]
) -> None:
    from tests.fake_aws.gateway import Context
    from wideload_runtime.handlers import key_authorizer

    monkeypatch.setattr(key_authorizer.keys, "find", known().get)

    assert key_authorizer.handler(event, Context()) == expected


ENVIRONMENT = {
    "WIDELOAD_ENVIRONMENT": "dev",
    "WIDELOAD_BUCKET": "bucket",
    "WIDELOAD_QUEUE_URL": "https://sqs.test/queue",
    "WIDELOAD_PAYLOADS_TABLE": "payloads",
    "WIDELOAD_UPLOAD_URL_TTL": "900",
    "WIDELOAD_IN_REQUEST_LIMIT": "25000000",
    "WIDELOAD_RECORDS_FIELD": "turns",
}


def test_settings_are_read() -> None:
    settings = IngestSettings.from_environment(ENVIRONMENT)

    assert settings.upload_url_seconds == 900
    assert settings.in_request_limit == 25_000_000
    assert settings.s3_addressing_style == "virtual"
    assert settings.tenant_workers is None


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_missing_variable_names_itself(name: str) -> None:
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}

    with pytest.raises(ValueError, match=name):
        IngestSettings.from_environment(environment)


CANARY_ENVIRONMENT = {
    "WIDELOAD_API_URL": "https://api.test",
    "WIDELOAD_API_KEY_HEADER": "x-api-key",
    "WIDELOAD_KEYS_TABLE": "keys",
    "WIDELOAD_CANARY_KEY_ID": "canary0a1b2c",
}


@pytest.mark.parametrize("name", CANARY_ENVIRONMENT)
def test_a_missing_variable_of_the_canary_names_itself(name: str) -> None:
    environment = {key: value for key, value in CANARY_ENVIRONMENT.items() if key != name}

    with pytest.raises(ValueError, match=name):
        IngestCanarySettings.from_environment(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WIDELOAD_UPLOAD_URL_TTL", "0"),
        ("WIDELOAD_UPLOAD_URL_TTL", "15m"),
        ("WIDELOAD_IN_REQUEST_LIMIT", "-1"),
        ("WIDELOAD_S3_ADDRESSING_STYLE", "auto"),
    ],
)
def test_a_wrong_variable_names_itself(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value!r}"):
        IngestSettings.from_environment({**ENVIRONMENT, name: value})
