"""Settings: values that are allowed or refused, and the text of the refusal."""

from __future__ import annotations

import re
import typing

import pytest

from stacks import settings as settings_module
from stacks.service_stack import LOG_RETENTION
from stacks.settings import ENVIRONMENTS, Settings

REGIONAL = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
MAIL_IDENTITY = "arn:aws:ses:eu-west-1:123456789012:identity/example.com"
POOL_ACL = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/files/1"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/page/1"


def test_environments_are_named_after_themselves() -> None:
    assert {"prod", "local"} <= set(ENVIRONMENTS)
    for name, settings in ENVIRONMENTS.items():
        assert settings.environment == name


def test_every_field_is_documented() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert Settings.allowed(name)


def test_prod_keeps_and_dev_does_not() -> None:
    prod, dev = Settings.for_environment("prod"), Settings.for_environment("dev")

    assert (prod.retain, prod.point_in_time_recovery, prod.deletion_protection) == (True,) * 3
    assert (dev.retain, dev.point_in_time_recovery, dev.deletion_protection) == (False,) * 3


def test_local_differs_from_dev_only_by_needs_of_the_embedded_cloud() -> None:
    dev = dict(Settings.for_environment("dev"))
    local = dict(Settings.for_environment("local"))

    assert {name: value for name, value in local.items() if value != dev[name]} == {
        "environment": "local",
        "lambda_code": ".local/lambda",
        "worker_max_concurrency": 3,
        "unclaimed_delay_seconds": 2,
        "s3_addressing_style": "path",
        "endpoint_url": "https://localhost:4566",
        "password_sign_in": True,
        "publish_page": False,
        "monitoring": False,
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
        ("file_url_minutes", "720", 720),
        ("upload_session_days", "30", 30),
        ("max_file_size", "53687091200000", 50_000 * 2**30),
        ("file_quota_bytes", "1", 1),
        ("file_quota_bytes", "", None),
        ("file_quota_files", "1", 1),
        ("file_quota_files", "", None),
        ("max_open_uploads", "10000", 10_000),
        ("verify_multipart", "true", True),
        ("file_scan", "events", "events"),
        ("file_scan_hours", "12", 12),
        ("file_expiration_days", "36499", 36_499),
        ("file_expiration_days", "", None),
        ("file_infrequent_access_days", "30", 30),
        ("file_infrequent_access_days", "", None),
        ("file_glacier_days", "1", 1),
        ("file_glacier_days", "", None),
        ("web_urls", "https://a.example", ("https://a.example",)),
        (
            "web_urls",
            "https://a.example/x, http://localhost:5173/,",
            ("https://a.example/x", "http://localhost:5173/"),
        ),
        ("web_urls", "", ()),
        ("web", "false", False),
        ("web_domain", "files.example.com", "files.example.com"),
        ("web_certificate_arn", CERTIFICATE, CERTIFICATE),
        ("web_access_logs", "false", False),
        ("web_acl_arn", WEB_ACL, WEB_ACL),
        ("web_acl_arn", "", None),
        ("page", "web/packages/page/dist", "web/packages/page/dist"),
        ("publish_page", "true", True),
        ("mfa", "required", "required"),
        ("sign_in_domain_prefix", "acme-files", "acme-files"),
        ("sign_in_domain_prefix", "", None),
        ("oidc_issuer", "https://login.example.com/", "https://login.example.com/"),
        ("oidc_audience", "files-api", "files-api"),
        ("oidc_client_id", "files-page", "files-page"),
        ("mail_from", "Files <files@example.com>", "Files <files@example.com>"),
        ("mail_from", "files@example.com", "files@example.com"),
        ("mail_identity_arn", MAIL_IDENTITY, MAIL_IDENTITY),
        ("password_sign_in", "false", False),
        ("user_pool_web_acl_arn", POOL_ACL, POOL_ACL),
        ("user_pool_web_acl_arn", "", None),
        ("tags", "cost-center=42, team=call log", ("cost-center=42", "team=call log")),
        ("tags", "", ()),
        ("kms", "true", True),
        ("private_network", "true", True),
        ("tracing", "false", False),
        ("ingest_cors_origins", "https://a.example", ("https://a.example",)),
        ("ingest_cors_origins", "*", ("*",)),
        ("ingest_cors_origins", "", ()),
        ("ingest_domain", "ingest.example.com", "ingest.example.com"),
        ("ingest_certificate_arn", REGIONAL, REGIONAL),
        ("canary_minutes", "5", 5),
        ("canary_minutes", "", None),
        ("files_domain", "files.example.com", "files.example.com"),
        ("files_certificate_arn", REGIONAL, REGIONAL),
        ("rate_limit", "100000", 100_000),
        ("burst_limit", "50000", 50_000),
        ("worker_max_concurrency", "2", 2),
        ("sign_in_rate_limit", "500", 500),
        ("sign_in_rate_limit", "", None),
        ("api_reserved_concurrency", "1", 1),
        ("api_reserved_concurrency", "", None),
        ("worker_reserved_concurrency", "3", 3),
        ("worker_reserved_concurrency", "", None),
        ("alarm_emails", "a@example.com,b@example.com", ("a@example.com", "b@example.com")),
        ("alarm_emails", "", ()),
        ("runbook", "https://wiki.example.com/wideload", "https://wiki.example.com/wideload"),
        ("account_concurrency", "10", 10),
        ("account_concurrency", "", None),
        ("bucket_metrics", "true", True),
        ("monitoring", "true", True),
        ("compliance_packs", "true", True),
        ("log_level", "DEBUG", "DEBUG"),
        ("log_retention_days", "3653", 3653),
        ("point_in_time_recovery", "true", True),
        ("deletion_protection", "True", True),
        ("retain", "false", False),
        ("s3_addressing_style", "path", "path"),
        ("endpoint_url", "https://localhost:4567", "https://localhost:4567"),
        ("endpoint_url", "", None),
    ],
)
def test_override_is_converted_to_the_type_of_the_field(
    field: str, text: str, value: object
) -> None:
    overrides = {field: text}
    if field in ("account", "region"):
        overrides = {"account": "123456789012", "region": "eu-west-1", field: text}
    for which in ("web", "ingest", "files"):
        if field in (f"{which}_domain", f"{which}_certificate_arn"):
            overrides = {
                f"{which}_domain": "a.example",
                f"{which}_certificate_arn": CERTIFICATE,
                field: text,
            }
    if field.startswith("mail_"):
        overrides = {
            "mail_from": "a@example.com",
            "mail_identity_arn": MAIL_IDENTITY,
            field: text,
        }
    if field.startswith("oidc_"):
        overrides = {"oidc_issuer": "https://a.example", "oidc_audience": "a", field: text}

    settings = Settings.for_environment("local", overrides)

    assert getattr(settings, field) == value


