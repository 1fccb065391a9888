"""The cases of `contract/cases/`, for whoever replays them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import yaml

CONTRACT = Path(__file__).parents[1] / "contract"


def load(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((CONTRACT / "cases" / name).read_text())["cases"]
    return cases


def request_body(case: dict[str, Any]) -> bytes:
    request = case["request"]
    return base64.b64decode(request.get("base64", "")) or request.get("text", "").encode()


def matches(expected: Any, actual: Any) -> bool:
    """Whether an answer is the expected one, where `<any>` stands for any value."""
    if expected == "<any>":
        return actual is not None
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            matches(value, actual[name]) for name, value in expected.items()
        )
    return bool(expected == actual)


def answer_schema(method: str, path: str, status: int) -> dict[str, Any]:
    """The JSON schema of an answer, with the document's components for its references."""
    document = yaml.safe_load((CONTRACT / "openapi-ingest.yaml").read_text())
    route = path.partition("?")[0]
    route = re.sub(r"^/call-logs/[^/]+", "/call-logs/{payload_id}", route)
    answer = document["paths"][route][method.lower()]["responses"][str(status)]
    if "$ref" in answer:
        answer = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    (content,) = answer["content"].values()
    return {**content["schema"], "components": document["components"]}
