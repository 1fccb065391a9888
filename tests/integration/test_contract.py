"""The contract's cases against the deployed API, each answer against the API's document."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from tests import contract_cases
from tests.integration.conftest import Api

CASES = contract_cases.load("ingest.json")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(acme: Api, case: dict[str, Any]) -> None:
    request, expected = case["request"], case["response"]

    answer = acme.request(
        request["method"],
        request["path"],
        contract_cases.request_body(case),
        request["headers"],
    )

    assert answer.status == expected["status"], answer.body
    assert contract_cases.matches_headers(expected, answer.headers)
    assert contract_cases.matches(expected["body"], answer.json), answer.json
    schema = contract_cases.answer_schema(request["method"], request["path"], answer.status)
    OAS31Validator(schema).validate(answer.json)
    kind = "application/json" if answer.status == 200 else "application/problem+json"
    assert answer.headers["Content-Type"] == kind
