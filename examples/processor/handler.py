"""A custom processor that stores each line of an upload as a row of the team's own table.

It accepts uploads in JSON Lines (https://jsonlines.org), gzipped or not, of any size, since it
holds only one line in memory. `examples/processor_app.py` deploys it.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
from botocore.exceptions import ClientError

# One minute longer than the function's timeout, so the lease never expires while it runs.
LEASE_SECONDS = 6 * 60
# Deliveries after which the queue moves a message to the dead-letter queue.
MAX_RECEIVES = 5
MAX_LINE = 100_000
"""Bytes. A DynamoDB item has at most 400 KB."""
MAX_LINES = 1_000_000
TENANT_SHARDS = 8
"""Number of index partitions over which Wideload spreads a tenant's payloads."""


class RefusedError(Exception):
    """The upload is invalid; a retry can't succeed."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class BusyError(Exception):
    """Another worker holds the payload's lease; retry after it has expired."""


@dataclass(frozen=True, kw_only=True)
class Processor:
    """
    Args:
        payloads: Wideload's table of payloads, as a boto3 `Table`.
        rows: The team's own table: partition key `payload_id` (string), sort key `line` (number).
        s3: A boto3 client.
        bucket: Name of the bucket that holds the uploads.
        now: Epoch seconds.
    """

    payloads: Any
    rows: Any
    s3: Any
    bucket: str
    now: Callable[[], float] = time.time

    def process(self, s3_key: str, *, owner: str, last_try: bool) -> None:
        """Process one upload, unless it is already processed. Safe to repeat."""
        _, tenant, payload_id = s3_key.split("/")
        payload = self._lease(payload_id, owner)
        if payload is None:
            return
        listed = {"tenant_shard": f"{tenant}#{zlib.crc32(payload_id.encode()) % TENANT_SHARDS}"}
        if "call_id" in payload:
            listed["tenant_call"] = f"{tenant}#{payload['call_id']}"
        try:
            size = self._write_rows(payload_id, s3_key)
        except RefusedError as refused:
            listed |= {"error_code": refused.code, "error_detail": str(refused)}
            self._finish(payload_id, owner, state="failed", **listed)
        except Exception:
            if last_try:
                detail = "Processing failed repeatedly on our side."
                listed |= {"error_code": "internal", "error_detail": detail}
                self._finish(payload_id, owner, state="failed", **listed)
            raise
        else:
            now = datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="milliseconds")
            listed["stored_at"] = now.replace("+00:00", "Z")
            self._finish(payload_id, owner, state="stored", uploaded_size=size, **listed)

    def _write_rows(self, payload_id: str, s3_key: str) -> int:
        uploaded = self.s3.get_object(Bucket=self.bucket, Key=s3_key)
        with self.rows.batch_writer() as batch:
            for number, row in enumerate(read_rows(uploaded["Body"]), 1):
                batch.put_item(Item={"payload_id": payload_id, "line": number, "row": row})
        size: int = uploaded["ContentLength"]
        return size

    def _lease(self, payload_id: str, owner: str) -> dict[str, Any] | None:
        """Take the lease and return the payload's item; None if the payload is finished.

        Raises:
            BusyError: Another worker holds the lease.
        """
        now = int(self.now() * 1000)
        try:
            answer = self.payloads.update_item(
                Key={"payload_id": payload_id},
                UpdateExpression="SET #state = :processing, lease_owner = :owner, "
                "lease_until = :until, open_shard = :shard",
                ConditionExpression="#state IN (:issued, :expired, :uploaded) "
                # The same owner, since boto3 retries a request whose answer was lost.
                "OR (#state = :processing AND (lease_until < :now OR lease_owner = :owner)) "
                "OR (#state = :failed AND error_code = :internal)",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={
                    ":processing": "processing",
                    ":issued": "issued",
                    ":expired": "expired",
                    ":uploaded": "uploaded",
                    ":failed": "failed",
                    ":internal": "internal",
                    ":owner": owner,
                    ":now": now,
                    ":until": now + LEASE_SECONDS * 1000,
                    # The sweep finds the payload here until it is finished.
                    ":shard": f"open#{zlib.crc32(payload_id.encode()) % 4}",
                },
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        else:
            leased: dict[str, Any] = answer["Attributes"]
            return leased
        known = self.payloads.get_item(Key={"payload_id": payload_id}, ConsistentRead=True)
        if known.get("Item", {}).get("state") == "processing":
            raise BusyError(payload_id)
        return None

    def _finish(self, payload_id: str, owner: str, **values: Any) -> None:
        """Write the final state if this owner still holds the lease, and release the lease."""
        gone = ["open_shard", "lease_owner", "lease_until", "expires_at"]
        if "error_code" not in values:
            gone += ["error_code", "error_detail"]
        try:
            self.payloads.update_item(
                Key={"payload_id": payload_id},
                UpdateExpression=f"SET {', '.join(f'#{name} = :{name}' for name in values)} "
                f"REMOVE {', '.join(gone)}",
                ConditionExpression="#state = :held AND lease_owner = :owner",
                ExpressionAttributeNames={f"#{name}": name for name in values},
                ExpressionAttributeValues={
                    **{f":{name}": value for name, value in values.items()},
                    ":held": "processing",
                    ":owner": owner,
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            # Processing took longer than the lease; the next holder writes the same rows.


def read_rows(body: Any) -> Iterator[dict[str, Any]]:
    """Yield the lines of an upload as objects.

    Raises:
        RefusedError: A line isn't an object, or is too long, or there are too many.
    """
    stream = io.BufferedReader(body)
    lines: Any = gzip.GzipFile(fileobj=stream) if stream.peek(2)[:2] == b"\x1f\x8b" else stream
    for number in range(1, MAX_LINES + 2):
        try:
            line = lines.readline(MAX_LINE + 1)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise RefusedError("invalid_gzip", f"The gzip is damaged at line {number}.") from None
        if not line:
            return
        if len(line) > MAX_LINE:
            detail = f"Line {number} is too long; it may have at most {MAX_LINE:,} bytes."
            raise RefusedError("document_too_large", detail)
        if number > MAX_LINES:
            detail = f"There are too many lines; an upload may have at most {MAX_LINES:,}."
            raise RefusedError("document_too_large", detail)
        yield _row(line, number)


def _row(line: bytes, number: int) -> dict[str, Any]:
    try:
        row = json.loads(
            line, parse_float=_number, parse_int=_number, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        raise RefusedError("invalid_json", f"Line {number} is not a JSON object.")
    return row


def _number(text: str) -> Decimal | str:
    """A number for DynamoDB; text if it would lose digits or boto3 couldn't read it."""
    number = Decimal(text)
    fits = len(number.as_tuple().digits) <= 38 and -90 < number.adjusted() < 38
    return number if fits or not number else text


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


@functools.cache
def processor() -> Processor:
    """The processor with AWS clients, created at the first invocation."""
    dynamodb = boto3.resource("dynamodb")
    return Processor(
        payloads=dynamodb.Table(os.environ["PAYLOADS_TABLE"]),
        rows=dynamodb.Table(os.environ["ROWS_TABLE"]),
        s3=boto3.client("s3"),
        bucket=os.environ["BUCKET"],
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process messages; the queue delivers those reported as failed again after 20 minutes."""
    failed = []
    for record in event["Records"]:
        try:
            processor().process(
                json.loads(record["body"])["s3_key"],
                owner=f"{context.aws_request_id}/{record['messageId']}",
                last_try=int(record["attributes"]["ApproximateReceiveCount"]) >= MAX_RECEIVES,
            )
        except Exception as error:  # noqa: BLE001 - after any error the message is retried
            print(json.dumps({"message": "processing failed", "error": repr(error)}))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
