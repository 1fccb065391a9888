"""Resources of settings that no environment has by default: keys, network, names, quotas, tags."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stacks.conftest import Synthesized
from tests.stacks.test_cross_stack_references import FULL
from tests.stacks.test_rules import synthesize_judged

Synthesize = Callable[..., Synthesized]

APIS = ("ingest", "files")


def functions(made: Synthesized, service: str) -> list[dict[str, Any]]:
    found = made.resources(service, "AWS::Lambda::Function").values()
    return [each["Properties"] for each in found]


@pytest.mark.parametrize("service", APIS)
def test_kms_encrypts_all_that_a_stack_keeps_with_its_own_key(
    synthesize: Synthesize, service: str
) -> None:
    made = synthesize("prod", kms="true")

    ((key_id, key),) = made.resources(service, "AWS::KMS::Key").items()
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["DeletionPolicy"] == "RetainExceptOnCreate"
    used = {"Fn::GetAtt": [key_id, "Arn"]}
    for table in made.resources(service, "AWS::DynamoDB::Table").values():
        assert table["Properties"]["SSESpecification"]["KMSMasterKeyId"] == used
    for queue in made.resources(service, "AWS::SQS::Queue").values():
        assert queue["Properties"]["KmsMasterKeyId"] == used
    for group in made.resources(service, "AWS::Logs::LogGroup").values():
        assert group["Properties"]["KmsKeyId"] == used
    for name, bucket in made.resources(service, "AWS::S3::Bucket").items():
        (rule,) = bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]
        if "AccessLogs" in name:
            # S3 writes them with keys of its own alone.
            assert default == {"SSEAlgorithm": "AES256"}
        else:
            assert default == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": used}


def test_no_stack_has_a_kms_key_by_default(synthesized: Synthesized, service: str) -> None:
    assert synthesized.resources(service, "AWS::KMS::Key") == {}


def test_private_network_has_every_function_in_it(synthesize: Synthesize) -> None:
    made = synthesize_judged(synthesize, "keys of its own in a private network")

    assert "missing" not in json.loads((made.folder / "manifest.json").read_text())
    assert made.resources("network", "AWS::EC2::InternetGateway") == {}
    subnets = made.resources("network", "AWS::EC2::Subnet").values()
    zones = [each["Properties"]["AvailabilityZone"] for each in subnets]
    assert zones == [{"Fn::Select": [number, {"Fn::GetAZs": ""}]} for number in (0, 1)]
    for service in APIS:
        assert functions(made, service)
        for function in functions(made, service):
            assert len(function["VpcConfig"]["SubnetIds"]) == 2


def test_there_is_no_network_by_default(synthesized: Synthesized) -> None:
    assert not list(synthesized.folder.glob("*network*"))


@pytest.mark.parametrize(
    ("service", "scope", "host"),
    [("ingest", "Ingest", "logs.example.com"), ("files", "Files", "files.example.com")],
)
def test_api_answers_at_a_name_of_ones_own(
    synthesize: Synthesize, service: str, scope: str, host: str
) -> None:
    made = synthesize_judged(synthesize, "everything")

    outputs = made.template(service)["Outputs"]
    assert outputs["ApiUrl"]["Value"] == f"https://{host}"
    ((domain_id, _),) = made.resources(service, "AWS::ApiGatewayV2::DomainName").items()
    assert domain_id.startswith(f"{scope}ApiDomain")
    assert outputs["DomainTarget"]["Value"]["Fn::GetAtt"] == [domain_id, "RegionalDomainName"]


def test_page_may_talk_to_the_files_apis_name(synthesize: Synthesize) -> None:
    made = synthesize_judged(synthesize, "everything")

    (policy,) = made.resources("web", "AWS::CloudFront::ResponseHeadersPolicy").values()
    assert " https://files.example.com;" in json.dumps(policy)


def test_page_may_talk_to_the_issuer_given(synthesize: Synthesize) -> None:
    made = synthesize_judged(synthesize, "another issuer")

    (policy,) = made.resources("web", "AWS::CloudFront::ResponseHeadersPolicy").values()
    assert " https://login.example.com;" in json.dumps(policy)


def test_canary_runs_and_is_watched(synthesize: Synthesize) -> None:
    made = synthesize_judged(synthesize, "dev by the standards")

    (rule,) = (
        each["Properties"]
        for name, each in made.resources("ingest", "AWS::Events::Rule").items()
        if "Canary" in name
    )
    assert rule["ScheduleExpression"] == "rate(30 minutes)"
    alarms = made.resources("monitoring", "AWS::CloudWatch::Alarm").values()
    names = [each["Properties"]["AlarmName"] for each in alarms]
    assert "wideload-dev-ingest-canary-failing" in names


def test_there_is_no_canary_by_default(synthesize: Synthesize) -> None:
    assert "anary" not in json.dumps(synthesize("prod").template("ingest"))


def test_concurrency_is_reserved_for_apis_and_worker(synthesize: Synthesize) -> None:
    made = synthesize_judged(synthesize, "keys of its own in a private network")

    reserved = {
        function["Handler"].split(".")[-2]: function["ReservedConcurrentExecutions"]
        for service in APIS
        for function in functions(made, service)
        if "ReservedConcurrentExecutions" in function
    }
    assert reserved == {"ingest_api": 200, "ingest_worker": 50, "files_api": 200}


def test_tracing_can_be_switched_off_everywhere(synthesize: Synthesize) -> None:
    made = synthesize_judged(synthesize, "another issuer")

    for service in APIS:
        assert "TracingConfig" not in json.dumps(made.template(service))
        assert "xray" not in json.dumps(made.template(service))


def test_tags_are_on_every_stack(synthesize: Synthesize) -> None:
    made = synthesize_judged(synthesize, "everything")

    for service in ("ingest", "files", "web", "monitoring"):
        assert made.stack_properties(service)["tags"] == {
            "application": "wideload",
            "service": service,
            "environment": "dev",
            "cost-center": "42",
            "team": "call log",
        }


def test_environments_share_no_name(synthesize: Synthesize) -> None:
    names = [
        _names(synthesize(environment, **settings))
        for environment, settings in (
            ("dev", FULL),
            ("staging", {"kms": "true"}),
            ("prod", {"kms": "true"}),
        )
    ]

    for one, other in itertools.combinations(names, 2):
        assert len(one) > 40
        assert one & other == set(), "they could not live in one account"


def _names(made: Synthesized) -> set[str]:
    """Names that the templates give to resources, as `<type> <name>`."""
    return {
        f"{resource['Type']} {name}"
        for path in made.folder.glob("*.template.json")
        for resource in json.loads(path.read_text())["Resources"].values()
        if resource["Type"] != "AWS::ApiGatewayV2::Authorizer"  # its name is its API's affair
        for name in _literal_names(resource.get("Properties", {}))
    }


def _literal_names(properties: dict[str, Any]) -> Iterator[str]:
    """All names but those that mean something within one resource alone."""
    within = ("AttributeName", "MetricName", "OutputName", "PolicyName", "StageName")
    for key, value in properties.items():
        if isinstance(value, dict):
            yield from _literal_names(value)
        elif isinstance(value, str) and key.endswith("Name") and key not in within:
            yield value


def test_page_of_its_own_name_says_where_to_point_dns(synthesize: Synthesize) -> None:
    made = synthesize(
        "dev",
        web_domain="www.example.com",
        web_certificate_arn="arn:aws:acm:us-east-1:111111111111:certificate/1",
    )

    (distribution,) = made.resources("web", "AWS::CloudFront::Distribution")
    outputs = made.template("web")["Outputs"]
    assert outputs["Url"]["Value"] == "https://www.example.com"
    assert outputs["DomainTarget"]["Value"] == {"Fn::GetAtt": [distribution, "DomainName"]}
    assert "DomainTarget" not in synthesize("dev").template("web")["Outputs"]


def test_page_goes_where_cloudfront_delivers_no_logs(synthesize: Synthesize) -> None:
    elsewhere = {"region": "me-central-1", "account": "123456789012"}
    with pytest.raises(ValueError, match="access_logs is True in me-central-1"):
        synthesize("dev", **elsewhere)

    made = synthesize("dev", web_access_logs="false", **elsewhere)

    (distribution,) = made.resources("web", "AWS::CloudFront::Distribution").values()
    assert "Logging" not in distribution["Properties"]["DistributionConfig"]
    assert [each for each in made.report["pluginReports"] if each["violations"]] == []
