"""`wideload.documents`, over boto3's own clients with stubbed answers."""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

import wideload
from wideload.documents import DocumentReader

DOCUMENT = b'{"call_id": "c-1", "transcript_with_metrics": []}'
SHA256 = hashlib.sha256(DOCUMENT).hexdigest()
SMALL = {
    "state": {"S": "stored"},
    "sha256": {"S": SHA256},
    "document": {"B": gzip.compress(DOCUMENT)},
}
LARGE = {
    "state": {"S": "stored"},
    "sha256": {"S": SHA256},
    "archive_key": {"S": "archive/acme/P.json.gz"},
}


class Aws:
    """Clients of DynamoDB and S3 that answer as told."""

    def __init__(self) -> None:
        options: dict[str, Any] = {
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        dynamodb, s3 = boto3.client("dynamodb", **options), boto3.client("s3", **options)
        self.dynamodb, self.s3 = Stubber(dynamodb), Stubber(s3)
        self.reader = DocumentReader("payloads", "bucket", dynamodb=dynamodb, s3=s3)

    def has(self, item: dict[str, Any] | None) -> None:
        asked = {
            "TableName": "payloads",
            "Key": {"payload_id": {"S": "P"}},
            "ConsistentRead": True,
            "ProjectionExpression": ANY,
            "ExpressionAttributeNames": ANY,
        }
        self.dynamodb.add_response("get_item", {} if item is None else {"Item": item}, asked)

    def holds(self, body: bytes) -> None:
        stream = StreamingBody(io.BytesIO(body), len(body))
        asked = {"Bucket": "bucket", "Key": "archive/acme/P.json.gz"}
        self.s3.add_response("get_object", {"Body": stream}, asked)


@pytest.fixture
def aws() -> Iterator[Aws]:
    made = Aws()
    with made.dynamodb, made.s3:
        yield made
        made.dynamodb.assert_no_pending_responses()
        made.s3.assert_no_pending_responses()


def test_a_small_document_comes_from_the_table(aws: Aws) -> None:
    aws.has(SMALL)

    assert aws.reader.read("P") == DOCUMENT


def test_a_large_document_comes_from_the_bucket_with_all_its_members(aws: Aws) -> None:
    aws.has(LARGE)
    aws.holds(gzip.compress(DOCUMENT[:20]) + gzip.compress(DOCUMENT[20:]))

    assert aws.reader.read("P") == DOCUMENT


def test_a_document_is_read_as_a_stream(aws: Aws) -> None:
    aws.has(LARGE)
    aws.holds(gzip.compress(DOCUMENT))

    with aws.reader.open("P") as file:
        assert file.read(10) == DOCUMENT[:10]
        assert file.read() == DOCUMENT[10:]


def test_other_bytes_than_recorded_are_an_error(aws: Aws) -> None:
    aws.has(LARGE)
    aws.holds(gzip.compress(DOCUMENT.replace(b"c-1", b"c-2")))

    with pytest.raises(wideload.IntegrityError, match="of P isn't the one that was recorded"):
        aws.reader.read("P")


@pytest.mark.parametrize(
    ("item", "state"),
    [
        (None, "unknown"),
        ({"state": {"S": "failed"}}, "failed"),
        ({"state": {"S": "processing"}}, "processing"),
        ({**SMALL, "expires_at": {"N": "1700000000"}}, "unknown"),
    ],
)
def test_without_a_stored_document_the_state_is_told(
    aws: Aws, item: dict[str, Any] | None, state: str
) -> None:
    aws.has(item)

    with pytest.raises(LookupError, match=f"of P: the payload is {state}"):
        aws.reader.open("P")


def test_without_boto3_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(wideload.ConfigurationError, match="pip install boto3"):
        DocumentReader("payloads", "bucket")
