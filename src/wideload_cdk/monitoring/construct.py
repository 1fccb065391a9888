"""`TransferMonitoring`: alarms, a dashboard and saved queries for ingest and file transfer."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration, Names, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from wideload_cdk.files.construct import FileTransfer
from wideload_cdk.ingest.canary import IngestCanary
from wideload_cdk.ingest.construct import PayloadIngest
from wideload_cdk.monitoring import files_alarms, ingest_alarms
from wideload_cdk.monitoring.alarm_factory import AlarmFactory
from wideload_cdk.monitoring.alarm_topic import new_alarm_topic
from wideload_cdk.monitoring.alarms import (
    add_api_alarms,
    add_bucket_alarm,
    add_concurrency_alarm,
    add_function_alarms,
    add_table_alarms,
)
from wideload_cdk.monitoring.dashboard import (
    Row,
    api_row,
    files_rows,
    function_row,
    heading,
    ingest_rows,
    queue_row,
    storage_row,
)
from wideload_cdk.monitoring.queries import FILES, INGEST, save_queries
from wideload_cdk.monitoring.thresholds import Thresholds, check_percent
from wideload_cdk.shared.checks import check_format, check_limit
from wideload_cdk.shared.formats import METRICS_FILTER, NAME_PREFIX
from wideload_cdk.shared.limits import ACCOUNT_CONCURRENCY, OLDEST_EVENT_MINUTES

INGEST_LATENCY = Duration.seconds(10)
FILES_LATENCY = Duration.seconds(5)


class TransferMonitoring(Construct):
    """Alarms, a dashboard and saved queries for `PayloadIngest` and `FileTransfer`.

    Each alarm asks for action by a person, and its description links the section of the runbook
    (`docs/runbook.md` in the repository) that says which. An alarm on failures that a retry may
    repair needs ten minutes of fifteen. Call `monitor_ingest` or `monitor_files` to add alarms;
    the service may be in another stack.

    Args:
        alarm_topic: Topic that is notified when an alarm begins and when it ends. Your own topic
            and its key must let `cloudwatch.amazonaws.com` publish. Default: a new topic, under
            `encryption_key`, which accepts only TLS. Subscribe to it:
            `monitoring.alarm_topic.add_subscription(…)`.
        urgent_topic: Topic that is notified only of the composite alarms "… is unhealthy", for
            example to page the person on call. Default: `alarm_topic`.
        encryption_key: KMS key for the topic made here. The policy of an imported key must
            itself let `cloudwatch.amazonaws.com` use it (`kms:Decrypt`, `kms:GenerateDataKey`).
            Default: a new key ($1 a month), since alarms can't use SNS's own key.
        name_prefix: Prefix of the names of alarms, dashboard and queries, 1 to 100 letters,
            digits and hyphens. Names of alarms are unique in an account and region, the name of a
            dashboard in the whole account, so it ends with the region. Default: stack and id.
        runbook: Address of the runbook, to which `#section` is added. Default:
            `docs/runbook.md`, its path in the repository.
        account_concurrency: The account's quota of concurrent functions in this region; an alarm
            is raised at 80 % of it. `None`: no alarm. Default: 1,000, AWS's default; new accounts
            have less.
        bucket_metrics: Name of the buckets' request metrics, which count S3's answers. They are
            turned on here for buckets made in the same app; an imported bucket must have them.
            They are billed as custom metrics, some $5 a month and bucket. `None`: they stay off,
            and there is no alarm on errors of S3. Default: `EntireBucket`.

    Raises:
        ValueError: A value is out of range, or `alarm_topic` is given together with
            `encryption_key`.
    """

    alarm_topic: sns.ITopic
    """Topic of all alarms."""
    urgent_topic: sns.ITopic
    """Topic of the composite alarms."""
    dashboard: cloudwatch.Dashboard
    """Dashboard of all services that are monitored here."""
    ingest_unhealthy: cloudwatch.CompositeAlarm | None
    """Composite alarm: ingest fails callers, or accepted payloads are at risk."""
    files_unhealthy: cloudwatch.CompositeAlarm | None
    """Composite alarm: file transfer fails callers, or stored files are at risk."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        alarm_topic: sns.ITopic | None = None,
        urgent_topic: sns.ITopic | None = None,
        encryption_key: kms.IKey | None = None,
        name_prefix: str | None = None,
        runbook: str = "docs/runbook.md",
        account_concurrency: int | None = 1_000,
        bucket_metrics: str | None = "EntireBucket",
    ) -> None:
        super().__init__(scope, id)
        if alarm_topic is not None and encryption_key is not None:
            raise ValueError(
                "alarm_topic and encryption_key are both given, but encryption_key is for a topic "
                "made here; encrypt yours where you make it, and leave one out."
            )
        if name_prefix is not None:
            check_format("name_prefix", name_prefix, NAME_PREFIX)
        if account_concurrency is not None:
            check_limit("account_concurrency", account_concurrency, ACCOUNT_CONCURRENCY)
        if bucket_metrics is not None:
            check_format("bucket_metrics", bucket_metrics, METRICS_FILTER)
        self._name_prefix = name_prefix or Names.unique_resource_name(
            self, max_length=100, separator="-"
        )
        self._runbook = runbook
        self._bucket_metrics = bucket_metrics
        self._measured_buckets: set[str] = set()
        self._factories: list[AlarmFactory] = []
        self.alarm_topic = alarm_topic or new_alarm_topic(
            self, "Topic", display_name=self._name_prefix, encryption_key=encryption_key
        )
        self.urgent_topic = urgent_topic or self.alarm_topic
        self.ingest_unhealthy = None
        self.files_unhealthy = None
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{self._name_prefix}-{Stack.of(self).region}",
            default_interval=Duration.hours(12),
        )
        if account_concurrency is not None:
            add_concurrency_alarm(self._new_factory(self, self._name_prefix), account_concurrency)

    @property
    def alarms(self) -> Sequence[cloudwatch.Alarm]:
        """All alarms made so far, without the composite ones."""
        return [alarm for factory in self._factories for alarm in factory.made.values()]

    def monitor_ingest(
        self,
        ingest: PayloadIngest,
        *,
        canary: IngestCanary | None = None,
        server_error_percent: float = 1,
        latency: Duration = INGEST_LATENCY,
        function_error_percent: float = 1,
        function_duration_percent: float = 90,
        failed_payload_percent: float = 5,
        oldest_message: Duration = Duration.minutes(30),
        oldest_event: Duration = Duration.minutes(15),
        table_system_errors: int = 5,
        bucket_error_percent: float = 1,
    ) -> None:
        """Monitor the API, functions, queues, payloads, tables and bucket of an ingest.

        Args:
            ingest: The ingest; one per `TransferMonitoring`.
            canary: Its canary; an alarm is raised after two failed or missing runs. Default: none.
            server_error_percent: Answers 5xx in percent of requests. Default: 1, above what
                single failures of AWS cause, and low enough that clients' retries still hide it.
            latency: The p99 of the API's answers, up to 29 s, below API Gateway's timeout of 30 s.
                Default: 10 s; a call log of 15 MB takes under one, the largest that is processed
                in a request some three, and a claim may wait for a worker.
            function_error_percent: Invocations that end in an error in percent of all. The
                functions catch expected errors, so these are crashes, timeouts and lack of
                memory. Default: 1.
            function_duration_percent: The longest invocation in percent of its function's
                timeout. Default: 90; a worker ends its work in order at 98.
            failed_payload_percent: Failed payloads in percent of finished ones, including those
                that a client sent broken. Default: 5, so that a single client's mistakes raise no
                alarm, but an incompatible release of a client does.
            oldest_message: Age of the oldest payload that waits for the worker, 1 minute to a
                day. Default: 30 minutes, twice as long as any payload may take.
            oldest_event: Delay of the events of finished payloads, 1 minute to 6 hours, after
                which they go to the dead-letter queue. Default: 15 minutes.
            table_system_errors: Requests in five minutes that DynamoDB itself fails; the
                functions retry single ones. Default: 5.
            bucket_error_percent: Requests that S3 answers 5xx, in percent; clients retry them.
                Default: 1.

        Raises:
            ValueError: A value is out of range, or an ingest is monitored already.
        """
        thresholds = Thresholds(
            server_error_percent=server_error_percent,
            latency=latency,
            function_error_percent=function_error_percent,
            function_duration_percent=function_duration_percent,
            oldest_message=oldest_message,
            table_system_errors=table_system_errors,
            bucket_error_percent=bucket_error_percent,
        )
        check_percent("failed_payload_percent", failed_payload_percent)
        check_limit("oldest_event", oldest_event, OLDEST_EVENT_MINUTES)
        functions = ingest_alarms.functions(ingest)
        alarms = self._new_service_factory("Ingest")
        add_api_alarms(alarms, ingest.stage, thresholds)
        add_function_alarms(alarms, functions, thresholds, alone=ingest_alarms.ALONE)
        ingest_alarms.add_payload_alarms(
            alarms,
            ingest,
            failed_percent=failed_payload_percent,
            oldest_message=thresholds.oldest_message,
            oldest_event=oldest_event,
        )
        if canary is not None:
            ingest_alarms.add_canary_alarm(alarms, canary)
        for name, (table, operations) in ingest_alarms.tables(ingest).items():
            add_table_alarms(alarms, name, table, operations, thresholds)
        self._add_bucket_alarm(alarms, ingest.bucket, thresholds)
        self.ingest_unhealthy = alarms.add_unhealthy(
            "Ingest", when=ingest_alarms.UNHEALTHY, topic=self.urgent_topic
        )
        save_queries(
            Construct(alarms.scope, "Queries"),
            INGEST,
            folder=f"{self._name_prefix}/ingest",
            api=ingest.api,
            function_logs=[
                *ingest_alarms.log_groups(ingest),
                *([canary.function.log_group] if canary else []),
            ],
        )
        self._show(
            *heading(
                f"Payload ingest · {ingest.environment_name}",
                f"What to do: {self._runbook}",
                [self.ingest_unhealthy, *alarms.made.values()],
            ),
            api_row(ingest.stage),
            *ingest_rows(ingest),
            function_row(functions | ({"canary": canary.function} if canary else {})),
            queue_row(
                ingest.queue,
                {"payloads": ingest.dead_letter_queue, "events": ingest.event_dead_letter_queue},
            ),
            storage_row(
                {"payloads": ingest.payloads_table, "keys": ingest.keys_table},
                ingest.bucket,
                self._bucket_metrics,
            ),
        )

    def monitor_files(
        self,
        files: FileTransfer,
        *,
        server_error_percent: float = 1,
        latency: Duration = FILES_LATENCY,
        function_error_percent: float = 1,
        function_duration_percent: float = 90,
        expired_upload_percent: float = 50,
        oldest_message: Duration = Duration.minutes(60),
        oldest_event: Duration = Duration.minutes(15),
        table_system_errors: int = 5,
        bucket_error_percent: float = 1,
    ) -> None:
        """Monitor the API, functions, files, table and bucket of a file transfer.

        Args:
            files: The file transfer; one per `TransferMonitoring`.
            server_error_percent: Answers 5xx in percent of requests. Default: 1, above what
                single failures of AWS cause, and low enough that clients' retries still hide it.
            latency: The p99 of the API's answers, up to 29 s, below API Gateway's timeout of 30 s.
                Default: 5 s; no request carries a file, and none waits longer than 2 s for S3 to
                join parts.
            function_error_percent: Invocations that end in an error in percent of all. The
                functions catch expected errors, so these are crashes, timeouts and lack of
                memory. Default: 1.
            function_duration_percent: The longest invocation in percent of its function's
                timeout. Default: 90; a verifier ends its work in order at 98.
            expired_upload_percent: Uploads that were never completed in percent of those that
                ended within a day, if they were ten or more. Default: 50; people abandon some
                uploads, but not most.
            oldest_message: Age of the oldest file that waits to be verified, 1 minute to a day.
                Default: 1 hour: users don't wait for it, and several large files may queue.
            oldest_event: Delay of the events of stored and deleted files, 1 minute to 6 hours,
                after which they go to the dead-letter queue. Default: 15 minutes.
            table_system_errors: Requests in five minutes that DynamoDB itself fails; the
                functions retry single ones. Default: 5.
            bucket_error_percent: Requests that S3 answers 5xx, in percent; clients retry them.
                Default: 1.

        Raises:
            ValueError: A value is out of range, or a file transfer is monitored already.
        """
        thresholds = Thresholds(
            server_error_percent=server_error_percent,
            latency=latency,
            function_error_percent=function_error_percent,
            function_duration_percent=function_duration_percent,
            oldest_message=oldest_message,
            table_system_errors=table_system_errors,
            bucket_error_percent=bucket_error_percent,
        )
        check_percent("expired_upload_percent", expired_upload_percent)
        check_limit("oldest_event", oldest_event, OLDEST_EVENT_MINUTES)
        functions = files_alarms.functions(files)
        alarms = self._new_service_factory("Files")
        add_api_alarms(alarms, files.stage, thresholds)
        add_function_alarms(alarms, functions, thresholds, alone=files_alarms.ALONE)
        files_alarms.add_file_alarms(
            alarms,
            files,
            expired_percent=expired_upload_percent,
            oldest_message=thresholds.oldest_message,
            oldest_event=oldest_event,
        )
        add_table_alarms(alarms, "files", files.files_table, files_alarms.OPERATIONS, thresholds)
        self._add_bucket_alarm(alarms, files.bucket, thresholds)
        self.files_unhealthy = alarms.add_unhealthy(
            "File transfer", when=files_alarms.UNHEALTHY, topic=self.urgent_topic
        )
        save_queries(
            Construct(alarms.scope, "Queries"),
            FILES,
            folder=f"{self._name_prefix}/files",
            api=files.api,
            function_logs=[function.log_group for function in functions.values()],
        )
        self._show(
            *heading(
                f"File transfer · {files.environment_name}",
                f"What to do: {self._runbook}",
                [self.files_unhealthy, *alarms.made.values()],
            ),
            api_row(files.stage),
            *files_rows(files),
            function_row(functions),
            queue_row(files.verify_queue, files_alarms.dead_letters(files)),
            storage_row({"files": files.files_table}, files.bucket, self._bucket_metrics),
        )

    def _new_service_factory(self, service: str) -> AlarmFactory:
        if self.node.try_find_child(service) is not None:
            raise ValueError(
                f"{service} is watched here already; watch another one with another "
                "TransferMonitoring."
            )
        return self._new_factory(Construct(self, service), f"{self._name_prefix}-{service.lower()}")

    def _new_factory(self, scope: Construct, name_prefix: str) -> AlarmFactory:
        factory = AlarmFactory(
            scope, name_prefix=name_prefix, runbook=self._runbook, topic=self.alarm_topic
        )
        self._factories.append(factory)
        return factory

    def _add_bucket_alarm(
        self, alarms: AlarmFactory, bucket: s3.IBucket, thresholds: Thresholds
    ) -> None:
        if self._bucket_metrics is None:
            return
        # Ingest and file transfer may share a bucket.
        if isinstance(bucket, s3.Bucket) and bucket.node.path not in self._measured_buckets:
            bucket.add_metric(id=self._bucket_metrics)
            self._measured_buckets.add(bucket.node.path)
        add_bucket_alarm(alarms, bucket, self._bucket_metrics, thresholds)

    def _show(self, *rows: Row) -> None:
        for row in rows:
            self.dashboard.add_widgets(*row)
