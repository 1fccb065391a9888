"""`IngestCanary`: each default, override and refusal, its permissions, and its alarm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Template

from tests.constructs.conftest import cdk_json_context, only
from tests.constructs.policies import LOGGING, TRACING, permissions
from wideload_cdk import IngestCanary, PayloadIngest, TransferMonitoring
from wideload_runtime.core.api_keys import CANARY, key_id_of, new_key
from wideload_runtime.core.ingest.canary import LEFTOVER_SECONDS

Make = Callable[..., tuple[IngestCanary, Template]]

DAY = 24 * 3600


@pytest.fixture
def make(code: lambda_.Code) -> Make:
    """An ingest, and a canary in the same stack."""

    def run(ingest_options: dict[str, Any] | None = None, **options: Any) -> Any:
        stack = cdk.Stack(cdk.App(context=cdk_json_context()), "Stack")
        ingest = PayloadIngest(stack, "Ingest", code=code, **(ingest_options or {}))
        canary = IngestCanary(stack, "Canary", ingest=ingest, code=code, **options)
        return canary, Template.from_stack(stack)

    return run


@pytest.fixture(scope="module")
def default(code_folder: Path) -> Template:
    """The template of a canary without arguments, in an app with no feature flags."""
    stack = cdk.Stack(cdk.App(), "Stack")
    code = lambda_.Code.from_asset(str(code_folder))
    IngestCanary(stack, "Canary", ingest=PayloadIngest(stack, "Ingest", code=code), code=code)
    return Template.from_stack(stack)


def function(template: Template) -> dict[str, Any]:
    return only(template, "AWS::Lambda::Function", "Canary")


def variables(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = function(template)["Environment"]["Variables"]
    return found


# The function


def test_runs_the_handler_within_the_shortest_interval(default: Template) -> None:
    properties = function(default)

    assert properties["Handler"] == "wideload_runtime.handlers.ingest_canary.handler"
    assert properties["Timeout"] == 240
    # A run never takes the payloads of one that is going on for leftovers.
    assert properties["Timeout"] < LEFTOVER_SECONDS <= 5 * 60
    assert properties["Architectures"] == ["arm64"]
    assert properties["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert "VpcConfig" not in properties


def test_knows_url_and_header_of_the_api(default: Template) -> None:
    told = variables(default)
    [api] = default.find_resources("AWS::ApiGatewayV2::Api")
    [keys] = [name for name in default.find_resources("AWS::DynamoDB::Table") if "Keys" in name]

    assert told["WIDELOAD_API_URL"] == {"Fn::GetAtt": [api, "ApiEndpoint"]}
    assert told["WIDELOAD_API_KEY_HEADER"] == "x-api-key"
    assert told["WIDELOAD_KEYS_TABLE"] == {"Ref": keys}
    assert told["POWERTOOLS_SERVICE_NAME"] == "ingest"


def test_header_of_the_ingest_is_used(make: Make) -> None:
    _, template = make({"api_key_header": "x-pype-token"})

    assert variables(template)["WIDELOAD_API_KEY_HEADER"] == "x-pype-token"


def test_key_id_is_of_the_form_reserved_for_the_canary(default: Template) -> None:
    key_id = variables(default)["WIDELOAD_CANARY_KEY_ID"]

    assert key_id.startswith(CANARY)
    assert key_id_of(new_key(key_id)) == key_id


def test_canaries_that_share_a_table_of_keys_have_a_key_each(code: lambda_.Code) -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    first = PayloadIngest(stack, "First", code=code)
    second = PayloadIngest(stack, "Second", code=code, keys_table=first.keys_table)
    for name, ingest in (("A", first), ("B", second)):
        IngestCanary(stack, name, ingest=ingest, code=code)

    found = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    told = [each["Properties"]["Environment"]["Variables"] for each in found]
    ids = [each["WIDELOAD_CANARY_KEY_ID"] for each in told if "WIDELOAD_CANARY_KEY_ID" in each]
    assert len(set(ids)) == 2


def test_options_of_the_function(make: Make) -> None:
    _, template = make(
        architecture=lambda_.Architecture.X86_64,
        tracing=False,
        log_level="DEBUG",
        log_retention=logs.RetentionDays.ONE_WEEK,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )

    properties = function(template)
    assert properties["Architectures"] == ["x86_64"]
    assert properties.get("TracingConfig", {}).get("Mode") != "Active"
    assert properties["LoggingConfig"]["ApplicationLogLevel"] == "DEBUG"
    assert only(template, "AWS::Logs::LogGroup", "Canary")["RetentionInDays"] == 7
    [group] = [
        each
        for name, each in template.find_resources("AWS::Logs::LogGroup").items()
        if "Canary" in name
    ]
    assert group["DeletionPolicy"] == "Delete"


def test_logs_are_kept_for_three_months(default: Template) -> None:
    [group] = [
        each
        for name, each in default.find_resources("AWS::Logs::LogGroup").items()
        if "Canary" in name
    ]

    assert group["Properties"]["RetentionInDays"] == 90
    assert group["DeletionPolicy"] == "Retain"


def test_key_given_encrypts_the_logs(code: lambda_.Code) -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    ingest = PayloadIngest(stack, "Ingest", code=code)
    key = kms.Key(stack, "Logs")
    IngestCanary(stack, "Canary", ingest=ingest, code=code, encryption_key=key)

    group = only(Template.from_stack(stack), "AWS::Logs::LogGroup", "Canary")
    assert group["KmsKeyId"] == stack.resolve(key.key_arn)


# The schedule


def test_intervals_given(stack: cdk.Stack, code: lambda_.Code) -> None:
    intervals = {
        "Canary5m": (Duration.minutes(5), "rate(5 minutes)", 300),
        "Canary420s": (Duration.seconds(420), "rate(7 minutes)", 420),
        "Canary6h": (Duration.hours(6), "rate(6 hours)", 6 * 3600),
        "Canary1d": (Duration.days(1), "rate(1 day)", 6 * 3600),
    }
    ingest = PayloadIngest(stack, "Ingest", code=code)
    made = {
        name: IngestCanary(stack, name, ingest=ingest, code=code, interval=interval)
        for name, (interval, _, _) in intervals.items()
    }
    template = Template.from_stack(stack)

    for name, (interval, rate, age) in intervals.items():
        assert made[name].interval is interval
        rule = only(template, "AWS::Events::Rule", name)
        assert rule["ScheduleExpression"] == rate
        [target] = rule["Targets"]
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": interval.to_seconds()}
        config = only(template, "AWS::Lambda::EventInvokeConfig", name)
        assert config["MaximumEventAgeInSeconds"] == age


def test_runs_every_quarter_of_an_hour_and_no_run_is_repeated(default: Template) -> None:
    rule = only(default, "AWS::Events::Rule", "Canary")
    [name] = [name for name in default.find_resources("AWS::Lambda::Function") if "Canary" in name]

    assert rule["ScheduleExpression"] == "rate(15 minutes)"
    [target] = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": [name, "Arn"]}
    assert "DeadLetterConfig" not in target
    assert only(default, "AWS::Lambda::EventInvokeConfig") == {
        "FunctionName": {"Ref": name},
        "MaximumEventAgeInSeconds": 900,
        "MaximumRetryAttempts": 0,
        "Qualifier": "$LATEST",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interval": Duration.minutes(4)}, "interval is 4 minutes; give 5 minutes to 1 day"),
        ({"interval": Duration.hours(25)}, "interval is 1 day 1 hour; give 5 minutes to 1 day"),
        ({"interval": Duration.seconds(330)}, "interval is 5 minutes 30 seconds; give whole min"),
        ({"log_level": "TRACE"}, "log_level is 'TRACE'; give one of DEBUG"),
    ],
)
def test_arguments_refused(make: Make, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**arguments)


# What it may do


def test_may_write_its_own_key_and_nothing_else(default: Template) -> None:
    key_id = variables(default)["WIDELOAD_CANARY_KEY_ID"]

    assert permissions(default, "CanaryFunction", construct="") == {
        **TRACING,
        "<CanaryFunctionLogs>": LOGGING,
        f"<IngestKeys> if dynamodb:LeadingKeys all in ['{key_id}']": {
            "dynamodb:DeleteItem",
            "dynamodb:PutItem",
        },
    }


def test_key_of_the_keys_table_is_granted(make: Make, code: lambda_.Code) -> None:
    stack = cdk.Stack(cdk.App(), "Stack")
    ingest = PayloadIngest(stack, "Ingest", code=code, encryption_key=kms.Key(stack, "Data"))
    IngestCanary(stack, "Canary", ingest=ingest, code=code)

    found = permissions(Template.from_stack(stack), "CanaryFunction", construct="")
    assert found["<Data>"] == {"kms:Decrypt"}


def test_only_its_schedule_may_invoke_it(default: Template) -> None:
    [rule] = [name for name in default.find_resources("AWS::Events::Rule") if "Canary" in name]
    [name] = [name for name in default.find_resources("AWS::Lambda::Function") if "Canary" in name]

    assert only(default, "AWS::Lambda::Permission", "Canary") == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Fn::GetAtt": [name, "Arn"]},
        "Principal": "events.amazonaws.com",
        "SourceArn": {"Fn::GetAtt": [rule, "Arn"]},
    }


def test_in_a_stack_of_its_own(code: lambda_.Code, code_folder: Path) -> None:
    """Nothing of the ingest refers to it: that would close a circle."""
    app = cdk.App()
    ingest = PayloadIngest(cdk.Stack(app, "Ingest"), "Ingest", code=code)
    stack = cdk.Stack(app, "Watch")
    own_code = lambda_.Code.from_asset(str(code_folder))
    IngestCanary(stack, "Canary", ingest=ingest, code=own_code)

    app.synth()
    assert [each.stack_name for each in stack.dependencies] == ["Ingest"]


# Its alarm


def watched(code: lambda_.Code, **options: Any) -> Template:
    """The template of what watches an ingest with a canary."""
    app = cdk.App(context=cdk_json_context())
    stack = cdk.Stack(app, "Ingest")
    ingest = PayloadIngest(stack, "Ingest", code=code)
    canary = IngestCanary(stack, "Canary", ingest=ingest, code=code, **options)
    watching = cdk.Stack(app, "Monitoring")
    TransferMonitoring(watching, "Watch", name_prefix="x").monitor_ingest(ingest, canary=canary)
    return Template.from_stack(watching)


@pytest.mark.parametrize("interval", [Duration.minutes(5), Duration.minutes(15), Duration.days(1)])
def test_alarm_sounds_after_two_intervals_without_a_good_run(
    code: lambda_.Code, interval: Duration
) -> None:
    alarm = only(watched(code, interval=interval), "AWS::CloudWatch::Alarm", "CanaryFailing")

    assert alarm["AlarmName"] == "x-ingest-canary-failing"
    assert alarm["AlarmDescription"].endswith("Runbook: docs/runbook.md#canary-failing")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (2, 2)
    assert alarm["TreatMissingData"] == "breaching"
    *metrics, expression = sorted(alarm["Metrics"], key=lambda each: "Expression" in each)
    # Without FILL: no data at all is no good run.
    assert expression["Expression"] == "invocations - errors"
    stats = {each["Id"]: each["MetricStat"] for each in metrics}
    assert {
        name: (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], stat["Stat"])
        for name, stat in stats.items()
    } == {
        "invocations": ("AWS/Lambda", "Invocations", "Sum"),
        "errors": ("AWS/Lambda", "Errors", "Sum"),
    }
    for stat in stats.values():
        assert stat["Period"] == interval.to_seconds()
        [dimension] = stat["Metric"]["Dimensions"]
        assert dimension["Name"] == "FunctionName"
        assert "CanaryFunction" in json.dumps(dimension["Value"])
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
        assert 2 * stat["Period"] <= (7 * DAY if stat["Period"] >= 3600 else DAY)


def test_a_failing_canary_makes_ingest_unhealthy_and_is_on_the_dashboard(
    code: lambda_.Code,
) -> None:
    template = watched(code)

    rule = json.dumps(only(template, "AWS::CloudWatch::CompositeAlarm")["AlarmRule"])
    assert "CanaryFailing" in rule
    [dashboard] = template.find_resources("AWS::CloudWatch::Dashboard").values()
    assert '\\"label\\":\\"canary\\"' in json.dumps(dashboard)


@pytest.mark.rule_packs
def test_rule_packs_find_nothing(code: lambda_.Code) -> None:
    import cdk_nag

    app = cdk.App()
    stack = cdk.Stack(app, "Stack")
    ingest = PayloadIngest(stack, "Ingest", code=code)
    IngestCanary(stack, "Canary", ingest=ingest, code=code)
    cdk.Validations.of(app).add_plugins(
        cdk_nag.AwsSolutionsChecks(app), cdk_nag.ServerlessChecks(app)
    )

    report = json.loads((Path(app.synth().directory) / "validation-report.json").read_text())

    found = [
        (violation["ruleName"], where["constructPath"])
        for each in report["pluginReports"]
        for violation in each["violations"]
        for where in violation["violatingConstructs"]
        if "Canary" in where["constructPath"]
    ]
    assert found == []
