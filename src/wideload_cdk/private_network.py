"""`PrivateNetwork`: a VPC for functions, without a way to the internet."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from wideload_cdk.shared.findings import acknowledge_network, acknowledge_role
from wideload_cdk.shared.logs import LogSettings, new_log_group

HTTPS = ec2.Port.tcp(443)


class PrivateNetwork(Construct):
    """A VPC from which functions reach what they need of AWS in their own account, and no more.

    It has isolated subnets alone: no internet gateway, no NAT. S3 and DynamoDB are reached by
    gateway endpoints, which cost nothing; SQS, EventBridge and X-Ray by interface endpoints, some
    $7 a month for each in each availability zone, and $0.01 a GB. The endpoints let through
    requests by this account's roles, to this account's resources: code that was taken over can send
    nothing to a bucket of its own. Give `vpc` and `security_group` to `PayloadIngest` and
    `FileTransfer`. AWS allows five VPCs in a region, until asked for more.

    Clients don't come this way: API Gateway and S3 answer them from the internet as before.

    Args:
        max_azs: Availability zones to use, at most. Default: 2.
        tracing: Whether there is an endpoint for X-Ray; without, leave tracing off in what runs
            here. Default: there is.
        flow_log_retention: How long it is kept who talked to whom. Default: 3 months.
        encryption_key: KMS key for those logs. Default: one that CloudWatch owns.
        removal_policy: What happens to those logs when the stack is deleted. Default: they are
            kept.
    """

    vpc: ec2.Vpc
    """The network."""
    security_group: ec2.SecurityGroup
    """For functions: lets out HTTPS, and nothing in."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        max_azs: int = 2,
        tracing: bool = True,
        flow_log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        encryption_key: kms.IKey | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=max_azs,
            nat_gateways=0,
            # The default group's rules can only be taken away by a custom resource. Nothing uses
            # the group.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Functions", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED
                )
            ],
        )
        for name, gateway in (
            ("S3", ec2.GatewayVpcEndpointAwsService.S3),
            ("DynamoDb", ec2.GatewayVpcEndpointAwsService.DYNAMODB),
        ):
            endpoint = self.vpc.add_gateway_endpoint(name, service=gateway)
            endpoint.add_to_policy(_own_account(self, resources=True))
        flow_log = self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                new_log_group(
                    self,
                    "FlowLogs",
                    LogSettings(flow_log_retention, removal_policy, encryption_key),
                )
            ),
        )
        self.security_group = ec2.SecurityGroup(
            self,
            "Functions",
            vpc=self.vpc,
            description="Wideload functions: HTTPS out",
            allow_all_outbound=False,
        )
        self.security_group.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "AWS by its endpoints")
        services = {
            "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
            "EventBridge": ec2.InterfaceVpcEndpointAwsService.EVENTBRIDGE,
        }
        if tracing:
            services["XRay"] = ec2.InterfaceVpcEndpointAwsService.XRAY
        self._add_endpoints(services)
        acknowledge_network(self.vpc)
        acknowledge_role(flow_log.iam_role)

    def _add_endpoints(self, services: dict[str, ec2.InterfaceVpcEndpointAwsService]) -> None:
        group = ec2.SecurityGroup(
            self,
            "Endpoints",
            vpc=self.vpc,
            description="Wideload endpoints: HTTPS from the functions",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(self.security_group, HTTPS, "Wideload functions")
        for name, service in services.items():
            endpoint = self.vpc.add_interface_endpoint(
                name,
                service=service,
                security_groups=[group],
                # Only who has the group above, not the whole network.
                open=False,
            )
            # A trace is its sender's, and no resource.
            endpoint.add_to_policy(_own_account(self, resources=name != "XRay"))


def _own_account(scope: Construct, *, resources: bool) -> iam.PolicyStatement:
    """Let through what roles of this account ask, of its own `resources` if there are any."""
    account = Stack.of(scope).account
    conditions = {"aws:PrincipalAccount": account}
    if resources:
        conditions["aws:ResourceAccount"] = account
    return iam.PolicyStatement(
        # Endpoint policies know no other principal; the conditions say whom.
        principals=[iam.AnyPrincipal()],
        actions=["*"],
        resources=["*"],
        conditions={"StringEquals": conditions},
    )
