"""`TransferMonitoring`: alarms, a dashboard and saved queries for ingest and file transfer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aws_cdk import Duration, Names, Stack, Token
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from wideload_cdk.monitoring import alarms as kinds
from wideload_cdk.monitoring import dashboard as board
from wideload_cdk.monitoring import files_alarms, ingest_alarms
from wideload_cdk.monitoring.alarm_topic import new_alarm_topic
from wideload_cdk.monitoring.alarms import AlarmFactory
from wideload_cdk.monitoring.queries import FILES, INGEST, save_queries
from wideload_cdk.shared.checks import check_duration, check_range, check_text

if TYPE_CHECKING:
    from wideload_cdk.files.construct import FileTransfer
    from wideload_cdk.ingest.canary import IngestCanary
    from wideload_cdk.ingest.construct import PayloadIngest

INGEST_LATENCY = Duration.seconds(10)
FILES_LATENCY = Duration.seconds(5)
# API Gateway gives up after 30 s, so that nothing takes longer.
MOST_LATENCY_MS = 29_000


class TransferMonitoring(Construct):
    """Watch `PayloadIngest` and `FileTransfer`: alarms, one dashboard, saved queries.

    Alarms are for what a person must act on, and each says in its description which section of
    the runbook (`docs/runbook.md` in the repository) tells what to do. What mends itself by a
    retry must last for ten minutes of fifteen. Nothing is watched before `monitor_ingest` or
    `monitor_files` is called; what they watch may be in another stack.

    Args:
        alarm_topic: Told when an alarm begins and when it ends. One of yours must let
            `cloudwatch.amazonaws.com` publish, and so must its key. Default: a new topic, under
            `encryption_key`, reached by TLS alone. Subscribe to it:
            `monitoring.alarm_topic.add_subscription(…)`.
        urgent_topic: Told of "… is unhealthy" alone, for whom to wake at night.
            Default: `alarm_topic`.
        encryption_key: KMS key for the topic made here. The policy of an imported key must
            itself let `cloudwatch.amazonaws.com` use it (`kms:Decrypt`, `kms:GenerateDataKey`).
            Default: a new key ($1 a month), since alarms can't use SNS's own.
        name_prefix: What the names of alarms, dashboard and queries start with, 1 to 100
            letters, digits and hyphens. Names of alarms are unique in an account and region, that
            of a dashboard in the whole account; so its name ends with the region. Default: stack
            and id.
        runbook: Address of the runbook, to which `#section` is added; set it to where your team
            reads it. Default: `docs/runbook.md`, its path in the repository.
        account_concurrency: Functions that may run at once in the account and region, as AWS has
            granted; an alarm sounds at 80 % of it. `None`: no alarm. Default: 1,000, AWS's
            default; new accounts have less.
        bucket_metrics: Name of the buckets' request metrics, which count what S3 answers. They
            are turned on here for buckets made in the same app; an imported bucket must have
            them. They cost as custom metrics, some $5 a month and bucket. `None`: they stay off,
            and no alarm tells of S3's errors. Default: `EntireBucket`.

    Raises:
        ValueError: A value is outside of what is allowed, which the message says; or
            `alarm_topic` is given together with `encryption_key`.
    """

    alarm_topic: sns.ITopic
    """Told of every alarm."""
    urgent_topic: sns.ITopic
    """Told of "… is unhealthy"."""
    dashboard: cloudwatch.Dashboard
    """One for all that is watched."""
    ingest_unhealthy: cloudwatch.CompositeAlarm | None
    """Sounds when callers of ingest notice, or accepted payloads are at risk."""
    files_unhealthy: cloudwatch.CompositeAlarm | None
    """The same for file transfer."""

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
            check_text(
                "name_prefix",
                name_prefix,
                r"[A-Za-z0-9-]{1,100}",
                "1 to 100 letters, digits and hyphens",
            )
        if account_concurrency is not None:
            check_range(
                "account_concurrency",
                account_concurrency,
                least=10,
                most=1_000_000,
                unit="functions at once",
            )
        if bucket_metrics is not None:
            check_text(
                "bucket_metrics",
                bucket_metrics,
                r"[A-Za-z0-9._-]{1,64}",
                "1 to 64 letters, digits, dots, hyphens and underscores",
            )
        self._name_prefix = name_prefix or Names.unique_resource_name(
            self, max_length=100, separator="-"
        )
        self._runbook = runbook
        self._bucket_metrics = bucket_metrics
        self._counted_buckets: set[str] = set()
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
            kinds.add_concurrency_alarm(self._factory(self, None), account_concurrency)

    @property
    def alarms(self) -> Sequence[cloudwatch.Alarm]:
        """Every alarm made so far, without the composite ones."""
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
        """Watch an ingest: its API, functions, queues, payloads, tables and bucket.

        Args:
            ingest: What to watch; one per `TransferMonitoring`.
            canary: Sends payloads through it; an alarm sounds after two lost runs. Default: none.
            server_error_percent: Answers 5xx in percent of requests. Default: 1, above what
                single failures of AWS cause, and low enough that clients' retries still hide it.
            latency: The p99 of the API's answers, up to 29 s, since API Gateway gives up at 30.
                Default: 10 s; a call log of 15 MB takes under one, the largest that is processed
                in a request some three, and a claim may wait for a worker it meets.
            function_error_percent: Invocations that end in an error in percent of all. The
                functions catch what they expect, so an error is a crash, a timeout or no memory.
                Default: 1.
            function_duration_percent: The longest invocation in percent of its function's
                timeout. Default: 90; what a worker is given stops in order at 98.
            failed_payload_percent: Payloads that failed in percent of those that ended. Those
                that a client sent broken count. Default: 5, as one client's mistakes should not
                ring, but a release of it that can't speak to us should.
            oldest_message: Age of the oldest payload that waits for the worker, 1 minute to a
                day. Default: 30 minutes, twice as long as any payload may take.
            oldest_event: How late events of finished payloads are told, 1 minute to 6 hours,
                after which they go to the dead-letter queue. Default: 15 minutes.
            table_system_errors: Requests in five minutes that DynamoDB itself fails; single ones
                are repeated by the functions. Default: 5.
            bucket_error_percent: Requests that S3 answers 5xx, in percent; clients repeat them.
                Default: 1.

        Raises:
            ValueError: A value is outside of what is allowed; or an ingest is watched already.
        """
        _check_percents(
            server_error_percent=server_error_percent,
            function_error_percent=function_error_percent,
            function_duration_percent=function_duration_percent,
            failed_payload_percent=failed_payload_percent,
            bucket_error_percent=bucket_error_percent,
        )
        _check_latency(latency)
        check_duration(
            "oldest_message", oldest_message, least=Duration.minutes(1), most=Duration.days(1)
        )
        check_duration(
            "oldest_event", oldest_event, least=Duration.minutes(1), most=Duration.hours(6)
        )
        check_range(
            "table_system_errors", table_system_errors, least=0, most=1_000_000, unit="requests"
        )
        alarms = self._factory(self._service("Ingest"), "ingest")
        functions = ingest_alarms.functions(ingest)
        kinds.add_api_alarms(
            alarms, ingest.stage, server_error_percent=server_error_percent, latency=latency
        )
        kinds.add_function_alarms(
            alarms,
            functions,
            error_percent=function_error_percent,
            duration_percent=function_duration_percent,
            alone=ingest_alarms.ALONE,
        )
        ingest_alarms.add_payload_alarms(
            alarms,
            ingest,
            failed_percent=failed_payload_percent,
            oldest_message=oldest_message,
            oldest_event=oldest_event,
        )
        if canary is not None:
            ingest_alarms.add_canary_alarm(alarms, canary)
        for name, (table, operations) in ingest_alarms.tables(ingest).items():
            kinds.add_table_alarms(
                alarms, name, table, operations=operations, system_errors=table_system_errors
            )
        self._watch_bucket(alarms, ingest.bucket, bucket_error_percent)
        self.ingest_unhealthy = alarms.add_unhealthy(
            "Ingest",
            when=ingest_alarms.UNHEALTHY,
            topic=self.urgent_topic,
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
            *board.heading(
                f"Payload ingest · {ingest.environment_name}",
                f"What to do: {self._runbook}",
                self._shown(alarms, self.ingest_unhealthy),
            ),
            board.api_row(ingest.stage),
            *board.ingest_rows(ingest),
            board.function_row(functions | ({"canary": canary.function} if canary else {})),
            board.queue_row(
                ingest.queue,
                {"payloads": ingest.dead_letter_queue, "events": ingest.event_dead_letter_queue},
            ),
            board.storage_row(
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
        table_system_errors: int = 5,
        bucket_error_percent: float = 1,
    ) -> None:
        """Watch a file transfer: its API, functions, files, table and bucket.

        Args:
            files: What to watch; one per `TransferMonitoring`.
            server_error_percent: Answers 5xx in percent of requests. Default: 1, above what
                single failures of AWS cause, and low enough that clients' retries still hide it.
            latency: The p99 of the API's answers, up to 29 s, since API Gateway gives up at 30.
                Default: 5 s; no request carries a file, and none waits longer than 2 s for S3 to
                join parts.
            function_error_percent: Invocations that end in an error in percent of all. The
                functions catch what they expect, so an error is a crash, a timeout or no memory.
                Default: 1.
            function_duration_percent: The longest invocation in percent of its function's
                timeout. Default: 90; what a verifier is given stops in order at 98.
            expired_upload_percent: Uploads that were never completed in percent of those that
                ended within a day, if they were ten or more. Default: 50; people give up at
                times, but not most of them.
            oldest_message: Age of the oldest file that waits to be verified, 1 minute to a day.
                Default: 1 hour, since nobody waits for it, and several large ones may queue.
            table_system_errors: Requests in five minutes that DynamoDB itself fails; single ones
                are repeated by the functions. Default: 5.
            bucket_error_percent: Requests that S3 answers 5xx, in percent; clients repeat them.
                Default: 1.

        Raises:
            ValueError: A value is outside of what is allowed; or a file transfer is watched
                already.
        """
        _check_percents(
            server_error_percent=server_error_percent,
            function_error_percent=function_error_percent,
            function_duration_percent=function_duration_percent,
            expired_upload_percent=expired_upload_percent,
            bucket_error_percent=bucket_error_percent,
        )
        _check_latency(latency)
        check_duration(
            "oldest_message", oldest_message, least=Duration.minutes(1), most=Duration.days(1)
        )
        check_range(
            "table_system_errors", table_system_errors, least=0, most=1_000_000, unit="requests"
        )
        alarms = self._factory(self._service("Files"), "files")
        functions = files_alarms.functions(files)
        kinds.add_api_alarms(
            alarms, files.stage, server_error_percent=server_error_percent, latency=latency
        )
        kinds.add_function_alarms(
            alarms,
            functions,
            error_percent=function_error_percent,
            duration_percent=function_duration_percent,
            alone=files_alarms.ALONE,
        )
        files_alarms.add_file_alarms(
            alarms, files, expired_percent=expired_upload_percent, oldest_message=oldest_message
        )
        kinds.add_table_alarms(
            alarms,
            "files",
            files.files_table,
            operations=files_alarms.OPERATIONS,
            system_errors=table_system_errors,
        )
        self._watch_bucket(alarms, files.bucket, bucket_error_percent)
        self.files_unhealthy = alarms.add_unhealthy(
            "File transfer",
            when=files_alarms.UNHEALTHY,
            topic=self.urgent_topic,
        )
        save_queries(
            Construct(alarms.scope, "Queries"),
            FILES,
            folder=f"{self._name_prefix}/files",
            api=files.api,
            function_logs=[function.log_group for function in functions.values()],
        )
        self._show(
            *board.heading(
                f"File transfer · {files.environment_name}",
                f"What to do: {self._runbook}",
                self._shown(alarms, self.files_unhealthy),
            ),
            board.api_row(files.stage),
            *board.files_rows(files, verifying=files.verifier_function is not None),
            board.function_row(functions),
            board.queue_row(files.verify_queue, files_alarms.dead_letters(files)),
            board.storage_row({"files": files.files_table}, files.bucket, self._bucket_metrics),
        )

    def _service(self, name: str) -> Construct:
        if self.node.try_find_child(name) is not None:
            raise ValueError(
                f"{name} is watched here already; watch another one with another "
                "TransferMonitoring."
            )
        return Construct(self, name)

    def _factory(self, scope: Construct, service: str | None) -> AlarmFactory:
        factory = AlarmFactory(
            scope,
            name_prefix=f"{self._name_prefix}-{service}" if service else self._name_prefix,
            runbook=self._runbook,
            topic=self.alarm_topic,
        )
        self._factories.append(factory)
        return factory

    def _watch_bucket(self, alarms: AlarmFactory, bucket: s3.IBucket, percent: float) -> None:
        if self._bucket_metrics is None:
            return
        # Ingest and files may share a bucket.
        if isinstance(bucket, s3.Bucket) and bucket.node.path not in self._counted_buckets:
            bucket.add_metric(id=self._bucket_metrics)
            self._counted_buckets.add(bucket.node.path)
        kinds.add_bucket_alarm(alarms, bucket, self._bucket_metrics, server_error_percent=percent)

    def _shown(
        self, alarms: AlarmFactory, unhealthy: cloudwatch.CompositeAlarm | None
    ) -> list[cloudwatch.IAlarm]:
        return [*([unhealthy] if unhealthy else []), *alarms.made.values()]

    def _show(self, *rows: board.Row) -> None:
        for row in rows:
            self.dashboard.add_widgets(*row)


def _check_percents(**given: float) -> None:
    for name, value in given.items():
        if not Token.is_unresolved(value) and not 0 < value <= 100:
            raise ValueError(f"{name} is {value:g}; give more than 0, at most 100 percent.")


def _check_latency(latency: Duration) -> None:
    # `check_duration` knows no parts of a second.
    if not latency.is_unresolved() and not 0 < latency.to_milliseconds() <= MOST_LATENCY_MS:
        raise ValueError(
            f"latency is {latency.to_human_string()}; give more than 0, at most 29 seconds."
        )
