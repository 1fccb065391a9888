"""A deployment under test: what it holds, and what can be done to it."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from local.cloud import Cloud
from local.outputs import IngestOutputs
from tests.faults.audit import Holdings
from tests.integration.conftest import Api
from wideload_runtime.adapters.tables import Table

STACK = "wideload-local-ingest"
DEPTHS = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


@dataclass(frozen=True)
class Deployment:
    cloud: Cloud
    ingest: IngestOutputs
    apis: dict[str, Api]
    """By tenant."""

    @cached_property
    def functions(self) -> dict[str, str]:
        """Names of the functions by the last part of their handler's module."""
        listed = self.cloud.client("lambda").list_functions()["Functions"]
        return {item["Handler"].split(".")[-2]: item["FunctionName"] for item in listed}

    @cached_property
    def stack(self) -> dict[str, str]:
        """Outputs of the deployed ingest stack."""
        stacks = json.loads((self.cloud.directory / "stack-outputs.json").read_text())
        return dict(stacks[STACK])

    @property
    def bucket(self) -> str:
        return self.ingest["bucket"]

    @cached_property
    def payloads(self) -> Table:
        """The table as the functions use it."""
        return Table(self.cloud.client("dynamodb"), self.ingest["table"])

    @cached_property
    def table(self) -> Any:
        """The same, as boto3's resource."""
        return self.cloud.table(self.ingest["table"])

    @cached_property
    def s3(self) -> Any:
        return self.cloud.client("s3")

    @cached_property
    def sqs(self) -> Any:
        return self.cloud.client("sqs")

    # What it holds

    def item(self, payload_id: str) -> dict[str, Any]:
        found = self.table.get_item(Key={"payload_id": payload_id}, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def items(self) -> list[dict[str, Any]]:
        """Payloads' records: without those of idempotency keys."""
        found: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            page = self.table.scan(ConsistentRead=True, **start)
            found += [item for item in page["Items"] if "tenant" in item]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def keys(self, prefix: str) -> frozenset[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.ingest["bucket"], Prefix=prefix
        )
        return frozenset(item["Key"] for page in pages for item in page.get("Contents", []))

    def depth(self, queue: str) -> int:
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.stack[queue], AttributeNames=DEPTHS
        )["Attributes"]
        return sum(int(attributes.get(name, 0)) for name in DEPTHS)

    def listed(self, tenant: str) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            page = self.apis[tenant].get(f"/call-logs?limit=100{cursor}").json
            found += [item["payload_id"] for item in page["items"]]
            if page["cursor"] is None:
                return found
            cursor = f"&cursor={page['cursor']}"

    def holdings(self, told: Mapping[str, Collection[str]] | None = None) -> Holdings:
        """
        Args:
            told: What events said, as `Listener.told` has it.
        """
        items = self.items()
        uploads = self.s3.list_multipart_uploads(Bucket=self.ingest["bucket"])
        return Holdings(
            items=items,
            documents={
                item["payload_id"]: self._sha256(item)
                for item in items
                if item["state"] == "stored"
            },
            archives=self.keys("archive/"),
            transit=self.keys("transit/"),
            listed={tenant: self.listed(tenant) for tenant in self.apis},
            queued=self.depth("QueueUrl"),
            dead=self.depth("DeadLetterQueueUrl"),
            open_multipart=len(uploads.get("Uploads", [])),
            told=told,
        )

    def _sha256(self, item: dict[str, Any]) -> str | None:
        """Of the document that a record leads to, unpacked with another gzip than ours."""
        try:
            if "document" in item:
                return hashlib.sha256(gzip.decompress(bytes(item["document"]))).hexdigest()
            found = self.s3.get_object(Bucket=self.ingest["bucket"], Key=item["archive_key"])
            digest = hashlib.sha256()
            with gzip.open(found["Body"]) as document:
                while piece := document.read(1024 * 1024):
                    digest.update(piece)
            return digest.hexdigest()
        except (OSError, EOFError, KeyError, self.s3.exceptions.NoSuchKey):
            return None

    def wait_until_at_rest(self, *, seconds: float = 90) -> None:
        """Until the worker's queue is empty, messages in flight and delayed ones among them."""
        deadline = time.monotonic() + seconds
        quiet = 0
        while quiet < 3 and time.monotonic() < deadline:
            quiet = quiet + 1 if self.depth("QueueUrl") == 0 else 0
            time.sleep(0.2)

    # What can be done to it

    def upload(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def limit_processes(self) -> None:
        """Run few functions at once, as every one is a process here.

        Twenty that start together on two cores all pass their time limits, are killed and
        started again. In AWS, too, what is beyond a function's concurrency is refused.
        """
        client, gateway = self.cloud.client("lambda"), self.cloud.client("apigatewayv2")
        client.put_function_concurrency(
            FunctionName=self.functions["ingest_api"], ReservedConcurrentExecutions=6
        )
        for api in gateway.get_apis()["Items"]:
            for authorizer in gateway.get_authorizers(ApiId=api["ApiId"])["Items"]:
                gateway.update_authorizer(
                    ApiId=api["ApiId"],
                    AuthorizerId=authorizer["AuthorizerId"],
                    AuthorizerResultTtlInSeconds=3600,
                )
        for api in self.apis.values():
            api.get("/call-logs")

    def clear(self) -> None:
        """Forget every payload, and every message."""
        for item in self.table.scan(ProjectionExpression="payload_id")["Items"]:
            self.table.delete_item(Key={"payload_id": item["payload_id"]})
        for key in self.keys(""):
            self.s3.delete_object(Bucket=self.ingest["bucket"], Key=key)
        for queue in ("QueueUrl", "DeadLetterQueueUrl"):
            self.sqs.purge_queue(QueueUrl=self.stack[queue])

    def update(self, payload_id: str, **members: Any) -> None:
        """Change members of a record, as time or a fault would."""
        self.table.update_item(
            Key={"payload_id": payload_id},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in members),
            ExpressionAttributeNames={f"#{name}": name for name in members},
            ExpressionAttributeValues={f":{name}": value for name, value in members.items()},
        )

    def expire_leases(self) -> None:
        """Let the leases of dead workers expire."""
        for item in self.items():
            if item["state"] == "processing":
                self.update(item["payload_id"], lease_until=1)

    def age_open(self, seconds: float) -> None:
        """Make unfinished payloads older, so that the sweep repairs them."""
        for item in self.items():
            if "open_shard" in item:
                earlier = datetime.fromisoformat(item["created_at"]) - timedelta(seconds=seconds)
                text = earlier.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                self.update(item["payload_id"], created_at=text)

    def take_messages(self, keep: Callable[[str], bool]) -> list[str]:
        """Bodies of up to ten waiting messages, which are removed; those to keep stay."""
        queue = self.stack["QueueUrl"]
        found = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        taken = [message for message in found if not keep(message["Body"])]
        for message in taken:
            self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in taken]

    def send_message(self, body: str | dict[str, Any]) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        self.sqs.send_message(QueueUrl=self.stack["QueueUrl"], MessageBody=text, DelaySeconds=0)

    def set_redelivery(self, *, after: int, times: int) -> None:
        """
        Args:
            after: Seconds for which a message is hidden once it was delivered.
            times: Deliveries before a message goes to the dead-letter queue.
        """
        queue = self.stack["QueueUrl"]
        kept = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])
        policy = json.loads(kept["Attributes"]["RedrivePolicy"]) | {"maxReceiveCount": times}
        self.sqs.set_queue_attributes(
            QueueUrl=queue,
            Attributes={"VisibilityTimeout": str(after), "RedrivePolicy": json.dumps(policy)},
        )

    @contextmanager
    def environment(self, *functions: str, **variables: str) -> Iterator[None]:
        """Run functions with other environment variables."""
        client = self.cloud.client("lambda")
        kept = {}
        for function in functions:
            name = self.functions[function]
            configuration = client.get_function_configuration(FunctionName=name)
            kept[name] = configuration["Environment"]["Variables"]
            client.update_function_configuration(
                FunctionName=name, Environment={"Variables": {**kept[name], **variables}}
            )
        try:
            yield
        finally:
            for name, before in kept.items():
                client.update_function_configuration(
                    FunctionName=name, Environment={"Variables": before}
                )

    @contextmanager
    def without_archive(self, prefix: str) -> Iterator[None]:
        """Forbid all roles to write archives, as an error of ours in a policy would.

        Args:
            prefix: Of the archives' keys, such as `archive/acme/`.
        """
        bucket = self.ingest["bucket"]
        kept = self.s3.get_bucket_policy(Bucket=bucket)["Policy"]
        policy = json.loads(kept)
        policy["Statement"].append(
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/{prefix}*",
            }
        )
        self.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        try:
            yield
        finally:
            self.s3.put_bucket_policy(Bucket=bucket, Policy=kept)

    @contextmanager
    def paused_worker(self) -> Iterator[None]:
        """No message is delivered meanwhile."""
        client = self.cloud.client("lambda")
        (mapping,) = client.list_event_source_mappings(
            FunctionName=self.functions["ingest_worker"]
        )["EventSourceMappings"]
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        try:
            yield
        finally:
            client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def sweep(self) -> dict[str, Any]:
        """Run the sweep now; returns its report."""
        answer = self.cloud.client("lambda").invoke(FunctionName=self.functions["ingest_sweep"])
        report: dict[str, Any] = json.loads(answer["Payload"].read())
        return report
