"""The deployed API under a few generated requests; `tests/runtime/test_fuzz.py` makes more."""

from __future__ import annotations

import pytest
import requests
import schemathesis

from tests import request_numbers
from tests.contract_cases import CONTRACT
from tests.fuzzing import bounded, call
from tests.integration.conftest import Api

schema = schemathesis.openapi.from_path(CONTRACT / "openapi-ingest.yaml")


@pytest.mark.filterwarnings("ignore:Skipped test cases")
@schema.parametrize()
@bounded(2)
def test_no_request_breaks_it(
    case: schemathesis.Case, acme: Api, session: requests.Session
) -> None:
    call(case, acme.url, acme.headers, session)


def test_no_number_out_of_range_is_taken(acme: Api) -> None:
    """One for each operation; `tests/runtime` tries them all."""
    by_operation = {
        (request.method, request.path.partition("?")[0]): request
        for request in request_numbers.requests("ingest")
    }
    for request in by_operation.values():
        answer = acme.request(
            request.method, request.path, request.body, {"Content-Type": "application/json"}
        )
        assert request_numbers.is_refused(answer.status, answer.json), request
