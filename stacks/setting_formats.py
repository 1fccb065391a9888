"""Formats of the settings that no construct checks; the others are in `wideload_cdk`."""

from __future__ import annotations

from wideload_cdk.shared.formats import Format

ENVIRONMENT = Format(r"[a-z][a-z0-9-]{0,19}", "up to 20 of a-z, 0-9 and -, a letter first")
ACCOUNT = Format(r"\d{12}", "the 12 digits of an AWS account")
REGION = Format(r"[a-z]{2,}(-[a-z]+)+-\d", "an AWS region such as eu-central-1")
FOLDER = Format(r"[^/].*", "a folder relative to the repository")
RUNBOOK = Format(r"\S{1,255}", "a path or an address, as https://wiki.example.com/wideload")
EMAIL_ADDRESS = Format(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+", "an address, as oncall@example.com")
# https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html
TAG = Format(
    r"(?!(?i:aws:)|(?:application|service|environment)=)[\w .:/+@-]{1,128}=[\w .:/=+@-]{0,256}",
    "name=value with letters, digits, spaces and . : / + - @ _, but no name that starts with "
    "aws: or is application, service or environment",
)
HOST_NAME = Format(
    r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}", "a host name, as files.example.com"
)
CERTIFICATE_ARN = Format(
    r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/\S+",
    "the ARN of a certificate in the region deployed to",
)
CLOUDFRONT_CERTIFICATE_ARN = Format(
    r"arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/\S+",
    "the ARN of a certificate in us-east-1, where CloudFront looks for it",
)
CLOUDFRONT_WEB_ACL_ARN = Format(
    r"arn:aws[a-z-]*:wafv2:us-east-1:\d{12}:global/webacl/\S+",
    "the ARN of a web ACL of scope CLOUDFRONT, in us-east-1",
)
REGIONAL_WEB_ACL_ARN = Format(
    r"arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/\S+",
    "the ARN of a web ACL of scope REGIONAL, in the region deployed to",
)
