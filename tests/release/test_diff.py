"""`tools/diff.mjs`: what changed since the release, with a warning for what may hurt."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NODE = str(Path(sys.executable).with_name("node"))
BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
)
RELEASED: dict[str, Any] = {
    "Resources": {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "PublicAccessBlockConfiguration": BLOCKED,
                "LifecycleConfiguration": {
                    "Rules": [{"Id": "Expire", "Prefix": "transit/", "ExpirationInDays": 7}]
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


def expire_another(resources: dict[str, Any]) -> None:
    rules(resources).append({"Id": "Archive", "Prefix": "archive/", "ExpirationInDays": 31})


def rules(resources: dict[str, Any]) -> list[dict[str, Any]]:
    known: list[dict[str, Any]] = resources["Bucket"]["Properties"]["LifecycleConfiguration"][
        "Rules"
    ]
    return known


def diff(folder: Path, change: Callable[[dict[str, Any]], None] | None) -> str:
    current = copy.deepcopy(RELEASED)
    if change:
        change(current["Resources"])
    for name, template in (("released", RELEASED), ("current", current)):
        (folder / name).mkdir()
        (folder / name / "stack.template.json").write_text(json.dumps(template))
    return subprocess.run(
        [NODE, "tools/diff.mjs", str(folder / "released"), str(folder / "current")],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        (widen, "Permissions widen"),
        (open_bucket, "`Bucket` no longer blocks all public access"),
        (rename_table, "`Table` (AWS::DynamoDB::Table) will be deleted"),
        (change_key, "`Table` (AWS::DynamoDB::Table) will be replaced"),
        (drop_authorizer, "`Route` answers anyone: GET /files"),
        (
            keep_shorter,
            "Payloads that are finished from now on are kept 30 days; those that are there, "
            "90 days.",
        ),
        (
            keep_for_ever,
            "Payloads that are finished from now on are kept for ever; those that are there, "
            "90 days.",
        ),
        (
            keep_files_for_days,
            "Files that are uploaded from now on are kept 30 days; those that are there, for ever.",
        ),
        (expire_sooner, '`Bucket`: S3 deletes what is older than 6 days under "transit/", also'),
        (expire_more, '`Bucket`: S3 deletes what is older than 7 days under "", also what is'),
        (expire_another, '`Bucket`: S3 deletes what is older than 31 days under "archive/", also'),
    ],
)
def test_what_may_hurt_is_warned_of(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], warning: str
) -> None:
    told = diff(tmp_path, change)

    assert told.startswith("> [!WARNING]")
    assert f"- **stack**: {warning}" in told


def test_no_change_is_said_so(tmp_path: Path) -> None:
    assert diff(tmp_path, None) == "### stack\n\n```text\nNo differences.\n```\n"


def test_a_new_table_is_no_warning(tmp_path: Path) -> None:
    def add(resources: dict[str, Any]) -> None:
        resources["Another"] = copy.deepcopy(resources["Table"])

    told = diff(tmp_path, add)

    assert "WARNING" not in told
    assert "Another" in told


def test_a_later_expiry_is_no_warning(tmp_path: Path) -> None:
    def expire_later(resources: dict[str, Any]) -> None:
        rules(resources)[0]["ExpirationInDays"] = 8

    assert "WARNING" not in diff(tmp_path, expire_later)


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_released_templates_are_kept(environment: str) -> None:
    kept = (ROOT / "release" / "templates" / environment).glob("*.template.json")

    assert {path.name.split(".")[0] for path in kept} == {
        f"wideload-{environment}-{stack}"
        for stack in ("files", "ingest", "monitoring", "web", "web-content")
    }
