"""Lambda functions that run `wideload_runtime`, and the settings that they share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from wideload_cdk.shared.checks import check_log_level
from wideload_cdk.shared.findings import (
    acknowledge_function,
    acknowledge_role,
    acknowledge_wildcard,
)
from wideload_cdk.shared.logs import LogSettings, new_log_group
from wideload_cdk.shared.names import METRIC_NAMESPACE

# The interpreter that `make build` vendors the dependencies for.
RUNTIME = lambda_.Runtime.PYTHON_3_13

# Lambda gives one whole vCPU from this size on, and less in proportion:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
# For functions that a caller waits for, and those that compute (docs/adr/0068).
ONE_VCPU_MEMORY_MB = 1769
# For functions that run in the background and mostly wait for AWS.
SMALL_MEMORY_MB = 512

# API Gateway gives up after 30 s; a function that ends first can still answer.
API_TIMEOUT = Duration.seconds(29)
# The longest that Lambda allows.
WORKER_TIMEOUT = Duration.minutes(15)
# More than a run needs, and less than the hour between two runs, so that they never overlap.
SWEEP_TIMEOUT = Duration.minutes(15)
SWEEP_NEEDS_NO_DEAD_LETTERS = (
    "The schedule's event holds no data; Lambda retries a failed run twice, the next run catches "
    "up, and the failure counts as an error of the function."
)


@dataclasses.dataclass(frozen=True)
class FunctionSettings:
    """Settings that all functions of a construct share.

    `service` is the value of the metrics' dimension `service`. The variables in `environment`
    override those of single functions.

    Raises:
        ValueError: `log_level` is not a level that Lambda and Powertools both know.
    """

    service: str
    code: lambda_.Code
    architecture: lambda_.Architecture
    log_level: str
    logs: LogSettings
    tracing: bool
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    vpc: ec2.IVpc | None = None
    vpc_subnets: ec2.SubnetSelection | None = None
    security_groups: Sequence[ec2.ISecurityGroup] | None = None

    def __post_init__(self) -> None:
        check_log_level(self.log_level)

    def with_defaults(self, variables: Mapping[str, str]) -> FunctionSettings:
        """These settings with `variables` added, which `environment` overrides."""
        return dataclasses.replace(self, environment={**variables, **self.environment})


class RuntimeFunction(lambda_.Function):
    """A handler of `wideload_runtime`, with its own log group and role.

    The role may write to that log group, send traces and, in a VPC, have a network interface.
    All else is granted where the function is made. `no_dead_letters` is the reason why failed
    asynchronous invocations need no dead-letter target, `no_vpc` the reason why the function may
    run outside a VPC.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: str,
        description: str,
        memory_size: int,
        timeout: Duration,
        settings: FunctionSettings,
        environment: Mapping[str, str] | None = None,
        reserved_concurrency: int | None = None,
        no_dead_letters: str = "Nothing invokes it asynchronously, so a dead-letter target would "
        "never receive anything: API Gateway waits for its answer, and SQS and DynamoDB Streams "
        "have a dead-letter queue.",
        no_vpc: str = "It talks to AWS's endpoints alone, over TLS and with its role's rights, and "
        "is reached by Lambda's API alone; vpc= puts it into a private network.",
    ) -> None:
        log_group = new_log_group(scope, f"{id}Logs", settings.logs)
        # CDK's own role carries AWSLambdaBasicExecutionRole: logs:* of every group.
        role = iam.Role(scope, f"{id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        interfaces = _grant_interfaces(role) if settings.vpc is not None else None
        super().__init__(
            scope,
            id,
            runtime=RUNTIME,
            handler=f"wideload_runtime.handlers.{handler}.handler",
            description=description,
            code=settings.code,
            architecture=settings.architecture,
            memory_size=memory_size,
            timeout=timeout,
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            # Lambda takes lines without a level for INFO, metrics among them, so it must not drop
            # these. The functions' own logger drops what is below `log_level` (docs/adr/0036).
            application_log_level_v2=(
                lambda_.ApplicationLogLevel.DEBUG
                if settings.log_level == "DEBUG"
                else lambda_.ApplicationLogLevel.INFO
            ),
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
            tracing=lambda_.Tracing.ACTIVE if settings.tracing else lambda_.Tracing.DISABLED,
            vpc=settings.vpc,
            vpc_subnets=settings.vpc_subnets,
            security_groups=settings.security_groups,
            reserved_concurrent_executions=reserved_concurrency,
            environment={
                "POWERTOOLS_SERVICE_NAME": settings.service,
                "POWERTOOLS_METRICS_NAMESPACE": METRIC_NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": settings.log_level,
                **(environment or {}),
                **settings.environment,
            },
        )
        self.runtime_role = role
        if interfaces is not None:
            # Lambda makes the interface together with the function, so the permission comes first.
            interfaces.apply_before(self)
        if settings.tracing or settings.vpc is not None:
            acknowledge_wildcard(
                role,
                "*",
                "This is for sending traces and, in a VPC, for Lambda's network interfaces alone, "
                "which have no resource-level permissions.",
            )
        acknowledge_function(
            self,
            tracing=settings.tracing,
            reserved=reserved_concurrency is not None,
            no_dead_letters=no_dead_letters,
            no_vpc=no_vpc if settings.vpc is None else None,
        )
        acknowledge_role(role)


def _grant_interfaces(role: iam.Role) -> iam.Grant:
    """Grant what Lambda needs to put a function into a VPC.

    AWS's managed policy for it would also let the function write to any log group:
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
    """
    return iam.Grant.add_to_principal(
        grantee=role,
        actions=[
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ],
        resource_arns=["*"],
    )
