"""`Service`: the private base of `PayloadIngest` and `FileTransfer`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from wideload_cdk.shared.api import ApiSettings, ServiceApi
from wideload_cdk.shared.assets import built_code
from wideload_cdk.shared.checks import check_format
from wideload_cdk.shared.findings import acknowledge
from wideload_cdk.shared.formats import ENVIRONMENT_NAME
from wideload_cdk.shared.function import FunctionSettings, RuntimeFunction
from wideload_cdk.shared.logs import LogSettings
from wideload_cdk.shared.queues import new_dead_letter_queue
from wideload_cdk.shared.reference import ServiceReference, default_event_bus
from wideload_cdk.shared.tables import DataProtection


class Service(ServiceReference):
    """An HTTP API with its functions, bucket, event bus, metrics and events.

    The arguments are documented by `PayloadIngest` and `FileTransfer`, which take them under the
    same names.
    """

    bucket: s3.IBucket
    event_dead_letter_queue: sqs.Queue
    api: ServiceApi
    api_function: RuntimeFunction
    sweep_function: RuntimeFunction

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        environment_name: str | None,
        event_bus: events.IEventBus | None,
        encryption_key: kms.IKey | None,
        point_in_time_recovery: bool,
        deletion_protection: bool,
        removal_policy: RemovalPolicy,
        code: lambda_.Code | None,
        architecture: lambda_.Architecture,
        environment: Mapping[str, str] | None,
        tracing: bool,
        vpc: ec2.IVpc | None,
        vpc_subnets: ec2.SubnetSelection | None,
        security_groups: Sequence[ec2.ISecurityGroup] | None,
        log_level: str,
        log_retention: logs.RetentionDays,
        rate_limit: int,
        burst_limit: int,
        domain_name: str | None,
        certificate: acm.ICertificate | None,
    ) -> None:
        super().__init__(scope, id)
        if environment_name is not None:
            check_format("environment_name", environment_name, ENVIRONMENT_NAME)
        log_settings = LogSettings(log_retention, removal_policy, encryption_key)
        self._protection = DataProtection(
            encryption_key, point_in_time_recovery, deletion_protection, removal_policy
        )
        self._function_settings = FunctionSettings(
            service=self._service,
            code=code or built_code(architecture),
            architecture=architecture,
            log_level=log_level,
            logs=log_settings,
            tracing=tracing,
            environment=environment or {},
            vpc=vpc,
            vpc_subnets=vpc_subnets,
            security_groups=security_groups,
        )
        self._api_settings = ApiSettings(
            rate_limit, burst_limit, domain_name, certificate, log_settings
        )
        self.environment_name = environment_name or Stack.of(self).stack_name
        self.event_bus = event_bus or default_event_bus(self)
        self.event_dead_letter_queue = new_dead_letter_queue(
            self, "EventDeadLetterQueue", encryption_key=encryption_key
        )
        # The pack recognizes only the dead-letter queues of other queues.
        acknowledge(
            self.event_dead_letter_queue,
            {
                "AwsSolutions-SQS3": "This is a dead-letter queue itself, of EventBridge rules and "
                "event source mappings."
            },
        )

    @property
    def stage(self) -> apigateway.HttpStage:
        """The API's only stage, `$default`."""
        return self.api.stage

    @property
    def api_url(self) -> str:
        """Base URL of the API, with `domain_name` if given, without a slash at the end."""
        return self.api.url_base

    @property
    def domain_target(self) -> str | None:
        """The target of a DNS record for `domain_name`, if given."""
        return self.api.domain_target
