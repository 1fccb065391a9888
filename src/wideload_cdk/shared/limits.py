"""Ranges of the numbers that constructs and settings take, each stated once."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Limit:
    """A range of whole numbers; both ends are allowed. As text: `1 to 36,499 days`."""

    least: int
    most: int
    unit: str

    def __str__(self) -> str:
        return f"{self.least:,} to {self.most:,} {self.unit}"

    def check(self, name: str, value: int) -> None:
        """Raise ValueError, which names the argument or setting, unless `value` is in range."""
        if not self.least <= value <= self.most:
            raise ValueError(f"{name} is {value:,}; give {self}.")


# Times. A `Duration` is checked against them by `checks.check_limit`.

# A presigned URL expires with the credentials of the role that signed it, which last 12 hours at
# most. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
URL_MINUTES = Limit(1, 720, "minutes")
# SQS delays a message by at most 15 minutes.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-delay-queues.html
UNCLAIMED_DELAY_SECONDS = Limit(0, 900, "seconds")
# The transit prefix holds only what is still to be processed; documents are kept elsewhere.
TRANSIT_DAYS = Limit(1, 365, "days")
# 100 years less a day: longer than any retention rule asks for.
RETENTION_DAYS = Limit(1, 36_499, "days")
# 100 years.
BUCKET_RULE_DAYS = Limit(1, 36_500, "days")
# S3 moves no object to Standard-IA before.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
INFREQUENT_ACCESS_DAYS = dataclasses.replace(RETENTION_DAYS, least=30)
# S3 bills at least these days of storage in Standard-IA (same page).
LEAST_DAYS_IN_INFREQUENT_ACCESS = 30
GLACIER_DAYS = RETENTION_DAYS
# The sweep looks at all open uploads; longer sessions would only make it look at more.
UPLOAD_SESSION_DAYS = Limit(1, 30, "days")
# A run takes up to five minutes; at most one day, so that a failure is noticed the same day.
CANARY_MINUTES = Limit(5, 1_440, "minutes")
# Ages at which an alarm may go off: a work queue keeps messages for four days, and Lambda keeps
# asynchronous events for six hours.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
OLDEST_MESSAGE_MINUTES = Limit(1, 1_440, "minutes")
OLDEST_EVENT_MINUTES = Limit(1, 360, "minutes")
# API Gateway gives up after 30 s, and the request has to be answered afterwards.
AUTHORIZE_SECONDS = Limit(1, 20, "seconds")
# A scan of one object takes minutes; a week, so that a failure is noticed at all.
SCAN_HOURS = Limit(1, 168, "hours")

# Life of the temporary password in an invitation.
INVITATION_DAYS = 7

# Sizes and counts.

# More would not be downloaded, parsed and archived within the 30 seconds of an API's answer.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
IN_REQUEST_BYTES = Limit(1, 100_000_000, "bytes")
# 10,000 parts of 5 GiB. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
FILE_BYTES = Limit(1, 10_000 * 5 * 2**30, "bytes")
QUOTA_BYTES = Limit(1, 10**18, "bytes")
QUOTA_FILES = Limit(1, 10**9, "files")
OPEN_UPLOADS = Limit(1, 10_000, "uploads")
TABLE_SYSTEM_ERRORS = Limit(0, 1_000_000, "requests")

# Rates and concurrency.

# Ten times what AWS grants an account at first.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
RATE_LIMIT = Limit(1, 100_000, "requests per second")
BURST_LIMIT = Limit(1, 50_000, "requests")
# WAF's own range. https://docs.aws.amazon.com/waf/latest/APIReference/API_RateBasedStatement.html
SIGN_IN_RATE_LIMIT = Limit(10, 2 * 10**9, "requests")
# Lambda's own range for a queue.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
WORKER_CONCURRENCY = Limit(2, 1_000, "payloads")
RESERVED_CONCURRENCY = Limit(1, 10_000, "invocations")
WORKER_RESERVED_CONCURRENCY = dataclasses.replace(
    RESERVED_CONCURRENCY, least=WORKER_CONCURRENCY.least
)
# The least that AWS gives a new account.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ACCOUNT_CONCURRENCY = Limit(10, 1_000_000, "functions at once")
# Of an account's concurrency, the part that no function can reserve.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED_CONCURRENCY = 100