def test_every_field_can_be_overridden() -> None:
    tested = {
        case[0]
        for mark in test_override_is_converted_to_the_type_of_the_field.pytestmark  # type: ignore[attr-defined]
        for case in mark.args[1]
    }

    assert tested == set(Settings.model_fields) - {"environment"}


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("web_domain", "files", "give a host name, as files.example.com"),
        ("web_domain", "files.example.com", "give both or neither"),
        ("web_certificate_arn", "arn:aws:acm:eu-west-1:1:certificate/1", "us-east-1"),
        ("web_acl_arn", "regional", "scope CLOUDFRONT"),
        ("account", "1234", "account is '1234'; give the 12 digits"),
        ("region", "Frankfurt", "region is 'Frankfurt'; give an AWS region such as eu-central-1"),
        ("architecture", "arm", "architecture is 'arm'; give one of arm64, x86_64"),
        ("lambda_code", "/etc", "lambda_code is '/etc'; give a folder relative"),
        (
            "api_key_header",
            "x api key",
            "api_key_header is 'x api key'; give the name of an HTTP header",
        ),
        ("api_key_header", "", "api_key_header is ''"),
        ("upload_url_minutes", "721", "upload_url_minutes is 721; give 1 to 720 minutes."),
        ("upload_url_minutes", "0", "upload_url_minutes is 0"),
        (
            "upload_url_minutes",
            "1.5",
            "upload_url_minutes is '1.5'; give a whole number, 1 to 720 minutes.",
        ),
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
        ("file_url_minutes", "721", "file_url_minutes is 721; give 1 to 720"),
        ("upload_session_days", "31", "upload_session_days is 31; give 1 to 30"),
        ("max_file_size", "0", "max_file_size is 0; give 1 to 53,687,091,200,000"),
        ("max_file_size", "53687091200001", "max_file_size is 53,687,091,200,001"),
        ("max_file_size", "5 TiB", "max_file_size is '5 TiB'; give a whole number"),
        ("file_quota_bytes", "0", "file_quota_bytes is 0; give 1 to"),
        ("file_quota_files", "0", "file_quota_files is 0; give 1 to 1,000,000,000"),
        ("max_open_uploads", "10001", "max_open_uploads is 10,001; give 1 to 10,000 uploads."),
        ("verify_multipart", "1", "verify_multipart is '1'; give true or false"),
        ("file_expiration_days", "0", "file_expiration_days is 0; give 1 to 36,499"),
        ("file_infrequent_access_days", "29", "is 29; give 30 to 36,499"),
        ("file_glacier_days", "0", "file_glacier_days is 0; give 1 to 36,499"),
        (
            "web_urls",
            "http://a.example",
            "an entry of web_urls is 'http://a.example'; give the address of a",
        ),
        (
            "web_urls",
            "https://a.example,*",
            "an entry of web_urls is '*'; give the address of a page with https",
        ),
        (
            "ingest_cors_origins",
            "https://a.example/x",
            "an entry of ingest_cors_origins is 'https://a.example/x'; give `*`, or scheme",
        ),
        ("web_urls", "https://a.example/#x", "an entry of web_urls is 'https://a.example/#x'"),
        ("web_urls", "https://a.example/ https://b", "web_urls is 'https://a.example/ https://b'"),
        ("mfa", "sms", "mfa is 'sms'; give one of off, optional, required"),
        ("sign_in_domain_prefix", "my-aws", "'my-aws'; give 1 to 63 of a-z, 0-9 and hyphens"),
        ("sign_in_domain_prefix", "-a", "sign_in_domain_prefix is '-a'; give 1 to 63"),
        (
            "oidc_issuer",
            "login.example.com",
            "is 'login.example.com'; give the claim `iss` of your",
        ),
        ("oidc_issuer", "https://a.example", "oidc_audience is None; give both or neither"),
        (
            "oidc_audience",
            "a",
            "oidc_issuer is None and oidc_audience is 'a'; give both or neither",
        ),
        ("oidc_audience", "a b", "oidc_audience is 'a b'; give 1 to 255 characters"),
        ("oidc_client_id", "a", "oidc_client_id is 'a' without an oidc_issuer; give both"),
        ("mail_from", "files@example.com", "mail_identity_arn is None; give both or neither"),
        ("mail_from", "Files", "mail_from is 'Files'; give an address, or a name and an address"),
        ("mail_identity_arn", "example.com", "give the ARN of an identity of SES"),
        ("password_sign_in", "yes", "password_sign_in is 'yes'; give true or false"),
        ("rate_limit", "-1", "rate_limit is -1"),
        ("burst_limit", "50001", "burst_limit is 50,001; give 1 to 50,000"),
        ("ingest_domain", "ingest.example.com", "give both or neither"),
        ("files_certificate_arn", REGIONAL, "give both or neither"),
        ("files_domain", "https://a.example", "give a host name, as files.example.com"),
        ("ingest_certificate_arn", "a", "the ARN of a certificate in the region deployed to"),
        ("user_pool_web_acl_arn", WEB_ACL, "the ARN of a web ACL of scope REGIONAL"),
        ("tags", "team", "an entry of tags is 'team'; give name=value with letters"),
        ("tags", "aws:team=1", "tags is 'aws:team=1'"),
        ("tags", "AWS:team=1", "no name that starts with aws:"),
        ("tags", "service=mine", "tags is 'service=mine'"),
        ("canary_minutes", "4", "canary_minutes is 4; give 5 to 1,440"),
        ("sign_in_rate_limit", "9", "sign_in_rate_limit is 9; give 10 to 2,000,000,000"),
        (
            "api_reserved_concurrency",
            "0",
            "api_reserved_concurrency is 0; give 1 to 10,000 invocations.",
        ),
        (
            "worker_reserved_concurrency",
            "9",
            "worker_reserved_concurrency is 9, less than worker_max_concurrency, 10; the queue "
            "would be throttled. Raise one or lower the other.",
        ),
        ("alarm_emails", "me", "alarm_emails is 'me'; give an address, as oncall@example.com"),
        ("runbook", "", "runbook is ''; give a path or an address"),
        ("account_concurrency", "9", "account_concurrency is 9; give 10 to 1,000,000"),
        ("worker_max_concurrency", "1", "worker_max_concurrency is 1; give 2 to 1,000"),
        ("log_level", "debug", "log_level is 'debug'; give one of DEBUG, INFO, WARN, ERROR"),
        ("log_retention_days", "8", "log_retention_days is 8; give one of 1, 3, 5, 7,"),
        ("retain", "yes", "retain is 'yes'; give true or false"),
        ("s3_addressing_style", "auto", "give one of virtual, path"),
        (
            "endpoint_url",
            "https://a/b",
            "endpoint_url is 'https://a/b'; give scheme, host and port",
        ),
    ],
)
def test_wrong_value_is_refused_with_what_is_allowed(field: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Settings.for_environment("dev", {field: text})


def test_unknown_environment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"no environment 'production'.*dev, .*prod, .*local"):
        Settings.for_environment("production")


