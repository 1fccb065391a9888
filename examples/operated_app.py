"""Both services as in production: monitoring, a KMS key, a private network and a canary."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns_subscriptions as subscriptions

from wideload_cdk import (
    FileTransfer,
    IngestCanary,
    PayloadIngest,
    PrivateNetwork,
    TransferMonitoring,
)

app = cdk.App()
stack = cdk.Stack(app, "Transfers")
key = kms.Key(stack, "Key", enable_key_rotation=True)
network = PrivateNetwork(stack, "Network", encryption_key=key)
inside: dict[str, Any] = {
    "encryption_key": key,
    "vpc": network.vpc,
    "security_groups": [network.security_group],
}
ingest = PayloadIngest(stack, "Ingest", **inside)
files = FileTransfer(stack, "Files", **inside)
canary = IngestCanary(stack, "Canary", ingest=ingest)

monitoring = TransferMonitoring(stack, "Monitoring", name_prefix="transfers")
monitoring.monitor_ingest(ingest, canary=canary)
monitoring.monitor_files(files)
monitoring.alarm_topic.add_subscription(subscriptions.EmailSubscription("oncall@example.com"))
app.synth()
