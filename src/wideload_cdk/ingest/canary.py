"""`IngestCanary`: a scheduled test client of a `PayloadIngest`."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from wideload_cdk.ingest.construct import PayloadIngest
from wideload_cdk.shared import grants
from wideload_cdk.shared.assets import built_code
from wideload_cdk.shared.checks import check_limit
from wideload_cdk.shared.events import invoke_every
from wideload_cdk.shared.findings import acknowledge
from wideload_cdk.shared.function import SMALL_MEMORY_MB, FunctionSettings, RuntimeFunction
from wideload_cdk.shared.limits import CANARY_MINUTES
from wideload_cdk.shared.logs import LogSettings

# Less than the shortest interval, so that runs don't overlap.
TIMEOUT = Duration.minutes(4)
# Lambda's limit for the age of an asynchronous event:
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
_MOST_EVENT_AGE = Duration.hours(6)
_LOST_RUNS = (
    "The schedule's event holds no data; TransferMonitoring's alarm canary-failing reports failed "
    "and missing runs."
)


class IngestCanary(Construct):
    """Send a small and a large payload through a `PayloadIngest`, on a schedule.

    Each run acts as a client would: it sends one payload in the body of a request and one of 6 MiB
    through S3, claims the latter, reads both back, compares them with the originals, and deletes
    them. A failed step is an error of the function, and the message names the step. Pass the
    canary to `TransferMonitoring.monitor_ingest`, which makes an alarm for it.

    The payloads belong to the tenant `canary`, which is reserved for the canary: create no key for
    it. They count in the metrics and cause events `PayloadStored` like all others. Each run creates
    an API key and deletes it. The function's role may write the record of this one key
    (`dynamodb:PutItem` and `DeleteItem` where `dynamodb:LeadingKeys` is its id), and can access
    payloads only through the API.

    With a `processor` that keeps no documents, `in_request_limit` must be above the size of the
    large payload, or the canary can't read that back.

    Args:
        ingest: The construct to test. The function, which runs outside any VPC, must reach its
            `api_url`.
        interval: How often, in whole minutes, 5 minutes to 1 day. Default: 15 minutes.
        code: Lambda code that holds `wideload_runtime` and its dependencies. Default: the
            code in this package, built for `architecture`.
        architecture: Processor of the function. Default: arm64, a fifth cheaper.
        encryption_key: KMS key for the function's logs. Default: a key that CloudWatch owns.
        tracing: Whether the function sends traces to X-Ray. Default: it does.
        log_level: Level from which the function logs: DEBUG, INFO, WARN or ERROR. Default: INFO.
        log_retention: How long its logs are kept. Default: 3 months.
        removal_policy: What happens to its logs when the stack is deleted. Default: they are
            kept.

    Raises:
        FileNotFoundError: The package's Lambda code has not been built, and no `code` given.
        ValueError: A value is out of range.
    """

    function: RuntimeFunction
    """Runs the test."""
    interval: Duration
    """The time between two runs."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        ingest: PayloadIngest,
        interval: Duration = Duration.minutes(15),
        code: lambda_.Code | None = None,
        architecture: lambda_.Architecture = lambda_.Architecture.ARM_64,
        encryption_key: kms.IKey | None = None,
        tracing: bool = True,
        log_level: str = "INFO",
        log_retention: logs.RetentionDays = logs.RetentionDays.THREE_MONTHS,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        super().__init__(scope, id)
        check_limit("interval", interval, CANARY_MINUTES)
        if interval.to_seconds() % 60:
            raise ValueError(f"interval is {interval.to_human_string()}; give whole minutes.")
        self.interval = interval
        # The authorizer accepts ids of this form only for the tenant `canary`
        # (`core/api_keys.py`). The suffix keeps canaries apart whose deployments share a table.
        key_id = f"canary{self.node.addr[-6:]}"
        self.function = RuntimeFunction(
            self,
            "Function",
            handler="ingest_canary",
            description="Wideload ingest: sends payloads as a client would, to see that it can",
            memory_size=SMALL_MEMORY_MB,
            timeout=TIMEOUT,
            environment={
                "WIDELOAD_API_URL": ingest.api_url,
                "WIDELOAD_API_KEY_HEADER": ingest.api_key_header,
                "WIDELOAD_KEYS_TABLE": ingest.keys_table.table_name,
                "WIDELOAD_CANARY_KEY_ID": key_id,
            },
            settings=FunctionSettings(
                service="ingest",
                code=code or built_code(architecture),
                architecture=architecture,
                log_level=log_level,
                logs=LogSettings(log_retention, removal_policy, encryption_key),
                tracing=tracing,
            ),
            no_dead_letters=_LOST_RUNS,
            no_vpc="It is a client of the API, and calls it from outside as all clients do.",
        )
        grants.grant_items(
            ingest.keys_table,
            self.function,
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            partition_key=key_id,
        )
        # No retries: the next run follows soon, and concurrent runs would delete each other's key.
        invocation = lambda_.EventInvokeConfig(
            self,
            "Invocation",
            function=self.function,
            retry_attempts=0,
            max_event_age=Duration.seconds(
                min(interval.to_seconds(), _MOST_EVENT_AGE.to_seconds())
            ),
        )
        acknowledge(invocation, {"Serverless-LambdaAsyncFailureDestination": _LOST_RUNS})
        rule = invoke_every(
            self,
            "Schedule",
            interval=interval,
            description="The canary",
            function=self.function,
        )
        acknowledge(rule, {"Serverless-EventBusDLQ": _LOST_RUNS})
