"""The committed form of the templates, in `tests/stacks/snapshots`.

Each stack has one whole template, that of prod. For each other environment there are its
differences from it, after the name "prod" has been replaced: values by JSON pointer (RFC 6901),
null where the environment has none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = "tests/stacks/snapshots"
WHOLE = "prod"
_WIDTH = 100

Template = dict[str, Any]


def file_name(service: str, environment: str) -> str:
    """Path of a snapshot within `FOLDER`."""
    kind = "" if environment == WHOLE else ".differences"
    return f"{service}/{environment}{kind}.json"


def mask(template: Template) -> Template:
    """The template without hashes of assets, which change with every change of the code.

    Without the metadata that the CDK command line asks for, too: paths of constructs and assets.
    """
    masked: Template = json.loads(
        re.sub(r"\b[0-9a-f]{64}(?=\.zip)", "<asset>", json.dumps(template))
    )
    for resource in masked.get("Resources", {}).values():
        metadata = resource.pop("Metadata", {})
        kept = {
            name: value
            for name, value in metadata.items()
            if not name.startswith(("aws:asset:", "aws:cdk:"))
        }
        if kept:
            resource["Metadata"] = kept
    return masked


def snapshot(template: Template, environment: str, whole: Template) -> Any:
    """The content of an environment's snapshot. `whole` is the stack's template in prod."""
    if environment == WHOLE:
        return template
    return dict(_differences(_renamed(whole, environment), template))


def committed(folder: Path) -> dict[str, Any]:
    """The contents of all snapshots in a folder, by `file_name`."""
    return {
        str(path.relative_to(folder)): json.loads(path.read_text())
        for path in folder.rglob("*.json")
    }


def render(files: Mapping[str, Any], environment: str) -> dict[str, Template]:
    """An environment's templates by service, from the contents of all snapshots by `file_name`."""
    rendered = {}
    for name, content in files.items():
        service, _, rest = name.partition("/")
        if rest == f"{environment}.json":
            rendered[service] = content
        elif rest == f"{environment}.differences.json":
            whole = files[file_name(service, WHOLE)]
            rendered[service] = _patched(_renamed(whole, environment), content)
    return rendered


def dumps(value: Any) -> str:
    """JSON with sorted keys, and on one line what fits on it."""
    return _dumps(value, indent=0, taken=0) + "\n"


def _renamed(whole: Template, environment: str) -> Template:
    renamed: Template = json.loads(re.sub(rf"\b{WHOLE}\b", environment, json.dumps(whole)))
    return renamed


def _differences(before: Any, after: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            inner = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from _differences(before.get(key), after.get(key), inner)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _differences(old, new, f"{pointer}/{index}")
    elif before != after:
        yield pointer, after


def _patched(template: Template, differences: Mapping[str, Any]) -> Template:
    for pointer, value in differences.items():
        *parents, last = (
            key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]
        )
        place: Any = template
        for key in parents:
            place = place[int(key) if isinstance(place, list) else key]
        if isinstance(place, list):
            place[int(last)] = value
        elif value is None:
            del place[last]
        else:
            place[last] = value
    return template


def _dumps(value: Any, indent: int, taken: int) -> str:
    line = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if not isinstance(value, dict | list) or indent + taken + len(line) <= _WIDTH:
        return line
    pad = " " * (indent + 1)
    if isinstance(value, list):
        inner = [pad + _dumps(each, indent + 1, taken=1) for each in value]
    else:
        inner = [
            f"{pad}{json.dumps(key)}: {_dumps(each, indent + 1, taken=len(key) + 5)}"
            for key, each in sorted(value.items())
        ]
    start, end = "[]" if isinstance(value, list) else "{}"
    return "\n".join([start, ",\n".join(inner), " " * indent + end])
