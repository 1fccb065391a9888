"""Settings of this repository's deployments: one frozen `Settings` per environment."""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

# Of the periods that CloudWatch Logs offers, those that anyone asks for, in days.
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What one environment deploys. Every field can be overridden by `-c field=value`.

    Raises:
        ValueError: A value is not allowed; the message names the field and what is.
    """

    environment: str
    """Name of the environment, in stack names and in the metrics' dimension. 1 to 20 of
    a-z, 0-9 and hyphens."""

    account: str | None = None
    """AWS account to deploy to, 12 digits. Default: that of the credentials."""

    region: str | None = None
    """AWS region to deploy to. Default: that of the credentials' profile."""

    architecture: Literal["arm64", "x86_64"] = "arm64"
    """Processor of the functions."""

    lambda_code: str | None = None
    """Folder with built Lambda code, relative to the repository. Default: the code that
    `make build` put into `wideload_cdk`."""

    api_key_header: str = "x-api-key"
    """Header that carries the API key."""

    upload_url_minutes: int = 15
    """Life of an upload URL, in minutes, 1 to 720."""

    unclaimed_delay_seconds: int = 60
    """Seconds after which an upload that nobody claimed goes to the worker, 0 to 900."""

    in_request_limit: int = 25_000_000
    """Largest uploaded object that is processed in the request that claims it, in bytes,
    1 to 100,000,000. Larger ones are queued."""

    records_field: str = "transcript_with_metrics"
    """Top-level array of a payload whose elements can be read in pages."""

    transit_days: int = 7
    """Days after which uploads are deleted from the transit prefix."""

    retention_days: int | None = None
    """Days for which finished payloads are kept, items and documents, 1 to 36,499. Default: for
    ever."""

    archive_infrequent_access_days: int | None = None
    """Days after which kept documents move to S3 Standard-IA, at least 30. Default: never."""

    archive_glacier_days: int | None = None
    """Days after which they move to S3 Glacier Instant Retrieval, at least 30 more than
    `archive_infrequent_access_days`, if that is given. Default: never."""

    file_url_minutes: int = 60
    """Life of a URL for an upload, a part or a download of a file, in minutes, 1 to 720."""

    upload_session_days: int = 7
    """Days within which an upload of a file must be completed, and can be resumed, 1 to 30."""

    max_file_size: int = 5 * 2**40
    """Largest file, in bytes, 1 to 5,497,558,138,880 (5 TiB)."""

    file_quota_bytes: int | None = None
    """Most that one person may store, in bytes. Default: no limit."""

    max_open_uploads: int = 100
    """Uploads that one person may have open at once, 1 to 10,000."""

    verify_multipart: bool = False
    """Whether files uploaded in parts are read again to check the SHA-256 of the whole."""

    file_expiration_days: int | None = None
    """Days after which files are deleted, 1 to 36,499. Default: never."""

    file_infrequent_access_days: int | None = None
    """Days after which files move to S3 Standard-IA, at least 30. Default: never."""

    file_glacier_days: int | None = None
    """Days after which they move to S3 Glacier Instant Retrieval, at least 30 more than
    `file_infrequent_access_days`, if that is given. Default: never."""

    web_urls: tuple[str, ...] = ()
    """Pages by which people transfer files, as `https://files.example.com/`; several are
    separated by commas. Default: none but the page that this app deploys."""

    web: bool = True
    """Whether this app deploys the page by which people transfer files."""

    web_domain: str | None = None
    """Host name of that page; needs `web_certificate_arn`. Default: one of CloudFront's."""

    web_certificate_arn: str | None = None
    """ARN of the certificate for `web_domain`, in us-east-1."""

    web_acl_arn: str | None = None
    """ARN of a WAF web ACL for that page, of scope CLOUDFRONT. Default: no firewall."""

    page: str | None = None
    """Folder with a built page, relative to the repository. Default: the page that `make build`
    put into `wideload_cdk`."""

    publish_page: bool = True
    """Whether the stacks put the page into its bucket, which the embedded cloud can't."""

    mfa: Literal["off", "optional", "required"] = "optional"
    """Whether people show a code of an authenticator app when they sign in."""

    sign_in_domain_prefix: str | None = None
    """First part of the sign-in pages' host name. Default: one that nobody else has."""

    oidc_issuer: str | None = None
    """Whose tokens give access to files, as `https://login.example.com/`. Default: a user pool
    made here."""

    oidc_audience: str | None = None
    """What those tokens' claim `aud` must hold; given with `oidc_issuer`."""

    oidc_client_id: str | None = None
    """Client by which people sign in at `oidc_issuer`. Default: `oidc_audience`."""

    password_sign_in: bool = False
    """Whether programs may send people's passwords to the user pool as they are, for tests."""

    rate_limit: int = 100
    """Requests per second that each API accepts, 1 to 10,000."""

    burst_limit: int = 200
    """Requests that may come to each API at once, 1 to 5,000."""

    worker_max_concurrency: int = 10
    """Queued payloads processed at once, 2 to 1,000."""

    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    """Level from which the functions log."""

    log_retention_days: int = 30
    """Days for which logs are kept; one of `LOG_RETENTION_DAYS`."""

    point_in_time_recovery: bool = True
    """Whether the tables can be restored to any second of the last 35 days."""

    deletion_protection: bool = True
    """Whether tables and user pool, and the stacks as a whole, refuse to be deleted."""

    retain: bool = True
    """Whether buckets, tables, user pool and logs outlive their stacks."""

    s3_addressing_style: Literal["virtual", "path"] = "virtual"
    """How URLs name the bucket. AWS wants `virtual`; the embedded cloud knows only `path`."""

    endpoint_url: str | None = None
    """Where an emulator of AWS answers, as `https://localhost:4566`. Default: AWS."""

    def __post_init__(self) -> None:
        """Check every value; types first, since these can come from a caller's mistake."""
        for name, hint in _HINTS.items():
            value = getattr(self, name)
            choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else None
            if choices and value not in choices:
                raise ValueError(f"{name} is {value!r}; give one of: {', '.join(choices)}.")
            if name in _PATTERNS and value is not None:
                pattern, allowed = _PATTERNS[name]
                if not re.fullmatch(pattern, value):
                    raise ValueError(f"{name} is {value!r}; give {allowed}.")
            if name in _RANGES and value is not None:
                least, most = _RANGES[name]
                if not least <= value <= most:
                    raise ValueError(f"{name} is {value:,}; give {least:,} to {most:,}.")
        if self.log_retention_days not in LOG_RETENTION_DAYS:
            raise ValueError(
                f"log_retention_days is {self.log_retention_days}; give one of "
                f"{', '.join(map(str, LOG_RETENTION_DAYS))}."
            )
        for one, other in _TOGETHER:
            values = getattr(self, one), getattr(self, other)
            if (values[0] is None) != (values[1] is None):
                raise ValueError(
                    f"{one} is {values[0]!r} and {other} is {values[1]!r}; give both or neither."
                )
        for url in self.web_urls:
            if not re.fullmatch(_PAGE, url):
                raise ValueError(
                    f"web_urls has {url!r}; give pages with https, as "
                    "https://files.example.com/, without query or fragment, between commas."
                )
        if self.oidc_client_id is not None and self.oidc_issuer is None:
            raise ValueError(
                f"oidc_client_id is {self.oidc_client_id!r} without an oidc_issuer; give it too, "
                "for the user pool made here has a client of its own."
            )

    @classmethod
    def for_environment(cls, name: str, overrides: Mapping[str, str] | None = None) -> Settings:
        """The settings of environment `name`, with `overrides` (field to text) applied.

        Raises:
            ValueError: No such environment or field, or a value that isn't allowed.
        """
        if name not in ENVIRONMENTS:
            raise ValueError(
                f"There is no environment {name!r}; give one of: {', '.join(ENVIRONMENTS)}."
            )
        changes: dict[str, Any] = {}
        for field, text in (overrides or {}).items():
            if field not in _OVERRIDABLE:
                close = difflib.get_close_matches(field, _OVERRIDABLE, n=1)
                meant = f" Did you mean {close[0]}?" if close else ""
                raise ValueError(
                    f"There is no setting {field!r}.{meant} "
                    f"The settings are: {', '.join(_OVERRIDABLE)}."
                )
            changes[field] = _parse(field, text)
        return dataclasses.replace(ENVIRONMENTS[name], **changes)


