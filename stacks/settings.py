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

    rate_limit: int = 100
    """Requests per second that the API accepts, 1 to 10,000."""

    burst_limit: int = 200
    """Requests that may come at once, 1 to 5,000."""

    worker_max_concurrency: int = 10
    """Queued payloads processed at once, 2 to 1,000."""

    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    """Level from which the functions log."""

    log_retention_days: int = 30
    """Days for which logs are kept; one of `LOG_RETENTION_DAYS`."""

    point_in_time_recovery: bool = True
    """Whether the tables can be restored to any second of the last 35 days."""

    deletion_protection: bool = True
    """Whether the tables, and the stack as a whole, refuse to be deleted."""

    retain: bool = True
    """Whether bucket, tables and logs outlive their stack."""

    s3_addressing_style: Literal["virtual", "path"] = "virtual"
    """How URLs name the bucket. AWS wants `virtual`; the embedded cloud knows only `path`."""

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
        if (self.account is None) != (self.region is None):
            raise ValueError(
                f"account is {self.account!r} and region is {self.region!r}; give both or neither."
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
    "api_key_header": (r"[A-Za-z0-9-]{1,128}", "a header's name: letters, digits, hyphens"),
    "records_field": (r".{1,255}", "1 to 255 characters"),
}
_RANGES = {
    "upload_url_minutes": (1, 720),
    "unclaimed_delay_seconds": (0, 900),
    "in_request_limit": (1, 100_000_000),
    "transit_days": (1, 365),
    "retention_days": (1, 36_499),
    "archive_infrequent_access_days": (30, 36_499),
    "archive_glacier_days": (1, 36_499),
    "rate_limit": (1, 10_000),
    "burst_limit": (1, 5_000),
    "worker_max_concurrency": (2, 1_000),
}
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
        ),
    }
)
"""What each environment deploys unless overridden."""
