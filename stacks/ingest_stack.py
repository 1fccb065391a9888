"""The stack that deploys payload ingest."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import (
    Acknowledgment,
    CfnOutput,
    Duration,
    Environment,
    RemovalPolicy,
    Stack,
    Validations,
)
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.settings import Settings
from wideload_cdk import PayloadIngest

REPOSITORY = Path(__file__).parent.parent

_ARCHITECTURES = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}
_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}


class IngestStack(Stack):
    """`PayloadIngest` as the settings of one environment want it."""

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        name = f"wideload-{settings.environment}-ingest"
        super().__init__(
            scope,
            name,
            stack_name=name,
            description=f"Wideload payload ingest ({settings.environment})",
            env=Environment(account=settings.account, region=settings.region),
            termination_protection=settings.deletion_protection,
            # CloudFormation puts a stack's tags on every resource that takes any.
            tags={
                "application": "wideload",
                "service": "ingest",
                "environment": settings.environment,
            },
        )
        self.ingest = PayloadIngest(
            self,
            "Ingest",
            code=_code(settings.lambda_code) if settings.lambda_code else None,
            architecture=_ARCHITECTURES[settings.architecture],
            environment_name=settings.environment,
            api_key_header=settings.api_key_header,
            upload_url_ttl=Duration.minutes(settings.upload_url_minutes),
            unclaimed_delay=Duration.seconds(settings.unclaimed_delay_seconds),
            in_request_limit=settings.in_request_limit,
            records_field=settings.records_field,
            transit_expiration=Duration.days(settings.transit_days),
            retention=_days(settings.retention_days),
            archive_infrequent_access_after=_days(settings.archive_infrequent_access_days),
            archive_glacier_after=_days(settings.archive_glacier_days),
            rate_limit=settings.rate_limit,
            burst_limit=settings.burst_limit,
            worker_max_concurrency=settings.worker_max_concurrency,
            log_level=settings.log_level,
            log_retention=_RETENTION[settings.log_retention_days],
            environment={"WIDELOAD_S3_ADDRESSING_STYLE": settings.s3_addressing_style},
            point_in_time_recovery=settings.point_in_time_recovery,
            deletion_protection=settings.deletion_protection,
            removal_policy=RemovalPolicy.RETAIN if settings.retain else RemovalPolicy.DESTROY,
        )
        if not settings.point_in_time_recovery:
            for table in (self.ingest.payloads_table, self.ingest.keys_table):
                Validations.of(table).acknowledge(
                    Acknowledgment(
                        id="AwsSolutions::AwsSolutions-DDB3",
                        reason=f"By its settings, {settings.environment} does without "
                        "point-in-time recovery: what the table holds may be lost.",
                    )
                )
        self._output("ApiUrl", self.ingest.api_url, "Base URL of the API")
        self._output("ApiKeyHeader", self.ingest.api_key_header, "Header that carries the API key")
        self._output("BucketName", self.ingest.bucket.bucket_name, "Uploads and kept documents")
        self._output("PayloadsTableName", self.ingest.payloads_table.table_name, "Payloads")
        self._output("KeysTableName", self.ingest.keys_table.table_name, "API keys, hashed")
        self._output("QueueUrl", self.ingest.queue.queue_url, "Uploads that wait for the worker")
        self._output(
            "DeadLetterQueueUrl", self.ingest.dead_letter_queue.queue_url, "Uploads given up"
        )
        self._output(
            "EventDeadLetterQueueUrl",
            self.ingest.event_dead_letter_queue.queue_url,
            "Events given up",
        )

    def _output(self, name: str, value: str, description: str) -> None:
        CfnOutput(self, name, value=value, description=description)


def _days(days: int | None) -> Duration | None:
    return None if days is None else Duration.days(days)


def _code(folder: str) -> lambda_.Code:
    path = REPOSITORY / folder
    if not (path / "wideload_runtime").is_dir():
        raise FileNotFoundError(
            f"There is no built Lambda code in {path}; run `make build`, or change lambda_code."
        )
    return lambda_.Code.from_asset(str(path))
