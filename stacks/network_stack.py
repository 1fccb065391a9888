"""The stack that the functions' network is in."""

from __future__ import annotations

from constructs import Construct

from stacks.service_stack import ServiceStack
from stacks.settings import Settings
from wideload_cdk import PrivateNetwork


class NetworkStack(ServiceStack):
    """`PrivateNetwork` as the settings of one environment want it."""

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
