"""Read documents of payload ingest within AWS, by IAM permissions instead of an API key.

    reader = DocumentReader(os.environ["PAYLOADS_TABLE"], os.environ["BUCKET"])
    document = reader.read(event["detail"]["payload_id"])

For functions and jobs that `PayloadIngest.grant_read_documents` allows it. Needs boto3, which
Lambda's runtimes of Python have.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import time
from typing import Any

from wideload.errors import ConfigurationError, IntegrityError

__all__ = ["DocumentReader"]

_NAMES = {"#state": "state", "#document": "document", "#sha256": "sha256"}
_WANTED = "#state, #document, #sha256, archive_key, expires_at"


class DocumentReader:
    """Reads documents, small ones from the table and large ones from the bucket.

    Threads may share it.

    Args:
        table: Name of the payloads table (`PayloadIngest.payloads_table`).
        bucket: Name of the bucket (`PayloadIngest.bucket`).
        dynamodb: A boto3 client. Default: one with the credentials and region of the environment.
        s3: The same.

    Raises:
        ConfigurationError: boto3 is missing.
    """

    def __init__(
        self, table: str, bucket: str, *, dynamodb: Any | None = None, s3: Any | None = None
    ) -> None:
        self._table = table
        self._bucket = bucket
        self._dynamodb = dynamodb or _client("dynamodb")
        self._s3 = s3 or _client("s3")

    def read(self, payload_id: str) -> bytes:
        """Return the document, byte for byte as it was sent, after a check of its SHA-256.

        Raises:
            LookupError: There is no stored document of this id.
            IntegrityError: The bytes aren't those that were recorded.
            botocore.exceptions.ClientError: AWS refused a request.
        """
        item = self._item(payload_id)
        with self._opened(item) as file:
            document = file.read()
        if hashlib.sha256(document).hexdigest() != item["sha256"]["S"]:
            raise IntegrityError(f"the document of {payload_id} isn't the one that was recorded")
        return document

    def open(self, payload_id: str) -> gzip.GzipFile:
        """Return the document as a binary file, read in bounded memory; the caller closes it.

        Raises:
            LookupError, botocore.exceptions.ClientError: As for `read`.
        """
        return self._opened(self._item(payload_id))

    def _item(self, payload_id: str) -> dict[str, Any]:
        item: dict[str, Any] = self._dynamodb.get_item(
            TableName=self._table,
            Key={"payload_id": {"S": payload_id}},
            ProjectionExpression=_WANTED,
            ExpressionAttributeNames=_NAMES,
            ConsistentRead=True,
        ).get("Item", {})
        # DynamoDB deletes expired items days later.
        expired = "expires_at" in item and int(item["expires_at"]["N"]) <= time.time()
        state = "unknown" if not item or expired else item["state"]["S"]
        if state != "stored":
            raise LookupError(f"There is no document of {payload_id}: the payload is {state}.")
        return item

    def _opened(self, item: dict[str, Any]) -> gzip.GzipFile:
        if "document" in item:
            return gzip.GzipFile(fileobj=io.BytesIO(item["document"]["B"]))
        key = item["archive_key"]["S"]
        return gzip.GzipFile(fileobj=self._s3.get_object(Bucket=self._bucket, Key=key)["Body"])


def _client(service: str) -> Any:
    try:
        import boto3
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "reading documents within AWS needs boto3: pip install boto3"
        ) from error
    return boto3.client(service)
