"""Requests and answers of the fake HTTP services, and the faults that tests ask for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

SIGNATURE = "5f0c0ffee"
"""In the errors of S3 that tests ask for, which repeat the signature as S3's do."""


@dataclass
class Seen:
    """One request, as it came."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    query: dict[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """An answer; or what to do with one request instead of, or after, doing what it asks for.

    Attributes:
        status: 0 drops the connection.
        after: Do first what was asked, then answer this.
        half: Let half of the body through, of request or answer, then drop the connection.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    half: bool = False


DROP = Fault(0)
DROP_AFTER = Fault(0, after=True)
HALF = Fault(0, half=True)


class Refused(Exception):  # noqa: N818 - the server says no, which is an answer
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.status)
        self.fault = fault


def problem(status: int, code: str, **headers: str) -> Fault:
    """An answer of the API that is an error."""
    body = {"status": status, "code": code, "detail": f"what {code} means", "request_id": "req-1"}
    return Fault(status, json.dumps(body).encode(), headers)


def s3_error(status: int, code: str, **headers: str) -> Fault:
    """An answer of S3 that is an error."""
    xml = (
        f"<Error><Code>{code}</Code><Message>About {code}, see ?X-Amz-Signature={SIGNATURE}"
        f"</Message><SignatureProvided>{SIGNATURE}</SignatureProvided></Error>"
    )
    return Fault(status, xml.encode(), {"x-amz-request-id": "S3REQ", **headers})
