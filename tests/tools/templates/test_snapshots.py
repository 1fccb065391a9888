"""The committed form of the templates."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tools.templates.snapshots import dumps, file_name, mask, render, snapshot

PROD: dict[str, Any] = {
    "Description": "Wideload (prod)",
    "Resources": {
        "Table": {"DeletionPolicy": "Retain", "Properties": {"Name": "wideload-prod-products"}},
        "Stage": {"Routes": {"GET /a~b": {"Rate": 10}}, "Join": ["a", {"Ref": "B"}, "c"]},
    },
}


def of_dev(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    template: dict[str, Any] = json.loads(
        json.dumps(PROD).replace("(prod)", "(dev)").replace("-prod-", "-dev-")
    )
    change(template["Resources"])
    return template


@pytest.mark.parametrize(
    ("change", "written"),
    [
        (lambda resources: None, {}),
        (
            lambda resources: resources["Table"].update(DeletionPolicy="Delete"),
            {"/Resources/Table/DeletionPolicy": "Delete"},
        ),
        (
            lambda resources: resources.update(Added={"Type": "Bucket"}),
            {"/Resources/Added": {"Type": "Bucket"}},
        ),
        (lambda resources: resources.pop("Table"), {"/Resources/Table": None}),
        (
            lambda resources: resources["Stage"]["Routes"]["GET /a~b"].update(Rate=5),
            {"/Resources/Stage/Routes/GET ~1a~0b/Rate": 5},
        ),
        (
            lambda resources: resources["Stage"].update(Join=["a", {"Ref": "C"}, "d"]),
            {"/Resources/Stage/Join/1/Ref": "C", "/Resources/Stage/Join/2": "d"},
        ),
        (
            lambda resources: resources["Stage"]["Join"].pop(),
            {"/Resources/Stage/Join": ["a", {"Ref": "B"}]},
        ),
    ],
)
def test_an_environment_is_its_differences_from_prod(
    change: Callable[[dict[str, Any]], object], written: dict[str, Any]
) -> None:
    dev = of_dev(change)

    content = snapshot(dev, "dev", PROD)

    assert content == written
    files = {"ingest/prod.json": PROD, "ingest/dev.differences.json": content}
    assert render(copy.deepcopy(files), "dev") == {"ingest": dev}
    assert render(files, "prod") == {"ingest": PROD}


def test_snapshots_are_named_by_stack_and_environment() -> None:
    assert file_name("ingest", "prod") == "ingest/prod.json"
    assert file_name("ingest", "dev") == "ingest/dev.differences.json"


def test_an_environment_without_a_stack_has_no_template_of_it() -> None:
    files = {"ingest/prod.json": PROD, "ingest/local.differences.json": {}, "web/prod.json": PROD}

    assert render(files, "local").keys() == {"ingest"}


def test_hashes_of_assets_are_masked() -> None:
    key, version = f"{'0a' * 32}.zip", "0a" * 32

    assert mask({"S3Key": key, "Version": version}) == {
        "S3Key": "<asset>.zip",
        "Version": version,
    }


def test_metadata_of_the_command_line_is_left_out() -> None:
    asked = {"aws:cdk:path": "a/b", "aws:asset:path": "asset.1"}
    resources = {
        "Queue": {"Type": "Queue", "Metadata": asked},
        "Topic": {"Type": "Topic", "Metadata": {**asked, "Owner": "x"}},
    }

    assert mask({"Resources": resources}) == {
        "Resources": {
            "Queue": {"Type": "Queue"},
            "Topic": {"Type": "Topic", "Metadata": {"Owner": "x"}},
        }
    }


def test_a_line_holds_what_fits_on_it() -> None:
    value = {"b": [1, {"Ref": "é"}], "a": {"long": ["x" * 60, "y" * 60]}, "c": {}}

    assert (
        dumps(value)
        == f"""\
{{
 "a": {{
  "long": [
   "{"x" * 60}",
   "{"y" * 60}"
  ]
 }},
 "b": [1, {{"Ref": "é"}}],
 "c": {{}}
}}
"""
    )
    assert json.loads(dumps(value)) == value
