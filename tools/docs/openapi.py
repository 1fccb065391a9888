"""The reference of an HTTP API, from its OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
_METHODS = ("get", "post", "put", "patch", "delete")


def api_page(document: Path) -> str:
    """Return the API's reference as Markdown: each operation, then each schema."""
    api = yaml.safe_load(document.read_text())
    lines = [
        f"# {api['info']['title'].removeprefix('Wideload ').capitalize()}: HTTP API",
        api["info"]["description"].strip(),
        f"The machine-readable contract is `contract/{document.name}` (OpenAPI {api['openapi']}).",
    ]
    for path, item in api["paths"].items():
        for method in _METHODS:
            if method in item:
                shared = item.get("parameters", [])
                lines += _operation(api, f"{method.upper()} {path}", item[method], shared)
    lines.append("## Schemas")
    for name, schema in api["components"]["schemas"].items():
        lines += [f"### {name}", *_schema(schema)]
    return "\n\n".join(lines) + "\n"


def _operation(api: Json, title: str, operation: Json, shared: list[Json]) -> list[str]:
    lines = [f"## {title}", _sentence(operation["summary"])]
    if "description" in operation:
        lines.append(operation["description"].strip())
    parameters = [_resolved(api, each) for each in [*shared, *operation.get("parameters", [])]]
    if parameters:
        rows = [
            (f"`{each['name']}`", each["in"], _type(each["schema"]), _about(each))
            for each in parameters
        ]
        lines.append(_table(("parameter", "in", "type", ""), rows))
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        bodies = [(f"`{kind}`", _type(content["schema"])) for kind, content in body.items()]
        lines.append(_table(("body", "type"), bodies))
    # One table of properties for each shape that is described here alone.
    for content in body.values():
        lines += _properties(content["schema"])
    answers = []
    for status, answer in operation["responses"].items():
        known = _resolved(api, answer)
        kinds = {_type(content["schema"]) for content in known.get("content", {}).values()}
        answers.append((status, ", ".join(sorted(kinds)), _line(known.get("description", ""))))
    lines.append(_table(("answer", "type", ""), answers))
    return lines


def _schema(schema: Json) -> list[str]:
    about = [_line(schema["description"])] if "description" in schema else []
    return about + (_properties(schema) or [_type(schema)])


def _properties(schema: Json) -> list[str]:
    if "properties" not in schema:
        return []
    required = schema.get("required", [])
    rows = [
        (f"`{name}`", _type(known), "yes" if name in required else "", _about(known))
        for name, known in schema["properties"].items()
    ]
    return [_table(("member", "type", "required", ""), rows)]


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for joint in ("anyOf", "oneOf"):
        if joint in schema:
            return " or ".join(_type(each) for each in schema[joint])
    if "const" in schema:
        return f"`{_json(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{_json(value)}`" for value in schema["enum"])
    kinds = schema.get("type", "any")
    if kinds == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


def _about(schema: Json) -> str:
    """Return the description of a parameter or member, with its bounds and default."""
    known = schema | schema.get("schema", {})
    about = [_line(schema["description"])] if "description" in schema else []
    if "minimum" in known or "maximum" in known:
        low, high = known.get("minimum"), known.get("maximum")
        about.append(
            f"{low} to {high}."
            if None not in (low, high)
            else f"At least {low}."
            if high is None
            else f"At most {high}."
        )
    if "default" in known:
        about.append(f"Default: `{_json(known['default'])}`.")
    return " ".join(about)


def _json(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _resolved(api: Json, known: Json) -> Json:
    if "$ref" not in known:
        return known
    found: Any = api
    for name in known["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