# What each field may hold; the types' own limits (bool, Literal) are checked from the hints.
_PATTERNS = {
    "environment": (r"[a-z][a-z0-9-]{0,19}", "up to 20 of a-z, 0-9 and -, a letter first"),
    "account": (r"\d{12}", "the 12 digits of an AWS account"),
    "region": (r"[a-z]{2,}(-[a-z]+)+-\d", "an AWS region such as eu-central-1"),
    "lambda_code": (r"[^/].*", "a folder relative to the repository"),
    "page": (r"[^/].*", "a folder relative to the repository"),
    "api_key_header": (r"[A-Za-z0-9-]{1,128}", "a header's name: letters, digits, hyphens"),
    "records_field": (r".{1,255}", "1 to 255 characters"),
    "web_domain": (
        r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}",
        "a host name, as files.example.com",
    ),
    "web_certificate_arn": (
        r"arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/\S+",
        "the ARN of a certificate in us-east-1, where CloudFront looks for it",
    ),
    "web_acl_arn": (
        r"arn:aws[a-z-]*:wafv2:us-east-1:\d{12}:global/webacl/\S+",
        "the ARN of a web ACL of scope CLOUDFRONT, in us-east-1",
    ),
    "sign_in_domain_prefix": (
        r"(?!.*(aws|amazon|cognito))[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        "1 to 63 of a-z, 0-9 and -, without aws, amazon or cognito",
    ),
    "oidc_issuer": (r"https://[^?#\s]+", "a URL with https, as https://login.example.com/"),
    "oidc_audience": (r"\S{1,255}", "1 to 255 characters without spaces"),
    "oidc_client_id": (r"\S{1,255}", "1 to 255 characters without spaces"),
    "endpoint_url": (r"https?://[^/?#\s]+", "scheme, host and port, as https://localhost:4566"),
}
_PAGE = r"(https://[^/?#\s*@,]+|http://localhost(:\d{1,5})?)(/[^?#\s*,]*)?"
_RANGES = {
    "upload_url_minutes": (1, 720),
    "unclaimed_delay_seconds": (0, 900),
    "in_request_limit": (1, 100_000_000),
    "transit_days": (1, 365),
    "retention_days": (1, 36_499),
    "archive_infrequent_access_days": (30, 36_499),
    "archive_glacier_days": (1, 36_499),
    "file_url_minutes": (1, 720),
    "upload_session_days": (1, 30),
    "max_file_size": (1, 5 * 2**40),
    "file_quota_bytes": (1, 10**18),
    "max_open_uploads": (1, 10_000),
    "file_expiration_days": (1, 36_499),
    "file_infrequent_access_days": (30, 36_499),
    "file_glacier_days": (1, 36_499),
    "rate_limit": (1, 10_000),
    "burst_limit": (1, 5_000),
    "worker_max_concurrency": (2, 1_000),
}
_TOGETHER = (
    ("account", "region"),
    ("web_domain", "web_certificate_arn"),
    ("oidc_issuer", "oidc_audience"),
)
_HINTS = typing.get_type_hints(Settings)
_OVERRIDABLE = tuple(field for field in _HINTS if field != "environment")


