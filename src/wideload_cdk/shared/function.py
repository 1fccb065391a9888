"""What every Lambda function of Wideload shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge_function, acknowledge_role
from wideload_cdk.shared.logs import new_log_group
from wideload_cdk.shared.metrics import NAMESPACE
from wideload_cdk.shared.rules import acknowledge, acknowledge_wildcard

# The interpreter that `make build` vendors the dependencies for.
RUNTIME = lambda_.Runtime.PYTHON_3_13

# Lambda gives one whole vCPU from this size on:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
ONE_VCPU_MEMORY_MB = 1769
# What needs boto3 and little else: with less, importing it takes seconds.
SMALL_MEMORY_MB = 512

# API Gateway gives up after 30 s; a function that ends first still gets its answer out.
API_TIMEOUT = Duration.seconds(29)
# The longest that Lambda allows.
WORKER_TIMEOUT = Duration.minutes(15)
# More than a run needs, and less than the hour between two, so that they never overlap.
SWEEP_TIMEOUT = Duration.minutes(15)
SWEEP_NEEDS_NO_DEAD_LETTERS = (
    "The schedule's event says nothing; a run that fails, twice repeated, is made good by the "
    "next, and shows as an error of the function."
)


class RuntimeFunction(lambda_.Function):
    """A handler of `wideload_runtime`, with its own log group and role.

    The role starts with nothing but writing to that log group, sending traces and, in a VPC,
    having a network interface; everything else is granted by the construct that makes the
    function. `no_dead_letters` says why nothing needs to receive its failed asynchronous
    invocations, `no_vpc` why it may do without a VPC.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        handler: str,
        description: str,
        code: lambda_.Code,
        architecture: lambda_.Architecture,
        memory_size: int,
        timeout: Duration,
        environment: Mapping[str, str],
        service: str,
        log_level: str,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        tracing: bool = True,
        encryption_key: kms.IKey | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        reserved_concurrency: int | None = None,
        no_dead_letters: str = "Nothing invokes it asynchronously, so a dead-letter target would "
        "never receive anything: API Gateway waits for its answer, and SQS and DynamoDB Streams "
        "have a dead-letter queue.",
        no_vpc: str = "It talks to AWS's endpoints alone, over TLS and with its role's rights, and "
        "is reached by Lambda's API alone; vpc= puts it into a private network.",
    ) -> None:
        log_group = new_log_group(
            scope,
            f"{id}Logs",
            retention=log_retention,
            removal_policy=removal_policy,
            encryption_key=encryption_key,
        )
        # CDK's own role carries AWSLambdaBasicExecutionRole: logs:* of every group.
        role = iam.Role(scope, f"{id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        interfaces = _grant_interfaces(role) if vpc is not None else None
        super().__init__(
            scope,
            id,
            runtime=RUNTIME,
            handler=f"wideload_runtime.handlers.{handler}.handler",
            description=description,
            code=code,
            architecture=architecture,
            memory_size=memory_size,
            timeout=timeout,
            role=role,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            # Lambda takes lines without a level for INFO, metrics among them, so it must not drop
            # these; what is above, the functions' own logger leaves out (docs/adr/0036).
            application_log_level_v2=(
                lambda_.ApplicationLogLevel.DEBUG
                if log_level == "DEBUG"
                else lambda_.ApplicationLogLevel.INFO
            ),
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
            tracing=lambda_.Tracing.ACTIVE if tracing else lambda_.Tracing.DISABLED,
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
            reserved_concurrent_executions=reserved_concurrency,
            environment={
                "POWERTOOLS_SERVICE_NAME": service,
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": log_level,
                **environment,
            },
        )
        self.runtime_role = role
        if interfaces is not None:
            # The function is made with its interface, so it must be allowed to have one first.
            interfaces.apply_before(self)
        if tracing or vpc is not None:
            acknowledge_wildcard(
                role,
                "*",
                "This is for sending traces and, in a VPC, for Lambda's network interfaces alone, "
                "which have no resource-level permissions.",
            )
        if not tracing:
            acknowledge(self, "Serverless-LambdaTracing", "Tracing is paid, and was switched off.")
        for rule in ("AwsSolutions-L1", "Serverless-LambdaLatestVersion"):
            acknowledge(
                self,
                rule,
                "The dependencies in the code are compiled for Python 3.13, which Lambda supports "
                "until 2029; the runtime moves together with them.",
            )
        acknowledge(self, "Serverless-LambdaDLQ", no_dead_letters)
        acknowledge_function(self, no_dead_letters, no_vpc)
        acknowledge_role(role)


def _grant_interfaces(role: iam.Role) -> iam.Grant:
    """What Lambda needs to put a function into a VPC.

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
