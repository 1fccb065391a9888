"""The stack that deploys the functions' private network."""

from __future__ import annotations

from aws_cdk import Fn
from constructs import Construct

from stacks.service_stack import ServiceStack
from stacks.settings import Settings
from wideload_cdk import PrivateNetwork


class NetworkStack(ServiceStack):
    """`PrivateNetwork`, configured by the settings of one environment."""

    @property
    def availability_zones(self) -> list[str]:
        """The region's first two zones, as tokens: the CDK's look-up would call AWS."""
        return [Fn.select(number, Fn.get_azs()) for number in range(2)]

    def __init__(self, scope: Construct, *, settings: Settings) -> None:
        super().__init__(
            scope, service="network", description="Wideload network", settings=settings
        )
        self.network = PrivateNetwork(
            self,
            "Network",
            tracing=settings.tracing,
            flow_log_retention=self.log_retention,
            encryption_key=self.encryption_key,
            removal_policy=self.removal_policy,
        )
