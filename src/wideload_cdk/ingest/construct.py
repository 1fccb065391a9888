"""`PayloadIngest`: an HTTP API that takes JSON payloads of any size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.ingest.api import IngestApi
from wideload_cdk.ingest.events import queue_uploads
from wideload_cdk.ingest.functions import (
    ARCHIVE_PREFIX,
    TRANSIT_PREFIX,
    Stores,
    attach_worker,
    new_api_function,
    new_authorizer,
    new_events_function,
    new_sweep,
    new_worker,
)
from wideload_cdk.ingest.reference import ImportedPayloadIngest, IPayloadIngest
from wideload_cdk.ingest.tables import new_keys_table, new_payloads_table
from wideload_cdk.shared.bucket import TransferBucket
from wideload_cdk.shared.checks import (
    check_format,
    check_limit,
    check_reserved,
    refuse_for_given_bucket,
)
from wideload_cdk.shared.formats import HEADER_NAME, ORIGIN, RECORDS_FIELD
from wideload_cdk.shared.function import RuntimeFunction
from wideload_cdk.shared.lifecycle import add_lifecycle, check_lifecycle
from wideload_cdk.shared.limits import (
    IN_REQUEST_BYTES,
    UNCLAIMED_DELAY_SECONDS,
    URL_MINUTES,
    WORKER_CONCURRENCY,
)
from wideload_cdk.shared.queues import new_dead_letter_queue, new_work_queue
from wideload_cdk.shared.service import Service


class PayloadIngest(IPayloadIngest, Service):
    """Accept JSON payloads of any size up to 5 GiB and record them in DynamoDB.

    Clients send small payloads in the body of a request. They upload large ones to the bucket by
    presigned PUT, and claim them by key. Claims up to `in_request_limit` are processed in the
    request; larger ones, and unclaimed uploads, by a worker behind a queue. Every hour a sweep
    queues unfinished payloads again. An event on EventBridge tells that a payload was stored or
    has failed: see `on_payload_stored` and `on_payload_failed`. Callers send an API key in a
    header; `python -m wideload_cdk.keys` creates keys, and only their hashes are stored.

    Args:
        bucket: Bucket for the payloads: `transit/` for uploads, `archive/` for kept documents.
            A given bucket should expire `transit/`, abort incomplete multipart uploads, and send
            its events to EventBridge; without events, unclaimed uploads wait for the sweep. It
            must not expire `archive/`, since documents are deleted with their items. If it is
            versioned, noncurrent versions should expire. For `cors_origins` it must allow their
            pages PUT and GET (CORS). Default: a new `TransferBucket` with these settings.
        table: Table for the payloads. Its partition key is `payload_id`, its TTL attribute
            `expires_at`, its stream has new and old images. All keys are strings. It has three
            global indexes, which project at least these attributes:

            - `by_open`: partition key `open_shard`, sort key `created_at`; `state`, `tenant`,
              `source`, `s3_key`, `lease_until`;
            - `by_call`: partition key `tenant_call`, sort key `payload_id`; `state`, `tenant`,
              `source`, `created_at`, `stored_at`, `call_id`, `uploaded_size`, `size`, `sha256`,
              `records`, `error_code`, `error_detail`;
            - `by_tenant`: partition key `tenant_shard`, sort key `payload_id`; as `by_call`.

            An imported table must be imported with the ARN of its stream
            (`Table.from_table_attributes(…, table_stream_arn=…)`). In a global table, only one
            region's stream shows that an item has expired, so `retention` leaves documents behind
            in the other regions. Default: a new on-demand table.
        keys_table: Table for the API keys, with the partition key `key_id` (string).
            Several deployments may share one. Default: a new on-demand table.
        encryption_key: KMS key for the bucket, tables, queues and logs made here. The policy of an
            imported key must allow `events.amazonaws.com` (`kms:Decrypt`, `kms:GenerateDataKey`)
            and `logs.<region>.amazonaws.com` (as the CloudWatch Logs guide describes) to use it.
            Default: keys that the AWS services own, at no cost.
        code: Lambda code that holds `wideload_runtime` and its dependencies. Default: the
            code in this package, built for `architecture`.
        architecture: Processor of the functions. Default: arm64, a fifth cheaper.
        environment_name: The metrics' dimension `environment`; two deployments with the same
            name in one account and region share their metrics. Default: the stack's name.
        api_key_header: Header that carries the API key. Default: `x-api-key`.
        cors_origins: Origins whose pages may call API and bucket (CORS), such as
            `https://app.example.com`, or `*`. The key that a page sends can be read by everyone
            who opens the page. Default: none, so no browser can.
        upload_url_ttl: Life of an upload URL, 1 minute to 12 hours. It ends earlier when the
            function's credentials do. Default: 15 minutes.
        unclaimed_delay: Time from an upload until the worker processes it if it is still
            unclaimed; 0 to 15 minutes. For a claimed upload the worker only reads its item.
            Default: 1 minute, so that a client can claim its own upload first.
        in_request_limit: Largest object, in bytes as uploaded, that is processed in the
            request that claims it; larger ones are queued. 1 to 100,000,000, since a request
            times out after 29 s. Default: 25,000,000.
        records_field: Top-level array of the payload whose elements can be read in pages.
            Default: `transcript_with_metrics`.
        transit_expiration: Age at which objects under `transit/` of a bucket made here are
            deleted, in whole days. Default: 7 days.
        retention: How long payloads are kept after they are finished, in whole days. A change
            applies to payloads that are finished after it. The API no longer returns an expired
            payload; DynamoDB deletes its item within days, and then its document under
            `archive/` is deleted. Default: for ever.
        archive_infrequent_access_after: Age at which documents under `archive/` of a bucket made
            here move to S3 Standard-IA, in whole days, at least 30. S3 does not move objects
            under 128 KB. Default: never.
        archive_glacier_after: Age at which they move to S3 Glacier Instant Retrieval, where reads
            are as fast but cost a fee; in whole days, at least 30 more than
            `archive_infrequent_access_after`, if that is given. S3 bills at least 90 days.
            Default: never.
        event_bus: Receives the events `PayloadStored` and `PayloadFailed`. Default: the
            account's default bus.
        processor: Function that replaces the worker: see below. Default: a worker that checks,
            summarizes and archives JSON.
        rate_limit: Requests per second that the API accepts from all callers together; further
            requests get 429. Default: 100.
        burst_limit: Requests at once that the API accepts. Default: 200.
        worker_max_concurrency: Queued payloads that worker or processor process at once, 2 to
            1,000. The worker made here processes at most four fifths of these for one tenant.
            Default: 10.
        api_reserved_concurrency: Reserved concurrency of the API's function, 1 to 10,000: the most
            requests at once, kept free for it in the account. Default: none, it shares the
            account's unreserved concurrency.
        worker_reserved_concurrency: Reserved concurrency of the worker made here; at least
            `worker_max_concurrency`, or the queue is throttled. Default: none.
        tracing: Whether the functions send traces to X-Ray: one request a second, and 5 % of
            the others. Default: they do.
        vpc: Network of the functions, with a route to S3, DynamoDB, SQS and EventBridge, such as
            the endpoints of `PrivateNetwork`. Default: none, Lambda's own network.
        vpc_subnets: Subnets of `vpc` for the functions. Default: private subnets, or isolated
            subnets if there are none.
        security_groups: Security groups of the functions in `vpc`. Default: one for each
            function, which allows all outbound traffic.
        domain_name: Custom host name of the API. Needs `certificate`, and a DNS record that
            points at `domain_target`. Default: only the host name that API Gateway assigns.
        certificate: Certificate for `domain_name`, in the stack's region.
        log_level: Level from which the functions log: DEBUG, INFO, WARN or ERROR.
            Default: INFO.
        log_retention: How long the logs of functions and API are kept. Default: 3 months.
        environment: Further environment variables for the functions, except the authorizer. They
            override the construct's own. Default: none.
        point_in_time_recovery: Whether tables made here can be restored to any second of the
            last 35 days. Default: they can.
        deletion_protection: Whether tables made here refuse to be deleted. Default: they do.
        access_logs_bucket: Receives the access logs of the bucket made here. Default: a new
            bucket, which keeps them for 90 days.
        removal_policy: What happens to bucket, tables and logs made here when the stack is
            deleted. Default: they are kept.

    The queue invokes a `processor` with one SQS record at a time. Its body is
    `{"s3_key": "transit/<tenant>/<payload_id>", "reason": "claimed" | "unclaimed" | "sweep"}`.
    With the answer `{"batchItemFailures": [{"itemIdentifier": <messageId>}]}` the record is
    delivered again after 20 minutes, up to five times in all. The same upload may be delivered
    several times, even concurrently, so the processor

    - takes the payload's lease before it starts: an update of its item to the state
      `processing`, with `open_shard` (as the example computes it), `lease_owner` and
      `lease_until` (epoch milliseconds, later than its own timeout), on the condition that
      the state is `issued`, `uploaded`, `expired`, `processing` with a `lease_until` in the
      past or a `lease_owner` that is itself, or `failed` with the `error_code` `internal`;
    - at the end sets the state to `stored` (with `stored_at`, ISO 8601) or `failed` (with
      `error_code` and `error_detail`) on the condition that the lease is still its own, sets
      `tenant_shard`, and `tenant_call` if the item has a `call_id`, by which it is listed, and
      removes `open_shard`, `lease_owner`, `lease_until` and `expires_at` (or sets it, by your
      retention). Otherwise the sweep queues the payload again;
    - sets the state to `failed` with the code `internal` at the fifth receive, before the message
      goes to the dead-letter queue.

    `examples/processor` in the repository implements all of it. The processor gets the
    permissions that the worker would get, and no others: `s3:GetObject` on `transit/*`;
    `s3:PutObject` and `s3:AbortMultipartUpload` on `archive/*`; `s3:ListBucket` for `transit/*`;
    `dynamodb:GetItem` and `UpdateItem` on the payloads table; `sqs:ReceiveMessage`,
    `DeleteMessage` and `GetQueueAttributes` on the queue; `kms:Decrypt` and
    `kms:GenerateDataKey` on the keys of these. The construct sets no variables of its environment,
    and makes no worker function. Claims of up to `in_request_limit` bytes, and payloads in the body
    of a request, are still processed in the request; `in_request_limit=1` sends all claims to the
    processor.

    Raises:
        FileNotFoundError: The package's Lambda code has not been built, and no `code` given.
        ValueError: A value is out of range; or `bucket` is given with `access_logs_bucket` or a
            time for its archive; or only one of `domain_name` and `certificate` is given; or
            `table` is known to have no stream; or `processor` was imported without a role, or is
            given with `worker_reserved_concurrency`.
    """

    queue: sqs.Queue
    """Uploads that wait for the worker. Messages are delayed by `unclaimed_delay` by default."""
    dead_letter_queue: sqs.Queue
    """Uploads that the worker failed to process five times, kept for 14 days. `python -m
    wideload_cdk.redrive` puts them back into `queue`."""
    event_dead_letter_queue: sqs.Queue
    """Undelivered events, kept for 14 days: from S3 to the queue, from the schedule to the sweep,
    and from the table's stream to the event bus (of these, only positions in the stream)."""
    event_bus: events.IEventBus
    """Receives `PayloadStored` and `PayloadFailed`."""
    api: IngestApi
    """The HTTP API; all routes need a key."""
    api_key_header: str
    """Header that carries the API key."""
    api_function: RuntimeFunction
    """Answers every route."""
    worker_function: lambda_.IFunction
    """Processes queued uploads: the `processor`, if given."""
    sweep_function: RuntimeFunction
    """Queues unfinished payloads again, every hour."""
    events_function: RuntimeFunction
    """Publishes events from the table's stream, and deletes the documents of expired payloads."""
    authorizer_function: RuntimeFunction
    """Looks up API keys."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        bucket: s3.IBucket | None = None,
        table: dynamodb.ITable | None = None,
        keys_table: dynamodb.ITable | None = None,
        encryption_key: kms.IKey | None = None,
        code: lambda_.Code | None = None,
        architecture: lambda_.Architecture = lambda_.Architecture.ARM_64,
        environment_name: str | None = None,
        api_key_header: str = "x-api-key",
        cors_origins: Sequence[str] = (),
        upload_url_ttl: Duration = Duration.minutes(15),
        unclaimed_delay: Duration = Duration.minutes(1),
        in_request_limit: int = 25_000_000,
        records_field: str = "transcript_with_metrics",
        transit_expiration: Duration = Duration.days(7),
        retention: Duration | None = None,
        archive_infrequent_access_after: Duration | None = None,
        archive_glacier_after: Duration | None = None,
        event_bus: events.IEventBus | None = None,
        processor: lambda_.IFunction | None = None,
        rate_limit: int = 100,
        burst_limit: int = 200,
        worker_max_concurrency: int = 10,
        api_reserved_concurrency: int | None = None,
        worker_reserved_concurrency: int | None = None,
        tracing: bool = True,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        domain_name: str | None = None,
        certificate: acm.ICertificate | None = None,
        log_level: str = "INFO",
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        environment: Mapping[str, str] | None = None,
        point_in_time_recovery: bool = True,
        deletion_protection: bool = True,
        access_logs_bucket: s3.IBucket | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(
            scope,
            id,
            environment_name=environment_name,
            event_bus=event_bus,
            encryption_key=encryption_key,
            point_in_time_recovery=point_in_time_recovery,
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
            code=code,
            architecture=architecture,
            environment=environment,
            tracing=tracing,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            log_level=log_level,
            log_retention=log_retention,
            rate_limit=rate_limit,
            burst_limit=burst_limit,
            domain_name=domain_name,
            certificate=certificate,
        )
        check_format("api_key_header", api_key_header, HEADER_NAME)
        check_format("records_field", records_field, RECORDS_FIELD)
        for origin in cors_origins:
            check_format("an origin of cors_origins", origin, ORIGIN)
        check_limit("upload_url_ttl", upload_url_ttl, URL_MINUTES)
        check_limit("unclaimed_delay", unclaimed_delay, UNCLAIMED_DELAY_SECONDS)
        check_limit("in_request_limit", in_request_limit, IN_REQUEST_BYTES)
        check_limit("worker_max_concurrency", worker_max_concurrency, WORKER_CONCURRENCY)
        check_reserved("api_reserved_concurrency", api_reserved_concurrency)
        check_reserved(
            "worker_reserved_concurrency", worker_reserved_concurrency, least=worker_max_concurrency
        )
        check_lifecycle(
            expiration=("retention", retention),
            infrequent_access_after=(
                "archive_infrequent_access_after",
                archive_infrequent_access_after,
            ),
            glacier_after=("archive_glacier_after", archive_glacier_after),
        )
        if bucket is not None:
            refuse_for_given_bucket(
                access_logs_bucket=access_logs_bucket,
                archive_infrequent_access_after=archive_infrequent_access_after,
                archive_glacier_after=archive_glacier_after,
            )
        _check_table(table)
        _check_processor(processor, worker_reserved_concurrency)

        if bucket is None:
            bucket = TransferBucket(
                self,
                "Bucket",
                encryption_key=encryption_key,
                expiration=transit_expiration,
                expiration_prefix=TRANSIT_PREFIX,
                max_url_age=upload_url_ttl,
                cors_origins=cors_origins,
                access_logs_bucket=access_logs_bucket,
                removal_policy=removal_policy,
            )
            add_lifecycle(
                bucket,
                "Archive",
                ARCHIVE_PREFIX,
                infrequent_access_after=archive_infrequent_access_after,
                glacier_after=archive_glacier_after,
            )
        self.bucket = bucket
        self.payloads_table = table or new_payloads_table(self, "Payloads", self._protection)
        self.keys_table = keys_table or new_keys_table(self, "Keys", self._protection)
        self.dead_letter_queue = new_dead_letter_queue(
            self, "DeadLetterQueue", encryption_key=encryption_key
        )
        self.queue = new_work_queue(
            self,
            "Queue",
            encryption_key=encryption_key,
            dead_letter_queue=self.dead_letter_queue,
            # EventBridge can't delay a message, but a queue can; explicit senders override it
            # with 0.
            delivery_delay=unclaimed_delay,
        )

        variables = {
            "WIDELOAD_ENVIRONMENT": self.environment_name,
            "WIDELOAD_BUCKET": self.bucket.bucket_name,
            "WIDELOAD_PAYLOADS_TABLE": self.payloads_table.table_name,
            "WIDELOAD_QUEUE_URL": self.queue.queue_url,
            "WIDELOAD_UPLOAD_URL_TTL": str(upload_url_ttl.to_seconds()),
            "WIDELOAD_IN_REQUEST_LIMIT": str(in_request_limit),
            "WIDELOAD_RECORDS_FIELD": records_field,
            "WIDELOAD_S3_ADDRESSING_STYLE": "virtual",
        }
        if retention is not None:
            variables["WIDELOAD_RETENTION_DAYS"] = str(retention.to_days())
        settings = self._function_settings.with_defaults(variables)
        stores = Stores(self.bucket, self.payloads_table, self.queue)
        self.api_function = new_api_function(
            self, settings, stores, reserved_concurrency=api_reserved_concurrency
        )
        if processor is None:
            self.worker_function = new_worker(
                self,
                settings,
                stores,
                max_concurrency=worker_max_concurrency,
                reserved_concurrency=worker_reserved_concurrency,
            )
        else:
            self.worker_function = processor
            attach_worker(self, processor, stores, max_concurrency=worker_max_concurrency)
        queue_uploads(
            self,
            "UnclaimedUploads",
            bucket=self.bucket,
            prefix=TRANSIT_PREFIX,
            queue=self.queue,
            dead_letter_queue=self.event_dead_letter_queue,
        )
        self.sweep_function = new_sweep(
            self, settings, stores, dead_letter_queue=self.event_dead_letter_queue
        )
        self.events_function = new_events_function(
            self,
            self._function_settings,
            environment_name=self.environment_name,
            event_bus=self.event_bus,
            bucket=self.bucket,
            table=self.payloads_table,
            dead_letter_queue=self.event_dead_letter_queue,
        )
        self.authorizer_function = new_authorizer(
            self,
            self._function_settings,
            environment_name=self.environment_name,
            keys_table=self.keys_table,
        )
        self.api_key_header = api_key_header
        self.api = IngestApi(
            self,
            "Api",
            handler=self.api_function,
            authorizer=self.authorizer_function,
            api_key_header=api_key_header,
            cors_origins=cors_origins,
            settings=self._api_settings,
        )

    @staticmethod
    def from_payload_ingest_attributes(
        scope: Construct,
        id: str,
        *,
        environment_name: str,
        bucket: s3.IBucket | None = None,
        payloads_table: dynamodb.ITable | None = None,
        keys_table: dynamodb.ITable | None = None,
        event_bus: events.IEventBus | None = None,
    ) -> IPayloadIngest:
        """Refer to a deployment that another app has made.

        Args:
            scope: Parent of the reference, and of the rules that it makes.
            id: Id of the reference.
            environment_name: That of the deployment, by default the name of its stack. Rules and
                metrics are those of this deployment alone.
            bucket: Its bucket, imported with its KMS key, if it has one. Needed by
                `grant_read_documents`.
            payloads_table: Its table, likewise. Needed by `grant_read_documents`.
            keys_table: Its table, likewise. Needed by `grant_manage_keys`.
            event_bus: The bus on which it publishes. Default: the account's default bus.

        Raises:
            ValueError: `environment_name` is wrong.
            AttributeError: From a grant: what it needs was not given.
        """
        return ImportedPayloadIngest(
            scope,
            id,
            environment_name=environment_name,
            bucket=bucket,
            payloads_table=payloads_table,
            keys_table=keys_table,
            event_bus=event_bus,
        )


def _check_table(table: dynamodb.ITable | None) -> None:
    if table is not None and table.table_stream_arn is None:
        raise ValueError(
            "table has no stream, or was imported without one; give a table with a stream of "
            "new and old images, imported by `Table.from_table_attributes` with its "
            "table_stream_arn, for events are made from it."
        )


def _check_processor(processor: lambda_.IFunction | None, reserved: int | None) -> None:
    if processor is None:
        return
    if reserved is not None:
        raise ValueError(
            "processor and worker_reserved_concurrency are both given, but the reservation is "
            "for a worker made here; reserve your processor's where you make it, and leave one "
            "out."
        )
    if processor.role is None:
        raise ValueError(
            "processor was imported without its role, so it can't be granted anything; import "
            "it by `Function.from_function_attributes` with its role."
        )
