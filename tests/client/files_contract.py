"""contract/openapi-files.yaml, as the fake API checks what it is asked and what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS31Validator

_CONTRACT = yaml.safe_load(
    (Path(__file__).parents[2] / "contract" / "openapi-files.yaml").read_bytes()
)
_CONTENT = "content/application~1json/schema"


def check_request(template: str, method: str, body: bytes) -> None:
    """Raise if the contract knows no such request."""
    operation = _CONTRACT["paths"][template][method.lower()]
    if "requestBody" in operation:
        _validate(f"{_pointer(template, method)}/requestBody/{_CONTENT}", body)
    else:
        assert not body, f"{method} {template} takes no body"


def check_answer(template: str, method: str, status: int, body: bytes) -> None:
    """Raise if the contract knows no such answer."""
    responses = _CONTRACT["paths"][template][method.lower()]["responses"]
    response = responses[str(status)]
    if status != 200:
        return
    pointer = response.get("$ref", f"{_pointer(template, method)}/responses/{status}")
    _validate(f"{pointer}/{_CONTENT}", body)


def _pointer(template: str, method: str) -> str:
    return f"#/paths/{template.replace('/', '~1')}/{method.lower()}"


def _validate(pointer: str, body: bytes) -> None:
    schema: dict[str, Any] = {**_CONTRACT, "$ref": pointer.replace("{", "%7B").replace("}", "%7D")}
    OAS31Validator(schema).validate(json.loads(body))
