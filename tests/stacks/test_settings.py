"""Settings: what is allowed, what is refused, and what the refusal says."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

from stacks import settings as settings_module
from stacks.settings import ENVIRONMENTS, LOG_RETENTION_DAYS, Settings


def test_environments_are_named_after_themselves() -> None:
    assert set(ENVIRONMENTS) == {"dev", "staging", "prod", "local"}
    for name, settings in ENVIRONMENTS.items():
        assert settings.environment == name


def test_every_field_is_documented() -> None:
    source = inspect.getsource(Settings)

    for field in dataclasses.fields(Settings):
        assert re.search(rf"^    {field.name}: [^\n]+\n    \"\"\"", source, re.MULTILINE), (
            field.name
        )


def test_prod_keeps_and_dev_does_not() -> None:
    prod, dev = Settings.for_environment("prod"), Settings.for_environment("dev")

    assert (prod.retain, prod.point_in_time_recovery, prod.deletion_protection) == (True,) * 3
    assert (dev.retain, dev.point_in_time_recovery, dev.deletion_protection) == (False,) * 3


def test_local_differs_from_dev_only_in_what_the_embedded_cloud_needs() -> None:
    dev = dataclasses.asdict(Settings.for_environment("dev"))
    local = dataclasses.asdict(Settings.for_environment("local"))

    assert {name: value for name, value in local.items() if value != dev[name]} == {
        "environment": "local",
        "lambda_code": ".local/lambda",
        "worker_max_concurrency": 3,
        "unclaimed_delay_seconds": 2,
        "s3_addressing_style": "path",
    }


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("account", "123456789012", "123456789012"),
        ("region", "eu-central-1", "eu-central-1"),
        ("region", "us-gov-west-1", "us-gov-west-1"),
        ("architecture", "x86_64", "x86_64"),
        ("lambda_code", "build/lambda", "build/lambda"),
        ("lambda_code", "", None),
        ("api_key_header", "x-pype-token", "x-pype-token"),
        ("upload_url_minutes", "720", 720),
        ("unclaimed_delay_seconds", "0", 0),
        ("in_request_limit", "1", 1),
        ("records_field", "events", "events"),
        ("transit_days", "1", 1),
        ("retention_days", "365", 365),
        ("retention_days", "", None),
        ("archive_infrequent_access_days", "30", 30),
        ("archive_infrequent_access_days", "", None),
        ("archive_glacier_days", "1", 1),
        ("archive_glacier_days", "", None),
        ("rate_limit", "10000", 10_000),
        ("burst_limit", "5000", 5_000),
        ("worker_max_concurrency", "2", 2),
        ("log_level", "DEBUG", "DEBUG"),
        ("log_retention_days", "3653", 3653),
        ("point_in_time_recovery", "true", True),
        ("deletion_protection", "True", True),
        ("retain", "false", False),
        ("s3_addressing_style", "path", "path"),
    ],
)
def test_override_is_converted_to_the_type_of_the_field(
    field: str, text: str, value: object
) -> None:
    overrides = {field: text}
    if field in ("account", "region"):
        overrides = {"account": "123456789012", "region": "eu-west-1", field: text}

    settings = Settings.for_environment("local", overrides)

    assert getattr(settings, field) == value


def test_every_field_can_be_overridden() -> None:
    tested = {
        case[0]
        for mark in test_override_is_converted_to_the_type_of_the_field.pytestmark  # type: ignore[attr-defined]
        for case in mark.args[1]
    }

    assert tested == {field.name for field in dataclasses.fields(Settings)} - {"environment"}


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("account", "1234", "account is '1234'; give the 12 digits"),
        ("region", "Frankfurt", "region is 'Frankfurt'; give an AWS region such as eu-central-1"),
        ("architecture", "arm", "architecture is 'arm'; give one of: arm64, x86_64"),
        ("lambda_code", "/etc", "lambda_code is '/etc'; give a folder relative"),
        ("api_key_header", "x api key", "api_key_header is 'x api key'; give a header's name"),
        ("api_key_header", "", "api_key_header is ''"),
        ("upload_url_minutes", "721", "upload_url_minutes is 721; give 1 to 720"),
        ("upload_url_minutes", "0", "upload_url_minutes is 0"),
        ("upload_url_minutes", "1.5", "'1.5'; give a whole number"),
        ("upload_url_minutes", "٣", "give a whole number"),
        ("unclaimed_delay_seconds", "901", "unclaimed_delay_seconds is 901; give 0 to 900"),
        ("unclaimed_delay_seconds", "", "unclaimed_delay_seconds is ''; give a whole number"),
        ("in_request_limit", "0", "in_request_limit is 0; give 1 to 100,000,000"),
        ("in_request_limit", "100000001", "in_request_limit is 100,000,001"),
        ("records_field", "", "records_field is ''; give 1 to 255 characters"),
        ("transit_days", "0", "transit_days is 0; give 1 to 365"),
        ("retention_days", "0", "retention_days is 0; give 1 to 36,499"),
        ("retention_days", "ever", "retention_days is 'ever'; give a whole number"),
        ("archive_infrequent_access_days", "29", "is 29; give 30 to 36,499"),
        ("archive_glacier_days", "0", "archive_glacier_days is 0; give 1 to 36,499"),
        ("rate_limit", "-1", "rate_limit is -1"),
        ("burst_limit", "5001", "burst_limit is 5,001; give 1 to 5,000"),
        ("worker_max_concurrency", "1", "worker_max_concurrency is 1; give 2 to 1,000"),
        ("log_level", "debug", "log_level is 'debug'; give one of: DEBUG, INFO, WARN, ERROR"),
        ("log_retention_days", "8", "log_retention_days is 8; give one of 1, 3, 5, 7,"),
        ("retain", "yes", "retain is 'yes'; give true or false"),
        ("s3_addressing_style", "auto", "give one of: virtual, path"),
    ],
)
def test_wrong_value_is_refused_with_what_is_allowed(field: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Settings.for_environment("dev", {field: text})


def test_unknown_environment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no environment 'production'.*dev, staging, prod, local"):
        Settings.for_environment("production")


def test_unknown_field_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no setting 'rate_limits'. Did you mean rate_limit\?"):
        Settings.for_environment("dev", {"rate_limits": "5"})


def test_environment_itself_is_no_override() -> None:
    with pytest.raises(ValueError, match=r"no setting 'environment'"):
        Settings.for_environment("dev", {"environment": "prod"})


def test_account_without_region_is_refused() -> None:
    with pytest.raises(ValueError, match="give both or neither"):
        Settings.for_environment("dev", {"account": "123456789012"})


@pytest.mark.parametrize("name", ["", "Dev", "a" * 21, "1st", "a_b"])
def test_wrong_environment_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="environment is"):
        Settings(environment=name)


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.for_environment("dev").retain = True  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings_module.ENVIRONMENTS["dev"] = ENVIRONMENTS["prod"]  # type: ignore[index]


def test_stack_knows_every_retention_that_settings_allow() -> None:
    from stacks.ingest_stack import _RETENTION

    assert set(_RETENTION) == set(LOG_RETENTION_DAYS)
