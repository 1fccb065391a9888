"""AWS clients, made once per function, since making one takes longer than most requests.

They are botocore's: importing boto3 for the same clients takes longer (docs/adr/0068).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NotConnectedError
from botocore.session import Session
from urllib3.exceptions import SSLError

from wideload_runtime.adapters.tables import Table

_SESSION = Session()
# A function has only seconds, so the timeout is shorter than botocore's 60 s.
_CONFIG = Config(
    connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5}
)

BROKEN_STREAM = (HTTPClientError, IncompleteReadError, SSLError)
"""Errors of reading a body when its connection breaks; botocore wraps all but those of TLS."""
NO_ANSWER = (*BROKEN_STREAM, NotConnectedError)
"""Errors without a complete answer of AWS; the request may have been carried out."""
_PASSING_STATUSES = {"429", "500", "502", "503", "504"}
_PASSING = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
    # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    "OperationAborted",
    "RequestTimeout",
    "SlowDown",
    "ServiceUnavailable",
    "InternalServerError",
    "InternalError",
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    "KmsThrottled",
    "RequestThrottled",
    # https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html
    "DependencyTimeoutException",
    "KMSInternalException",
    # Lambda, Cognito and others
    "TooManyRequestsException",
}
"""Codes, since many of these come with status 400."""


def is_passing(error: ClientError) -> bool:
    """Whether AWS is overloaded or failing, so that the same request may succeed later."""
    # Services pass on what KMS refuses, with a prefix.
    code = error.response["Error"]["Code"].removeprefix("KMS.")
    # The answer to a HEAD has no body, so its code is its status.
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", code)
    return code in _PASSING or str(status) in _PASSING_STATUSES


def s3(addressing_style: str, *, endpoint_url: str | None = None) -> Any:
    """S3, signing with version 4: botocore presigns with version 2 by default, which drops the
    signed length, checksum and `If-None-Match` in silence.

    Args:
        endpoint_url: Default: the one that the environment or the region gives.
    """
    return _SESSION.create_client(
        "s3",
        endpoint_url=endpoint_url,
        config=_CONFIG.merge(
            Config(
                signature_version="s3v4",
                s3={
                    "addressing_style": addressing_style,
                    "us_east_1_regional_endpoint": "regional",  # the global host redirects
                },
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
        ),
    )


class Sqs:
    """A client of SQS that is made at its first call: most requests queue nothing."""

    @cached_property
    def _client(self) -> Any:
        return _SESSION.create_client("sqs", config=_CONFIG)

    def send_message(self, **params: Any) -> Any:
        return self._client.send_message(**params)


def functions(seconds: int) -> Any:
    """Lambda, for a function that a request waits for: it is asked once.

    Args:
        seconds: Seconds that an invocation may take.
    """
    once = Config(
        connect_timeout=min(seconds, 3), read_timeout=seconds, retries={"total_max_attempts": 1}
    )
    return _SESSION.create_client("lambda", config=_CONFIG.merge(once))


def table(name: str) -> Table:
    return Table(_SESSION.create_client("dynamodb", config=_CONFIG), name)


def events() -> Any:
    return _SESSION.create_client("events", config=_CONFIG)
