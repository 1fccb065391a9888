"""Formats of the text that constructs and settings take, each stated once."""

from __future__ import annotations

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Format:
    """A regular expression for the whole of a text, and the phrase that describes it."""

    pattern: str
    allowed: str

    def __str__(self) -> str:
        return self.allowed

    def check(self, name: str, value: str) -> None:
        """Raise ValueError, which names the argument or setting, unless `value` matches."""
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"{name} is {value!r}; give {self}.")


HEADER_NAME = Format(
    r"[A-Za-z0-9-]{1,128}",
    "the name of an HTTP header: letters, digits and hyphens, at most 128",
)
RECORDS_FIELD = Format(r".{1,255}", "1 to 255 characters")
# A metric's dimension in CloudWatch.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
ENVIRONMENT_NAME = Format(
    r"[!-~]([ -~]{0,253}[!-~])?",
    "1 to 255 printable ASCII characters, with no space at either end",
)

NAME_PREFIX = Format(r"[A-Za-z0-9-]{1,100}", "1 to 100 letters, digits and hyphens")
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_MetricsConfiguration.html
METRICS_FILTER = Format(
    r"[A-Za-z0-9._-]{1,64}", "1 to 64 letters, digits, dots, hyphens and underscores"
)

ORIGIN = Format(
    r"\*|https?://[^\s/]+",
    "`*`, or scheme, host and port with nothing behind, as `https://app.example.com`",
)
# Cognito redirects to such a URL after signing in.
PAGE_URL = Format(
    r"(https://[^/?#\s*@]+|http://localhost(:\d{1,5})?)(/[^?#\s*]*)?",
    "the address of a page with https, such as `https://files.example.com/`, or "
    "`http://localhost:5173/`, without query or fragment",
)
ENDPOINT_URL = Format(
    r"https?://[^/?#\s]+",
    "scheme, host and port with nothing behind, as `https://localhost:4566`",
)

ISSUER = Format(
    r"https://[^?#\s]+",
    "the claim `iss` of your tokens, a URL with https, as `https://login.example.com/`",
)
AUDIENCE = Format(r"\S{1,255}", "1 to 255 characters without spaces")
CLIENT_ID = AUDIENCE
# Cognito refuses these words in a domain of its own.
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
DOMAIN_PREFIX = Format(
    r"(?!.*(aws|amazon|cognito))[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
    "1 to 63 of a-z, 0-9 and hyphens, no hyphen at either end, without `aws`, `amazon` or "
    "`cognito`, which Cognito refuses",
)

_ADDRESS = r"[^\s@<>,\"]{1,64}@[^\s@<>,\"]+"
MAIL_SENDER = Format(
    rf"{_ADDRESS}|[A-Za-z0-9 ._-]{{1,64}} <{_ADDRESS}>",
    "an address, or a name and an address, as `Files <files@example.com>`",
)
SES_IDENTITY_ARN = Format(
    r"arn:aws[a-z-]*:ses:[a-z0-9-]+:\d{12}:identity/\S+",
    "the ARN of an identity of SES, as arn:aws:ses:eu-central-1:123456789012:identity/example.com",
)
