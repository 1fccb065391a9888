"""`IngestCanary`: sends payloads through a `PayloadIngest` on a schedule, as a client would."""

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
# The longest for which Lambda keeps an event:
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
_MOST_EVENT_AGE = Duration.hours(6)
_LOST_RUNS = (
    "The schedule's event says nothing; a run that fails, or doesn't come, is what "
    "TransferMonitoring's alarm canary-failing is about."
)


class IngestCanary(Construct):
    """Send a small and a large payload through a `PayloadIngest`, on a schedule.

    Each run does from outside what clients do: it sends one payload in the body of a request and
    6 MiB through S3, claims these, reads both back, compares them with what it sent, and deletes
    them. A run in which that can't be done is an error of the function, whose message names the
    step. Give the canary to `TransferMonitoring.monitor_ingest`, which makes an alarm of it.

    Payloads are of the tenant `canary`, which is the canary's own: give no key of it to anybody.
    They count in the metrics as everyone's do, and there are events `PayloadStored` of them. Each
    run makes an API key for itself, and removes it; its role may write the record of this one key
    (`dynamodb:PutItem` and `DeleteItem` where `dynamodb:LeadingKeys` is its id), and has no right
    to payloads but by the API.

    With a `processor` of yours that keeps no documents, `in_request_limit` must be above the size
    of the large payload, or that can't be read back.

    Args:
        ingest: Where the payloads go: to `api_url`, which the function must reach. It runs in no
            VPC.
        interval: How often, in whole minutes, 5 minutes to 1 day. Default: 15 minutes.
        code: Lambda code that holds `wideload_runtime` and its dependencies. Default: the
            code in this package, built for `architecture`.
        architecture: Processor of the function. Default: arm64, a fifth cheaper.
        encryption_key: KMS key for the function's logs. Default: one that CloudWatch owns.
        tracing: Whether the function sends traces to X-Ray. Default: it does.
        log_level: Level from which the function logs: DEBUG, INFO, WARN or ERROR. Default: INFO.
        log_retention: How long its logs are kept. Default: 3 months.
        removal_policy: What happens to its logs when the stack is deleted. Default: they are
            kept.

    Raises:
        FileNotFoundError: The package's Lambda code has not been built, and no `code` given.
        ValueError: A value is outside of what is allowed, which the message says.
    """

    function: RuntimeFunction
    """Makes a run."""
    interval: Duration
    """How often it does."""

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
        # Of a form that the authorizer takes for this tenant alone (`core/api_keys.py`), and not
        # another canary's: several deployments may share a table of keys.
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
            no_vpc="It is a client, and so comes to the API as clients do, from outside.",
        )
        grants.grant_items(
            ingest.keys_table,
            self.function,
            "dynamodb:PutItem",
            "dynamodb:DeleteItem",
            partition_key=key_id,
        )
        # Neither repeated nor made up for: the next run is soon enough, and two at a time would
        # take each other's key.
        invocation = lambda_.EventInvokeConfig(
            self,
            "Invocation",
            function=self.function,
            retry_attempts=0,
            max_event_age=Duration.seconds(
                min(interval.to_seconds(), _MOST_EVENT_AGE.to_seconds())
            ),
        )
        acknowledge(invocation, "Serverless-LambdaAsyncFailureDestination", _LOST_RUNS)
        rule = invoke_every(
            self,
            "Schedule",
            interval=interval,
            description="The canary",
            function=self.function,
        )
        acknowledge(rule, "Serverless-EventBusDLQ", _LOST_RUNS)
