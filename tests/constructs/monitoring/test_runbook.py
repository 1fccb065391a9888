"""`docs/runbook.md` has what alarms refer to, and the queries that are saved."""

from __future__ import annotations

import re
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from wideload_cdk import PayloadIngest
from wideload_cdk.monitoring import queries

RUNBOOK = Path(__file__).parents[3] / "docs" / "runbook.md"
TEXT = RUNBOOK.read_text()

# Sections that no alarm leads to.
OTHERS = {"runbook", "queries"}


def anchor(heading: str) -> str:
    """The anchor that GitHub and GitLab make of a heading."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def anchors(level: str = "#{1,3}") -> list[str]:
    return [anchor(found) for found in re.findall(rf"^{level} (.+)$", TEXT, re.MULTILINE)]


def descriptions(template: Template) -> list[str]:
    return [
        resource["Properties"]["AlarmDescription"]
        for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for resource in template.find_resources(kind).values()
    ]


def sections(template: Template) -> set[str]:
    found = [
        re.fullmatch(r".+\. Runbook: docs/runbook\.md#([a-z-]+)", text)
        for text in descriptions(template)
    ]
    assert all(found)
    return {match[1] for match in found if match}


def test_every_alarm_names_a_section_that_exists(everything: Template) -> None:
    assert sections(everything) - set(anchors("##")) == set()


def test_every_section_belongs_to_an_alarm(everything: Template) -> None:
    assert set(anchors("##")) - OTHERS == sections(everything)


def test_every_section_shows_the_alarms_names(everything: Template) -> None:
    """The name in a notification, searched for in the runbook, leads to the section."""
    names = {
        resource["Properties"]["AlarmName"].removeprefix("wideload-test-"): resource["Properties"][
            "AlarmDescription"
        ].partition("#")[2]
        for kind in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for resource in everything.find_resources(kind).values()
    }
    text_of = {
        anchor(part.partition("\n")[0]): part
        for part in re.split(r"^## ", TEXT, flags=re.MULTILINE)
    }

    for name, section in names.items():
        patterns = re.findall(r"`([a-z…-]+)`", text_of[section].split("\n\n")[1])
        assert any(name.endswith(each.removeprefix("…-")) for each in patterns), (name, section)


def test_links_within_lead_somewhere() -> None:
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) - set(anchors()) == set()


def shown_queries() -> dict[str, str]:
    """The runbook's queries by name."""
    part = TEXT.partition("\n## Queries\n")[2]
    found = re.findall(r"^### ([a-z0-9-]+)\n.*?^```\n(.+?)\n```$", part, re.MULTILINE | re.DOTALL)
    return dict(found)


def test_saved_queries_are_those_of_the_runbook(everything: Template) -> None:
    saved = [
        resource["Properties"]
        for resource in everything.find_resources("AWS::Logs::QueryDefinition").values()
    ]

    for folder in ("ingest", "files"):
        texts = {
            each["Name"].removeprefix(f"wideload-test/{folder}/"): each["QueryString"]
            for each in saved
            if each["Name"].startswith(f"wideload-test/{folder}/")
        }
        assert texts.items() <= shown_queries().items()
        assert texts
    assert {each["Name"].rpartition("/")[2] for each in saved} == set(shown_queries())


def test_queries_look_into_the_right_logs(everything: Template) -> None:
    for resource in everything.find_resources("AWS::Logs::QueryDefinition").values():
        properties = resource["Properties"]
        looks = {query.name: query.logs for query in (*queries.INGEST, *queries.FILES)}
        groups = [each["Ref"] for each in properties["LogGroupNames"]]
        access = ["AccessLog" in group for group in groups]

        if looks[properties["Name"].rpartition("/")[2]] == "access":
            assert access == [True]
        else:
            assert access == [False] * (6 if "/ingest/" in properties["Name"] else 5)


def test_queries_ask_for_fields_that_are_logged(code_folder: Path) -> None:
    """Of the access log, which is ours; what functions log is shown by the integration tests."""
    stack = cdk.Stack(cdk.App(), "Ingest")
    PayloadIngest(stack, "Ingest", code=lambda_.Code.from_asset(str(code_folder)))
    [stage] = Template.from_stack(stack).find_resources("AWS::ApiGatewayV2::Stage").values()
    logged = set(
        re.findall(r'"(\w+)":"\$context', stage["Properties"]["AccessLogSettings"]["Format"])
    )
    asked = {
        word
        for query in queries.INGEST
        if query.logs == "access"
        for word in re.findall(r"\b[a-z_]+\b", query.text)
        if "_" in word or word in ("route", "status")
    }

    assert asked == {
        "request_id",
        "route",
        "status",
        "latency_ms",
        "integration_status",
        "integration_error",
        "source_ip",
    }
    assert asked <= logged
