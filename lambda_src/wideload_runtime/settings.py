"""Settings of the functions, read from environment variables and checked once at import."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """Settings of every function of ingest but its events and canary."""

    environment: str
    """Value of the metrics' dimension `environment`."""
    bucket: str
    payloads_table: str
    queue_url: str
    upload_url_seconds: int
    in_request_limit: int
    """Bytes."""
    records_field: str
    s3_addressing_style: Literal["virtual", "path"]
    retention_seconds: int | None
    """Seconds for which a finished record is kept; None: for ever."""
    max_receives: int
    """Deliveries of a message before it goes to the dead-letter queue."""
    tenant_workers: int | None
    """Workers that one tenant may have at once; None in functions that aren't workers."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> IngestSettings:
        return cls(
            environment=required("WIDELOAD_ENVIRONMENT", environment),
            bucket=required("WIDELOAD_BUCKET", environment),
            payloads_table=required("WIDELOAD_PAYLOADS_TABLE", environment),
            queue_url=required("WIDELOAD_QUEUE_URL", environment),
            upload_url_seconds=_positive("WIDELOAD_UPLOAD_URL_TTL", environment),
            in_request_limit=_positive("WIDELOAD_IN_REQUEST_LIMIT", environment),
            records_field=required("WIDELOAD_RECORDS_FIELD", environment),
            s3_addressing_style=_addressing_style(environment),
            retention_seconds=_days("WIDELOAD_RETENTION_DAYS", environment),
            max_receives=_positive_or_none("WIDELOAD_MAX_RECEIVES", environment) or 1,
            tenant_workers=_positive_or_none("WIDELOAD_TENANT_WORKERS", environment),
        )


@dataclass(frozen=True, slots=True)
class FilesSettings:
    """Settings of every function of file transfer."""

    environment: str
    """Value of the metrics' dimension `environment`."""
    bucket: str
    table: str
    s3_addressing_style: Literal["virtual", "path"]
    verify_queue_url: str
    """Empty without a verifier."""
    verify_most: int | None
    """Bytes of the largest file that is verified; None: all are."""
    life_seconds: int | None
    """Seconds for which a file is kept; None: for ever."""
    scan_seconds: int | None
    """Seconds within which a scanner should judge a file; None: there is none."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> FilesSettings:
        return cls(
            environment=required("WIDELOAD_ENVIRONMENT", environment),
            bucket=required("WIDELOAD_BUCKET", environment),
            table=required("WIDELOAD_FILES_TABLE", environment),
            s3_addressing_style=_addressing_style(environment),
            verify_queue_url=environment.get("WIDELOAD_VERIFY_QUEUE_URL", ""),
            verify_most=_positive_or_none("WIDELOAD_VERIFY_MOST", environment),
            life_seconds=_days("WIDELOAD_FILE_EXPIRATION_DAYS", environment),
            scan_seconds=_positive_or_none("WIDELOAD_SCAN_SECONDS", environment),
        )


@dataclass(frozen=True, slots=True)
class FilesApiSettings:
    """Further settings of file transfer's API."""

    url_seconds: int
    session_seconds: int
    max_file_size: int
    """Bytes."""
    quota_bytes: int | None
    """Bytes of one person's files and open uploads; None: no limit."""
    quota_files: int | None
    """Number of one person's files and open uploads; None: no limit."""
    max_open_uploads: int
    """For each person."""
    sign_in: dict[str, Any]
    """Answer of `GET /sign-in`: how to get an access token."""
    authorize_function: str
    """ARN of the team's function; empty without one."""
    authorize_seconds: int
    """Seconds that it may take."""
    authorize_failure: Literal["closed", "open"]
    """Whether files are refused or taken if it fails."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> FilesApiSettings:
        return cls(
            url_seconds=_positive("WIDELOAD_FILE_URL_TTL", environment),
            session_seconds=_positive("WIDELOAD_UPLOAD_SESSION_TTL", environment),
            max_file_size=_positive("WIDELOAD_MAX_FILE_SIZE", environment),
            quota_bytes=_positive_or_none("WIDELOAD_QUOTA_BYTES", environment),
            quota_files=_positive_or_none("WIDELOAD_QUOTA_FILES", environment),
            max_open_uploads=_positive("WIDELOAD_MAX_OPEN_UPLOADS", environment),
            sign_in=_json_object("WIDELOAD_SIGN_IN", environment),
            authorize_function=environment.get("WIDELOAD_AUTHORIZE_FUNCTION", ""),
            authorize_seconds=_positive_or_none("WIDELOAD_AUTHORIZE_SECONDS", environment) or 1,
            authorize_failure=(
                "open" if environment.get("WIDELOAD_AUTHORIZE_FAILURE") == "open" else "closed"
            ),
        )


@dataclass(frozen=True, slots=True)
class IngestEventsSettings:
    """Settings of the function that reads the table's stream."""

    environment: str
    event_bus: str
    bucket: str
    s3_addressing_style: Literal["virtual", "path"]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> IngestEventsSettings:
        return cls(
            environment=required("WIDELOAD_ENVIRONMENT", environment),
            event_bus=required("WIDELOAD_EVENT_BUS", environment),
            bucket=required("WIDELOAD_BUCKET", environment),
            s3_addressing_style=_addressing_style(environment),
        )


@dataclass(frozen=True, slots=True)
class IngestCanarySettings:
    """Settings of the canary."""

    api_url: str
    """Base URL of the API that it tests."""
    api_key_header: str
    keys_table: str
    key_id: str
    """Id of its own API key, the only one that it may write."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> IngestCanarySettings:
        return cls(
            api_url=required("WIDELOAD_API_URL", environment),
            api_key_header=required("WIDELOAD_API_KEY_HEADER", environment),
            keys_table=required("WIDELOAD_KEYS_TABLE", environment),
            key_id=required("WIDELOAD_CANARY_KEY_ID", environment),
        )


def required(name: str, environment: Mapping[str, str] = os.environ) -> str:
    value = environment.get(name, "")
    if not value:
        raise ValueError(f"the environment variable {name} is missing; the construct sets it")
    return value


def _positive(name: str, environment: Mapping[str, str]) -> int:
    value = required(name, environment)
    if not value.isdigit() or int(value) == 0:
        raise ValueError(f"{name} is {value!r}; a positive whole number is needed")
    return int(value)


def _positive_or_none(name: str, environment: Mapping[str, str]) -> int | None:
    """Return None if the variable is empty or missing; only some functions have it."""
    return _positive(name, environment) if environment.get(name) else None


def _days(name: str, environment: Mapping[str, str]) -> int | None:
    """Return a number of days in seconds; None if it is empty or missing."""
    return _positive(name, environment) * 24 * 3600 if environment.get(name) else None


def _addressing_style(environment: Mapping[str, str]) -> Literal["virtual", "path"]:
    style = environment.get("WIDELOAD_S3_ADDRESSING_STYLE", "virtual")
    if style not in ("virtual", "path"):
        raise ValueError(
            f"WIDELOAD_S3_ADDRESSING_STYLE is {style!r}; allowed are 'virtual' and 'path'"
        )
    return "path" if style == "path" else "virtual"


def _json_object(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        value = json.loads(required(name, environment))
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{name} is not a JSON object")
    return value
