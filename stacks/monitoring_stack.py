"""The stack that deploys alarms and dashboard."""

from __future__ import annotations

from aws_cdk import CrossStackReferences, ReferenceStrength
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.service_stack import ServiceStack, acknowledge
from stacks.settings import Settings
from wideload_cdk import FileTransfer, IngestCanary, PayloadIngest, TransferMonitoring


class MonitoringStack(ServiceStack):
    """`TransferMonitoring`, configured by the settings of one environment."""

    def __init__(
        self,
        scope: Construct,
        *,
        settings: Settings,
        ingest: PayloadIngest,
        canary: IngestCanary | None,
        files: FileTransfer,
    ) -> None:
        super().__init__(
            scope,
            service="monitoring",
            description="Wideload alarms and dashboard",
            settings=settings,
        )
        # Exports would stop a setting from removing a resource that an alarm watches. The weakly
        # referenced values change only with logical ids, and with these this template: ADR 0042.
        CrossStackReferences.of(self).consume(ReferenceStrength.WEAK)
        self.monitoring = TransferMonitoring(
            self,
            "Monitoring",
            name_prefix=f"wideload-{settings.environment}",
            account_concurrency=settings.account_concurrency,
            bucket_metrics="EntireBucket" if settings.bucket_metrics else None,
            runbook=settings.runbook,
        )
        self.monitoring.monitor_ingest(ingest, canary=canary)
        self.monitoring.monitor_files(files)
        for address in settings.alarm_emails:
            self._subscribe(address)
        self.output("DashboardName", self.monitoring.dashboard.dashboard_name, "Dashboard")
        self.output("AlarmTopicArn", self.monitoring.alarm_topic.topic_arn, "Told of alarms")

    def _subscribe(self, address: str) -> None:
        subscription = self.monitoring.alarm_topic.add_subscription(
            subscriptions.EmailSubscription(address)
        )
        acknowledge(
            subscription,
            "Serverless::Serverless-SNSRedrivePolicy",
            reason="Nobody would look for an alarm's mail in a queue; CloudWatch goes on showing "
            "the alarm, and a second address is the remedy for one that fails.",
        )
