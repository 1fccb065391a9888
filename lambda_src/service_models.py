"""Cut botocore's data to the operations that the runtime calls.

A client reads its service's model when it is made, in each cold start. botocore's own models hold
every operation of some 400 services, with documentation: docs/adr/0069.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

OPERATIONS = {
    "dynamodb": {
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    },
    "events": {"PutEvents"},
    "lambda": {"Invoke"},
    "s3": {
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CreateMultipartUpload",
        "DeleteObject",
        "DeleteObjects",
        "GetObject",
        "HeadObject",
        "ListObjectsV2",
        "ListParts",
        "PutObject",
        "UploadPart",
    },
    "sqs": {"SendMessage"},
}
"""Operations that the runtime calls, by service. Others don't exist in Lambda."""

_NEVER_READ = {"examples-1.json", "waiters-2.json"}


def cut(data: Path) -> None:
    """Cut `botocore/data` in place.

    Endpoints stay those of every region and partition: rule sets and partitions are only written
    without white space, and of `endpoints.json` other services' entries are removed.
    """
    for service in data.iterdir():
        if service.is_dir():
            if service.name in OPERATIONS:
                _cut_service(service, OPERATIONS[service.name])
            else:
                shutil.rmtree(service)
    endpoints = _read(data / "endpoints.json")
    for partition in endpoints["partitions"]:
        partition["services"] = _only(partition["services"], OPERATIONS)
    _write(data / "endpoints.json", endpoints)


def _cut_service(service: Path, operations: set[str]) -> None:
    *old, latest = sorted(service.iterdir())
    for version in old:
        shutil.rmtree(version)
    for path in latest.iterdir():
        if path.name in _NEVER_READ:
            path.unlink()
            continue
        content = _read(path)
        if path.name.startswith("service-2.json"):
            content = cut_model(content, operations)
        elif path.name == "paginators-1.json":
            content["pagination"] = _only(content["pagination"], operations)
        path.unlink()
        # Not compressed again: that only costs time at a cold start.
        _write(path.with_name(path.name.removesuffix(".gz")), content)


def cut_model(model: dict[str, Any], operations: set[str]) -> dict[str, Any]:
    """Return a service's model with these operations, and the shapes that they refer to.

    All errors stay, since botocore raises them for any operation: the class of an error is its
    name in the log.
    """
    kept = {name: model["operations"][name] for name in sorted(operations)}
    shapes: dict[str, Any] = {}
    wanted = list(_references(list(kept.values())))
    wanted += [name for name, shape in model["shapes"].items() if shape.get("exception")]
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            wanted += _references(shapes[name])
    # Of the rest, `clientContextParams` must have its documentation: botocore reads it.
    return {
        **{name: part for name, part in model.items() if name != "documentation"},
        "operations": _undocumented(kept),
        "shapes": _undocumented(dict(sorted(shapes.items()))),
    }


def _references(value: Any) -> Iterable[str]:
    """Yield the names of shapes that a part of a model refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _undocumented(value: Any) -> Any:
    """Return a part of a model without its documentation, which is text.

    A member of a shape may be named `documentation` too, and is a map.
    """
    if isinstance(value, dict):
        return {
            name: _undocumented(inner)
            for name, inner in value.items()
            if not (name == "documentation" and isinstance(inner, str))
        }
    if isinstance(value, list):
        return [_undocumented(inner) for inner in value]
    return value


def _only(values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values[name] for name in sorted(names) if name in values}


def _read(path: Path) -> Any:
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")))
