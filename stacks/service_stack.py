"""What the stacks of one environment share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import (
    Acknowledgment,
    CfnOutput,
    Duration,
    Environment,
    RemovalPolicy,
    Stack,
    Validations,
)
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.settings import Settings

REPOSITORY = Path(__file__).parent.parent

ARCHITECTURES = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}
LOG_RETENTION = {
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


class ServiceStack(Stack):
    """The stack `wideload-<environment>-<service>`: named, tagged and protected."""

    def __init__(
        self, scope: Construct, *, service: str, description: str, settings: Settings
    ) -> None:
        name = f"wideload-{settings.environment}-{service}"
        super().__init__(
            scope,
            name,
            stack_name=name,
            description=f"{description} ({settings.environment})",
            env=Environment(account=settings.account, region=settings.region),
            termination_protection=settings.deletion_protection,
            # CloudFormation puts a stack's tags on every resource that takes any.
            tags={
                "application": "wideload",
                "service": service,
                "environment": settings.environment,
            },
        )
        self.settings = settings
        self.log_retention = LOG_RETENTION[settings.log_retention_days]
        self.removal_policy = RemovalPolicy.RETAIN if settings.retain else RemovalPolicy.DESTROY

    def construct_options(self) -> dict[str, Any]:
        """What `PayloadIngest` and `FileTransfer` both take, as the settings have it."""
        settings = self.settings
        return {
            "code": _code(settings.lambda_code) if settings.lambda_code else None,
            "architecture": ARCHITECTURES[settings.architecture],
            "environment_name": settings.environment,
            "rate_limit": settings.rate_limit,
            "burst_limit": settings.burst_limit,
            "log_level": settings.log_level,
            "log_retention": self.log_retention,
            "environment": {"WIDELOAD_S3_ADDRESSING_STYLE": settings.s3_addressing_style},
            "point_in_time_recovery": settings.point_in_time_recovery,
            "deletion_protection": settings.deletion_protection,
            "removal_policy": self.removal_policy,
        }

    def acknowledge_recovery(self, *tables: dynamodb.ITable) -> None:
        """Say to rule packs that the settings do without point-in-time recovery, if they do."""
        if self.settings.point_in_time_recovery:
            return
        for table in tables:
            Validations.of(table).acknowledge(
                Acknowledgment(
                    id="AwsSolutions::AwsSolutions-DDB3",
                    reason=f"By its settings, {self.settings.environment} does without "
                    "point-in-time recovery: what the table holds may be lost.",
                )
            )

    def output(self, name: str, value: str, description: str) -> None:
        """Add an output to the stack."""
        CfnOutput(self, name, value=value, description=description)


def days(number: int | None) -> Duration | None:
    """A number of days as the constructs take it."""
    return None if number is None else Duration.days(number)


def _code(folder: str) -> lambda_.Code:
    path = REPOSITORY / folder
    if not (path / "wideload_runtime").is_dir():
        raise FileNotFoundError(
            f"There is no built Lambda code in {path}; run `make build`, or change lambda_code."
        )
    return lambda_.Code.from_asset(str(path))
