"""The report of `make diff`: a warning for each change that can lose data or opens something up."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from tools.templates.__main__ import report

BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
)
Change = Callable[[dict[str, Any]], None]
RELEASED: dict[str, Any] = {
    "Resources": {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "PublicAccessBlockConfiguration": BLOCKED,
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "Expire",
                            "Status": "Enabled",
                            "Prefix": "transit/",
                            "ExpirationInDays": 7,
                        }
                    ]
                },
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Environment": {"Variables": {"WIDELOAD_RETENTION_DAYS": "90"}}},
        },
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "one",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        },
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "PolicyName": "p",
                "Roles": ["r"],
                "PolicyDocument": {
                    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "a"}]
                },
            },
        },
        "Route": {
            "Type": "AWS::ApiGatewayV2::Route",
            "Properties": {"RouteKey": "GET /files", "AuthorizationType": "JWT"},
        },
    }
}


def widen(resources: dict[str, Any]) -> None:
    statements = resources["Policy"]["Properties"]["PolicyDocument"]["Statement"]
    statements.append({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})


def open_bucket(resources: dict[str, Any]) -> None:
    properties = resources["Bucket"]["Properties"]
    properties["PublicAccessBlockConfiguration"] = {**BLOCKED, "BlockPublicPolicy": False}


def rename_table(resources: dict[str, Any]) -> None:
    resources["TableAnew"] = resources.pop("Table")


def change_key(resources: dict[str, Any]) -> None:
    resources["Table"]["Properties"]["TableName"] = "two"


def drop_authorizer(resources: dict[str, Any]) -> None:
    resources["Route"]["Properties"]["AuthorizationType"] = "NONE"


def keep_shorter(resources: dict[str, Any]) -> None:
    variables(resources)["WIDELOAD_RETENTION_DAYS"] = "30"


def keep_for_ever(resources: dict[str, Any]) -> None:
    del variables(resources)["WIDELOAD_RETENTION_DAYS"]


def keep_files_for_days(resources: dict[str, Any]) -> None:
    variables(resources)["WIDELOAD_FILE_EXPIRATION_DAYS"] = "30"


def variables(resources: dict[str, Any]) -> dict[str, str]:
    known: dict[str, str] = resources["Function"]["Properties"]["Environment"]["Variables"]
    return known


def expire_sooner(resources: dict[str, Any]) -> None:
    rules(resources)[0]["ExpirationInDays"] = 6


def expire_more(resources: dict[str, Any]) -> None:
    rules(resources)[0]["Prefix"] = ""


def add_rule(**rule: Any) -> Change:
    def change(resources: dict[str, Any]) -> None:
        rules(resources).append({"Id": "Archive", "Status": "Enabled", **rule})

    return change


def expire_later(resources: dict[str, Any]) -> None:
    rules(resources)[0]["ExpirationInDays"] = 8


def add_table(resources: dict[str, Any]) -> None:
    resources["Another"] = copy.deepcopy(resources["Table"])


def change_nothing(resources: dict[str, Any]) -> None:
    pass


def rules(resources: dict[str, Any]) -> list[dict[str, Any]]:
    properties = resources["Bucket"]["Properties"]
    known: list[dict[str, Any]] = properties["LifecycleConfiguration"]["Rules"]
    return known


TAGGED = [{"Key": "kind", "Value": "draft"}]


def released_with(**rule: Any) -> dict[str, Any]:
    """The released template with other members of its lifecycle rule."""
    template = copy.deepcopy(RELEASED)
    rules(template["Resources"])[0].update(rule)
    return template


DELETES = "`Bucket`: S3 deletes what is older than"

# By what happens: the template released, the change to it, and the warning.
HARMFUL: dict[str, tuple[dict[str, Any], Change, str]] = {
    "permissions widen": (RELEASED, widen, "Permissions widen"),
    "a bucket opens": (RELEASED, open_bucket, "`Bucket` no longer blocks all public access"),
    "a table goes": (RELEASED, rename_table, "`Table` (AWS::DynamoDB::Table) will be deleted"),
    "a table is replaced": (
        RELEASED,
        change_key,
        "`Table` (AWS::DynamoDB::Table) will be replaced: the new one starts empty",
    ),
    "a route loses its authorizer": (
        RELEASED,
        drop_authorizer,
        "`Route` needs no authorization: GET /files",
    ),
    "payloads are kept shorter": (
        RELEASED,
        keep_shorter,
        "Payloads finished from now on are kept 30 days; earlier ones, 90 days.",
    ),
    "payloads are kept for ever": (
        RELEASED,
        keep_for_ever,
        "Payloads finished from now on are kept for ever; earlier ones, 90 days.",
    ),
    "files are kept for days": (
        RELEASED,
        keep_files_for_days,
        "Files uploaded from now on are kept 30 days; earlier ones, for ever.",
    ),
    "objects expire sooner": (
        RELEASED,
        expire_sooner,
        f'{DELETES} 6 days under "transit/", also existing objects.',
    ),
    "more objects expire": (RELEASED, expire_more, f'{DELETES} 7 days under "", also'),
    "other objects expire": (
        RELEASED,
        add_rule(Prefix="archive/", ExpirationInDays=31),
        f'{DELETES} 31 days under "archive/", also',
    ),
    "a disabled rule is enabled": (
        released_with(Status="Disabled"),
        lambda resources: rules(resources)[0].update(Status="Enabled"),
        f'{DELETES} 7 days under "transit/", also',
    ),
    "a rule loses its tags": (
        released_with(TagFilters=TAGGED),
        lambda resources: rules(resources)[0].pop("TagFilters"),
        f'{DELETES} 7 days under "transit/", also',
    ),
    "a rule gets other tags": (
        released_with(TagFilters=TAGGED),
        lambda resources: rules(resources)[0].update(TagFilters=[{"Key": "a", "Value": "b"}]),
        f'{DELETES} 7 days under "transit/", tagged a=b, also',
    ),
    "a rule gets smaller objects": (
        released_with(ObjectSizeGreaterThan="1000"),
        lambda resources: rules(resources)[0].update(ObjectSizeGreaterThan="500"),
        f'{DELETES} 7 days under "transit/", also',
    ),
    "a rule gets larger objects": (
        released_with(ObjectSizeLessThan="1000"),
        lambda resources: rules(resources)[0].pop("ObjectSizeLessThan"),
        f'{DELETES} 7 days under "transit/", also',
    ),
}
HARMLESS: dict[str, tuple[dict[str, Any], Change]] = {
    "nothing": (RELEASED, change_nothing),
    "a new table": (RELEASED, add_table),
    "a later expiry": (RELEASED, expire_later),
    "a disabled rule is added": (
        RELEASED,
        add_rule(Prefix="archive/", ExpirationInDays=1, Status="Disabled"),
    ),
    "a rule gets tags": (
        RELEASED,
        lambda resources: rules(resources)[0].update(TagFilters=TAGGED),
    ),
    "a rule is renamed": (RELEASED, lambda resources: rules(resources)[0].update(Id="Other")),
}


@pytest.fixture(scope="module")
def told() -> str:
    """The report of all changes at once, each to a stack of its own."""
    before, after = {}, {}
    for name, (released, change, *_) in {**HARMFUL, **HARMLESS}.items():
        before[name], after[name] = released, copy.deepcopy(released)
        change(after[name]["Resources"])
    return report(before, after)


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_change_is_warned_of(told: str, name: str) -> None:
    assert told.startswith("> [!WARNING]")
    assert f"- **{name}**: {HARMFUL[name][2]}" in told


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_is_not_warned_of(told: str, name: str) -> None:
    assert f"**{name}**" not in told


def test_changes_are_described_by_stack(told: str) -> None:
    said = dict(re.findall(r"### (.+)\n\n```text\n([^`]*)\n```", told))

    assert said.keys() == HARMFUL.keys() | HARMLESS.keys()
    assert said["nothing"] == "No differences."
    assert "[+] AWS::DynamoDB::Table Another" in said["a new table"]


def test_no_warning_has_no_heading() -> None:
    assert report({"stack": RELEASED}, {"stack": RELEASED}) == (
        "### stack\n\n```text\nNo differences.\n```\n"
    )