def test_unknown_field_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"no setting 'rate_limits'. Did you mean rate_limit\?"):
        Settings.for_environment("dev", {"rate_limits": "5"})


def test_each_wrong_override_is_one_line() -> None:
    overrides = {"retain": "yes", "rate_limits": "5", "rate_limit": "0", "tags": "a=1,b,c"}

    with pytest.raises(ValueError, match="give true or false") as refused:
        Settings.for_environment("dev", overrides)

    assert [line.partition(";")[0][:60] for line in str(refused.value).splitlines()] == [
        "an entry of tags is 'b'",
        "rate_limit is 0",
        "retain is 'yes'",
        "There is no setting 'rate_limits'. Did you mean rate_limit? ",
    ]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rate_limits", 5, "There is no setting 'rate_limits'. Did you mean rate_limit?"),
        ("rate_limit", True, "rate_limit is True; give a whole number, 1 to 100,000 requests per"),
        ("retain", 1, "retain is 1; give true or false."),
        ("web_urls", ["https://a.example"], "web_urls is ['https://a.example']; give the address"),
        ("account", 123456789012, "account is 123456789012; give the 12 digits of an AWS account."),
    ],
)
def test_value_of_another_type_in_the_source_is_refused(
    name: str, value: object, message: str
) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        Settings(environment="dev", **{name: value})


