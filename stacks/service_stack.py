"""Base class of an environment's stacks: names, tags, protection, and common arguments."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TypedDict

from aws_cdk import (
    Acknowledgment,
    CfnOutput,
    Duration,
    Environment,
    RemovalPolicy,
    Stack,
    Validations,
)
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct, IConstruct

from stacks.settings import Settings
from wideload_cdk import PrivateNetwork

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

# Ids of the rule packs' findings on tables without point-in-time recovery.
_RECOVERY_RULES = (
    "AwsSolutions::AwsSolutions-DDB3",
    "NIST.800.53.R5::NIST.800.53.R5-DynamoDBPITREnabled",
    "HIPAA.Security::HIPAA.Security-DynamoDBPITREnabled",
)


class FunctionOptions(TypedDict):
    """Arguments that every construct with functions takes."""

    code: lambda_.Code | None
    architecture: lambda_.Architecture
    encryption_key: kms.Key | None
    tracing: bool
    log_level: str
    log_retention: logs.RetentionDays
    removal_policy: RemovalPolicy


class ServiceOptions(FunctionOptions):
    """Arguments that `PayloadIngest` and `FileTransfer` both take."""

    vpc: ec2.IVpc | None
    security_groups: list[ec2.ISecurityGroup] | None
    environment_name: str
    rate_limit: int
    burst_limit: int
    api_reserved_concurrency: int | None
    environment: dict[str, str]
    point_in_time_recovery: bool
    deletion_protection: bool


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
                **dict(tag.split("=", 1) for tag in settings.tags),
            },
        )
        self.settings = settings
        self.log_retention = LOG_RETENTION[settings.log_retention_days]
        # If a first deployment fails, its resources are deleted even if the settings retain them,
        # so that the next deployment can make them again.
        self.removal_policy = (
            RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if settings.retain else RemovalPolicy.DESTROY
        )

    @functools.cached_property
    def encryption_key(self) -> kms.Key | None:
        """The stack's own KMS key with `kms`, else None. It is retained as the data is."""
        if not self.settings.kms:
            return None
        return kms.Key(
            self,
            "Key",
            alias=f"alias/{self.stack_name}",
            description=f"Encrypts what {self.stack_name} keeps",
            enable_key_rotation=True,
            removal_policy=self.removal_policy,
        )

    def certificate(self, arn: str | None) -> acm.ICertificate | None:
        """Return the certificate with this ARN, or None without one."""
        return acm.Certificate.from_certificate_arn(self, "Certificate", arn) if arn else None

    def function_options(self) -> FunctionOptions:
        """Return the arguments of constructs with functions, from the settings."""
        settings = self.settings
        return {
            "code": _code(settings.lambda_code) if settings.lambda_code else None,
            "architecture": ARCHITECTURES[settings.architecture],
            "encryption_key": self.encryption_key,
            "tracing": settings.tracing,
            "log_level": settings.log_level,
            "log_retention": self.log_retention,
            "removal_policy": self.removal_policy,
        }

    def service_options(self, network: PrivateNetwork | None) -> ServiceOptions:
        """Return the common arguments of `PayloadIngest` and `FileTransfer`, from the settings."""
        settings = self.settings
        return {
            **self.function_options(),
            "vpc": network.vpc if network else None,
            "security_groups": [network.security_group] if network else None,
            "environment_name": settings.environment,
            "rate_limit": settings.rate_limit,
            "burst_limit": settings.burst_limit,
            "api_reserved_concurrency": settings.api_reserved_concurrency,
            "environment": {"WIDELOAD_S3_ADDRESSING_STYLE": settings.s3_addressing_style},
            "point_in_time_recovery": settings.point_in_time_recovery,
            "deletion_protection": settings.deletion_protection,
        }

    def acknowledge_recovery(self, *tables: dynamodb.ITable) -> None:
        """Accept the rule packs' findings on point-in-time recovery if the settings have none."""
        if self.settings.point_in_time_recovery:
            return
        reason = (
            f"By its settings, {self.settings.environment} does without point-in-time recovery: "
            "what the table holds may be lost."
        )
        for table in tables:
            acknowledge(table, *_RECOVERY_RULES, reason=reason)

    def output(self, name: str, value: str, description: str) -> None:
        """Add an output to the stack."""
        CfnOutput(self, name, value=value, description=description)


def acknowledge(resource: IConstruct, *rules: str, reason: str) -> None:
    """Accept rule packs' findings on one resource; `rules` are their ids in the report."""
    Validations.of(resource).acknowledge(
        *(Acknowledgment(id=rule, reason=reason) for rule in rules)
    )


def days(number: int | None) -> Duration | None:
    """Return a number of days as the constructs take it."""
    return None if number is None else Duration.days(number)


def _code(folder: str) -> lambda_.Code:
    path = REPOSITORY / folder
    if not (path / "wideload_runtime").is_dir():
        raise FileNotFoundError(
            f"There is no built Lambda code in {path}; run `make build`, or change lambda_code."
        )
    return lambda_.Code.from_asset(str(path))