def _parse(field: str, text: str) -> object:
    """`text` as a value of the type of `field`. An empty text unsets an optional field."""
    hint = _HINTS[field]
    if hint is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{field} is {text!r}; give true or false.")
        return text.lower() == "true"
    optional = type(None) in typing.get_args(hint)
    if optional and text == "":
        return None
    if hint == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if hint is int or int in typing.get_args(hint):
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise ValueError(f"{field} is {text!r}; give a whole number, in digits alone.")
        return int(text)
    return text


_DISPOSABLE = Settings(
    environment="dev",
    log_retention_days=14,
    point_in_time_recovery=False,
    deletion_protection=False,
    retain=False,
)

ENVIRONMENTS: Mapping[str, Settings] = types.MappingProxyType(
    {
        "dev": _DISPOSABLE,
        # As prod, but it can be taken down and put up again.
        "staging": Settings(environment="staging", deletion_protection=False, retain=False),
        "prod": Settings(
            environment="prod",
            log_retention_days=365,
            rate_limit=1_000,
            burst_limit=2_000,
            worker_max_concurrency=50,
        ),
        # The embedded cloud on the developer's machine.
        "local": dataclasses.replace(
            _DISPOSABLE,
            environment="local",
            lambda_code=".local/lambda",
            # Each worker is a process of the developer's machine.
            worker_max_concurrency=3,
            # Nobody waits a minute for a test.
            unclaimed_delay_seconds=2,
            s3_addressing_style="path",
            # `local` says which port it really is.
            endpoint_url="https://localhost:4566",
            # So that scripts get tokens without a browser.
            password_sign_in=True,
            # `local` puts the page there instead.
            publish_page=False,
        ),
    }
)
"""What each environment deploys unless overridden."""
