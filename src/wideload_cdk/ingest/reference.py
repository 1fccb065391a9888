"""`IPayloadIngest`: payload ingest as another stack sees it, made by the same app or imported."""

from __future__ import annotations

from typing import ClassVar

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from wideload_cdk.ingest.events import SOURCE, IngestEvents
from wideload_cdk.ingest.functions import ARCHIVE_PREFIX
from wideload_cdk.ingest.metrics import IngestMetrics
from wideload_cdk.shared import grants
from wideload_cdk.shared.reference import ImportedService


class IPayloadIngest(IngestMetrics, IngestEvents):
    """A `PayloadIngest`, or a reference by `PayloadIngest.from_payload_ingest_attributes`."""

    _service: ClassVar[str] = "ingest"
    _event_source: ClassVar[str] = SOURCE

    bucket: s3.IBucket
    """The bucket for uploads and kept documents."""
    payloads_table: dynamodb.ITable
    """One item per payload."""
    keys_table: dynamodb.ITable
    """One item per API key."""

    def grant_read_documents(
        self, grantee: iam.IGrantable, *, tenant: str | None = None
    ) -> iam.Grant:
        """Let a function or role read documents without an API key, as `wideload.documents` does.

        Grants `dynamodb:GetItem` on the payloads table, where small documents are, `s3:GetObject`
        on `archive/*`, and the use of the keys of both.

        Args:
            grantee: Function or role.
            tenant: Limits the objects to those of one tenant. Items have no tenant in their key, so
                small documents and the summaries of all tenants can be read nevertheless. Default:
                all tenants.
        """
        prefix = f"{ARCHIVE_PREFIX}{tenant}/" if tenant else ARCHIVE_PREFIX
        if self.bucket.encryption_key is not None:
            self.bucket.encryption_key.grant(grantee, "kms:Decrypt")
        objects = grants.grant_objects(self.bucket, grantee, prefix, "s3:GetObject")
        return objects.combine(grants.grant_items(self.payloads_table, grantee, "dynamodb:GetItem"))

    def grant_manage_keys(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let a role make, list, rotate and revoke API keys, as `wideload-keys` does.

        Grants `dynamodb:GetItem`, `PutItem`, `UpdateItem` and `Scan` on the keys table, and the use
        of its key. With them a role can act as any tenant.
        """
        actions = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Scan")
        return grants.grant_items(self.keys_table, grantee, *actions)


class ImportedPayloadIngest(IPayloadIngest, ImportedService):
    """A deployment of another app; `PayloadIngest.from_payload_ingest_attributes` makes it."""

    _imported_by: ClassVar[str] = "from_payload_ingest_attributes"

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment_name: str,
        bucket: s3.IBucket | None,
        payloads_table: dynamodb.ITable | None,
        keys_table: dynamodb.ITable | None,
        event_bus: events.IEventBus | None,
    ) -> None:
        super().__init__(scope, id, environment_name=environment_name, event_bus=event_bus)
        if bucket is not None:
            self.bucket = bucket
        if payloads_table is not None:
            self.payloads_table = payloads_table
        if keys_table is not None:
            self.keys_table = keys_table
