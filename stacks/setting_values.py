"""What each field of the settings may hold, and how it is read from text."""

from __future__ import annotations

import re
import typing
from typing import Any, Literal

# Of the periods that CloudWatch Logs offers, those that anyone asks for, in days.
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731, 1827, 3653)

_HOST = (
    r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}",
    "a host name, as files.example.com",
)
_CERTIFICATE = (
    r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/\S+",
    "the ARN of a certificate in the region deployed to",
)
# What each field may hold; the types' own limits (bool, Literal) are checked from the hints.
_PATTERNS = {
    "environment": (r"[a-z][a-z0-9-]{0,19}", "up to 20 of a-z, 0-9 and -, a letter first"),
    "account": (r"\d{12}", "the 12 digits of an AWS account"),
    "region": (r"[a-z]{2,}(-[a-z]+)+-\d", "an AWS region such as eu-central-1"),
    "lambda_code": (r"[^/].*", "a folder relative to the repository"),
    "page": (r"[^/].*", "a folder relative to the repository"),
    "api_key_header": (r"[A-Za-z0-9-]{1,128}", "a header's name: letters, digits, hyphens"),
    "records_field": (r".{1,255}", "1 to 255 characters"),
    "ingest_domain": _HOST,
    "ingest_certificate_arn": _CERTIFICATE,
    "files_domain": _HOST,
    "files_certificate_arn": _CERTIFICATE,
    "web_domain": _HOST,
    "web_certificate_arn": (
        r"arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/\S+",
        "the ARN of a certificate in us-east-1, where CloudFront looks for it",
    ),
    "web_acl_arn": (
        r"arn:aws[a-z-]*:wafv2:us-east-1:\d{12}:global/webacl/\S+",
        "the ARN of a web ACL of scope CLOUDFRONT, in us-east-1",
    ),
    "user_pool_web_acl_arn": (
        r"arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/\S+",
        "the ARN of a web ACL of scope REGIONAL, in the region deployed to",
    ),
    "runbook": (r"\S{1,255}", "a path or an address, as https://wiki.example.com/wideload"),
    "sign_in_domain_prefix": (
        r"(?!.*(aws|amazon|cognito))[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        "1 to 63 of a-z, 0-9 and -, without aws, amazon or cognito",
    ),
    "oidc_issuer": (r"https://[^?#\s]+", "a URL with https, as https://login.example.com/"),
    "oidc_audience": (r"\S{1,255}", "1 to 255 characters without spaces"),
    "mail_from": (
        r"[^\s@<>,\"]{1,64}@[^\s@<>,\"]+|[A-Za-z0-9 ._-]{1,64} <[^\s@<>,\"]{1,64}@[^\s@<>,\"]+>",
        "an address, or a name and an address, as Files <files@example.com>",
    ),
    "mail_identity_arn": (
        r"arn:aws[a-z-]*:ses:[a-z0-9-]+:\d{12}:identity/\S+",
        "the ARN of an identity of SES",
    ),
    "oidc_client_id": (r"\S{1,255}", "1 to 255 characters without spaces"),
    "endpoint_url": (r"https?://[^/?#\s]+", "scheme, host and port, as https://localhost:4566"),
}
# The same for each part of those that hold several.
_EACH = {
    "web_urls": (
        r"(https://[^/?#\s*@,]+|http://localhost(:\d{1,5})?)(/[^?#\s*,]*)?",
        "pages with https, as https://files.example.com/, without query or fragment",
    ),
    "alarm_emails": (r"[^@\s,]+@[^@\s,]+\.[^@\s,]+", "addresses, as oncall@example.com"),
    "tags": (
        r"(?!(?i:aws:)|(?:application|service|environment)=)[\w .:/+@-]{1,128}=[\w .:/=+@-]{0,256}",
        "name=value with letters, digits, spaces and . : / + - @ _, but no name that starts with "
        "aws: or is application, service or environment",
    ),
}
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
    "max_file_size": (1, 10_000 * 5 * 2**30),
    "file_quota_bytes": (1, 10**18),
    "file_quota_files": (1, 10**9),
    "max_open_uploads": (1, 10_000),
    "file_expiration_days": (1, 36_499),
    "file_infrequent_access_days": (30, 36_499),
    "file_glacier_days": (1, 36_499),
    "canary_minutes": (5, 1_440),
    "rate_limit": (1, 100_000),
    "burst_limit": (1, 50_000),
    "worker_max_concurrency": (2, 1_000),
    "sign_in_rate_limit": (10, 2 * 10**9),
    "api_reserved_concurrency": (1, 10_000),
    "worker_reserved_concurrency": (2, 10_000),
    "account_concurrency": (10, 1_000_000),
}


def check(name: str, hint: Any, value: Any) -> None:
    """Raise ValueError unless the field `name`, of type `hint`, may hold `value`."""
    choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else None
    if choices and value not in choices:
        raise ValueError(f"{name} is {value!r}; give one of: {', '.join(choices)}.")
    if name in _EACH:
        pattern, allowed = _EACH[name]
        for part in value:
            if not re.fullmatch(pattern, part):
                raise ValueError(f"{name} has {part!r}; give {allowed}, between commas.")
    if value is None:
        return
    if name in _PATTERNS:
        pattern, allowed = _PATTERNS[name]
        if not re.fullmatch(pattern, value):
            raise ValueError(f"{name} is {value!r}; give {allowed}.")
    if name in _RANGES:
        least, most = _RANGES[name]
        if not least <= value <= most:
            raise ValueError(f"{name} is {value:,}; give {least:,} to {most:,}.")
    if name == "log_retention_days" and value not in LOG_RETENTION_DAYS:
        raise ValueError(
            f"{name} is {value}; give one of {', '.join(map(str, LOG_RETENTION_DAYS))}."
        )


def parse(name: str, hint: Any, text: str) -> object:
    """`text` as a value of the type `hint`. An empty text unsets an optional field.

    Raises:
        ValueError: It isn't one.
    """
    if hint is bool:
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{name} is {text!r}; give true or false.")
        return text.lower() == "true"
    optional = type(None) in typing.get_args(hint)
    if optional and text == "":
        return None
    if hint == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if hint is int or int in typing.get_args(hint):
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise ValueError(f"{name} is {text!r}; give a whole number, in digits alone.")
        return int(text)
    return text
