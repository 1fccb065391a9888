"""`release/diff.mjs`: what changed since the release, with a warning for what may hurt."""

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
            "Properties": {"PublicAccessBlockConfiguration": BLOCKED},
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


def diff(folder: Path, change: Callable[[dict[str, Any]], None] | None) -> str:
    current = copy.deepcopy(RELEASED)
    if change:
        change(current["Resources"])
    for name, template in (("released", RELEASED), ("current", current)):
        (folder / name).mkdir()
        (folder / name / "stack.template.json").write_text(json.dumps(template))
    return subprocess.run(
        [NODE, "release/diff.mjs", str(folder / "released"), str(folder / "current")],
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


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_the_released_templates_are_kept(environment: str) -> None:
    kept = (ROOT / "release" / "templates" / environment).glob("*.template.json")

    assert {path.name.split(".")[0] for path in kept} == {
        f"wideload-{environment}-{stack}"
        for stack in ("files", "ingest", "monitoring", "web", "web-content")
    }
