"""What the functions are told by their environment, read and checked once at import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Settings:
    environment: str
    """Value of the metrics' dimension `environment`."""
    bucket: str
    payloads_table: str
    queue_url: str
    """Empty in the worker, which sends nothing."""
    upload_url_seconds: int
    in_request_limit: int
    """Bytes."""
    records_field: str
    s3_addressing_style: Literal["virtual", "path"]
    retention_seconds: int | None
    """Life of a finished record; None: for ever."""
    max_receives: int
    """Deliveries of a message before it goes to the dead-letter queue."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        style = environment.get("WIDELOAD_S3_ADDRESSING_STYLE", "virtual")
        if style not in ("virtual", "path"):
            raise ValueError(
                f"WIDELOAD_S3_ADDRESSING_STYLE is {style!r}; allowed are 'virtual' and 'path'"
            )
        return cls(
            environment=required("WIDELOAD_ENVIRONMENT", environment),
            bucket=required("WIDELOAD_BUCKET", environment),
            payloads_table=required("WIDELOAD_PAYLOADS_TABLE", environment),
            queue_url=environment.get("WIDELOAD_QUEUE_URL", ""),
            upload_url_seconds=_positive("WIDELOAD_UPLOAD_URL_TTL", environment),
            in_request_limit=_positive("WIDELOAD_IN_REQUEST_LIMIT", environment),
            records_field=required("WIDELOAD_RECORDS_FIELD", environment),
            s3_addressing_style="path" if style == "path" else "virtual",
            retention_seconds=(
                _positive("WIDELOAD_RETENTION_DAYS", environment) * 24 * 3600
                if environment.get("WIDELOAD_RETENTION_DAYS")
                else None
            ),
            max_receives=(
                _positive("WIDELOAD_MAX_RECEIVES", environment)
                if environment.get("WIDELOAD_MAX_RECEIVES")
                else 1
            ),
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
