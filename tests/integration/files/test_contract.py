"""The contract's cases against the deployed API, each answer against the API's document."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from openapi_schema_validator import OAS31Validator

from tests import contract_cases
from tests.integration.conftest import Api
from tests.integration.files.conftest import Store, act

CASES = contract_cases.load("files.json")


@pytest.fixture(scope="module")
def clean(ann: Api, stored: Store) -> None:
    """Remove other tests' folders; end the URLs of their uploads, since the sweep would count them
    in the middle of a case."""
    while folders := ann.get("/files/folders?limit=100").json["items"]:
        for folder in folders:
            path = f"/files/folders?folder={quote(folder['folder'])}"
            assert ann.request("DELETE", path).status in (202, 204)
    stored.end_urls(ann)


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(ann: Api, stored: Store, case: dict[str, Any]) -> None:
    before = stored.usage(ann)

    def ask(
        method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, Any, dict[str, str]]:
        answer = ann.request(method, path, body, headers)
        return answer.status, answer.json if answer.body else None, dict(answer.headers)

    def send(action: dict[str, Any], body: bytes) -> None:
        assert act(ann, action, body).status == 200

    for step in contract_cases.play(case, ask, send):
        assert step.status == step.expected["status"], step
        assert step.headers["Cache-Control"] == "no-store"
        assert contract_cases.matches_headers(step.expected, step.headers)
        kind = step.headers.get("Content-Type") if step.body is not None else None
        schema = contract_cases.answer_schema(
            step.method, step.path, step.status, api="files", kind=kind
        )
        if schema is None:
            assert step.body is None
            continue
        assert contract_cases.matches(step.expected["body"], step.body), step
        OAS31Validator(schema).validate(step.body)
    stored.end_urls(ann)
    assert stored.usage(ann) == before, "the case left something behind"
