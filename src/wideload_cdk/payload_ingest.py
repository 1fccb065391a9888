"""`PayloadIngest`: an HTTP API that takes JSON payloads of any size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, Names, RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk import _grants as grants
from wideload_cdk._api import KeyedHttpApi
from wideload_cdk._assets import built_code
from wideload_cdk._checks import check_duration, check_range, check_text
from wideload_cdk._function import LOG_LEVELS, ONE_VCPU_MEMORY_MB, RuntimeFunction
from wideload_cdk._metrics import SERVICE, IngestMetrics
from wideload_cdk._rules import acknowledge, acknowledge_wildcard
from wideload_cdk._tables import CALL_INDEX, new_keys_table, new_payloads_table
from wideload_cdk.transfer_bucket import TransferBucket

TRANSIT_PREFIX = "transit/"
ARCHIVE_PREFIX = "archive/"

_GET = apigateway.HttpMethod.GET
_POST = apigateway.HttpMethod.POST
ROUTES = {
    "/get-upload-url": [_GET, _POST],
    "/send-call-log": [_POST],
    "/call-logs": [_GET],
    "/call-logs/{payload_id}": [_GET],
    "/call-logs/{payload_id}/records": [_GET],
}

# API Gateway gives up after 30 s; a function that ends first still gets its answer out.
API_TIMEOUT = Duration.seconds(29)
# The longest that Lambda allows.
WORKER_TIMEOUT = Duration.minutes(15)
# API Gateway waits 10 s for an authorizer.
AUTHORIZER_TIMEOUT = Duration.seconds(10)
AUTHORIZER_MEMORY_MB = 512
# A message must stay hidden for as long as a worker may hold it. Twice that leaves room for
# an invocation that Lambda had to put off; AWS's rule of thumb, six times, would leave the
# payload of a crashed worker lying for an hour and a half. A delivery that comes too early
# does no harm: the lease on the payload turns it away.
VISIBILITY_TIMEOUT = Duration.minutes(30)
# AWS advises at least five, since throttled invocations count as receives.
MAX_RECEIVE_COUNT = 5


class PayloadIngest(IngestMetrics, Construct):
    """Accept JSON payloads of any size up to 5 GiB and record them in DynamoDB.

    Small payloads come in the body of a request; large ones by presigned PUT to the bucket,
    and are claimed by key. Claims up to `in_request_limit` are processed in the request,
    larger ones by a worker behind a queue. Callers show an API key in a header; keys are made
    with `python -m wideload_cdk.keys` and stored as hashes.

    Args:
        bucket: Bucket for the payloads: `transit/` for uploads, `archive/` for what is kept.
            A bucket of yours should let `transit/` expire, abort incomplete multipart
            uploads, and send its events to EventBridge. Default: a new `TransferBucket`
            that deletes what is under `transit/` after `transit_expiration`.
        table: Table for the payloads, with the partition key `payload_id` (string), TTL
            attribute `expires_at`, and a global index `by_call`: partition key `tenant_call`,
            sort key `payload_id` (strings), which projects at least `state`, `created_at`
            and `size`. Default: a new on-demand table.
        keys_table: Table for the API keys, with the partition key `key_id` (string).
            Several deployments may share one. Default: a new on-demand table.
        encryption_key: KMS key for bucket, tables and queues made here. Default: keys that
            the services own, at no cost.
        code: Lambda code that holds `wideload_runtime` and its dependencies. Default: the
            code in this package, built for `architecture`.
        architecture: Processor of the functions. Default: arm64, a fifth cheaper.
        environment_name: The metrics' dimension `environment`; two deployments with the same
            name in one account and region share their metrics. Default: the stack's name.
        api_key_header: Header that carries the API key. Default: `x-api-key`.
        upload_url_ttl: Life of an upload URL, 1 minute to 12 hours. It ends earlier when the
            function's credentials do. Default: 15 minutes.
        in_request_limit: Largest object, in bytes as uploaded, that is processed in the
            request that claims it; larger ones are queued. 1 to 100,000,000, since a request
            ends after 29 s. Default: 25,000,000.
        records_field: Top-level array of the payload whose elements can be read in pages.
            Default: `transcript_with_metrics`.
        transit_expiration: How long an uploaded object lies under `transit/` of a bucket made
            here, in whole days. Default: 7 days.
        rate_limit: Requests per second that the API accepts, all callers together; more are
            answered 429. Default: 100.
        burst_limit: Requests that may come at once. Default: 200.
        worker_max_concurrency: Queued payloads that are processed at once, 2 to 1,000.
            Default: 10.
        log_level: Level from which the functions log: DEBUG, INFO, WARN or ERROR.
            Default: INFO.
        log_retention: How long the logs of functions and API are kept. Default: 3 months.
        environment: Further environment variables for API function and worker; they win over
            the construct's own. Default: none.
        point_in_time_recovery: Whether tables made here can be restored to any second of the
            last 35 days. Default: they can.
        deletion_protection: Whether tables made here refuse to be deleted. Default: they do.
        access_logs_bucket: Receives the access logs of the bucket made here. Default: a new
            bucket, which keeps them for 90 days.
        removal_policy: What happens to bucket, tables and logs made here when the stack is
            deleted. Default: they are kept.

    Raises:
        FileNotFoundError: The package's Lambda code has not been built, and no `code` given.
        ValueError: A value is outside of what is allowed, which the message says; or both
            `bucket` and `access_logs_bucket` are given.
    """

    bucket: s3.IBucket
    """Where uploads arrive and documents are kept."""
    payloads_table: dynamodb.ITable
    """One item per payload."""
    keys_table: dynamodb.ITable
    """One item per API key."""
    queue: sqs.Queue
    """Claims that wait for the worker."""
    dead_letter_queue: sqs.Queue
    """Claims that the worker failed five times, kept for 14 days."""
    api: apigateway.HttpApi
    """The HTTP API; its routes all need a key."""
    stage: apigateway.HttpStage
    """The API's only stage, `$default`."""
    api_url: str
    """Base URL of the API, without a slash at the end."""
    api_key_header: str
    """Header that carries the API key."""
    api_function: RuntimeFunction
    """Answers every route."""
    worker_function: RuntimeFunction
    """Processes queued claims."""
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
        upload_url_ttl: Duration = Duration.minutes(15),
        in_request_limit: int = 25_000_000,
        records_field: str = "transcript_with_metrics",
        transit_expiration: Duration = Duration.days(7),
        rate_limit: int = 100,
        burst_limit: int = 200,
        worker_max_concurrency: int = 10,
        log_level: str = "INFO",
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        environment: Mapping[str, str] | None = None,
        point_in_time_recovery: bool = True,
        deletion_protection: bool = True,
        access_logs_bucket: s3.IBucket | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        check_text(
            "api_key_header",
            api_key_header,
            r"[A-Za-z0-9-]{1,128}",
            "the name of an HTTP header: letters, digits and hyphens, at most 128",
        )
        check_duration(
            "upload_url_ttl", upload_url_ttl, least=Duration.minutes(1), most=Duration.hours(12)
        )
        check_range("in_request_limit", in_request_limit, least=1, most=100_000_000, unit="bytes")
        check_text("records_field", records_field, r".{1,255}", "1 to 255 characters")
        check_range("rate_limit", rate_limit, least=1, most=10_000, unit="requests per second")
        check_range("burst_limit", burst_limit, least=1, most=5_000, unit="requests")
        check_range(
            "worker_max_concurrency", worker_max_concurrency, least=2, most=1_000, unit="payloads"
        )
        if log_level not in LOG_LEVELS:
            raise ValueError(f"log_level is {log_level!r}; give one of {', '.join(LOG_LEVELS)}.")
        if bucket is not None and access_logs_bucket is not None:
            raise ValueError(
                "bucket and access_logs_bucket are both given, but only a bucket made here gets "
                "access logs; set up those of yours where you make it, and leave one out."
            )
        if environment_name is not None:
            check_text(
                "environment_name",
                environment_name,
                r"[!-~]([ -~]{0,253}[!-~])?",
                "1 to 255 printable ASCII characters, with no space at either end",
            )

        self.api_key_header = api_key_header
        self.environment_name = environment_name or Stack.of(self).stack_name
        self.bucket = bucket or TransferBucket(
            self,
            "Bucket",
            encryption_key=encryption_key,
            expiration=transit_expiration,
            expiration_prefix=TRANSIT_PREFIX,
            access_logs_bucket=access_logs_bucket,
            removal_policy=removal_policy,
        )
        self.payloads_table = table or new_payloads_table(
            self,
            "Payloads",
            encryption_key=encryption_key,
            point_in_time_recovery=point_in_time_recovery,
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )
        self.keys_table = keys_table or new_keys_table(
            self,
            "Keys",
            encryption_key=encryption_key,
            point_in_time_recovery=point_in_time_recovery,
            deletion_protection=deletion_protection,
            removal_policy=removal_policy,
        )
        self.dead_letter_queue = _queue(
            self, "DeadLetterQueue", encryption_key, retention_period=Duration.days(14)
        )
        self.queue = _queue(
            self,
            "Queue",
            encryption_key,
            visibility_timeout=VISIBILITY_TIMEOUT,
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letter_queue, max_receive_count=MAX_RECEIVE_COUNT
            ),
        )

        function_options: dict[str, Any] = {
            "code": code or built_code(architecture),
            "architecture": architecture,
            "service": SERVICE,
            "log_level": log_level,
            "log_retention": log_retention,
            "removal_policy": removal_policy,
        }
        processing_environment = {
            "WIDELOAD_ENVIRONMENT": self.environment_name,
            "WIDELOAD_BUCKET": self.bucket.bucket_name,
            "WIDELOAD_PAYLOADS_TABLE": self.payloads_table.table_name,
            "WIDELOAD_UPLOAD_URL_TTL": str(upload_url_ttl.to_seconds()),
            "WIDELOAD_IN_REQUEST_LIMIT": str(in_request_limit),
            "WIDELOAD_RECORDS_FIELD": records_field,
            "WIDELOAD_S3_ADDRESSING_STYLE": "virtual",
        }
        self.api_function = RuntimeFunction(
            self,
            "ApiFunction",
            handler="ingest_api",
            description="Wideload ingest: answers the API and processes small payloads",
            memory_size=ONE_VCPU_MEMORY_MB,
            timeout=API_TIMEOUT,
            environment={
                **processing_environment,
                "WIDELOAD_QUEUE_URL": self.queue.queue_url,
                **(environment or {}),
            },
            **function_options,
        )
        self.worker_function = RuntimeFunction(
            self,
            "Worker",
            handler="ingest_worker",
            description="Wideload ingest: processes queued payloads",
            memory_size=ONE_VCPU_MEMORY_MB,
            timeout=WORKER_TIMEOUT,
            environment={**processing_environment, **(environment or {})},
            **function_options,
        )
        self.authorizer_function = RuntimeFunction(
            self,
            "Authorizer",
            handler="key_authorizer",
            description="Wideload ingest: looks up API keys",
            memory_size=AUTHORIZER_MEMORY_MB,
            timeout=AUTHORIZER_TIMEOUT,
            environment={
                "WIDELOAD_ENVIRONMENT": self.environment_name,
                "WIDELOAD_KEYS_TABLE": self.keys_table.table_name,
            },
            **function_options,
        )
        # Not `SqsEventSource`: it puts the stack's name into the logical id.
        mapping = lambda_.EventSourceMapping(
            self,
            "WorkerQueue",
            target=self.worker_function,
            event_source_arn=self.queue.queue_arn,
            # Each payload may need the whole 15 minutes.
            batch_size=1,
            report_batch_item_failures=True,
            max_concurrency=worker_max_concurrency,
        )
        self._grant()
        self._acknowledge(mapping)

        self.api = KeyedHttpApi(
            self,
            "Api",
            api_name=Names.unique_resource_name(self, max_length=128, separator="-"),
            description="Wideload ingest: JSON payloads of any size",
            routes=ROUTES,
            handler=self.api_function,
            authorizer=self.authorizer_function,
            api_key_header=api_key_header,
            rate_limit=rate_limit,
            burst_limit=burst_limit,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        self.stage = self.api.stage
        self.api_url = self.api.api_endpoint

    def _grant(self) -> None:
        """Give each function what it does, on the prefixes and tables where it does it."""
        for function in (self.api_function, self.worker_function):
            grants.grant_objects(self.bucket, function, TRANSIT_PREFIX, "s3:GetObject")
            grants.grant_objects(
                self.bucket,
                function,
                ARCHIVE_PREFIX,
                "s3:PutObject",
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
            )
            grants.grant_list(self.bucket, function, TRANSIT_PREFIX)
            grants.grant_bucket_key(self.bucket, function)
            grants.grant_items(
                self.payloads_table,
                function,
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "dynamodb:DeleteItem",
            )
        # Presigned URLs carry the API function's own permissions.
        grants.grant_objects(self.bucket, self.api_function, TRANSIT_PREFIX, "s3:PutObject")
        grants.grant_objects(self.bucket, self.api_function, ARCHIVE_PREFIX, "s3:GetObject")
        grants.grant_query(self.payloads_table, self.api_function, CALL_INDEX)
        grants.grant_send(self.queue, self.api_function)
        self.queue.grant_consume_messages(self.worker_function)
        grants.grant_items(self.keys_table, self.authorizer_function, "dynamodb:GetItem")

    def _acknowledge(self, mapping: lambda_.EventSourceMapping) -> None:
        """Say why what rule packs find here is meant."""
        for function in (self.api_function, self.worker_function):
            for prefix in (TRANSIT_PREFIX, ARCHIVE_PREFIX):
                acknowledge_wildcard(
                    function.runtime_role,
                    self.bucket.arn_for_objects(f"{prefix}*"),
                    f"The keys of payloads are known only at run time; all start with {prefix}.",
                )
        acknowledge(
            self.dead_letter_queue,
            "Serverless-SQSRedrivePolicy",
            "This is the dead-letter queue itself.",
        )
        acknowledge(
            mapping,
            "Serverless-LambdaEventSourceMappingDestination",
            "Lambda offers no failure destination for SQS; the queue has a dead-letter queue.",
        )


def _queue(scope: Construct, id: str, encryption_key: kms.IKey | None, **options: Any) -> sqs.Queue:
    return sqs.Queue(
        scope,
        id,
        encryption=sqs.QueueEncryption.KMS if encryption_key else sqs.QueueEncryption.SQS_MANAGED,
        encryption_master_key=encryption_key,
        enforce_ssl=True,
        **options,
    )
