"""`PrivateNetwork`: a VPC for functions, without a route to the internet."""

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
    """A VPC from which functions reach only the AWS services that they need, in their own account.

    It has only isolated subnets: no internet gateway, no NAT. S3 and DynamoDB are reached by
    gateway endpoints, which cost nothing; SQS, EventBridge and X-Ray by interface endpoints, some
    $7 a month for each in each availability zone, and $0.01 a GB. The endpoints allow only requests
    by this account's roles to this account's resources, so compromised code can't send anything to
    an attacker's bucket. Pass `vpc` and `security_group` to `PayloadIngest` and `FileTransfer`. The
    default quota of AWS is five VPCs in a region.

    Clients don't use this network: they reach API Gateway and S3 over the internet.

    Args:
        max_azs: Maximum number of availability zones. Default: 2.
        tracing: Whether there is an endpoint for X-Ray. Without it, turn off the tracing of
            functions in this network. Default: there is.
        flow_log_retention: How long the flow logs are kept. Default: 3 months.
        encryption_key: KMS key for the flow logs. Default: a key that CloudWatch owns.
        removal_policy: What happens to the flow logs when the stack is deleted. Default: they are
            kept.
    """

    vpc: ec2.Vpc
    """The network."""
    security_group: ec2.SecurityGroup
    """Security group for functions: allows outbound HTTPS, and nothing inbound."""

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
            # Only a custom resource could remove the default group's rules. Nothing uses the group.
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
                # Open to members of the group above, not to the whole network.
                open=False,
            )
            # A trace belongs to its sender, and is not a resource.
            endpoint.add_to_policy(_own_account(self, resources=name != "XRay"))


def _own_account(scope: Construct, *, resources: bool) -> iam.PolicyStatement:
    """Allow requests by roles of this account, and with `resources` only to its own resources."""
    account = Stack.of(scope).account
    conditions = {"aws:PrincipalAccount": account}
    if resources:
        conditions["aws:ResourceAccount"] = account
    return iam.PolicyStatement(
        # Endpoint policies accept only this principal; the conditions narrow it.
        principals=[iam.AnyPrincipal()],
        actions=["*"],
        resources=["*"],
        conditions={"StringEquals": conditions},
    )