def test_environment_itself_is_no_override() -> None:
    with pytest.raises(
        ValueError, match=r"environment can't be overridden; choose .* `-c env=NAME`"
    ):
        Settings.for_environment("dev", {"environment": "prod"})


@pytest.mark.parametrize(
    "settings",
    [
        {"user_pool_web_acl_arn": POOL_ACL},
        {"mail_from": "a@example.com", "mail_identity_arn": MAIL_IDENTITY},
    ],
)
def test_user_pool_settings_with_an_issuer_are_refused(settings: dict[str, str]) -> None:
    overrides = {"oidc_issuer": "https://a.example", "oidc_audience": "a", **settings}
    with pytest.raises(ValueError, match="no user pool is made here; leave one out"):
        Settings.for_environment("dev", overrides)


@pytest.mark.parametrize(
    "other",
    [
        {"oidc_issuer": "https://a.example", "oidc_audience": "a"},
        {"user_pool_web_acl_arn": POOL_ACL},
    ],
)
def test_a_second_web_acl_or_one_without_a_user_pool_is_refused(other: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"sign_in_rate_limit is 500, but .* leave one out"):
        Settings.for_environment("dev", {"sign_in_rate_limit": "500", **other})


def test_prod_reserves_concurrency() -> None:
    prod = Settings.for_environment("prod")

    assert (prod.api_reserved_concurrency, prod.worker_reserved_concurrency) == (200, 50)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"account_concurrency": "500"},
            "api_reserved_concurrency, twice, and worker_reserved_concurrency reserve 450, but "
            "of 500 (account_concurrency) Lambda keeps 100 for other functions; lower them, leave "
            "them empty, or have AWS raise the account's quota.",
        ),
        ({"api_reserved_concurrency": "426"}, "reserve 902, but of 1,000"),
    ],
)
def test_more_concurrency_than_the_account_has_is_refused(
    overrides: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Settings.for_environment("prod", overrides)


def test_all_unreserved_concurrency_but_the_minimum_can_be_reserved() -> None:
    for overrides in (
        {"account_concurrency": "550"},
        {"account_concurrency": ""},
        {"account_concurrency": "10", "api_reserved_concurrency": "",
         "worker_reserved_concurrency": ""},
    ):  # fmt: skip
        assert Settings.for_environment("prod", overrides).environment == "prod"


def test_account_without_region_is_refused() -> None:
    with pytest.raises(ValueError, match="give both or neither"):
        Settings.for_environment("dev", {"account": "123456789012"})


@pytest.mark.parametrize("name", ["", "Dev", "a" * 21, "1st", "a_b"])
def test_wrong_environment_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="environment is"):
        Settings(environment=name)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings.for_environment("dev").retain = True  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings_module.ENVIRONMENTS["dev"] = ENVIRONMENTS["prod"]  # type: ignore[index]


def test_stack_knows_every_retention_that_settings_allow() -> None:
    allowed = Settings.model_fields["log_retention_days"].annotation

    assert set(LOG_RETENTION) == set(typing.get_args(allowed))
