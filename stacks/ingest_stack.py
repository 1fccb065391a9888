"""The stack that deploys payload ingest."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from stacks.service_stack import ServiceStack, days
from stacks.settings import Settings
from wideload_cdk import IngestCanary, PayloadIngest, PrivateNetwork


class IngestStack(ServiceStack):
    """`PayloadIngest`, and its canary, configured by the settings of one environment."""

    def __init__(
        self, scope: Construct, *, settings: Settings, network: PrivateNetwork | None = None
    ) -> None:
        super().__init__(
            scope, service="ingest", description="Wideload payload ingest", settings=settings
        )
        self.ingest = PayloadIngest(
            self,
            "Ingest",
            api_key_header=settings.api_key_header,
            cors_origins=settings.ingest_cors_origins,
            upload_url_ttl=Duration.minutes(settings.upload_url_minutes),
            unclaimed_delay=Duration.seconds(settings.unclaimed_delay_seconds),
            in_request_limit=settings.in_request_limit,
            records_field=settings.records_field,
            transit_expiration=Duration.days(settings.transit_days),
            retention=days(settings.retention_days),
            archive_infrequent_access_after=days(settings.archive_infrequent_access_days),
            archive_glacier_after=days(settings.archive_glacier_days),
            worker_max_concurrency=settings.worker_max_concurrency,
            worker_reserved_concurrency=settings.worker_reserved_concurrency,
            domain_name=settings.ingest_domain,
            certificate=self.certificate(settings.ingest_certificate_arn),
            **self.service_options(network),
        )
        self.canary = self._new_canary()
        self.acknowledge_recovery(self.ingest.payloads_table, self.ingest.keys_table)
        self.output("ApiUrl", self.ingest.api_url, "Base URL of the API")
        if self.ingest.domain_target:
            self.output("DomainTarget", self.ingest.domain_target, "Where its DNS name points")
        self.output("ApiKeyHeader", self.ingest.api_key_header, "Header that carries the API key")
        self.output("BucketName", self.ingest.bucket.bucket_name, "Uploads and kept documents")
        self.output("PayloadsTableName", self.ingest.payloads_table.table_name, "Payloads")
        self.output("KeysTableName", self.ingest.keys_table.table_name, "API keys, hashed")
        self.output("QueueUrl", self.ingest.queue.queue_url, "Uploads that wait for the worker")
        self.output(
            "DeadLetterQueueUrl", self.ingest.dead_letter_queue.queue_url, "Uploads given up"
        )
        self.output(
            "EventDeadLetterQueueUrl",
            self.ingest.event_dead_letter_queue.queue_url,
            "Events given up",
        )

    def _new_canary(self) -> IngestCanary | None:
        settings = self.settings
        if settings.canary_minutes is None:
            return None
        return IngestCanary(
            self,
            "Canary",
            ingest=self.ingest,
            interval=Duration.minutes(settings.canary_minutes),
            **self.function_options(),
        )
