"""Modules that a function's init must not load: each costs time at every cold start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANDLERS = sorted(
    path.stem for path in (ROOT / "lambda_src/wideload_runtime/handlers").glob("[a-z]*.py")
)
NEVER = {
    "aws_lambda_powertools.event_handler.openapi.params",
    "aws_lambda_powertools.utilities.idempotency",
    "aws_lambda_powertools.utilities.parser",
    "aws_xray_sdk",
    "boto3",
    "hypothesis",
    "jsonschema",
    "pydantic",
    "pytest",
    "s3transfer",
    "yaml",
}
ROUTES = "aws_lambda_powertools.event_handler"
BATCHES = "aws_lambda_powertools.utilities.batch"
DOCUMENTS = "wideload_runtime.core.ingest.json_scan"
MUST_NOT = {
    "files_api": {BATCHES, DOCUMENTS, "isal"},
    "files_events": {BATCHES, DOCUMENTS, ROUTES, "isal", "ulid"},
    "files_scan_results": {DOCUMENTS, ROUTES, "isal", "ulid"},
    "files_sweep": {BATCHES, DOCUMENTS, ROUTES, "isal"},
    "files_verifier": {DOCUMENTS, ROUTES, "isal"},
    "ingest_api": {BATCHES, "wideload_runtime.core.files"},
    "ingest_canary": {BATCHES, DOCUMENTS, ROUTES, "ulid"},
    "ingest_events": {BATCHES, DOCUMENTS, ROUTES, "isal", "ulid"},
    "ingest_sweep": {BATCHES, ROUTES, "wideload_runtime.core.files"},
    "ingest_worker": {ROUTES, "wideload_runtime.core.files"},
    "key_authorizer": {
        BATCHES,
        DOCUMENTS,
        ROUTES,
        "isal",
        "orjson",
        "ulid",
        "wideload_runtime.core.ingest",
        "wideload_runtime.adapters.s3_objects",
    },
}
PROGRAM = """
import importlib, json, sys
importlib.import_module(f"wideload_runtime.handlers.{sys.argv[1]}")
print(json.dumps(list(sys.modules)))
"""


def test_each_function_has_its_modules_here() -> None:
    assert sorted(MUST_NOT) == HANDLERS


@pytest.mark.parametrize("handler", HANDLERS)
def test_init_loads_only_what_the_function_calls(handler: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, handler],
        check=True,
        text=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "lambda_src")},
    )

    loaded = set(json.loads(ran.stdout.splitlines()[-1]))

    assert "botocore.session" in loaded
    assert not loaded & (NEVER | MUST_NOT[handler])
